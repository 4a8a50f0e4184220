package sinktest

import (
	"context"
	"errors"
	"iter"
	"maps"
	"sync"

	"sluice/topology/stream"
)

// Truth is a progress store in memory, as a transactional sink keeps it for one
// that cannot: for tests of such sinks. Its fields are for the test alone, while
// no sink runs.
type Truth struct {
	mu     sync.Mutex
	P      stream.Progress
	Ledger []stream.LedgerRow
	Dead   []stream.DeadLetter
	Lose   int    // swaps whose reply is lost
	Refuse int    // swaps that are refused
	Before func() // runs at the next swap
}

// NewTruth is an empty store.
func NewTruth() *Truth { return &Truth{P: stream.Progress{Lanes: map[stream.Lane]stream.LanePos{}}} }

// Open is the store as one process uses it.
func (t *Truth) Open() stream.ProgressStore { return &view{t, map[stream.Lane]bool{}} }

// Copy is a backup.
func (t *Truth) Copy() *Truth {
	c := new(Truth)
	c.P, c.Ledger, c.Dead = t.P, t.Ledger, t.Dead
	c.P.Lanes = maps.Clone(t.P.Lanes)
	return c
}

// Put makes c what the store holds; the zero value empties it.
func (t *Truth) Put(c *Truth) {
	t.P, t.Ledger, t.Dead = c.P, c.Ledger, c.Dead
	if t.P.Lanes = maps.Clone(c.P.Lanes); t.P.Lanes == nil {
		t.P.Lanes = map[stream.Lane]stream.LanePos{}
	}
}

// view is the truth as one process uses it.
type view struct {
	*Truth
	known map[stream.Lane]bool
}

func (v *view) LoadProgress(_ context.Context, _ string, lanes []stream.Lane) (stream.Progress, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := v.P
	out.Lanes = map[stream.Lane]stream.LanePos{}
	for _, l := range lanes {
		if at, ok := v.P.Lanes[l]; ok {
			out.Lanes[l], v.known[l] = at, true
		}
	}
	return out, nil
}

func (v *view) SwapProgress(_ context.Context, e stream.Epoch) error {
	if v.Before != nil {
		v.Before()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.Refuse > 0 {
		v.Refuse--
		return stream.Retry("store_down", 0, errors.New("refused"))
	}
	done, from := v.P.Commit == e.Commit, true
	for _, s := range e.Spans {
		at, ok := v.P.Lanes[s.Lane]
		done = done && at.Next == s.To
		from = from && (ok && e.Follows(at, s) || !ok && !v.known[s.Lane])
	}
	switch {
	case done:
		return nil
	case !from:
		return stream.ErrFenced
	}
	v.P.Seq++
	v.P.Commit, v.P.Cluster = e.Commit, e.Cluster
	if !e.PositionsOnly || v.P.Plan == "" {
		v.P.Plan = e.Plan
	}
	for _, s := range e.Spans {
		v.P.Lanes[s.Lane], v.known[s.Lane] = e.Move(v.P.Lanes[s.Lane], s), true
		v.Ledger = append(v.Ledger, stream.LedgerRow{Seq: v.P.Seq, Sink: e.Sink, Commit: e.Commit, Plan: e.Plan, Time: e.Time, LedgerSpan: s})
	}
	v.Dead = append(v.Dead, e.Rejects...)
	if v.Lose > 0 {
		v.Lose--
		return stream.Retry("store_lost", 0, errors.New("lost reply"))
	}
	return nil
}

func (v *view) ProgressLedger(context.Context, string) iter.Seq2[stream.LedgerRow, error] {
	return func(yield func(stream.LedgerRow, error) bool) {
		for _, r := range v.Ledger {
			if !yield(r, nil) {
				return
			}
		}
	}
}
