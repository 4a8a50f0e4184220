package topology_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sluice/topology"
	"sluice/topology/stream"
)

// member is one process: a source and its sinks share its fate. Like the Kafka
// source it has two goroutines: one that reads and carries orders out between
// two reads, and one on which the group speaks.
type member struct {
	w    *world
	name string

	mu     sync.Mutex
	cmds   []func(ctx context.Context, f stream.Feed) // of the group
	orders []simOrder
	next   map[stream.Lane]int64  // lanes being read
	ids    map[stream.Lane]string // the log that is read
	gone   map[stream.Lane]int    // how often a lane was taken away
	sought map[stream.Lane]int
	dead   bool
	hold   time.Time // a zombie answers nothing until then
	leads  time.Time // until then it believes that it commits for all

	p      *topology.Pipeline
	cancel context.CancelFunc
	done   chan error
	ended  chan struct{}
	err    error // of Run, once ended is closed
}

type simOrder struct {
	lane stream.Lane
	at   int64 // -1: no more
	gone int
}

func newMember(w *world, name string) *member {
	return &member{w: w, name: name, next: map[stream.Lane]int64{}, ids: map[stream.Lane]string{},
		gone: map[stream.Lane]int{}, sought: map[stream.Lane]int{}, done: make(chan error, 1), ended: make(chan struct{})}
}

// start runs the process.
func (m *member) start() {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.w.all = append(m.w.all, m)
	go func() {
		m.err = m.p.Run(ctx)
		m.done <- m.err
		close(m.ended)
	}()
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

func (m *member) tell(f func(context.Context, stream.Feed)) {
	m.mu.Lock()
	m.cmds = append(m.cmds, f)
	m.mu.Unlock()
}

// Run is stream.Source.
func (m *member) Run(ctx context.Context, f stream.Feed) error {
	quit, left := make(chan struct{}), make(chan struct{})
	go m.group(ctx, f, quit, left)
	defer func() { close(quit); <-left }() // leaving waits for what the group said
	for {
		if err := m.alive(); err != nil {
			return err
		}
		m.carryOut()
		if ctx.Err() != nil {
			rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			lanes := m.reading()
			m.takeAway(lanes)
			f.Revoke(rctx, lanes)
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

func (m *member) group(ctx context.Context, f stream.Feed, quit, left chan struct{}) {
	defer close(left)
	for m.alive() == nil {
		m.mu.Lock()
		cmds := m.cmds
		m.cmds = nil
		m.mu.Unlock()
		for _, c := range cmds {
			c(ctx, f)
		}
		select {
		case <-quit:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (m *member) reading() []stream.Lane {
	m.mu.Lock()
	defer m.mu.Unlock()
	return stream.SortedLanes(m.next)
}

func (m *member) takeAway(lanes []stream.Lane) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range lanes {
		m.gone[l]++
		delete(m.next, l)
	}
}

func (m *member) carryOut() {
	m.mu.Lock()
	orders := m.orders
	m.orders = nil
	due := orders[:0]
	for _, o := range orders {
		if o.gone == m.gone[o.lane] { // else void
			due = append(due, o)
		}
	}
	m.mu.Unlock()
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range due {
		if o.gone == m.gone[o.lane] && o.at < 0 {
			delete(m.next, o.lane)
		} else if o.gone == m.gone[o.lane] {
			m.next[o.lane], m.ids[o.lane] = o.at, m.w.lanes[o.lane].id // by name: whatever log has it now
		}
	}
}

// read admits one batch of a random lane.
func (m *member) read(ctx context.Context, f stream.Feed) bool {
	lanes := m.reading()
	if len(lanes) == 0 {
		return false
	}
	ln := lanes[m.w.random(len(lanes))]
	b, state := m.batch(ln, int64(1+m.w.random(9)))
	if state != nil {
		m.takeAway([]stream.Lane{ln})
		f.Report(ln, state)
		return true
	}
	if b == nil {
		return false
	}
	return f.Admit(ctx, b) == nil
}

func (m *member) batch(ln stream.Lane, n int64) (*stream.Batch, *stream.StateError) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	from, ok := m.next[ln]
	for _, o := range m.orders {
		ok = ok && (o.lane != ln || o.gone != m.gone[ln])
	}
	l := m.w.lanes[ln]
	end := int64(len(l.recs))
	switch {
	case !ok:
		return nil, nil
	case m.ids[ln] != l.id:
		return nil, &stream.StateError{State: stream.StateParked, Why: "made anew", Todo: "rebase"}
	case from < l.start: // was lost in silence
		return nil, &stream.StateError{State: stream.StateDataLost, Why: "retention", Todo: "accept-loss"}
	case from > end:
		return nil, &stream.StateError{State: stream.StateParked, Why: "the log was cut", Todo: "rebase"}
	case from == end:
		return nil, nil
	}
	b := stream.NewBatch(ln, stream.Position{Offset: from}, nil)
	b.TopicID = l.id
	b.To = stream.Position{Offset: min(end, from+n)}
	for o := from; o < b.To.Offset; o++ {
		if l.recs[o] {
			b.Records = append(b.Records, stream.Record{Offset: o, Time: 1, Value: stream.ViewOf(fmt.Appendf(nil, "%s#%s@%d", ln, l.id, o))})
			b.In++
		}
	}
	b.Bytes = m.w.weight * b.In
	m.next[ln] = b.To.Offset
	return b, nil
}

// Seek is stream.Source.
func (m *member) Seek(at map[stream.Lane]stream.Position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range stream.SortedLanes(at) {
		m.sought[l]++
		m.orders = append(m.orders, simOrder{l, at[l].Offset, m.gone[l]})
	}
}

// Pause is stream.Pauser.
func (m *member) Pause(lanes []stream.Lane) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range lanes {
		m.sought[l]++
		m.orders = append(m.orders, simOrder{l, -1, m.gone[l]})
	}
}

// Commit is stream.Source.
func (m *member) Commit(context.Context, map[stream.Lane]stream.Position) error { return nil }

// Survey is stream.Surveyor.
func (m *member) Survey(context.Context) (string, []stream.LaneInfo, error) {
	var infos []stream.LaneInfo
	m.w.mu.Lock()
	for _, l := range stream.SortedLanes(m.w.lanes) {
		infos = append(infos, m.w.info(l))
	}
	m.w.mu.Unlock()
	if m.w.slow > 0 {
		time.Sleep(time.Duration(m.w.random(m.w.slow)) * time.Millisecond) // the answer travels
	}
	return "c1", infos, nil
}

func (w *world) info(l stream.Lane) stream.LaneInfo {
	x := w.lanes[l]
	return stream.LaneInfo{Lane: l, TopicID: x.id, LogStart: x.start, End: int64(len(x.recs))}
}

// assigned is the callback of the group: it tries until it is told to leave.
func (m *member) assigned(ctx context.Context, f stream.Feed, lanes []stream.Lane) {
	m.mu.Lock()
	gone, sought := map[stream.Lane]int{}, map[stream.Lane]int{}
	for _, l := range lanes {
		gone[l], sought[l] = m.gone[l], m.sought[l]
	}
	m.mu.Unlock()
	for m.alive() == nil {
		m.w.mu.Lock()
		var infos []stream.LaneInfo
		for _, l := range lanes {
			infos = append(infos, m.w.info(l))
		}
		m.w.mu.Unlock()
		at, err := f.Assign(ctx, "c1", infos)
		if err == nil {
			m.mu.Lock()
			for _, l := range stream.SortedLanes(at) {
				if m.sought[l] == sought[l] {
					m.orders = append(m.orders, simOrder{l, at[l].Offset, gone[l]})
				}
			}
			m.mu.Unlock()
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

// assign gives lanes to m; the old owners hear of it as told.
func (w *world) assign(m *member, lanes []stream.Lane) {
	w.mu.Lock()
	for _, l := range lanes {
		w.owner[l] = m
	}
	w.mu.Unlock()
	m.tell(func(ctx context.Context, f stream.Feed) { m.assigned(ctx, f, lanes) })
}

// move takes lanes from their owners, asked and waited for or without asking.
func (w *world) move(lanes []stream.Lane, to *member, ask bool) {
	byOwner := map[*member][]stream.Lane{}
	var free []stream.Lane
	w.mu.Lock()
	for _, l := range lanes {
		switch o := w.owner[l]; o {
		case nil:
			free = append(free, l)
		case to:
		default:
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
		o.tell(func(_ context.Context, f stream.Feed) {
			defer close(done)
			o.takeAway(ls)
			if !ask {
				f.Lost(ls)
				return
			}
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			f.Revoke(ctx, ls)
		})
		if ask {
			t := time.NewTimer(6 * time.Second) // the group does not wait for ever
			select {
			case <-done:
			case <-o.ended:
			case <-t.C:
			}
			t.Stop()
		}
		w.assign(to, ls)
	}
	if free != nil {
		w.assign(to, free)
	}
}
