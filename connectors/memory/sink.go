package memory

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"sluice/schemas"
	"sluice/topology/stream"
)

var (
	errRefused = errors.New("the store refused the commit")
	errLost    = errors.New("the answer was lost")
)

// Sink writes to a Store. What it has seen of the store is its own.
type Sink struct {
	store    *Store
	pipeline string
	name     string

	mu   sync.Mutex
	seen map[string]map[stream.Lane]bool // by sink: is the lane in the store
}

var (
	_ stream.Sink          = (*Sink)(nil)
	_ stream.Auditor       = (*Sink)(nil)
	_ stream.DeadLetters   = (*Sink)(nil)
	_ stream.PlanKeeper    = (*Sink)(nil)
	_ stream.ProgressStore = (*Sink)(nil)
)

// Open returns a sink as a new process would.
func (s *Store) Open(pipeline, name string) *Sink {
	return &Sink{store: s, pipeline: pipeline, name: name, seen: map[string]map[stream.Lane]bool{}}
}

// Recover is part of stream.Sink.
func (k *Sink) Recover(ctx context.Context, lanes []stream.Lane) (stream.Progress, error) {
	return k.LoadProgress(ctx, k.name, lanes)
}

// LoadProgress is part of stream.ProgressStore.
func (k *Sink) LoadProgress(_ context.Context, sink string, lanes []stream.Lane) (stream.Progress, error) {
	k.store.mu.Lock()
	p := k.store.state.clone().progress[sink]
	k.store.mu.Unlock()
	all := p.Lanes
	p.Lanes = map[stream.Lane]stream.LanePos{}
	k.mu.Lock()
	defer k.mu.Unlock()
	seen := k.seenOf(sink)
	for _, l := range lanes {
		at, ok := all[l]
		if !ok && seen[l] { // a wiped store stops who wrote to it (was lost)
			return stream.Progress{}, &stream.StateError{State: stream.StateParked, Lanes: []stream.Lane{l}, Why: "the store lost progress it had",
				Todo: "restore the store, or start the pipeline anew under another id"}
		}
		seen[l] = ok
		if ok {
			p.Lanes[l] = at
		}
	}
	return p, nil
}

// seenOf is what this process knows of the lanes of sink. k.mu is held.
func (k *Sink) seenOf(sink string) map[stream.Lane]bool {
	if k.seen[sink] == nil {
		k.seen[sink] = map[stream.Lane]bool{}
	}
	return k.seen[sink]
}

// Writer is part of stream.Sink.
func (k *Sink) Writer() stream.Writer { return &writer{counts: map[stream.Lane]stream.Count{}} }

// payload is Staged.Payload.
type payload struct {
	Format int   `json:"v"` // 1
	Rows   []Row `json:"rows"`
}

// Upload is part of stream.Sink.
func (k *Sink) Upload(_ context.Context, e stream.Epoch, parts []stream.Part) (stream.Staged, error) {
	x := payload{Format: 1}
	for _, p := range parts {
		x.Rows = append(x.Rows, p.Data.([]Row)...)
	}
	b, err := json.Marshal(x)
	return stream.Staged{Format: 1, Epoch: e, Payload: b}, err
}

// Commit is part of stream.Sink.
func (k *Sink) Commit(_ context.Context, staged []stream.Staged) error {
	var es []stream.Epoch
	var rows []Row
	for _, st := range staged {
		var x payload
		if err := json.Unmarshal(st.Payload, &x); err != nil || x.Format != 1 || st.Format != 1 {
			return fmt.Errorf("memory: commit %s was staged in a form this version does not read", st.Commit)
		}
		rows, es = append(rows, x.Rows...), append(es, st.Epoch)
	}
	return k.swap(es, func(s *state) error { s.rows = append(s.rows, rows...); return nil })
}

// SwapProgress is part of stream.ProgressStore.
func (k *Sink) SwapProgress(_ context.Context, e stream.Epoch) error {
	return k.swap([]stream.Epoch{e}, func(*state) error { return nil })
}

func (k *Sink) swap(es []stream.Epoch, apply func(*state) error) error {
	if len(es) == 0 {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	seen := k.seenOf(es[0].Sink)
	absent := map[stream.Lane]bool{}
	for l, there := range seen {
		absent[l] = !there
	}
	err := k.store.swap(es, absent, apply)
	if err == nil {
		for _, e := range es {
			for _, sp := range e.Spans {
				seen[sp.Lane] = true
			}
		}
	}
	return err
}

// Close is part of stream.Sink.
func (k *Sink) Close() error { return nil }

// Ledger is part of stream.Auditor.
func (k *Sink) Ledger(ctx context.Context) iter.Seq2[stream.LedgerRow, error] {
	return k.ProgressLedger(ctx, k.name)
}

// ProgressLedger is part of stream.ProgressStore.
func (k *Sink) ProgressLedger(_ context.Context, sink string) iter.Seq2[stream.LedgerRow, error] {
	k.store.mu.Lock()
	rows := slices.Clone(k.store.state.ledger)
	k.store.mu.Unlock()
	return func(yield func(stream.LedgerRow, error) bool) {
		for _, r := range rows {
			if r.Sink == sink && !yield(r, nil) {
				return
			}
		}
	}
}

// Rows is part of stream.Auditor.
func (k *Sink) Rows(context.Context) (int64, error) { return int64(len(k.store.Rows())), nil }

// ListDead is part of stream.DeadLetters: the oldest first.
func (k *Sink) ListDead(_ context.Context, limit int) ([]stream.DeadLetter, error) {
	k.store.mu.Lock()
	defer k.store.mu.Unlock()
	var list []stream.DeadLetter
	for _, d := range k.store.state.dead {
		if k.store.state.redriven[d.ID] == 0 {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b stream.DeadLetter) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.ID, b.ID))
	})
	return list[:min(limit, len(list))], nil
}

// GetDead is part of stream.DeadLetters.
func (k *Sink) GetDead(_ context.Context, id string) (stream.DeadLetter, error) {
	k.store.mu.Lock()
	defer k.store.mu.Unlock()
	d, ok := k.store.state.dead[id]
	if !ok {
		return d, fmt.Errorf("memory: no dead letter %s", id)
	}
	d.Redriven = k.store.state.redriven[id]
	return d, nil
}

// MarkRedriven is part of stream.DeadLetters.
func (k *Sink) MarkRedriven(ctx context.Context, id string, at int64) error {
	if _, err := k.GetDead(ctx, id); err != nil {
		return err
	}
	k.store.mu.Lock()
	defer k.store.mu.Unlock()
	k.store.state.redriven[id] = at
	return nil
}

// SavePlan is part of stream.PlanKeeper.
func (k *Sink) SavePlan(_ context.Context, hash string, text []byte) error {
	k.store.mu.Lock()
	defer k.store.mu.Unlock()
	k.store.state.plans[hash] = slices.Clone(text)
	return nil
}

// LoadPlan is part of stream.PlanKeeper.
func (k *Sink) LoadPlan(_ context.Context, hash string) ([]byte, error) {
	k.store.mu.Lock()
	defer k.store.mu.Unlock()
	text, ok := k.store.state.plans[hash]
	if !ok {
		return nil, fmt.Errorf("memory: no plan %s", hash)
	}
	return slices.Clone(text), nil
}

// writer keeps rows as maps: it is a reference, not fast.
type writer struct {
	rows   []Row
	size   int64
	counts map[stream.Lane]stream.Count
}

// Write is part of stream.Writer.
func (w *writer) Write(c stream.Clean) error {
	n := w.counts[c.Lane()]
	for i := range c.Rows() {
		r := &c.Rows()[i]
		row := Row{Topic: c.Lane().Topic, Partition: c.Lane().Partition, Offset: r.Offset, Seq: r.Seq, Op: r.Op.String(), Columns: map[string]json.RawMessage{}}
		cells := r.After
		if cells == nil {
			cells = r.Key
		}
		bad := ""
		for j, cell := range cells {
			if cell.Absent() {
				continue
			}
			col := &r.Table.Columns[j]
			v, code := schemas.AppendJSON(nil, col.Type, col.Wire, cell, r.Bytes(cell))
			if code != "" {
				bad = code
			}
			row.Columns[col.Name] = v
			w.size += int64(len(v))
		}
		if bad != "" {
			n.Rejected++
			continue
		}
		w.rows, w.size = append(w.rows, row), w.size+100
		n.Written++
	}
	w.counts[c.Lane()] = n
	return nil
}

// Size is part of stream.Writer.
func (w *writer) Size() int64 { return w.size }

// Seal is part of stream.Writer.
func (w *writer) Seal() (stream.Part, error) {
	p := stream.Part{Counts: w.counts, Data: w.rows}
	w.Discard()
	return p, nil
}

// Discard is part of stream.Writer.
func (w *writer) Discard() { *w = writer{counts: map[stream.Lane]stream.Count{}} }
