package iceberg

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sluice/connectors/iceberg/column"
	"sluice/processors/mask"
	"sluice/schemas"
	"sluice/topology/stream"
)

// rowByRow is Write without blocks.
func (w *writer) rowByRow(c stream.Clean) error {
	w.run++
	w.lane, w.touched = c.Lane(), w.touched[:0]
	dead, rows := len(w.dead), c.Rows()
	var n stream.Count
	for i := range rows {
		switch err := w.row(&rows[i]); {
		case err == nil:
			n.Written++
		case w.reject(&rows[i], err):
			n.Rejected++
		default:
			for _, t := range w.touched {
				t.buf.Rewind()
			}
			w.dead = w.dead[:dead]
			return lanesOf(err, w.lane)
		}
	}
	w.counts[w.lane] = w.counts[w.lane].Add(n)
	return nil
}

// holds is all that w has: the files of its buffers, counts and dead letters.
func (w *writer) holds(t *testing.T) string {
	t.Helper()
	enc, err := column.NewEncoder(column.Options{Codec: column.None})
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for tab, r := range w.routes {
		for _, x := range r.targets {
			var b bytes.Buffer
			if x.buf.Len() > 0 {
				if _, err := enc.Flush(&b, column.File{Buffers: []*column.Buffer{x.buf}}); err != nil {
					t.Fatal(err)
				}
			}
			files = append(files, fmt.Sprintf("%s %d %x", tab.Table, x.buf.Len(), b.Bytes()))
		}
	}
	slices.Sort(files)
	return fmt.Sprint(files, w.counts, w.dead)
}

// TestBlocksWriteWhatRowsDo: a writer that takes rows by blocks holds what one holds
// that takes each by itself: between tables, with rows that are refused, with batches
// that are taken back, and when the batches' memory is gone. // D3 D6
func TestBlocksWriteWhatRowsDo(t *testing.T) {
	k := newStore(t, func(c *Config) { c.Meta = metaNames }).open(t)
	gate, rng := mask.KeepAll(), rand.New(rand.NewPCG(3, 32))
	wide := schemaOf("shop.public.a", "a", col("*id", schemas.Int64), col("f", schemas.Float64), col("s", schemas.String), col("i", schemas.Int32))
	other := schemaOf("shop.public.b", "b", col("*id", schemas.Int64), col("s", schemas.String))
	unknown := schemaOf("shop.public.u", "u", col("*id", schemas.Int64), col("s", schemas.Unknown))
	one := func(offset int64, rare int) (*schemas.Schema, record1) {
		v := map[string]any{"id": rng.Int64() >> rng.IntN(63), "f": rng.NormFloat64(), "s": strings.Repeat("ž", rng.IntN(9)), "i": rng.IntN(9)}
		for at, bad := range []func(){func() { v["i"] = 1 << 40 }, func() { v["id"] = "bad" }, func() { v["f"] = "bad" }} {
			if rng.IntN(rare*6) == at {
				bad()
			}
		}
		switch rng.IntN(6) {
		case 0:
			v["s"] = unavailableValue{}
		case 1:
			v["f"] = nil
		case 2:
			delete(v, "i")
		}
		s := wide
		if rng.IntN(rare) == 0 {
			s = other
		} else if rng.IntN(rare*8) == 0 {
			if s = unknown; rng.IntN(2) == 0 {
				v["s"] = nil
			}
		}
		op := []stream.Op{stream.Insert, stream.Update, stream.Delete, stream.Truncate}[max(0, rng.IntN(20)-16)]
		return s, record1{offset: offset, time: offset, src: stream.SourcePos{Lo: uint64(rng.IntN(2))}, op: op, values: v}
	}
	refused, back := 0, 0
	for range 60 {
		got, want := k.Writer().(*writer), k.Writer().(*writer)
		next := int64(0)
		for range 1 + rng.IntN(4) {
			lane := stream.Lane{Topic: "shop.public.a", Partition: int32(rng.IntN(2))}
			b := stream.NewBatch(lane, pos(next), nil)
			rare := []int{3, 30, 3000}[rng.IntN(3)]
			for range rng.IntN(120) {
				s, r := one(next, rare)
				next++
				b.Records = append(b.Records, batchOf(lane, next-1, next, s, r).Records[0])
			}
			b.To, b.In = pos(next), int64(len(b.Records))
			c, err := gate.Pass(b)
			if err != nil {
				t.Fatal(err)
			}
			err, same := got.Write(c), want.rowByRow(c)
			if fmt.Sprint(err) != fmt.Sprint(same) {
				t.Fatalf("%v, row by row %v", err, same)
			}
			if b.Release(); err != nil {
				back++
			}
			if p, q := got.holds(t), want.holds(t); p != q {
				t.Fatalf("by blocks\n%.2000s\nrow by row\n%.2000s", p, q)
			}
		}
		refused += len(got.dead)
	}
	if refused == 0 || back == 0 {
		t.Fatalf("%d rows refused, %d batches taken back: it tests nothing", refused, back)
	}
}
