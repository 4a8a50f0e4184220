package proctest

import (
	"fmt"
	"strings"
	"testing"

	"sluice/schemas"
	"sluice/topology/stream"
)

// Stage states the contract of a processor behind the gate: it is
// deterministic, keeps no view, its rows are a subset or a rewriting of what
// came in the order they came, and Count stays balanced against the rows.
//
// Only the gate makes Clean rows, so the caller brings raw, which may be nil,
// and gate, such as processors/mask for `privacy: none`.
func Stage(t *testing.T, open func() stream.Stage, raw stream.Raw, gate stream.Gate, make func(t testing.TB) []*stream.Batch) {
	run := func(t *testing.T, s stream.Stage, b *stream.Batch) string {
		t.Helper()
		if raw != nil {
			if err := raw.Process(b); err != nil {
				t.Fatal(err)
			}
		}
		in, err := gate.Pass(b)
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.Process(in)
		if err != nil {
			t.Fatal(err)
		}
		if out.Span() != in.Span() || out.Lane() != in.Lane() {
			t.Fatalf("span %v became %v", in.Span(), out.Span()) // D3
		}
		if c, d := in.Count(), out.Count(); d.In != c.In || d.Rejected+d.Filtered+int64(len(out.Rows())) != c.Rejected+c.Filtered+int64(len(in.Rows())) {
			t.Fatalf("count %+v with %d rows became %+v with %d rows", c, len(in.Rows()), d, len(out.Rows()))
		}
		return describeClean(t, out)
	}
	t.Run("determinism", func(t *testing.T) {
		p, q := open(), open()
		one, two := make(t), make(t)
		for i := range one {
			same(t, run(t, p, one[i]), run(t, q, two[i]))
		}
	})
	t.Run("keeps no view", func(t *testing.T) {
		p, q := open(), open()
		var held []string
		for _, b := range make(t) {
			held = append(held, run(t, p, b))
		}
		for i, b := range make(t) {
			got := run(t, q, b)
			b.Release()
			same(t, held[i], got)
		}
	})
}

func describeClean(t *testing.T, c stream.Clean) string {
	t.Helper()
	var s strings.Builder
	fmt.Fprintf(&s, "%v %+v\n", c.Span(), c.Count())
	rows := c.Rows()
	for i := range rows {
		r := &rows[i]
		if i > 0 && (rows[i-1].Offset > r.Offset || rows[i-1].Offset == r.Offset && rows[i-1].Seq >= r.Seq) {
			t.Fatalf("row at offset %d comes after one at %d", r.Offset, rows[i-1].Offset) // D1
		}
		fmt.Fprintf(&s, "%d.%d %s %v", r.Offset, r.Seq, r.Table.Table, r.Op)
		for _, cells := range [][]schemas.Cell{r.Before, r.After, r.Key} {
			s.WriteString(" |")
			for j, cell := range cells {
				if !cell.Absent() {
					fmt.Fprintf(&s, " %s=%s", r.Table.Columns[j].Name, schemas.AppendText(nil, cell, r.Bytes(cell)))
				}
			}
		}
		s.WriteByte('\n')
	}
	return s.String()
}
