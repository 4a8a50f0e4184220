package iceberg

import (
	"context"
	"fmt"
	"testing"
	"time"

	"sluice/schemas"
	"sluice/topology/stream"
)

// TestManyTables: 500 tables at once are one file a table and one request to
// commit, whatever the number of workers.
func TestManyTables(t *testing.T) {
	n := 500
	if testing.Short() {
		n = 50
	}
	s := newStore(t)
	k := s.open(t)
	recovered(t, k)
	var lanes []stream.Lane
	var all []*schemas.Schema
	for i := range n {
		topic := fmt.Sprintf("shop.public.t%03d", i)
		lanes = append(lanes, stream.Lane{Topic: topic})
		all = append(all, schemaOf(topic, fmt.Sprintf("t%03d", i), col("*id", schemas.Int64), col("note", schemas.String)))
	}
	const workers, epochs = 3, 2
	for e := range int64(epochs) {
		begin := time.Now()
		ep := newEpoch(k.env.Name)
		var ws []stream.Writer
		for w := range workers {
			wr := k.Writer()
			for i, l := range lanes {
				l.Partition = int32(w) // a topic's partitions are at home on several workers
				ep.write(t, wr, batchOf(l, e, e+1, all[i], record1{offset: e, values: map[string]any{"id": e*10 + int64(w), "note": "x"}}))
			}
			ws = append(ws, wr)
		}
		var held int64
		for _, w := range ws {
			held += w.Size()
			ep.seal(t, w)
		}
		written := time.Now()
		st := ep.upload(t, k)
		uploaded := time.Now()
		s.mu.Lock()
		s.counts = map[string]int{}
		s.mu.Unlock()
		commit(t, k, st)
		t.Logf("epoch %d: %d tables, write %v (%d KB held), upload %v, commit %v, staged %d KB, requests %v", e, n, written.Sub(begin).Round(time.Millisecond), held>>10,
			uploaded.Sub(written).Round(time.Millisecond), time.Since(uploaded).Round(time.Millisecond), len(st.Payload)>>10, s.counts)
		if s.counts["transaction"] != 1 || s.counts["update"] != 0 {
			t.Fatalf("requests %v, want one transaction", s.counts)
		}
	}
	for i := range n {
		if f := s.files(t, fmt.Sprintf("t%03d", i)); f != epochs {
			t.Fatalf("table %d has %d files, want %d", i, f, epochs)
		}
	}
	rows, err := k.Rows(context.Background())
	if err != nil || rows != int64(n*workers*epochs) {
		t.Fatalf("%d rows, %v; want %d", rows, err, n*workers*epochs)
	}
}

// BenchmarkWrite is the hot path: rows to columns.
func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct{ name, part string }{{"whole", ""}, {"bucket", "bucket(8, id)"}, {"day", "day(_ts)"}} {
		b.Run(c.name, func(b *testing.B) {
			s := newStore(b, func(cfg *Config) {
				if c.part != "" {
					cfg.Partition = map[string][]string{"*": {c.part}}
				}
			})
			k := s.open(b)
			w := k.Writer()
			in := clean(b, some(lane0, 0, 1000))
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Write(in); err != nil {
					b.Fatal(err)
				}
				if w.Size() > 64<<20 {
					w.Seal()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
		})
	}
}

// BenchmarkCommit is the fixed cost of an epoch.
func BenchmarkCommit(b *testing.B) {
	s := newStore(b)
	k := s.open(b)
	recovered(b, k)
	from := int64(0)
	for b.Loop() {
		commit(b, k, stage(b, k, some(lane0, from, 1)))
		from++
	}
}

// TestWriteAllocatesNothing: a row costs no allocation once its table is known.
func TestWriteAllocatesNothing(t *testing.T) {
	for _, part := range []string{"", "bucket(2, id)"} {
		s := newStore(t, func(c *Config) {
			c.Meta = metaNames
			if part != "" {
				c.Partition = map[string][]string{"*": {part}}
			}
		})
		w := s.open(t).Writer().(*writer)
		in := clean(t, some(lane0, 0, 1000))
		for range 40 {
			w.Write(in)
		}
		if n := testing.AllocsPerRun(20, func() { w.Write(in) }); n > 30 { // growth of columns, now and then
			t.Errorf("partition %q: %v allocations for 1,000 rows", part, n)
		}
	}
}
