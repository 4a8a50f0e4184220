package iceberg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluice/connectors/sinktest"
	"sluice/processors/mask"
	"sluice/schemas"
	"sluice/topology/stream"
)

// unavailableValue is Debezium's placeholder in a test row.
type unavailableValue struct{}

// change1 is one record of a test.
type record1 struct {
	offset   int64
	seq      int32
	op       stream.Op
	snapshot bool
	time     int64
	src      stream.SourcePos
	values   map[string]any
}

// schemaOf makes a closed schema; a name with a star is part of the key.
func schemaOf(topic, tab string, fields ...schemas.Field) *schemas.Schema {
	return schemas.NewSchema(schemas.Schema{Topic: topic, Version: 1, Closed: true, Database: "shop", Namespace: "public", Table: tab, Fields: fields})
}

func col(name string, k schemas.Kind) schemas.Field {
	return schemas.Field{Name: strings.TrimPrefix(name, "*"), Type: schemas.Type{Kind: k}, Key: strings.HasPrefix(name, "*"), Nullable: true}
}

// batchOf makes a decoded batch of lane [from, to).
func batchOf(lane stream.Lane, from, to int64, s *schemas.Schema, recs ...record1) *stream.Batch {
	b := stream.NewBatch(lane, pos(from), nil)
	b.To = pos(to)
	for _, x := range recs {
		r := stream.Record{Offset: x.offset, Seq: x.seq, Op: x.op, Snapshot: x.snapshot, Time: x.time, Src: x.src, Schema: s}
		var value, key []byte
		after, keyed := make([]schemas.Cell, len(s.Fields)), make([]schemas.Cell, len(s.Fields))
		hasKey := false
		for i, f := range s.Fields {
			v, ok := x.values[f.Name]
			if !ok {
				continue
			}
			value, after[i] = putCell(value, v)
			if f.Key {
				hasKey = true
				key, keyed[i] = putCell(key, v)
				keyed[i].Flags |= schemas.InKey
			}
		}
		if x.op != stream.Delete && x.op != stream.Truncate {
			r.After = after
		}
		if hasKey && x.op != stream.Truncate {
			r.KeyRow = keyed
		}
		r.Value, r.Key = stream.ViewOf(value), stream.ViewOf(key)
		b.Records = append(b.Records, r)
		b.In++
	}
	return b
}

func putCell(p []byte, v any) ([]byte, schemas.Cell) {
	c := schemas.Cell{Off: uint32(len(p)), Flags: schemas.Present}
	var raw string
	switch v := v.(type) {
	case nil:
		c.Flags |= schemas.Null
	case unavailableValue:
		c.Enc, raw = schemas.EncText, "__debezium_unavailable_value"
		c.Flags |= schemas.Unavailable
	case int:
		c.Enc, raw = schemas.EncInt, strconv.Itoa(v)
	case int64:
		c.Enc, raw = schemas.EncInt, strconv.FormatInt(v, 10)
	case float64:
		c.Enc, raw = schemas.EncFloat, strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		c.Enc = schemas.EncFalse
		if v {
			c.Enc = schemas.EncTrue
		}
	case string:
		c.Enc, raw = schemas.EncText, v
	case []byte:
		c.Enc, raw = schemas.EncBytes, string(v)
	default:
		panic(fmt.Sprintf("no cell of %T", v))
	}
	c.Len = uint32(len(raw))
	return append(p, raw...), c
}

func pos(o int64) stream.Position { return stream.Position{Offset: o, Epoch: 1} }

// clean takes b through the gate.
func clean(t testing.TB, b *stream.Batch) stream.Clean {
	t.Helper()
	c, err := mask.KeepAll().Pass(b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// epochOf writes batches with one writer of k each, seals and uploads.
type epochOf struct {
	stream.Epoch
	parts []stream.Part
}

var commits = 0

func newEpoch(sink string) *epochOf {
	commits++
	return &epochOf{Epoch: stream.Epoch{Pipeline: sinktest.Pipeline, Sink: sink, Commit: fmt.Sprintf("c%d", commits), Plan: "p", Cluster: "k", Time: 1}}
}

func (e *epochOf) write(t testing.TB, w stream.Writer, b *stream.Batch) {
	t.Helper()
	c := clean(t, b)
	if err := w.Write(c); err != nil {
		t.Fatalf("Write: %v", err)
	}
	n := c.Count()
	for i := range e.Spans {
		if e.Spans[i].Lane == b.Lane {
			e.Spans[i].To, e.Spans[i].Count = b.To, e.Spans[i].Count.Add(n)
			b.Release()
			return
		}
	}
	e.Spans = append(e.Spans, stream.LedgerSpan{Span: b.Span(), TopicID: "id-" + b.Lane.Topic, Count: n})
	b.Release()
}

func (e *epochOf) seal(t testing.TB, w stream.Writer) {
	t.Helper()
	p, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	for i := range e.Spans {
		e.Spans[i].Count = e.Spans[i].Count.Add(p.Counts[e.Spans[i].Lane])
	}
	e.Rejects = append(e.Rejects, p.Rejects...)
	e.parts = append(e.parts, p)
}

func (e *epochOf) upload(t testing.TB, k *Sink) stream.Staged {
	t.Helper()
	st, err := k.Upload(context.Background(), e.Epoch, e.parts)
	if err != nil {
		t.Fatalf("Upload: %v", err)
	}
	return st
}

// stage is one epoch of batches.
func stage(t testing.TB, k *Sink, bs ...*stream.Batch) stream.Staged {
	t.Helper()
	e, w := newEpoch(k.env.Name), k.Writer()
	for _, b := range bs {
		e.write(t, w, b)
	}
	e.seal(t, w)
	for _, s := range e.Spans {
		if !s.Count.Balanced() {
			t.Fatalf("the ledger of %v does not add up: %+v", s.Lane, s.Count) // D3
		}
	}
	return e.upload(t, k)
}

func commit(t testing.TB, k *Sink, st ...stream.Staged) {
	t.Helper()
	if err := again(func() error { return k.Commit(context.Background(), st) }); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

// again calls f while its error passes, as the engine does.
func again(f func() error) (err error) {
	for range 20 {
		if err = f(); stream.KindOf(err) != stream.KindRetry {
			return err
		}
	}
	return err
}

func recovered(t testing.TB, k *Sink) stream.Progress {
	t.Helper()
	p, err := k.Recover(context.Background(), nil)
	if err != nil {
		t.Fatalf("Recover: %v", err)
	}
	return p
}

// wantState checks the kind of a StateError.
func wantState(t testing.TB, err error, state stream.LaneState, text string) {
	t.Helper()
	var se *stream.StateError
	if !errors.As(err, &se) || se.State != state || !strings.Contains(err.Error(), text) {
		t.Fatalf("got %v, want %v about %q", err, state, text)
	}
}

var (
	lane0  = stream.Lane{Topic: "shop.public.orders", Partition: 0}
	lane1  = stream.Lane{Topic: "shop.public.orders", Partition: 1}
	orders = schemaOf("shop.public.orders", "orders", col("*id", schemas.Int64), col("note", schemas.String))
)

// some makes n orders from offset from.
func some(lane stream.Lane, from, n int64) *stream.Batch {
	var rs []record1
	for o := from; o < from+n; o++ {
		rs = append(rs, record1{offset: o, time: 1_700_000_000_000_000 + o, values: map[string]any{"id": int64(lane.Partition)*1000 + o, "note": fmt.Sprint("n", o)}})
	}
	return batchOf(lane, from, from+n, orders, rs...)
}

// offsets lists partition/offset of a table, sorted.
func offsets(t testing.TB, k *Sink, name string) []string {
	t.Helper()
	var out []string
	for _, m := range scanTable(t, k, name) {
		out = append(out, fmt.Sprintf("%d/%03d", m["_partition"], m["_offset"]))
	}
	slices.Sort(out)
	return out
}

func wantOffsets(t testing.TB, k *Sink, name string, n0, n1 int64) {
	t.Helper()
	var want []string
	for o := range n0 {
		want = append(want, fmt.Sprintf("0/%03d", o))
	}
	for o := range n1 {
		want = append(want, fmt.Sprintf("1/%03d", o))
	}
	if got := offsets(t, k, name); !slices.Equal(got, want) {
		t.Fatalf("table %s holds %v, want %v", name, got, want)
	}
}
