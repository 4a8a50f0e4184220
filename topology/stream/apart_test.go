package stream

import (
	"errors"
	"slices"
	"testing"
)

// TestApart: the lanes of refused topics are named, once each, no other one is, and
// a refusal that fits no lane is a state of all.
func TestApart(t *testing.T) {
	lane := func(topic string, n int32) Lane { return Lane{Topic: topic, Partition: n} }
	epoch := func(lanes ...Lane) (e Epoch) {
		for _, l := range lanes {
			e.Spans = append(e.Spans, LedgerSpan{Span: Span{Lane: l}})
		}
		return e
	}
	es := []Epoch{epoch(lane("a", 0), lane("b", 0), lane("c", 0)), epoch(lane("a", 0), lane("a", 1), lane("c", 1))}
	state := &StateError{State: StateParked, Why: "why", Todo: "todo", Lanes: []Lane{lane("x", 7)}}

	if err := Apart(nil, es...); err != nil {
		t.Errorf("nothing was refused: %v", err)
	}
	apart, ok := errors.AsType[*ApartError](Apart([]Refusal{{state, []string{"a"}}, {state, []string{"b", "c"}}}, es...))
	if !ok || len(apart.States) != 2 {
		t.Fatalf("two refusals are %+v", apart)
	}
	for i, want := range [][]Lane{{lane("a", 0), lane("a", 1)}, {lane("b", 0), lane("c", 0), lane("c", 1)}} {
		if got := apart.States[i].Lanes; !slices.Equal(got, want) {
			t.Errorf("refusal %d: lanes %v, want %v", i, got, want)
		}
	}
	if !slices.Equal(state.Lanes, []Lane{lane("x", 7)}) {
		t.Errorf("the sink's own state was changed: %v", state.Lanes)
	}
	err := Apart([]Refusal{{state, []string{"a"}}, {state, []string{"nobody"}}}, es...)
	if all, ok := err.(*StateError); !ok || len(all.Lanes) != 0 {
		t.Errorf("a refusal without a lane is %#v, want a state of all lanes", err)
	}
}
