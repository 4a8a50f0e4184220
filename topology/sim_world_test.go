package topology_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sluice/schemas"
	"sluice/topology/stream"
	"sluice/topology/stream/gate"
)

// world is what outlives the processes of a simulated history: the log, the
// group, the stores, and the file on the disk.
type world struct {
	mu      sync.Mutex
	rng     *rand.Rand
	lanes   map[stream.Lane]*simLane
	owner   map[stream.Lane]*member
	all     []*member
	faults  atomic.Bool
	fatal   atomic.Int32         // how many commits will fail for good
	refused map[stream.Lane]bool // lanes that a stage refuses
	file    string
	weight  int64 // bytes of a record: heavy ones fill the budget
	slow    int   // milliseconds that a call to a store takes at most
	control [][]byte
	cut     int // where the control log begins
	leader  *member
	forget  bool   // an older version makes the commits: see forgetful
	before  func() // a commit, once: see late
}

func newWorld(rng *rand.Rand) *world {
	return &world{rng: rng, lanes: map[stream.Lane]*simLane{}, owner: map[stream.Lane]*member{}, refused: map[stream.Lane]bool{}, file: simFile, weight: 20}
}

// simLane is a partition: offsets [start, len(recs)), of which some are
// control records that a reader never sees.
type simLane struct {
	id    string
	start int64
	recs  []bool            // data or control
	logs  map[string][]bool // the ones before, by topic id
}

func newSimLane(id string, recs ...bool) *simLane {
	return &simLane{id: id, recs: recs, logs: map[string][]bool{}}
}

// log is the records of a topic id, whole.
func (l *simLane) log(id string) []bool {
	if id == l.id {
		return l.recs
	}
	return l.logs[id]
}

func (w *world) random(n int) int { w.mu.Lock(); defer w.mu.Unlock(); return w.rng.IntN(n) }

// call is the way to a store and back: it takes a while.
func (w *world) call() {
	if w.slow > 0 {
		time.Sleep(time.Duration(w.random(w.slow)) * time.Millisecond)
	}
}

// travel is the way of a commit to a store: commits overlap, and now and then
// one arrives when who sent it is long dead and its successor has read the store.
func (w *world) travel() {
	most := 50
	if w.faults.Load() && w.random(8) == 0 {
		most = 4000
	}
	time.Sleep(time.Duration(w.random(most)) * time.Millisecond) // virtual
}

// reject refuses every 13th offset before the gate, and lanes it is told to.
type reject struct{ w *world }

func (x reject) Process(b *stream.Batch) error {
	x.w.mu.Lock()
	refused := x.w.refused[b.Lane]
	x.w.mu.Unlock()
	if refused {
		return &stream.StateError{State: stream.StateParked, Why: "refused", Todo: "mend the config"}
	}
	kept := b.Records[:0]
	for _, r := range b.Records {
		if r.Offset%13 == 12 {
			b.Reject(r, "sim", "thirteen", "")
			continue
		}
		kept = append(kept, r)
	}
	b.Records = kept
	return nil
}

// pass is a gate that keeps the one column there is.
type pass struct{}

var simTable = &stream.Table{Topic: "t", Columns: []stream.Column{{Field: schemas.Field{Name: "v", Type: schemas.Type{Kind: schemas.String}}}}}

func (pass) Pass(b *stream.Batch) (stream.Clean, error) {
	rows := make([]stream.CleanRow, len(b.Records))
	arena := b.Arena()
	for i := range b.Records {
		r := &b.Records[i]
		gate.Row(&rows[i], b, r, simTable, &arena)
		rows[i].After = []schemas.Cell{{Len: uint32(r.Value.Len()), Enc: schemas.EncText, Flags: schemas.Present}}
	}
	return gate.Clean(b, rows), nil
}

// simStore is a transactional store that several sinks write to.
type simStore struct {
	w       *world
	lanes   map[stream.Lane]stream.LanePos
	plan    string
	plans   map[string][]byte
	commits map[string]bool
	rows    []string
	dead    map[string]string // lane@offset by id: a store keeps one of an id
	ledger  map[stream.Lane][]simSpan
	broken  string    // what it saw that may never happen
	stated  time.Time // until then a person has to mend it
	by      []string  // the process of each commit

	apart map[stream.Lane]time.Time // until then a lane's table does not take its rows
	when  refusing                  // it says so

	maintained int // how often it was looked after

	pieces bool // a commit is a transaction for each lane, one after the other: of a large one some may be done
}

// refusing is the call that says that a table does not take the rows of a lane.
type refusing int

const (
	ofUpload refusing = iota
	ofCommit
	ofWrite
)

type simSpan struct {
	stream.LedgerSpan
	plan string
}

func newSimStore(w *world) *simStore {
	return &simStore{w: w, plans: map[string][]byte{}, lanes: map[stream.Lane]stream.LanePos{}, commits: map[string]bool{}, dead: map[string]string{}, ledger: map[stream.Lane][]simSpan{}, apart: map[stream.Lane]time.Time{}}
}

// copy is a backup; restore puts it back. The caller holds w.mu.
func (s *simStore) copy() *simStore {
	c := *s
	c.lanes, c.commits, c.ledger = maps.Clone(s.lanes), maps.Clone(s.commits), map[stream.Lane][]simSpan{}
	for l, sp := range s.ledger {
		c.ledger[l] = slices.Clone(sp)
	}
	c.rows, c.dead = slices.Clone(s.rows), maps.Clone(s.dead)
	return &c
}

func (s *simStore) restore(c *simStore) {
	c = c.copy()
	s.lanes, s.plan, s.commits, s.rows, s.dead, s.ledger = c.lanes, c.plan, c.commits, c.rows, c.dead, c.ledger
}

// trouble is the store's state, if it has one.
func (s *simStore) trouble() error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if time.Now().Before(s.stated) {
		return &stream.StateError{State: stream.StateParked, Why: "the disk is full", Todo: "make room"}
	}
	return nil
}

// refusing names the lanes of e whose table does not take their rows now.
func (s *simStore) refusing(when refusing, e stream.Epoch) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	var apart stream.ApartError
	if s.when != when {
		return nil
	}
	for _, sp := range e.Spans {
		if time.Now().Before(s.apart[sp.Lane]) && sp.Count.Written > 0 {
			apart.States = append(apart.States, &stream.StateError{State: stream.StateParked, Lanes: []stream.Lane{sp.Lane}, Why: "another schema", Todo: "mend the table"})
		}
	}
	if apart.States == nil {
		return nil
	}
	return &apart
}

// apply is one transaction; the caller holds w.mu.
func (s *simStore) apply(st stream.Staged, rows []string) error {
	if s.commits[st.Commit] {
		return nil
	}
	for _, sp := range st.Spans {
		if at, ok := s.lanes[sp.Lane]; ok && !st.Follows(at, sp) || !ok && sp.From != sp.To {
			return stream.ErrFenced
		}
	}
	for _, sp := range st.Spans {
		s.lanes[sp.Lane] = st.Move(s.lanes[sp.Lane], sp)
		s.ledger[sp.Lane] = append(s.ledger[sp.Lane], simSpan{sp, st.Plan})
		if !sp.Count.Balanced() {
			s.broken = fmt.Sprint("unbalanced ", sp)
		}
	}
	s.commits[st.Commit] = true
	if !st.PositionsOnly || s.plan == "" {
		s.plan = st.Plan
	}
	s.rows = append(s.rows, rows...)
	for _, d := range st.Rejects {
		s.dead[d.ID] = fmt.Sprintf("%s@%d", d.Lane, d.Offset)
	}
	return nil
}

// simSink is a sink of one process. As every sink has to, it takes the absence
// of a lane that it saw for a store that was wiped (sinktest, D2).
type simSink struct {
	s     *simStore
	m     *member
	known map[stream.Lane]bool // under w.mu
}

type simWriter struct {
	s      *simStore
	rows   []string
	counts map[stream.Lane]stream.Count
}

func (k *simSink) Recover(_ context.Context, lanes []stream.Lane) (stream.Progress, error) {
	if err := k.m.alive(); err != nil {
		return stream.Progress{}, err
	}
	if k.s.w.faults.Load() && k.s.w.random(10) == 0 {
		return stream.Progress{}, stream.Retry("sim", 0, errors.New("recover"))
	}
	if err := k.s.trouble(); err != nil {
		return stream.Progress{}, err
	}
	k.s.w.call()
	k.s.w.mu.Lock()
	p := stream.Progress{Cluster: "c1", Plan: k.s.plan, Lanes: map[stream.Lane]stream.LanePos{}}
	for _, l := range lanes {
		if at, ok := k.s.lanes[l]; ok {
			p.Lanes[l], k.known[l] = at, true
		}
	}
	k.s.w.mu.Unlock()
	k.s.w.call()
	return p, nil
}

func (k *simSink) Writer() stream.Writer {
	return &simWriter{s: k.s, counts: map[stream.Lane]stream.Count{}}
}

func (k *simSink) Upload(_ context.Context, e stream.Epoch, parts []stream.Part) (stream.Staged, error) {
	if err := k.m.alive(); err != nil {
		return stream.Staged{}, err
	}
	if k.s.w.faults.Load() && k.s.w.random(15) == 0 {
		return stream.Staged{}, stream.Retry("sim", 0, errors.New("upload"))
	}
	if err := k.s.trouble(); err != nil {
		return stream.Staged{}, err
	}
	if err := k.s.refusing(ofUpload, e); err != nil {
		return stream.Staged{}, err
	}
	if k.s.w.slow > 0 && k.s.w.random(20) == 0 {
		time.Sleep(time.Duration(k.s.w.random(8)) * time.Second)
	}
	var payload []byte
	for _, p := range parts {
		for _, r := range p.Data.([]string) {
			payload = append(append(payload, r...), '\n')
		}
	}
	return stream.Staged{Payload: payload}, nil
}

func (k *simSink) Commit(_ context.Context, staged []stream.Staged) error {
	if !k.s.pieces {
		return k.transact(staged)
	}
	for _, st := range staged {
		for i, sp := range st.Spans {
			piece := st
			piece.Spans, piece.Payload, piece.Rejects = st.Spans[i:i+1], nil, nil
			piece.Commit += "/" + sp.Lane.String()
			for _, r := range splitLines(st.Payload) {
				if strings.HasPrefix(r, sp.Lane.String()+"#") {
					piece.Payload = append(append(piece.Payload, r...), '\n')
				}
			}
			for _, d := range st.Rejects {
				if d.Lane == sp.Lane {
					piece.Rejects = append(piece.Rejects, d)
				}
			}
			if err := k.transact([]stream.Staged{piece}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *simSink) transact(staged []stream.Staged) error {
	if err := k.m.alive(); err != nil {
		return err
	}
	fault := 100
	if k.s.w.faults.Load() {
		fault = k.s.w.random(20)
	}
	k.s.w.travel() // what was sent arrives, whatever becomes of who sent it
	if fault == 0 {
		return stream.Retry("sim", 0, errors.New("refused"))
	}
	if err := k.s.trouble(); err != nil {
		return err
	}
	for _, st := range staged {
		if err := k.s.refusing(ofCommit, st.Epoch); err != nil {
			return err
		}
	}
	if k.s.w.fatal.Load() > 0 && k.s.w.fatal.Add(-1) >= 0 {
		return errFatal
	}
	k.s.w.mu.Lock()
	before := k.s.copy()
	var err error
	for _, st := range staged {
		var rows []string
		rows = append(rows, splitLines(st.Payload)...)
		if k.wiped(st) {
			err = stream.ErrFenced
		} else {
			err = k.s.apply(st, rows)
		}
		if err != nil {
			k.s.restore(before) // D6: all or nothing
			break
		}
	}
	if err == nil {
		k.s.by = append(k.s.by, k.m.name)
		for _, st := range staged {
			for _, sp := range st.Spans {
				k.known[sp.Lane] = true
			}
		}
	}
	k.s.w.mu.Unlock()
	if err := k.m.alive(); err != nil { // paused or killed before the answer
		return err
	}
	if fault == 1 && err == nil { // applied, and the reply is lost
		return stream.Retry("sim", 0, errors.New("reply lost"))
	}
	return err
}

// wiped reports that the store does not have a lane of st that it had. w.mu is held.
func (k *simSink) wiped(st stream.Staged) bool {
	return !k.s.commits[st.Commit] && slices.ContainsFunc(st.Spans, func(sp stream.LedgerSpan) bool {
		_, ok := k.s.lanes[sp.Lane]
		return !ok && k.known[sp.Lane]
	})
}

var errFatal = errors.New("the store refuses for good")

func splitLines(p []byte) (lines []string) {
	for len(p) > 0 {
		i := slices.Index(p, '\n')
		lines, p = append(lines, string(p[:i])), p[i+1:]
	}
	return lines
}

func (k *simSink) Close() error { return nil }

// Maintain is part of stream.Maintainer.
func (k *simSink) Maintain(context.Context) {
	k.s.w.mu.Lock()
	defer k.s.w.mu.Unlock()
	k.s.maintained++
}

// OneCommitter is stream.OneCommitter: it matters in histories of a group.
func (k *simSink) OneCommitter() {}

// SavePlan and LoadPlan are stream.PlanKeeper.
func (k *simSink) SavePlan(_ context.Context, hash string, text []byte) error {
	k.s.w.mu.Lock()
	defer k.s.w.mu.Unlock()
	k.s.plans[hash] = text
	return nil
}

func (k *simSink) LoadPlan(_ context.Context, hash string) ([]byte, error) {
	k.s.w.mu.Lock()
	defer k.s.w.mu.Unlock()
	if text, ok := k.s.plans[hash]; ok {
		return text, nil
	}
	return nil, errors.New("no such plan")
}

// Inspect is stream.Inspector.
func (k *simSink) Inspect(context.Context) (stream.Progress, error) {
	k.s.w.mu.Lock()
	defer k.s.w.mu.Unlock()
	return stream.Progress{Cluster: "c1", Plan: k.s.plan, Lanes: maps.Clone(k.s.lanes)}, nil
}

// the home of dead letters
func (k *simSink) ListDead(context.Context, int) ([]stream.DeadLetter, error) { return nil, nil }
func (k *simSink) GetDead(context.Context, string) (d stream.DeadLetter, err error) {
	return d, nil
}
func (k *simSink) MarkRedriven(context.Context, string, int64) error { return nil }

func (x *simWriter) Write(c stream.Clean) error {
	n := x.counts[c.Lane()]
	for i := range c.Rows() {
		r := &c.Rows()[i]
		x.rows = append(x.rows, string(r.Bytes(r.After[0])))
		n.Written++
	}
	x.counts[c.Lane()] = n // of a refused lane too: it may have come half way
	return x.s.refusing(ofWrite, stream.Epoch{Spans: []stream.LedgerSpan{{Span: c.Span(), Count: stream.Count{Written: int64(len(c.Rows()))}}}})
}
func (x *simWriter) Size() int64 { return int64(len(x.rows)) * 20 }
func (x *simWriter) Seal() (stream.Part, error) {
	p := stream.Part{Counts: x.counts, Data: x.rows}
	x.rows, x.counts = nil, map[stream.Lane]stream.Count{}
	return p, nil
}
func (x *simWriter) Discard() { x.rows, x.counts = nil, map[stream.Lane]stream.Count{} }
