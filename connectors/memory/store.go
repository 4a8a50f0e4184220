// Package memory is the reference sink: a transactional store in memory that
// does what stream.Sink asks, in the fewest lines, for tests of the engine and
// for the conformance tests to prove themselves on.
package memory

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"sluice/topology/stream"
)

// Row is a stored row; Columns are the values as schemas.AppendJSON says them.
type Row struct {
	Topic     string                     `json:"topic"`
	Partition int32                      `json:"partition"`
	Offset    int64                      `json:"offset"`
	Seq       int32                      `json:"seq"`
	Op        string                     `json:"op"`
	Columns   map[string]json.RawMessage `json:"columns"`
}

// Store outlives the sinks opened on it. Safe for concurrent use.
type Store struct {
	mu    sync.Mutex
	state state
	fault []Fault // what the next commits meet, in order
}

// state is what a snapshot copies.
type state struct {
	rows     []Row
	progress map[string]stream.Progress // by sink
	commits  map[string]string          // sink and lane -> id of the commit that put it where it is
	ledger   []stream.LedgerRow
	dead     map[string]stream.DeadLetter
	redriven map[string]int64
	plans    map[string][]byte
}

// Fault is what a commit meets.
type Fault uint8

// The faults.
const (
	Refuse    Fault = iota // nothing is applied, a passing error
	LoseReply              // applied, and a passing error all the same
)

// NewStore returns an empty store.
func NewStore() *Store {
	s := &Store{}
	s.Wipe()
	return s
}

// Wipe empties the store.
func (s *Store) Wipe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state{progress: map[string]stream.Progress{}, commits: map[string]string{}, dead: map[string]stream.DeadLetter{},
		redriven: map[string]int64{}, plans: map[string][]byte{}}
}

// Fail makes the next n commits meet f.
func (s *Store) Fail(f Fault, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.fault = append(s.fault, f)
	}
}

// Rows is what a reader sees, in the order of the commits.
func (s *Store) Rows() []Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.state.rows)
}

// Snapshot copies the store; the function puts the copy back.
func (s *Store) Snapshot() (restore func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.state.clone()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.state = kept.clone()
	}
}

func (x state) clone() state {
	x.rows, x.ledger = slices.Clone(x.rows), slices.Clone(x.ledger)
	x.commits, x.dead, x.redriven, x.plans = maps.Clone(x.commits), maps.Clone(x.dead), maps.Clone(x.redriven), maps.Clone(x.plans)
	x.progress = maps.Clone(x.progress)
	for k, p := range x.progress {
		p.Lanes = maps.Clone(p.Lanes)
		x.progress[k] = p
	}
	return x
}

func commitKey(sink string, l stream.Lane) string { return fmt.Sprintf("%s\x00%v", sink, l) }

// swap is one transaction: compare the lanes of every epoch, then apply all.
// absent tells lanes that whoever asks has seen to be unknown here.
func (s *Store) swap(es []stream.Epoch, absent map[stream.Lane]bool, apply func(*state) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var fault *Fault
	if len(s.fault) > 0 {
		fault, s.fault = &s.fault[0], s.fault[1:]
	}
	if fault != nil && *fault == Refuse {
		return stream.Retry("refused", 0, errRefused)
	}
	err := s.state.move(es, absent, apply)
	if err == nil && fault != nil {
		return stream.Retry("reply_lost", 0, errLost)
	}
	return err
}

func (x *state) move(es []stream.Epoch, absent map[stream.Lane]bool, apply func(*state) error) error {
	if x.done(es) {
		return nil // the reply to an earlier try was lost
	}
	next := x.clone() // D6: all or nothing
	for _, e := range es {
		p, ok := next.progress[e.Sink]
		if !ok {
			p.Lanes = map[stream.Lane]stream.LanePos{}
		}
		p.Format, p.Pipeline, p.Sink, p.Seq, p.Cluster, p.Commit = 1, e.Pipeline, e.Sink, p.Seq+1, e.Cluster, e.Commit
		if !e.PositionsOnly || p.Plan == "" {
			p.Plan = e.Plan
		}
		for _, sp := range e.Spans {
			at, known := p.Lanes[sp.Lane]
			if known && !e.Follows(at, sp) || !known && !absent[sp.Lane] {
				return stream.ErrFenced // D2
			}
			p.Lanes[sp.Lane] = e.Move(at, sp)
			next.commits[commitKey(e.Sink, sp.Lane)] = e.Commit
			next.ledger = append(next.ledger, stream.LedgerRow{Seq: p.Seq, Sink: e.Sink, Commit: e.Commit, Plan: e.Plan, Time: e.Time, LedgerSpan: sp})
		}
		next.progress[e.Sink] = p
		for _, d := range e.Rejects {
			next.dead[d.ID] = d
		}
	}
	if err := apply(&next); err != nil {
		return err
	}
	*x = next
	return nil
}

// done reports that every lane stands where es left it, by es's own commit.
func (x *state) done(es []stream.Epoch) bool {
	last := map[stream.Lane]string{}
	to := map[stream.Lane]stream.Position{}
	sink := ""
	for _, e := range es {
		sink = e.Sink
		for _, sp := range e.Spans {
			last[sp.Lane], to[sp.Lane] = e.Commit, sp.To
		}
	}
	for l, id := range last {
		if at, ok := x.progress[sink].Lanes[l]; !ok || at.Next.Offset != to[l].Offset || x.commits[commitKey(sink, l)] != id {
			return false
		}
	}
	return len(last) > 0
}
