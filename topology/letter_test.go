package topology

import (
	"testing"

	"sluice/topology/stream"
)

// TestLetterIDs (letters were lost): a topic made anew has the same offsets, and
// two sinks of one store may refuse one row; a sealed letter keeps the id it was
// sealed for.
func TestLetterIDs(t *testing.T) {
	lane := stream.Lane{Topic: "t"}
	id := func(topicID, sink string, sealed []byte) string {
		letters := []stream.DeadLetter{{ID: "p/t/0/12/0", Lane: lane, Sealed: sealed}}
		ofSink(letters, sink, map[stream.Lane]stream.LedgerSpan{lane: {TopicID: topicID}})
		return letters[0].ID
	}
	if a, b, c := id("one", "s", nil), id("two", "s", nil), id("one", "r", nil); a == b || a == c || a == "p/t/0/12/0" {
		t.Errorf("ids %q, %q and %q", a, b, c)
	}
	if got := id("one", "s", []byte{1}); got != "p/t/0/12/0" {
		t.Errorf("the id of a sealed letter became %q", got)
	}
}
