package sinktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"sluice/processors/mask"
	"sluice/topology/stream"
)

// world is one test: a store, its processes and what ought to be in it.
type world struct {
	*testing.T
	o       options
	store   Store
	topic   string
	commits int
	want    []change // committed, in order
}

// process is one sink with what the engine knows of it.
type process struct {
	w    *world
	sink stream.Sink
	wr   stream.Writer
}

// open starts a process that has recovered lanes.
func (w *world) open(lanes ...stream.Lane) *process {
	w.Helper()
	if lanes == nil {
		lanes = both
	}
	k := w.store.Open(w.T)
	p := &process{w: w, sink: k, wr: k.Writer()}
	p.recover(lanes...)
	return p
}

// recover reads where the store stands; passing errors are tried again.
func (p *process) recover(lanes ...stream.Lane) stream.Progress {
	p.w.Helper()
	prog, err := p.tryRecover(lanes...)
	if err != nil {
		p.w.Fatalf("Recover: %v", err)
	}
	return prog
}

func (p *process) tryRecover(lanes ...stream.Lane) (prog stream.Progress, err error) {
	if lanes == nil {
		lanes = both
	}
	err = again(func() error { prog, err = p.sink.Recover(p.w.Context(), lanes); return err })
	return prog, err
}

// again calls f as the engine does, up to 20 times while the error passes.
func again(f func() error) (err error) {
	for range 20 {
		if err = f(); stream.KindOf(err) != stream.KindRetry {
			return err
		}
	}
	return err
}

// wantAt checks where a new process would start.
func (w *world) wantAt(a, b int64) {
	w.Helper()
	prog := w.open().recover()
	for l, n := range map[stream.Lane]int64{laneA: a, laneB: b} {
		got, ok := prog.Lanes[l]
		switch {
		case n < 0 && ok:
			w.Errorf("the store knows %v (at %d), want it absent", l, got.Next.Offset)
		case n >= 0 && (!ok || got.Next != at(n)):
			w.Errorf("%v stands at %+v (known: %v), want %+v", l, got.Next, ok, at(n))
		case ok && got.TopicID != "topic-id":
			w.Errorf("%v has topic id %q, want %q", l, got.TopicID, "topic-id")
		}
	}
}

// cut is an epoch that was sealed: spans with balanced counts, and parts.
type cut struct {
	epoch   stream.Epoch
	parts   []stream.Part
	changes []change
}

// write passes b through the gate into writer and releases it: whoever keeps a
// view of it then reads garbage.
func (c *cut) write(w *world, wr stream.Writer, b *stream.Batch) {
	w.Helper()
	clean, err := mask.KeepAll().Pass(b)
	if err != nil {
		w.Fatalf("gate: %v", err)
	}
	if err := wr.Write(clean); err != nil {
		w.Fatalf("Write: %v", err)
	}
	c.span(b.Span(), clean.Count())
	for i := range b.Records {
		overwrite(b.Records[i].Value.Bytes())
		overwrite(b.Records[i].Key.Bytes())
	}
	overwrite(b.Arena())
	b.Release()
}

func overwrite(p []byte) {
	for i := range p {
		p[i] = 0xDB
	}
}

// span adds a batch's stretch to the epoch.
func (c *cut) span(s stream.Span, n stream.Count) {
	for i := range c.epoch.Spans {
		if x := &c.epoch.Spans[i]; x.Lane == s.Lane {
			x.To, x.Count = s.To, x.Count.Add(n)
			return
		}
	}
	c.epoch.Spans = append(c.epoch.Spans, stream.LedgerSpan{Span: s, TopicID: "topic-id", Count: n})
	slices.SortFunc(c.epoch.Spans, func(a, b stream.LedgerSpan) int { return a.Lane.Compare(b.Lane) })
}

// seal ends the epoch of a writer. // D3
func (c *cut) seal(w *world, wr stream.Writer) {
	w.Helper()
	part, err := wr.Seal()
	if err != nil {
		w.Fatalf("Seal: %v", err)
	}
	for l, n := range part.Counts {
		i := slices.IndexFunc(c.epoch.Spans, func(s stream.LedgerSpan) bool { return s.Lane == l })
		if i < 0 {
			w.Fatalf("Seal counts %+v for %v, which the writer was not given in this epoch", n, l)
		}
		c.epoch.Spans[i].Count = c.epoch.Spans[i].Count.Add(n)
	}
	for i := range c.epoch.Spans {
		if n := c.epoch.Spans[i].Count.Written; n > 0 {
			c.epoch.Spans[i].Masked = attested(n)
		}
	}
	c.parts = append(c.parts, part)
	c.epoch.Rejects = append(c.epoch.Rejects, part.Rejects...)
}

// attested is what a ledger keeps of how n rows were masked.
func attested(n int64) string {
	return fmt.Sprintf(`{"policy":"p","rows":%d,"values":{"keep \"é\"":%d}}`, n, n)
}

// newCut starts an epoch with an id of its own.
func (w *world) newCut() *cut {
	w.commits++
	return &cut{epoch: stream.Epoch{Pipeline: Pipeline, Sink: Sink, Commit: fmt.Sprintf("commit-%d", w.commits), Plan: "plan-1", Cluster: "cluster-1", Time: 1_700_000_000_000_000}}
}

// cut writes batches with one writer and seals.
func (p *process) cut(bs ...batch) *cut {
	p.w.Helper()
	c := p.w.newCut()
	for _, b := range bs {
		c.write(p.w, p.wr, p.w.build(b))
		c.changes = append(c.changes, b.changes...)
	}
	c.seal(p.w, p.wr)
	for _, s := range c.epoch.Spans {
		if !s.Count.Balanced() {
			p.w.Fatalf("the ledger of %v [%d,%d) does not add up: %+v", s.Lane, s.From.Offset, s.To.Offset, s.Count) // D3
		}
	}
	return c
}

// staged is an epoch after Upload, with what its rows are.
type staged struct {
	stream.Staged
	changes []change
}

// upload makes the epoch durable; what comes back went through JSON, because
// another process may read it.
func (p *process) upload(c *cut) staged {
	p.w.Helper()
	var st stream.Staged
	err := again(func() (err error) { st, err = p.sink.Upload(p.w.Context(), c.epoch, c.parts); return err })
	if err != nil {
		p.w.Fatalf("Upload: %v", err)
	}
	st.Format, st.Epoch = 1, c.epoch
	b, err := json.Marshal(st)
	if err != nil {
		p.w.Fatalf("what was staged cannot be encoded: %v", err)
	}
	st = stream.Staged{}
	if err := json.Unmarshal(b, &st); err != nil {
		p.w.Fatalf("what was staged cannot be decoded: %v", err)
	}
	return staged{st, c.changes}
}

// stage is cut and upload.
func (p *process) stage(bs ...batch) staged { p.w.Helper(); return p.upload(p.cut(bs...)) }

// commit commits s; passing errors are tried again.
func (p *process) commit(s staged) {
	p.w.Helper()
	if err := p.try(s); err != nil {
		p.w.Fatalf("Commit: %v", err)
	}
	p.w.done(s)
}

// done notes that s ought to be in the store, once.
func (w *world) done(s staged) { w.want = append(w.want, s.changes...) }

func (p *process) try(ss ...staged) error {
	var in []stream.Staged
	for _, s := range ss {
		in = append(in, s.Staged)
	}
	return again(func() error { return p.sink.Commit(p.w.Context(), in) })
}

// fenced commits s, which must be refused and change nothing. // D2
func (p *process) fenced(s staged) {
	p.w.Helper()
	before, stood := p.w.rows(), p.stands()
	if err := p.try(s); !errors.Is(err, stream.ErrFenced) {
		p.w.Errorf("Commit: %v, want ErrFenced", err)
	}
	if stands := p.stands(); stands != stood { // D6
		p.w.Errorf("a fenced commit moved positions from\n%s\nto\n%s", stood, stands)
	}
	if after := p.w.rows(); !slices.Equal(before, after) {
		p.w.Errorf("a fenced commit changed the rows from\n%s\nto\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

// stands is where the store stands, for sinks that can be asked without taking part.
func (p *process) stands() string {
	in, ok := p.sink.(stream.Inspector)
	if !ok {
		return ""
	}
	var at stream.Progress
	if err := again(func() (err error) { at, err = in.Inspect(p.w.Context()); return err }); err != nil {
		p.w.Fatalf("Inspect: %v", err)
	}
	b, err := json.Marshal(at)
	if err != nil {
		p.w.Fatal(err)
	}
	return string(b)
}

// rows are the store's rows as sorted text.
func (w *world) rows() []string {
	var got []string
	for _, r := range w.store.Rows(w.T) {
		maps.DeleteFunc(r.Columns, func(k, v string) bool { return v == "null" || strings.HasPrefix(k, "_") })
		if w.o.replica {
			r = Row{Topic: r.Topic, Columns: r.Columns}
		}
		got = append(got, r.String())
	}
	slices.Sort(got)
	if w.o.atLeastOnce {
		got = slices.Compact(got)
	}
	return got
}

// check compares the store with what was committed.
func (w *world) check() {
	w.Helper()
	want := w.model()
	got := w.rows()
	if slices.Equal(got, want) {
		return
	}
	missing, extra := diff(want, got), diff(got, want)
	show := func(s []string) string { return strings.Join(s[:min(len(s), 5)], "\n  ") }
	w.Errorf("the store has %d rows, want %d\n%d missing:\n  %s\n%d too many:\n  %s", len(got), len(want), len(missing), show(missing), len(extra), show(extra))
}

// diff is what a has more of than b, counted.
func diff(a, b []string) (d []string) {
	n := map[string]int{}
	for _, s := range b {
		n[s]++
	}
	for _, s := range a {
		if n[s]--; n[s] < 0 {
			d = append(d, s)
		}
	}
	return d
}
