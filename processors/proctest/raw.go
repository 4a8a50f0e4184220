package proctest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"sluice/schemas"
	"sluice/topology/stream"
)

// Raw states the contract of a processor before the gate:
//
//   - accounting: In = records + filtered + rejected, records in order of offset
//   - it writes nothing into lent bytes
//   - determinism: a new processor makes the same of the same batches
//   - no view is kept: batches that were released, and overwritten, change nothing
//   - many workers may call it, one at a time for a lane (run with -race)
//
// open returns a new processor, make new batches, the same each time; batches
// of one lane come in order.
func Raw(t *testing.T, open func() stream.Raw, make func(t testing.TB) []*stream.Batch) {
	process := func(t *testing.T, p stream.Raw, b *stream.Batch) {
		t.Helper()
		if err := p.Process(b); err != nil {
			t.Fatalf("%v: %v", b.Span(), err)
		}
	}
	t.Run("accounting", func(t *testing.T) {
		p := open()
		for _, b := range make(t) {
			lent := snapshot(b)
			process(t, p, b)
			if err := accounts(b); err != nil {
				t.Error(err)
			}
			for i, v := range lent.views {
				if !bytes.Equal(v, lent.copies[i]) {
					t.Fatalf("%v: the processor wrote into lent bytes", b.Span())
				}
			}
			b.Release()
		}
	})
	t.Run("determinism", func(t *testing.T) {
		p, q := open(), open()
		one, two := make(t), make(t)
		for i := range one {
			process(t, p, one[i])
			process(t, q, two[i])
			same(t, Describe(one[i]), Describe(two[i]))
		}
	})
	t.Run("keeps no view", func(t *testing.T) {
		p, q := open(), open()
		one, two := make(t), make(t)
		var held []string
		for _, b := range one {
			process(t, p, b)
			held = append(held, Describe(b))
		}
		for i, b := range two {
			process(t, q, b)
			got := Describe(b)
			b.Release() // before the next batch comes
			same(t, held[i], got)
		}
	})
	t.Run("many workers", func(t *testing.T) {
		p := open()
		lanes := map[stream.Lane][]*stream.Batch{}
		for _, b := range make(t) {
			lanes[b.Lane] = append(lanes[b.Lane], b)
		}
		var wg sync.WaitGroup
		for _, batches := range lanes {
			wg.Go(func() {
				for _, b := range batches {
					if err := p.Process(b); err != nil {
						t.Errorf("%v: %v", b.Span(), err)
					}
					if err := accounts(b); err != nil {
						t.Error(err)
					}
					Describe(b) // reads all it says, under the race detector
					b.Release()
				}
			})
		}
		wg.Wait()
	})
}

// Fuzz adds the corpus and runs process over batches of one record made of
// fuzzed bytes. It fails when bytes are written to, the accounts are wrong, a
// cell lies outside its memory, or two new processors disagree.
func Fuzz(f *testing.F, open func() stream.Raw, corpus ...Rec) {
	for _, r := range corpus {
		f.Add(r.Key, r.Value)
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		lane := stream.Lane{Topic: "fuzz"}
		recs := []Rec{{Key: key, Value: value}, {Key: key, Value: value}} // what it learned from the first it meets again
		var said [2]string
		for i := range said {
			b := NewBatch(t, lane, 0, recs...)
			lent := snapshot(b)
			if err := open().Process(b); err != nil {
				t.Fatal(err)
			}
			if err := accounts(b); err != nil {
				t.Fatal(err)
			}
			said[i] = Describe(b)
			for j, v := range lent.views {
				if !bytes.Equal(v, lent.copies[j]) {
					t.Fatal("the processor wrote into lent bytes")
				}
			}
			b.Release()
		}
		same(t, said[0], said[1])
	})
}

func same(t *testing.T, a, b string) {
	t.Helper()
	if a == b {
		return
	}
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			t.Fatalf("the same batch came out as\n%s\nand as\n%s", x[i], y[i])
		}
	}
	t.Fatalf("the same batch came out as %d and as %d lines", len(x), len(y))
}

// memory is the bytes a batch lends, and a copy of them.
type memory struct{ views, copies [][]byte }

func snapshot(b *stream.Batch) (m memory) {
	for i := range b.Records {
		for _, v := range []stream.View{b.Records[i].Key, b.Records[i].Value} {
			m.views = append(m.views, v.Bytes())
			m.copies = append(m.copies, v.Clone())
		}
	}
	return m
}

// accounts checks that no record got lost and the order held. // D1 D3
func accounts(b *stream.Batch) error {
	offsets := map[int64]bool{}
	for _, r := range b.Records {
		offsets[r.Offset] = true
	}
	if got := int64(len(offsets)) + b.Filtered + int64(len(b.Rejects)); got != b.In {
		return fmt.Errorf("%v: in %d, but %d kept + %d filtered + %d rejected", b.Span(), b.In, len(offsets), b.Filtered, len(b.Rejects))
	}
	for i := 1; i < len(b.Records); i++ {
		if a, c := b.Records[i-1], b.Records[i]; a.Offset > c.Offset || a.Offset == c.Offset && a.Seq >= c.Seq {
			return fmt.Errorf("%v: offset %d seq %d comes before %d seq %d", b.Span(), a.Offset, a.Seq, c.Offset, c.Seq)
		}
	}
	for _, r := range b.Rejects {
		if r.Code == "" || r.Stage == "" {
			return fmt.Errorf("%v: a reject at offset %d without stage or code", b.Span(), r.Record.Offset)
		}
	}
	return nil
}

// Describe says all that processors before the gate make of a batch, columns by
// name, so that two results can be compared. Tests only: it holds contents.
func Describe(b *stream.Batch) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%v filtered %d\n", b.Span(), b.Filtered)
	for _, r := range b.Rejects {
		fmt.Fprintf(&s, "reject %d %s %s %q\n", r.Record.Offset, r.Stage, r.Code, r.Field)
	}
	for i := range b.Records {
		r := &b.Records[i]
		fmt.Fprintf(&s, "%d.%d %v snapshot=%v full=%v time=%d src=%v", r.Offset, r.Seq, r.Op, r.Snapshot, r.Full, r.Time, r.Src)
		for _, row := range []struct {
			name  string
			cells []schemas.Cell
		}{{"before", r.Before}, {"after", r.After}, {"key", r.KeyRow}} {
			fmt.Fprintf(&s, " %s=%s", row.name, Row(b, r, row.cells))
		}
		s.WriteByte('\n')
	}
	return s.String()
}

// Row says a row of r: name:type=text, sorted by name; absent columns are left out.
func Row(b *stream.Batch, r *stream.Record, cells []schemas.Cell) string {
	if cells == nil {
		return "none"
	}
	var out []string
	for i, c := range cells {
		f := &r.Schema.Fields[i]
		key := ""
		if f.Key {
			key = "*"
		}
		switch {
		case c.Absent():
			continue
		case c.IsNull():
			out = append(out, fmt.Sprintf("%s%s:%v=null", f.Name, key, f.Type))
		case c.Flags&schemas.Unavailable != 0:
			out = append(out, fmt.Sprintf("%s%s:%v=unavailable", f.Name, key, f.Type))
		default:
			out = append(out, fmt.Sprintf("%s%s:%v=%s", f.Name, key, f.Type, schemas.AppendText(nil, c, b.CellBytes(r, c))))
		}
	}
	slices.Sort(out)
	return "{" + strings.Join(out, " ") + "}"
}
