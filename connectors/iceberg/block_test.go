package iceberg

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"sluice/connectors/iceberg/column"
	"sluice/schemas"
	"sluice/topology/stream"
)

// TestBlocksAreRows: rows that go into columns by blocks are what they are one
// by one, in their partitions, and the bad ones are dead letters in order.
func TestBlocksAreRows(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	sc := schemaOf("shop.public.orders", "orders", col("*id", schemas.Int32), col("note", schemas.String), col("big", schemas.String))
	for _, part := range []string{"", "bucket(3, id)", "truncate(100, id)"} {
		s := newStore(t, func(c *Config) {
			c.Meta = metaNames
			if part != "" {
				c.Partition = map[string][]string{"*": {part}}
			}
		})
		k := s.open(t)
		blocks, rows := k.Writer().(*writer), k.Writer().(*writer)
		at := int64(0)
		for _, bad := range []int{0, 0, 1, 40, 400} { // in a thousand
			var recs []record1
			from := at
			for range r.IntN(300) {
				x := record1{offset: at, time: at, snapshot: r.IntN(2) == 0, values: map[string]any{"id": int(at)}}
				switch r.IntN(12) {
				case 0:
					x.op = stream.Delete
				case 1:
					x.op, x.values["big"], x.src = stream.Update, unavailableValue{}, stream.SourcePos{Hi: 1, Lo: uint64(at)}
				default:
					x.values["note"] = "n"
				}
				if r.IntN(1000) < bad {
					x.values["id"] = []any{"SECRET", int64(1) << 40}[r.IntN(2)]
				}
				recs, at = append(recs, x), at+1
			}
			at++
			in := clean(t, batchOf(lane0, from, at, sc, recs...))
			if err := blocks.Write(in); err != nil {
				t.Fatal(err)
			}
			rows.run++
			rows.lane = in.Lane()
			all := in.Rows()
			for i := range all {
				if err := rows.row(&all[i]); err != nil && !rows.reject(&all[i], err) {
					t.Fatal(err)
				}
			}
		}
		if !reflect.DeepEqual(blocks.dead, rows.dead) || len(rows.dead) == 0 {
			t.Errorf("%q: dead letters %v, want %v", part, blocks.dead, rows.dead)
		}
		n := 0
		for table, want := range rows.routes {
			got := blocks.routes[table]
			if len(got.targets) != len(want.targets) {
				t.Fatalf("%q: %d partitions, want %d", part, len(got.targets), len(want.targets))
			}
			for key, x := range want.targets {
				var a, b bytes.Buffer
				if _, err := got.targets[key].buf.Flush(&a, column.Options{}); err != nil {
					t.Fatal(err)
				}
				if _, err := x.buf.Flush(&b, column.Options{}); err != nil {
					t.Fatal(err)
				}
				if n += x.buf.Len(); !bytes.Equal(a.Bytes(), b.Bytes()) {
					t.Errorf("%q: a partition has other rows by blocks", part)
				}
			}
		}
		if c := blocks.counts[lane0]; c.Written != int64(n) || c.Rejected != int64(len(rows.dead)) {
			t.Errorf("%q: counts %+v, want %d and %d", part, c, n, len(rows.dead))
		}
	}
}
