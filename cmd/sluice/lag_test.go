package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice/topology"
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

// askedSource is a source that says what a broker would.
type askedSource struct {
	stream.Source
	group stream.Group
	err   error
	times map[stream.Lane]map[int64]int64 // by offset
	asked int
}

func (s *askedSource) Readers(context.Context) (stream.Group, error) { return s.group, s.err }

func (s *askedSource) Produced(_ context.Context, at map[stream.Lane]int64) (map[stream.Lane]int64, error) {
	s.asked++
	out := map[stream.Lane]int64{}
	for l, o := range at {
		if t := s.times[l][o]; t != 0 {
			out[l] = t
		}
	}
	return out, nil
}

// TestLagAtNight: what the one who is called reads, of lanes that stand for
// every kind of reason: who reads, how old, why and what to do.
func TestLagAtNight(t *testing.T) {
	now := time.Date(2026, 3, 4, 3, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) int64 { return now.Add(-d).UnixMicro() }
	lane := func(p int32) stream.Lane { return stream.Lane{Topic: "shop.orders", Partition: p} }
	at := func(p int32, sink string, durable, end int64) lag.Positions {
		return lag.Positions{Lane: lane(p), Sink: sink, End: end, Durable: durable, Fetched: -1, Staged: -1}
	}
	process := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(pipelineHeader, "shop")
		parked, trying := at(1, "lake", 5, 9), at(2, "replica", 7, 9)
		parked.State, parked.Why, parked.Todo = "PARKED", "S3 refused access", "check storage.secret_key"
		trying.State, trying.Trying, trying.Since = "RUNNING", "commit: no route to host", ago(3*time.Minute)
		json.NewEncoder(w).Encode([]lag.Verdict{lag.Judge(parked, now), lag.Judge(trying, now)})
	}))
	defer process.Close()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(pipelineHeader, "another")
		x := at(0, "lake", 0, 0)
		x.State = "TORN"
		json.NewEncoder(w).Encode([]lag.Verdict{lag.Judge(x, now)})
	}))
	defer other.Close()

	gone := at(4, "replica", 0, 9)
	gone.Durable, gone.State, gone.Why, gone.Todo = -1, "UNKNOWN", "the store does not say: connection refused", "see whether the store is up"
	lost := at(5, "lake", 2, 9)
	lost.LogStart = 6
	xs := []lag.Positions{at(0, "lake", 9, 9), at(0, "replica", 4, 9), at(1, "lake", 5, 9), at(2, "lake", 9, 9), at(2, "replica", 7, 9), at(3, "lake", 0, 9), gone, lost}
	src := &askedSource{group: stream.Group{Name: "sluice-shop", State: "Stable", Readers: []stream.Reader{{Name: "pod-0", Host: "10.0.3.17", Lanes: []stream.Lane{lane(0), lane(1), lane(2)}}}},
		times: map[stream.Lane]map[int64]int64{lane(0): {4: ago(90 * time.Second)}, lane(1): {5: ago(3 * time.Hour)}, lane(2): {7: ago(4 * time.Minute)}, lane(3): {0: ago(72 * time.Hour)}, lane(4): {0: ago(99 * time.Hour)}, lane(5): {6: ago(time.Hour)}}}
	r := lagReport{Pipeline: "shop", Time: now, Verdict: "OK"}
	r.askProcesses(t.Context(), &topology.Spec{ID: "shop"}, []string{process.URL, other.URL}, xs)
	r.askReaders(t.Context(), src, xs)
	for _, x := range xs {
		v := lag.Judge(x, now)
		r.Lanes, r.Verdict = append(r.Lanes, v), lag.Worst(r.Verdict, v.Verdict)
	}
	var out bytes.Buffer
	r.text(&out, "p.yaml", false)
	got := regexp.MustCompile(` {2,}`).ReplaceAllString(regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(out.String(), "HOST"), "  ")
	const want = `pipeline shop at 2026-03-04 03:00:00 UTC, group sluice-shop: Stable, readers: 1
  pod-0  at 10.0.3.17  3 lanes
note: process http://HOST did not say why lanes stand: it runs pipeline "another", not "shop"

SINK  LANES  OK  RECORDS  BEHIND  WORST
lake  5  2  16  3d00h  DATA_LOST
replica  3  0  ?  4m00s  UNKNOWN

SINK  TOPIC  PART  DURABLE  END  RECORDS  BEHIND  VERDICT  WHY
lake  shop.orders  5  2  9  3  1h00m  DATA_LOST  retention took 4 offsets
lake  shop.orders  1  5  9  4  3h00m  PARKED  S3 refused access
replica  shop.orders  4  ?  9  ?  ?  UNKNOWN  the store does not say: connection refused
replica  shop.orders  2  7  9  2  4m00s  RETRYING  fails for 3m0s: commit: no route to host
lake  shop.orders  3  0  9  9  3d00h  BEHIND  no member of the group has the lane
replica  shop.orders  0  4  9  5  1m30s  BEHIND  read by pod-0 at 10.0.3.17

to do:
  DATA_LOST (1): sluice accept-loss p.yaml --lane shop.orders/5 --yes
  PARKED (1): check storage.secret_key
  UNKNOWN (1): see whether the store is up
  RETRYING (1): see whether the store is up and reachable from the process; it is tried again without end
  BEHIND (1): see the members' logs: they may run another file, or wait for older partitions

data_lost: 8 lanes and sinks
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if src.asked != 1 {
		t.Errorf("the ages were asked for %d times", src.asked)
	}

	src.group.Readers, src.group.State = nil, "Empty"
	xs = []lag.Positions{at(0, "lake", 3, 9), at(0, "replica", 4, 9)}
	src.times[lane(0)][3], src.asked = ago(2*time.Minute), 0
	r = lagReport{Pipeline: "shop", Time: now, Verdict: "OK"}
	r.askReaders(t.Context(), src, xs)
	if src.asked != 2 || xs[0].Oldest != ago(2*time.Minute) || xs[1].Oldest != ago(90*time.Second) {
		t.Errorf("two sinks at two offsets: %d questions, %+v", src.asked, xs)
	}
	if v := lag.Judge(xs[0], now); v.Detail != "nobody reads" || v.Todo != "sluice run FILE" {
		t.Errorf("nobody reads: %+v", v)
	}

	src.group = stream.Group{Name: "sluice-shop", State: "Stable", Readers: []stream.Reader{{Name: "m1", Client: "sluice-crm", Host: "10.0.3.18", Lanes: []stream.Lane{lane(0)}}}}
	xs = []lag.Positions{at(0, "lake", -1, 9)}
	r.askReaders(t.Context(), src, xs)
	if v := lag.Judge(xs[0], now); v.Verdict != "UNKNOWN" || !strings.Contains(v.Detail, `which does not run this pipeline (client id "sluice-crm")`) || v.Todo == "" {
		t.Errorf("another pipeline has the lane: %+v", v)
	}

	src.err = errors.New("GROUP_AUTHORIZATION_FAILED")
	r = lagReport{Pipeline: "shop", Time: now, Verdict: "OK"}
	r.askReaders(t.Context(), src, xs)
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "DESCRIBE group sluice-shop: GROUP") {
		t.Errorf("a group that may not be described: %q", r.Notes)
	}
}

// TestLagAsks: where a process is asked, by what the file says it listens to.
func TestLagAsks(t *testing.T) {
	for listen, want := range map[string]string{"off": "", "127.0.0.1:0": "", "127.0.0.1:8080": "http://127.0.0.1:8080", ":8080": "http://127.0.0.1:8080",
		"0.0.0.0:9": "http://127.0.0.1:9", "[::]:9": "http://127.0.0.1:9", "10.0.3.17:9": "http://10.0.3.17:9"} {
		if got := strings.Join(listening(listen), " "); got != want {
			t.Errorf("%s: %q, want %q", listen, got, want)
		}
	}
}
