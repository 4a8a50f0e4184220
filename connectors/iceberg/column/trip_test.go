package column

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"sluice/schemas"
)

// The columns of the project's own benchmark (integration/bench, trips): i is
// a small integer, d a date and time as text, s a flag, g degrees of six
// decimals, m money of two; the first is the row's number.
const (
	tripColumns   = "iiiddsiggggimmmmmmmmmmmiiiiii"
	narrowColumns = "iidimm"
)

// newTripTable makes n rows of such columns.
func newTripTable(tb testing.TB, columns string, n int) *cellTable {
	kinds := map[rune]schemas.Kind{'i': schemas.Int64, 'd': schemas.String, 's': schemas.String, 'g': schemas.Float64, 'm': schemas.Float64}
	t := &cellTable{}
	for i, c := range columns {
		f := Field{Name: fmt.Sprintf("column_name_%d", i), ID: i + 1, Type: typeOf(kinds[c]), Bounds: true}
		s, err := CellSource(f, i, schemas.Field{Name: f.Name, Type: f.Type})
		if err != nil {
			tb.Fatal(err)
		}
		t.fields, t.srcs = append(t.fields, f), append(t.srcs, s)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for row := range n {
		var p []byte
		cells := make([]schemas.Cell, len(columns))
		for i, c := range columns {
			p = append(p, fmt.Sprintf("%q:", t.fields[i].Name)...)
			at, enc := len(p), schemas.EncText
			switch {
			case c == 'i' && i == 0:
				p, enc = strconv.AppendInt(p, int64(row), 10), schemas.EncInt
			case c == 'i':
				p, enc = strconv.AppendInt(p, int64(r.IntN(260)), 10), schemas.EncInt
			case c == 'd':
				p = fmt.Appendf(p, "2026-11-%02dT%02d:%02d:%02dZ", 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60))
			case c == 's':
				p = append(p, 'N')
			case c == 'g':
				p, enc = strconv.AppendFloat(p, 40+r.Float64(), 'f', 6, 64), schemas.EncFloat
			default:
				p, enc = strconv.AppendFloat(p, float64(r.IntN(10000))/100+.01, 'f', 2, 64), schemas.EncFloat
			}
			cells[i] = schemas.Cell{Off: uint32(at), Len: uint32(len(p) - at), Enc: enc, Flags: schemas.Present}
			p = append(p, ',')
		}
		t.rows, t.cells, t.bytes = append(t.rows, rowOf(p)), append(t.cells, cells), t.bytes+len(p)
	}
	return t
}

// appendBlocks is append with AppendRows.
func (t *cellTable) appendBlocks(b *Buffer) {
	for from := 0; from < len(t.rows); from += BlockRows {
		to := min(from+BlockRows, len(t.rows))
		if _, err := b.AppendRows(t.rows[from:to], t.cells[from:to], t.srcs); err != nil {
			panic(err)
		}
		if err := b.EndRows(); err != nil {
			panic(err)
		}
	}
}

// BenchmarkTrips is a row of trips from cells to a file, by rows (the
// baseline) and by blocks of rows in turns: the least of each is compared, as
// a machine is seldom quiet. The records lie one after another, as many as a
// batch from the broker has.
func BenchmarkTrips(b *testing.B) {
	for _, c := range []struct{ name, columns string }{{"wide", tripColumns}, {"narrow", narrowColumns}} {
		b.Run(c.name+"/append", func(b *testing.B) {
			t := newTripTable(b, c.columns, 1500)
			buf := NewBuffer(t.fields)
			for buf.Len() < 120<<10 { // memory that is new costs more than the rows
				t.append(buf)
			}
			ways := []func(*Buffer){t.append, t.appendBlocks}
			least := []time.Duration{time.Hour, time.Hour}
			b.ReportAllocs()
			for b.Loop() {
				for i, way := range ways {
					if buf.Len() > 118<<10 {
						buf.Clear()
					}
					start := time.Now()
					way(buf)
					least[i] = min(least[i], time.Since(start))
				}
			}
			for i, name := range []string{"rows-ns/row", "blocks-ns/row"} {
				b.ReportMetric(float64(least[i].Nanoseconds())/float64(len(t.rows)), name)
			}
		})
		b.Run(c.name+"/pack", func(b *testing.B) {
			t := newTripTable(b, c.columns, 120<<10)
			buf := NewBuffer(t.fields)
			t.append(buf)
			n := len(t.rows)
			t = nil
			enc, err := NewEncoder(Options{})
			if err != nil {
				b.Fatal(err)
			}
			var size int64
			b.ReportAllocs()
			for b.Loop() {
				s, err := enc.Flush(io.Discard, File{Buffers: []*Buffer{buf}})
				if err != nil {
					b.Fatal(err)
				}
				size = s.FileSize
			}
			report(b, n, size)
		})
	}
}
