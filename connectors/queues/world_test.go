package queues

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	emulator "sluice/connectors/emulator/cloudflare"
	"sluice/connectors/sinktest"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// world is a queue in an emulator, or on the Workers runtime, and the progress
// beside it.
type world struct {
	testing.TB
	edge  *edge // nil: the emulator
	e     *emulator.Emulator
	queue string
	truth *sinktest.Truth
	n     int

	secret string
}

func newWorld(t testing.TB) *world {
	e, err := emulator.New(emulator.Options{Account: "acc", Token: "tok", Requests: -1,
		Sleep: func(context.Context, time.Duration) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	q, err := e.CreateQueue("events")
	if err != nil {
		t.Fatal(err)
	}
	return &world{TB: t, e: e, queue: q, truth: sinktest.NewTruth(), secret: "tok"}
}

func (w *world) transport() http.RoundTripper {
	if w.edge != nil {
		return w.edge
	}
	return w.e.Transport()
}

func (w *world) env(name string) topology.Env {
	return topology.Env{Pipeline: "conformance", Name: name, Log: slog.New(slog.DiscardHandler), Now: time.Now, HTTP: w.transport(),
		Secret:   func(string) (string, error) { return w.secret, nil },
		Progress: func(string) (stream.ProgressStore, error) { return w.truth.Open(), nil }}
}

func (w *world) config() Config {
	c := Default()
	c.Queue, c.Progress = w.queue, "d1"
	if w.edge != nil {
		c.Via, c.Bridge, c.Key = "bridge", w.edge.url, "env:KEY"
		return c
	}
	c.Account, c.Token, c.Requests = "acc", "env:T", 0
	return c
}

// fail makes the next n pushes fail.
func (w *world) fail(k emulator.Kind, n int) {
	if w.edge != nil {
		w.edge.line.Fail(k, n)
		return
	}
	w.e.Fail(emulator.Fault{Path: "queues/*/messages/batch", Kind: k, Count: n})
}

// bodies are the queue's messages.
func (w *world) bodies() (out [][]byte) {
	w.Helper()
	if w.edge != nil {
		return w.edge.bodies(w)
	}
	ms, err := w.e.Messages(w.queue)
	if err != nil {
		w.Fatal(err)
	}
	for _, m := range ms {
		out = append(out, m.Body)
	}
	return out
}

func (w *world) purge() {
	w.Helper()
	if w.edge != nil {
		w.edge.purge(w)
		return
	}
	if err := w.e.Purge(w.queue); err != nil {
		w.Fatal(err)
	}
}

// open starts a process.
func (w *world) open(change ...func(*Config)) *sink {
	w.Helper()
	c := w.config()
	for _, f := range change {
		f(&c)
	}
	if err := c.Validate(); err != nil {
		w.Fatal(err)
	}
	s, err := open(c, w.env("sink"))
	if err != nil {
		w.Fatal(err)
	}
	if _, err := s.Recover(w.Context(), []stream.Lane{laneA, laneB}); err != nil {
		w.Fatal(err)
	}
	return s.(*sink)
}

var (
	laneA = stream.Lane{Topic: "events", Partition: 0}
	laneB = stream.Lane{Topic: "events", Partition: 1}
)

func at(n int64) stream.Position { return stream.Position{Offset: n, Epoch: 7} }

var schema = schemas.NewSchema(schemas.Schema{Topic: "events", Version: 1, Fields: []schemas.Field{
	{Name: "id", Type: schemas.Type{Kind: schemas.Int64}, Key: true},
	{Name: "note", Type: schemas.Type{Kind: schemas.String}, Nullable: true},
}})

// record makes a record of id and note.
func record(o int64, op stream.Op, note string) stream.Record {
	key := fmt.Appendf(nil, `{"id":%d}`, o)
	value := fmt.Appendf(nil, `%d"%s"`, o, note)
	digits := uint32(len(fmt.Sprint(o)))
	id := schemas.Cell{Off: 6, Len: digits, Enc: schemas.EncInt, Flags: schemas.Present | schemas.InKey}
	r := stream.Record{Offset: o, Op: op, Time: 1_700_000_000_000_000 + o, Schema: schema, Key: stream.ViewOf(key), Value: stream.ViewOf(value), KeyRow: []schemas.Cell{id, {}}}
	if op == stream.Insert || op == stream.Update {
		r.After = []schemas.Cell{{Len: digits, Enc: schemas.EncInt, Flags: schemas.Present}, {Off: digits + 1, Len: uint32(len(note)), Enc: schemas.EncText, Flags: schemas.Present}}
	}
	return r
}

// batch is [from, to) of a lane, one insert an offset.
func batch1(lane stream.Lane, from, to int64, note string) *stream.Batch {
	b := stream.NewBatch(lane, at(from), nil)
	b.To = at(to)
	for o := from; o < to; o++ {
		b.Records = append(b.Records, record(o, stream.Insert, note))
	}
	b.In = int64(len(b.Records))
	return b
}

// stage writes batches, seals and uploads them under a commit id of their own.
func (w *world) stage(s *sink, bs ...*stream.Batch) stream.Staged {
	w.Helper()
	w.n++
	e := stream.Epoch{Pipeline: "conformance", Sink: "sink", Commit: fmt.Sprintf("commit-%d", w.n), Plan: "plan", Cluster: "cluster", Time: 1}
	wr := s.Writer()
	for _, b := range bs {
		c := clean(w, b)
		if err := wr.Write(c); err != nil {
			w.Fatal(err)
		}
		e.Spans = append(e.Spans, stream.LedgerSpan{Span: b.Span(), TopicID: "topic-id", Count: c.Count()})
		for i := range b.Records { // who keeps a view reads garbage
			for _, p := range [][]byte{b.Records[i].Key.Bytes(), b.Records[i].Value.Bytes()} {
				for j := range p {
					p[j] = 0xDB
				}
			}
		}
		b.Release()
	}
	part, err := wr.Seal()
	if err != nil {
		w.Fatal(err)
	}
	for i := range e.Spans {
		sp := &e.Spans[i]
		if sp.Count = sp.Count.Add(part.Counts[sp.Lane]); !sp.Count.Balanced() {
			w.Fatalf("the ledger of %v does not add up: %+v", sp.Lane, sp.Count) // D3
		}
	}
	e.Rejects = part.Rejects
	st, err := s.Upload(w.Context(), e, []stream.Part{part})
	if err != nil {
		w.Fatal(err)
	}
	b, err := json.Marshal(st) // plain data: another process may read it
	if err != nil {
		w.Fatal(err)
	}
	st = stream.Staged{}
	if err := json.Unmarshal(b, &st); err != nil {
		w.Fatal(err)
	}
	return st
}

func (w *world) commit(s *sink, st ...stream.Staged) error { return s.Commit(w.Context(), st) }

// again commits as the engine does: passing errors are tried again.
func (w *world) again(s *sink, st ...stream.Staged) {
	w.Helper()
	var err error
	for range 20 {
		if err = w.commit(s, st...); stream.KindOf(err) != stream.KindRetry {
			break
		}
	}
	if err != nil {
		w.Fatal(err)
	}
}

// ids are those of the queue's messages with how often each is there, sorted.
// Messages of one id must be equal.
func (w *world) ids() []string {
	w.Helper()
	ms, err := w.e.Messages(w.queue)
	if err != nil {
		w.Fatal(err)
	}
	bodies, count := map[string]string{}, map[string]int{}
	for _, m := range ms {
		var x struct{ ID string }
		if err := json.Unmarshal(m.Body, &x); err != nil || m.ContentType != "text" {
			w.Fatalf("message %s: %v", m.Body, err)
		}
		if old, ok := bodies[x.ID]; ok && old != string(m.Body) {
			w.Errorf("two messages of id %s: %s and %s", x.ID, old, m.Body)
		}
		bodies[x.ID] = string(m.Body)
		count[x.ID]++
	}
	var out []string
	for id, n := range count {
		out = append(out, fmt.Sprintf("%s*%d", strings.TrimPrefix(id, "conformance/events/"), n))
	}
	slices.Sort(out)
	return out
}

// want checks the ids without "conformance/events/".
func (w *world) want(ids ...string) {
	w.Helper()
	if got := w.ids(); !slices.Equal(got, ids) {
		w.Errorf("the queue holds %v\nwant %v", got, ids)
	}
}

// span lists ids of [from, to) of a lane, each there n times.
func span(lane stream.Lane, from, to int64, n int) (out []string) {
	for o := from; o < to; o++ {
		out = append(out, fmt.Sprintf("%d/%d/0*%d", lane.Partition, o, n))
	}
	slices.Sort(out)
	return out
}

func (w *world) stands(a int64) {
	w.Helper()
	if got := w.truth.P.Lanes[laneA].Next.Offset; got != a {
		w.Errorf("the progress stands at %d, want %d", got, a)
	}
}
