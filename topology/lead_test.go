package topology

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"sluice/topology/stream"
)

// deafSink refuses every commit with err.
type deafSink struct {
	stream.Sink
	err error
}

func (s deafSink) Recover(context.Context, []stream.Lane) (stream.Progress, error) {
	return stream.Progress{}, nil
}

func (s deafSink) Commit(context.Context, []stream.Staged) error { return s.err }

// TestFencedForAState: a commit that is fenced off, with the state that says
// why, is dropped and read again by its owner. As a state it was proposed for
// ever as it is, and its lanes stood still.
func TestFencedForAState(t *testing.T) {
	parked := &stream.StateError{State: stream.StateParked, Why: "another instance's column came first"}
	at := stream.Lane{Topic: "t"}
	p := proposal{Ticket: "x.1", Staged: stream.Staged{Epoch: stream.Epoch{Spans: []stream.LedgerSpan{
		{Span: stream.Span{Lane: at, From: stream.Position{Epoch: -1}, To: stream.Position{Offset: 5}}}}}}}
	for want, err := range map[string]error{
		"fenced": fmt.Errorf("table x: %w: %w", parked, stream.ErrFenced),
		"state":  parked,
		"failed": fmt.Errorf("no"),
	} {
		o := newOutput(&Pipeline{lanes: map[stream.Lane]*lane{}}, 0, SinkSpec{Name: "lake"}, deafSink{err: err})
		vs, err := o.judge(t.Context(), []proposal{p})
		if err != nil || len(vs) != 1 || vs[0].Kind != want {
			t.Errorf("%+v, %v, want %s", vs, err, want)
		}
	}
}

// TestClaimOfAWipedLane: that a lane goes on where it stood is no start, which a
// store that was wiped would take it for. // D3
func TestClaimOfAWipedLane(t *testing.T) {
	for want, at := range map[string]stream.Position{"landed": {Epoch: -1}, "fenced": {Offset: 8, Epoch: 2}} {
		p := proposal{Ticket: "x.1", Staged: stream.Staged{Epoch: stream.Epoch{PositionsOnly: true, Spans: []stream.LedgerSpan{
			{Span: stream.Span{Lane: stream.Lane{Topic: "t"}, From: at, To: at}}}}}}
		o := newOutput(&Pipeline{lanes: map[stream.Lane]*lane{}}, 0, SinkSpec{Name: "lake"}, deafSink{})
		vs, err := o.judge(t.Context(), []proposal{p})
		if err != nil || len(vs) != 1 || vs[0].Kind != want {
			t.Errorf("%v: %+v, %v, want %s", at, vs, err, want)
		}
	}
}

// TestRefusedForAnOlderVersion (it read the same rows again and again, at full
// speed): who does not know the verdict apart is told a state, as it knows it.
func TestRefusedForAnOlderVersion(t *testing.T) {
	at := stream.Lane{Topic: "t"}
	refused := &stream.ApartError{States: []*stream.StateError{{State: stream.StateParked, Lanes: []stream.Lane{at}, Why: "another schema", Todo: "mend the table"}}}
	p := proposal{Ticket: "x.1", Staged: stream.Staged{Epoch: stream.Epoch{Spans: []stream.LedgerSpan{
		{Span: stream.Span{Lane: at, From: stream.Position{Epoch: -1}, To: stream.Position{Offset: 5}}}}}}}
	for want, knows := range map[string]bool{"state": false, "apart": true} {
		o := newOutput(&Pipeline{lanes: map[stream.Lane]*lane{}, env: Env{Log: slog.New(slog.DiscardHandler)}}, 0, SinkSpec{Name: "lake"}, deafSink{err: refused})
		p.Apart = knows
		vs, err := o.judge(t.Context(), []proposal{p})
		if err != nil || len(vs) != 1 || vs[0].Kind != want {
			t.Fatalf("%+v, %v, want %s", vs, err, want)
		}
		if e := vs[0]; want == "state" && (e.State != "PARKED" || e.Why != "another schema" || e.Lanes != nil) {
			t.Errorf("%+v", e)
		}
		if stream.KindOf(vs[0].err()) != stream.KindState {
			t.Errorf("%v", vs[0].err())
		}
	}
}
