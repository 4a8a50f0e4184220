package main

import (
	"testing"
	"time"

	"sluice/topology/lag"
	"sluice/topology/stream"
)

// TestLagOfAnotherLog: positions that the broker's log cannot have were OK, lag
// 0, while run held their lanes.
func TestLagOfAnotherLog(t *testing.T) {
	lane := stream.Lane{Topic: "t"}
	info := stream.LaneInfo{Lane: lane, TopicID: "id", End: 10}
	prog := func(cluster, id string, next int64) stream.Progress {
		return stream.Progress{Cluster: cluster, Lanes: map[stream.Lane]stream.LanePos{lane: {TopicID: id, Next: stream.Position{Offset: next}}}}
	}
	for _, c := range []struct {
		name, want string
		prog       stream.Progress
	}{
		{"at the end", "OK", prog("k", "id", 10)},
		{"behind", "BEHIND", prog("k", "id", 9)},
		{"of an older version", "OK", prog("", "", 10)},
		{"past the end", "PARKED", prog("k", "id", 11)},
		{"another cluster", "PARKED", prog("j", "id", 10)},
		{"another topic of the name", "PARKED", prog("k", "was", 10)},
		{"never", "UNKNOWN", stream.Progress{}},
	} {
		if v := lag.Judge(stands("s", c.prog, "k", info), time.UnixMicro(0)); v.Verdict != c.want {
			t.Errorf("%s: %s, %s; want %s", c.name, v.Verdict, v.Detail, c.want)
		}
	}
}
