package column

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"sluice/schemas"
	"sluice/topology/stream"
)

// sameRows fails unless both buffers hold the same.
func sameRows(t *testing.T, got, want *Buffer) {
	t.Helper()
	if err := got.check(); err != nil {
		t.Fatal(err)
	}
	if got.rows != want.rows {
		t.Fatalf("%d rows, want %d", got.rows, want.rows)
	}
	for i := range want.cols {
		g, w := &got.cols[i], &want.cols[i]
		if string(g.data) != string(w.data) || g.null != w.null || g.nullsIn(0, g.rows) != w.nullsIn(0, w.rows) {
			t.Fatalf("column %d: %d nulls and %x, want %d and %x", i, g.null, g.data, w.null, w.data)
		}
		for k := range (g.rows + 63) / 64 {
			if g.word(k, g.rows) != w.word(k, w.rows) {
				t.Fatalf("column %d: other nulls", i)
			}
		}
	}
}

// TestBlocksAreRows: rows by blocks are the rows one by one, whatever cells
// they have, and a block that has a bad cell leaves nothing.
func TestBlocksAreRows(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for round := range 300 {
		var fields []Field
		var srcs []Source
		cases := make([]int, 1+r.IntN(6))
		for i := range cases {
			for cases[i] = r.IntN(len(cellCases)); round%3 > 0 && cellCases[cases[i]].code != ""; {
				cases[i] = r.IntN(len(cellCases))
			}
			c := &cellCases[cases[i]]
			f := Field{Name: fmt.Sprint("c", i), ID: i + 1, Type: c.to}
			s, err := CellSource(f, i, c.from)
			if err != nil {
				t.Fatal(err)
			}
			fields, srcs = append(fields, f), append(srcs, s)
		}
		fields, srcs = append(fields, Field{Name: "meta", ID: 99, Type: typeOf(schemas.Int64)}), append(srcs, Source{})
		got, want := NewBuffer(fields), NewBuffer(fields)
		for range 1 + r.IntN(4) {
			rows, cells := randomRows(r, cases)
			got.Mark()
			_, err := got.AppendRows(rows, cells, srcs)
			var bad error
			for i := range rows {
				if e := want.AppendRow(rows[i], cells[i], srcs); e != nil {
					bad = errors.Join(bad, e)
					continue
				}
				want.AppendInt64(len(cases), int64(i))
				if e := want.EndRow(); e != nil {
					t.Fatal(e)
				}
			}
			if (err != nil) != (bad != nil) {
				t.Fatalf("AppendRows: %v, AppendRow: %v", err, bad)
			}
			if err != nil { // as a writer does
				for i := range rows {
					if got.AppendRow(rows[i], cells[i], srcs) == nil {
						got.AppendInt64(len(cases), int64(i))
						if err := got.EndRow(); err != nil {
							t.Fatal(err)
						}
					}
				}
				continue
			}
			for i := range rows {
				got.AppendInt64(len(cases), int64(i))
			}
			if r.IntN(4) == 0 { // and once more from the start
				got.Rewind()
				if _, err := got.AppendRows(rows, cells, srcs); err != nil {
					t.Fatal(err)
				}
				for i := range rows {
					got.AppendInt64(len(cases), int64(i))
				}
			}
			if err := got.EndRows(); err != nil {
				t.Fatal(err)
			}
		}
		sameRows(t, got, want)
	}
}

// randomRows are rows of which column i is spelled as case cases[i], is a
// number or a text of any length, or nothing; their bytes stand anywhere.
func randomRows(r *rand.Rand, cases []int) (rows []*stream.CleanRow, cells [][]schemas.Cell) {
	for range r.IntN(100) {
		p := []byte("9.-1a\xFF0123456789.23")[:r.IntN(19)]
		var cs []schemas.Cell
		for _, at := range cases {
			c := &cellCases[at]
			text := c.text
			cell := schemas.Cell{Off: uint32(len(p)), Enc: c.enc, Flags: schemas.Present}
			switch x := r.IntN(20); {
			case x == 0:
				cell.Flags = []schemas.Flags{0, schemas.Present | schemas.Null, schemas.Present | schemas.Unavailable}[r.IntN(3)]
			case c.code == "" && c.enc == schemas.EncInt && c.from.Type.Kind == schemas.Int64:
				text = strconv.Itoa(int(int64(r.Uint64()) >> r.IntN(64)))
			case c.code == "" && c.enc == schemas.EncInt && (c.to.Kind == schemas.Int32 || isMoment(c.to.Kind)):
				text = strconv.Itoa(r.IntN(1<<[]int{3, 20, 30}[r.IntN(3)]) - 1<<r.IntN(29))
			case c.code == "" && c.enc == schemas.EncFloat && c.to.Kind == schemas.Float64:
				text = strconv.FormatFloat(r.NormFloat64()*1000, 'f', r.IntN(12), 64)
			case c.enc == schemas.EncText && c.from.Type.Kind == schemas.String:
				text = []string{"é", "\xFFabcdefgh", "", "0123456", "01234567", "012345678"}[r.IntN(6)] + "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyzžluť\xFE"[:r.IntN(70)]
			}
			cell.Len = uint32(len(text))
			p, cs = append(p, text...), append(cs, cell)
		}
		rows, cells = append(rows, rowOf(p)), append(cells, cs[:len(cs)-r.IntN(5)/4])
	}
	return rows, cells
}

func TestBlockMisuse(t *testing.T) {
	fields := []Field{{Name: "a", ID: 1, Type: typeOf(schemas.Int64)}, {Name: "b", ID: 2, Type: typeOf(schemas.Int64)}}
	src, err := CellSource(fields[0], 0, schemas.Field{Type: typeOf(schemas.Int64)})
	if err != nil {
		t.Fatal(err)
	}
	row, cell := rowOf([]byte("7")), []schemas.Cell{cellOf(schemas.EncInt, "7")}
	for name, do := range map[string]func(b *Buffer) error{
		"too few":  func(b *Buffer) error { b.AppendInt64(1, 1); return b.EndRows() },
		"too many": func(b *Buffer) error { b.AppendInt64(1, 1); b.AppendNull(1); b.AppendInt64(1, 3); return b.EndRows() },
		"one row":  func(b *Buffer) error { b.AppendInt64(1, 1); return b.EndRow() },
	} {
		b := NewBuffer(fields)
		b.AppendInt64(0, 5)
		if err := b.EndRow(); err != nil {
			t.Fatal(err)
		}
		if _, err := b.AppendRows([]*stream.CleanRow{row, row}, [][]schemas.Cell{cell, cell}, []Source{src}); err != nil {
			t.Fatal(err)
		}
		if do(b) == nil {
			t.Errorf("%s: no error", name)
		}
		roundTrip(t, b, [][]cellValue{{int64(5), nil}}, Options{})
	}
}

// TestBlockRequired: rows that want a column that must be there are not begun.
func TestBlockRequired(t *testing.T) {
	b := NewBuffer([]Field{{Name: "a", ID: 1, Type: typeOf(schemas.Int64), Required: true}})
	if _, err := b.AppendRows(slices.Repeat([]*stream.CleanRow{rowOf(nil)}, 3), make([][]schemas.Cell, 3), []Source{{}}); err != nil {
		t.Fatal(err)
	}
	var e *CellError
	if err := b.EndRows(); !errors.As(err, &e) || *e != (CellError{"a", CodeNullInRequired}) {
		t.Fatalf("rows without a required column: %v", err)
	}
	roundTrip(t, b, nil, Options{})
}

// TestGaps: what AppendRows says of cells without a value.
func TestGaps(t *testing.T) {
	f := Field{Name: "a", ID: 1, Type: typeOf(schemas.Int64)}
	src, err := CellSource(f, 0, schemas.Field{Type: f.Type})
	if err != nil {
		t.Fatal(err)
	}
	row, has := rowOf([]byte("7")), cellOf(schemas.EncInt, "7")
	for _, c := range []struct {
		cell schemas.Cell
		want schemas.Flags
	}{{has, 0}, {schemas.NullCell, schemas.Present | schemas.Null}, {schemas.Cell{Flags: schemas.Present | schemas.Unavailable}, schemas.Present | schemas.Unavailable}, {schemas.Cell{}, 0}} {
		b := NewBuffer([]Field{f})
		gaps, err := b.AppendRows([]*stream.CleanRow{row, row, row}, [][]schemas.Cell{{has}, {c.cell}, {has}}, []Source{src})
		if err != nil || gaps != c.want {
			t.Errorf("%v: %v, %v", c.cell, gaps, err)
		}
	}
}

// TestBlockTakesNoMoreThanItHas: one long text among short ones takes room for
// itself, not for as many as there are rows. // D7
func TestBlockTakesNoMoreThanItHas(t *testing.T) {
	f := Field{Name: "a", ID: 1, Type: typeOf(schemas.String)}
	src, err := CellSource(f, 0, schemas.Field{Type: f.Type})
	if err != nil {
		t.Fatal(err)
	}
	for _, long := range []int{3 << 10, 1 << 20} {
		for at := range BlockRows {
			rows, cells := make([]*stream.CleanRow, BlockRows), make([][]schemas.Cell, BlockRows)
			for i := range rows {
				text := []byte("short")
				if i == at {
					text = slices.Repeat([]byte("x"), long)
				}
				rows[i], cells[i] = rowOf(text), []schemas.Cell{cellOf(schemas.EncText, string(text))}
			}
			b := NewBuffer([]Field{f})
			if _, err := b.AppendRows(rows, cells, []Source{src}); err != nil {
				t.Fatal(err)
			}
			if err := b.EndRows(); err != nil {
				t.Fatal(err)
			}
			if has, holds := b.Lengths()[0], b.Size(); holds > int64(2*has+2*guess) {
				t.Fatalf("row %d of %d bytes: %d bytes are held for %d", at, long, holds, has)
			}
		}
	}
}
