package main

import (
	"slices"
	"testing"

	"sluice/topology/stream"
)

// TestRedriveAll: letters of one time went by the text of their ids, offset 10
// before 9, and the first letter without a record ended it.
func TestRedriveAll(t *testing.T) {
	letter := func(id, sink string, offset int64, seq int32) stream.DeadLetter {
		return stream.DeadLetter{ID: id, Sink: sink, Lane: stream.Lane{Topic: "t"}, Offset: offset, Seq: seq}
	}
	got := redrivable([]stream.DeadLetter{letter("10", "", 10, 0), letter("9.1", "", 9, 1), letter("8", "replica", 8, 0), letter("9.0", "", 9, 0)})
	if want := []string{"9.0", "9.1", "10"}; !slices.Equal(got, want) {
		t.Errorf("sent in the order %v, want %v", got, want)
	}
}
