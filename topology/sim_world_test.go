package topology_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
	"sluice/topology/stream/gate"
)

// world is what outlives the processes of a simulated history: the log, the
// group and the stores.
type world struct {
	mu     sync.Mutex
	rng    *rand.Rand
	lanes  map[stream.Lane]*simLane
	owner  map[stream.Lane]*member
	all    []*member
	faults atomic.Bool
}

// simLane is a partition: offsets [start, len(recs)), of which some are
// control records that a reader never sees.
type simLane struct {
	id    string
	start int64
	recs  []bool // data or control
}

func (w *world) random(n int) int { w.mu.Lock(); defer w.mu.Unlock(); return w.rng.IntN(n) }

// member is one process: a source and its sinks share its fate.
type member struct {
	w    *world
	name string
	mu   sync.Mutex
	cmds []func(f stream.Feed)
	next map[stream.Lane]int64 // lanes being read
	gone map[stream.Lane]int   // how often a lane was taken away
	dead bool
	hold time.Time // a zombie answers nothing until then

	p      *topology.Pipeline
	cancel context.CancelFunc
	done   chan error
}

var errDead = errors.New("the process is dead")

// alive blocks a zombie and fails a dead process.
func (m *member) alive() error {
	for {
		m.mu.Lock()
		dead, hold := m.dead, m.hold
		m.mu.Unlock()
		switch {
		case dead:
			return errDead
		case !time.Now().Before(hold):
			return nil
		}
		time.Sleep(time.Until(hold)) // virtual
	}
}

func (m *member) tell(f func(stream.Feed)) { m.mu.Lock(); m.cmds = append(m.cmds, f); m.mu.Unlock() }

// Run is stream.Source.
func (m *member) Run(ctx context.Context, f stream.Feed) error {
	for {
		if err := m.alive(); err != nil {
			return err
		}
		m.mu.Lock()
		cmds := m.cmds
		m.cmds = nil
		m.mu.Unlock()
		for _, c := range cmds {
			c(f)
		}
		if ctx.Err() != nil {
			rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			f.Revoke(rctx, m.reading())
			return nil
		}
		if !m.read(ctx, f) {
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}

func (m *member) reading() []stream.Lane {
	m.mu.Lock()
	defer m.mu.Unlock()
	return stream.SortedLanes(m.next)
}

// read admits one batch of a random lane.
func (m *member) read(ctx context.Context, f stream.Feed) bool {
	lanes := m.reading()
	if len(lanes) == 0 {
		return false
	}
	ln := lanes[m.w.random(len(lanes))]
	n := int64(1 + m.w.random(9))
	m.mu.Lock()
	from, ok := m.next[ln]
	m.mu.Unlock()
	m.w.mu.Lock()
	l := m.w.lanes[ln]
	end, start := int64(len(l.recs)), l.start
	m.w.mu.Unlock()
	if !ok || from >= end {
		return false
	}
	if from < start { // was lost in silence
		m.mu.Lock()
		delete(m.next, ln)
		m.mu.Unlock()
		f.Report(ln, &stream.StateError{State: stream.StateDataLost, Why: "retention", Todo: "accept-loss"})
		return true
	}
	b := stream.NewBatch(ln, stream.Position{Offset: from}, nil)
	b.To = stream.Position{Offset: min(end, from+n)}
	m.w.mu.Lock()
	for o := from; o < b.To.Offset; o++ {
		if l.recs[o] {
			b.Records = append(b.Records, stream.Record{Offset: o, Time: 1, Value: stream.ViewOf(fmt.Appendf(nil, "%s@%d", ln, o))})
			b.In++
		}
	}
	m.w.mu.Unlock()
	b.Bytes = 20 * b.In
	m.mu.Lock()
	m.next[ln] = b.To.Offset
	m.mu.Unlock()
	return f.Admit(ctx, b) == nil
}

// Seek is stream.Source.
func (m *member) Seek(at map[stream.Lane]stream.Position) {
	at = maps.Clone(at)
	m.mu.Lock()
	gone := maps.Clone(m.gone)
	m.mu.Unlock()
	m.tell(func(stream.Feed) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for l, p := range at {
			if m.gone[l] == gone[l] { // else void
				m.next[l] = p.Offset
			}
		}
	})
}

// Commit is stream.Source.
func (m *member) Commit(context.Context, map[stream.Lane]stream.Position) error { return nil }

// assign gives lanes to m; the old owners hear of it as told.
func (w *world) assign(m *member, lanes []stream.Lane) {
	w.mu.Lock()
	var infos []stream.LaneInfo
	for _, l := range lanes {
		w.owner[l] = m
		x := w.lanes[l]
		infos = append(infos, stream.LaneInfo{Lane: l, TopicID: x.id, LogStart: x.start, End: int64(len(x.recs))})
	}
	w.mu.Unlock()
	m.tell(func(f stream.Feed) {
		at, err := f.Assign(context.Background(), "c1", infos)
		if err != nil {
			return
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		for l, p := range at {
			m.next[l] = p.Offset
		}
	})
}

// move takes lanes from m: asked and waited for, or without asking.
func (w *world) move(lanes []stream.Lane, to *member, ask bool) {
	byOwner := map[*member][]stream.Lane{}
	w.mu.Lock()
	for _, l := range lanes {
		if o := w.owner[l]; o != nil && o != to {
			byOwner[o] = append(byOwner[o], l)
		}
	}
	w.mu.Unlock()
	for _, o := range w.all {
		ls := byOwner[o]
		if ls == nil {
			continue
		}
		done := make(chan struct{})
		o.tell(func(f stream.Feed) {
			defer close(done)
			o.mu.Lock()
			for _, l := range ls {
				delete(o.next, l)
				o.gone[l]++
			}
			o.mu.Unlock()
			if !ask {
				f.Lost(ls)
				return
			}
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			f.Revoke(ctx, ls)
		})
		if ask {
			select {
			case <-done:
			case <-o.done:
			case <-time.After(6 * time.Second): // the group does not wait for ever
			}
		}
		w.assign(to, ls)
	}
	var free []stream.Lane
	w.mu.Lock()
	for _, l := range lanes {
		if w.owner[l] == nil {
			free = append(free, l)
		}
	}
	w.mu.Unlock()
	if free != nil {
		w.assign(to, free)
	}
}

// reject refuses every 13th offset before the gate.
type reject struct{}

func (reject) Process(b *stream.Batch) error {
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
		rows[i] = gate.Row(b, r, simTable, &arena)
		rows[i].After = []schemas.Cell{{Len: uint32(r.Value.Len()), Enc: schemas.EncText, Flags: schemas.Present}}
	}
	return gate.Clean(b, rows), nil
}

// simStore is a transactional store that several sinks write to.
type simStore struct {
	w       *world
	lanes   map[stream.Lane]stream.LanePos
	plan    string
	commits map[string]bool
	rows    []string
	dead    []string
	ledger  map[stream.Lane][]stream.LedgerSpan
	broken  string // what it saw that may never happen
}

func newSimStore(w *world) *simStore {
	return &simStore{w: w, lanes: map[stream.Lane]stream.LanePos{}, commits: map[string]bool{}, ledger: map[stream.Lane][]stream.LedgerSpan{}}
}

// apply is one transaction; the caller holds w.mu.
func (s *simStore) apply(st stream.Staged, rows []string) error {
	if s.commits[st.Commit] {
		return nil
	}
	for _, sp := range st.Spans {
		if at, ok := s.lanes[sp.Lane]; ok && at.Next.Offset != sp.From.Offset || !ok && sp.From != sp.To {
			return stream.ErrFenced
		}
	}
	for _, sp := range st.Spans {
		s.lanes[sp.Lane] = stream.LanePos{TopicID: sp.TopicID, Next: sp.To}
		s.ledger[sp.Lane] = append(s.ledger[sp.Lane], sp)
		if !sp.Count.Balanced() {
			s.broken = fmt.Sprint("unbalanced ", sp)
		}
	}
	s.commits[st.Commit], s.plan = true, st.Plan
	s.rows = append(s.rows, rows...)
	for _, d := range st.Rejects {
		s.dead = append(s.dead, fmt.Sprintf("%s@%d", d.Lane, d.Offset))
	}
	return nil
}

// simSink is a sink of one process.
type simSink struct {
	s *simStore
	m *member
}

type simWriter struct {
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
	k.s.w.mu.Lock()
	defer k.s.w.mu.Unlock()
	p := stream.Progress{Cluster: "c1", Plan: k.s.plan, Lanes: map[stream.Lane]stream.LanePos{}}
	for _, l := range lanes {
		if at, ok := k.s.lanes[l]; ok {
			p.Lanes[l] = at
		}
	}
	return p, nil
}

func (k *simSink) Writer() stream.Writer {
	return &simWriter{counts: map[stream.Lane]stream.Count{}}
}

func (k *simSink) Upload(_ context.Context, e stream.Epoch, parts []stream.Part) (stream.Staged, error) {
	if err := k.m.alive(); err != nil {
		return stream.Staged{}, err
	}
	if k.s.w.faults.Load() && k.s.w.random(15) == 0 {
		return stream.Staged{}, stream.Retry("sim", 0, errors.New("upload"))
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
	if err := k.m.alive(); err != nil {
		return err
	}
	fault := 100
	if k.s.w.faults.Load() {
		fault = k.s.w.random(20)
	}
	time.Sleep(time.Duration(k.s.w.random(50)) * time.Millisecond) // virtual: commits overlap
	if err := k.m.alive(); err != nil {                            // paused or killed under way
		return err
	}
	if fault == 0 {
		return stream.Retry("sim", 0, errors.New("refused"))
	}
	k.s.w.mu.Lock()
	var err error
	for _, st := range staged {
		err = k.s.apply(st, splitLines(st.Payload))
	}
	k.s.w.mu.Unlock()
	if fault == 1 && err == nil { // applied, and the reply is lost
		return stream.Retry("sim", 0, errors.New("reply lost"))
	}
	return err
}

func splitLines(p []byte) (lines []string) {
	for len(p) > 0 {
		i := slices.Index(p, '\n')
		lines, p = append(lines, string(p[:i])), p[i+1:]
	}
	return lines
}

func (k *simSink) Close() error { return nil }

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
	x.counts[c.Lane()] = n
	return nil
}
func (x *simWriter) Size() int64 { return int64(len(x.rows)) * 20 }
func (x *simWriter) Seal() (stream.Part, error) {
	p := stream.Part{Counts: x.counts, Data: x.rows}
	x.rows, x.counts = nil, map[stream.Lane]stream.Count{}
	return p, nil
}
func (x *simWriter) Discard() { x.rows, x.counts = nil, map[stream.Lane]stream.Count{} }
