package column

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/parquet-go/parquet-go"

	"sluice/schemas"
)

// everyType is one column of each type, optional and then required.
func everyType() []Field {
	types := []schemas.Type{{Kind: schemas.Bool}, {Kind: schemas.Int32}, {Kind: schemas.Int64}, {Kind: schemas.Float32},
		{Kind: schemas.Float64}, {Kind: schemas.String}, {Kind: schemas.Binary}, {Kind: schemas.UUID}, {Kind: schemas.Date},
		{Kind: schemas.Time}, {Kind: schemas.Timestamp}, {Kind: schemas.Instant}, {Kind: schemas.JSON},
		{Kind: schemas.Decimal, Precision: 5, Scale: 2}, {Kind: schemas.Decimal, Precision: 18, Scale: 4},
		{Kind: schemas.Decimal, Precision: 20, Scale: 3}, {Kind: schemas.Decimal, Precision: 38, Scale: 38}}
	var fields []Field
	for _, required := range []bool{false, true} {
		for _, t := range types {
			n := len(fields)
			fields = append(fields, Field{Name: fmt.Sprintf("c%d %v", n, t), ID: n + 100, Type: t, Required: required, Bounds: true})
		}
	}
	return fields
}

// cellValue is a value in the form that both readers' answers are brought to:
// nil, bool, int64, float64 bits, or string for bytes and unscaled decimals.
type cellValue any

// put appends a random value of column i and returns it.
func put(b *Buffer, i int, r *rand.Rand, distinct int) cellValue {
	f := b.fields[i]
	if !f.Required && r.IntN(4) == 0 {
		b.AppendNull(i)
		return nil
	}
	pick := func(n int) int64 { return int64(r.IntN(min(n, distinct))) }
	switch f.Type.Kind {
	case schemas.Bool:
		v := pick(2) == 1
		b.AppendBool(i, v)
		return v
	case schemas.Int32, schemas.Date:
		v := int32(pick(1<<31-1)) - 1000
		if r.IntN(50) == 0 {
			v = [...]int32{math.MinInt32, math.MaxInt32, 0}[r.IntN(3)]
		}
		b.AppendInt32(i, v)
		return int64(v)
	case schemas.Int64, schemas.Time, schemas.Timestamp, schemas.Instant:
		v := pick(1<<62)*1_000_003 - 77
		if r.IntN(50) == 0 && f.Type.Kind == schemas.Int64 {
			v = [...]int64{math.MinInt64, math.MaxInt64, 0}[r.IntN(3)]
		}
		b.AppendInt64(i, v)
		return v
	case schemas.Float32:
		v := [...]float32{float32(math.NaN()), float32(math.Copysign(0, -1)), 0, 1.5, -3.25e30, float32(math.Inf(1)), float32(pick(1 << 30))}[r.IntN(7)]
		b.AppendFloat32(i, v)
		return math.Float64bits(float64(v))
	case schemas.Float64:
		v := [...]float64{math.NaN(), math.Copysign(0, -1), 0, 1.5, -3.25e300, math.Inf(-1), float64(pick(1<<40)) / 3}[r.IntN(7)]
		b.AppendFloat64(i, v)
		return math.Float64bits(v)
	case schemas.UUID:
		var v [16]byte
		binary.BigEndian.PutUint64(v[8:], uint64(pick(1<<60)))
		v[0] = byte(r.IntN(3) * 127)
		b.AppendUUID(i, v)
		return string(v[:])
	case schemas.Decimal:
		v := pick(99999) - 50000
		hi, lo := v>>63, uint64(v)
		if f.Type.Precision > 18 && r.IntN(2) == 0 { // beyond 64 bits, both signs
			hi, lo = int64(pick(500))/100-2, uint64(pick(1<<62))
		}
		if !b.AppendDecimal(i, hi, lo) {
			panic("a decimal that fits was refused")
		}
		var be [16]byte
		binary.BigEndian.PutUint64(be[:8], uint64(hi))
		binary.BigEndian.PutUint64(be[8:], lo)
		return string(leastBytes(be[:]))
	}
	v := [...]string{"", "a", "žluťoučký kůň", "\U0010FFFF", "日本語のとても長い文字列、十六文字より長い", strings.Repeat("x", int(pick(300))),
		fmt.Sprintf("value %d", pick(1<<60))}[r.IntN(7)]
	if r.IntN(3000) == 0 {
		v = strings.Repeat("long ", 100_000)
	}
	if v == "a" {
		b.AppendString(i, v)
	} else {
		b.AppendBytes(i, []byte(v))
	}
	return v
}

// fill appends n random rows and returns their values by row and column.
func fill(t testing.TB, b *Buffer, r *rand.Rand, n, distinct int) [][]cellValue {
	t.Helper()
	rows := make([][]cellValue, n)
	for k := range rows {
		row := make([]cellValue, len(b.fields))
		for i := range b.fields {
			row[i] = put(b, i, r, distinct)
		}
		if err := b.EndRow(); err != nil {
			t.Fatal(err)
		}
		rows[k] = row
	}
	return rows
}

func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		name     string
		rows     int
		distinct int
		opt      Options
	}{
		{"no rows", 0, 1, Options{}},
		{"one row", 1, 1, Options{}},
		{"63 rows, snappy", 63, 10, Options{Codec: Snappy}},
		{"64 rows, none", 64, 1 << 40, Options{Codec: None}},
		{"dictionaries", 3000, 20, Options{}},
		{"distinct", 3000, 1 << 60, Options{Level: 3}},
		{"small pages", 3000, 50, Options{PageBytes: 500}},
		{"row groups", 3000, 1 << 60, Options{RowGroupRows: 700, PageBytes: 4000}},
		{"row groups of dictionaries", 5000, 30, Options{RowGroupRows: 1000, PageBytes: 100}},
		{"row groups by bytes", 3000, 1 << 60, Options{RowGroupBytes: 300_000, Codec: Snappy}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := NewBuffer(everyType())
			rows := fill(t, b, rand.New(rand.NewPCG(1, uint64(c.rows))), c.rows, c.distinct)
			roundTrip(t, b, rows, c.opt)
		})
	}
}

// TestPack: a file of row groups that were packed before, beside a buffer, by
// one encoder whose buffer is used again.
func TestPack(t *testing.T) {
	e, err := NewEncoder(Options{RowGroupRows: 700})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 9))
	b := NewBuffer(everyType())
	var f File
	var rows [][]cellValue
	for _, distinct := range []int{20, 1 << 60} {
		rows = append(rows, fill(t, b, r, 1500, distinct)...)
		g, err := e.Pack(b)
		if err != nil {
			t.Fatal(err)
		}
		if g.Len() != 1500 || g.Size() == 0 {
			t.Fatalf("%d rows in %d bytes", g.Len(), g.Size())
		}
		f.Packed = append(f.Packed, g)
		b.Clear()
	}
	rows = append(rows, fill(t, b, r, 100, 5)...)
	f.Buffers = []*Buffer{b}
	var w bytes.Buffer
	stats, err := e.Flush(&w, f)
	if err != nil {
		t.Fatal(err)
	}
	if stats.FileSize != int64(w.Len()) || stats.Records != 3100 || len(stats.SplitOffsets) != 7 {
		t.Fatalf("stats %+v of %d bytes", stats, w.Len())
	}
	compare(t, "parquet-go", b.fields, rows, readParquetGo(t, w.Bytes(), b.fields))
	compare(t, "arrow-go", b.fields, rows, readArrow(t, w.Bytes(), b.fields))
	checkStats(t, b.fields, rows, stats)

	closed := slices.Clone(b.fields)
	for i := range closed {
		closed[i].Bounds = false
	}
	if err := f.Packed[0].Relabel(closed); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Flush(io.Discard, f); err == nil {
		t.Fatal("parts of other fields are one file")
	}
	if err := f.Packed[0].Relabel(everyType()); err != nil {
		t.Fatal(err)
	}
	stats, err = e.Flush(io.Discard, f)
	if err != nil || len(stats.Lower)+len(stats.Upper) != 0 { // P1: closed in one part, closed in the file
		t.Fatalf("%d bounds of closed columns, %v", len(stats.Lower)+len(stats.Upper), err)
	}
}

// roundTrip writes b and reads it back with both readers.
func roundTrip(t *testing.T, b *Buffer, rows [][]cellValue, opt Options) ([]byte, Stats) {
	t.Helper()
	var w bytes.Buffer
	stats, err := b.Flush(&w, opt)
	if err != nil {
		t.Fatal(err)
	}
	if stats.FileSize != int64(w.Len()) || stats.Records != int64(len(rows)) {
		t.Fatalf("stats say %d bytes and %d records, written are %d and %d", stats.FileSize, stats.Records, w.Len(), len(rows))
	}
	compare(t, "parquet-go", b.fields, rows, readParquetGo(t, w.Bytes(), b.fields))
	compare(t, "arrow-go", b.fields, rows, readArrow(t, w.Bytes(), b.fields))
	checkStats(t, b.fields, rows, stats)
	return w.Bytes(), stats
}

func compare(t *testing.T, reader string, fields []Field, want, got [][]cellValue) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%s reads %d rows of %d", reader, len(got), len(want))
	}
	for k := range want {
		for i := range fields {
			if want[k][i] != got[k][i] {
				t.Fatalf("%s, row %d, column %q: %v, want %v", reader, k, fields[i].Name, got[k][i], want[k][i])
			}
		}
	}
}

func readParquetGo(t *testing.T, p []byte, fields []Field) [][]cellValue {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(p), int64(len(p)))
	if err != nil {
		t.Fatal(err)
	}
	var out [][]cellValue
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		buf := make([]parquet.Row, 100)
		for {
			n, err := rows.ReadRows(buf)
			for _, r := range buf[:n] {
				row := make([]cellValue, len(fields))
				for i, v := range r {
					row[i] = fromParquet(fields[i], v)
				}
				out = append(out, row)
			}
			if err != nil {
				break
			}
		}
		rows.Close()
	}
	return out
}

func fromParquet(f Field, v parquet.Value) cellValue {
	if v.IsNull() {
		return nil
	}
	switch v.Kind() {
	case parquet.Boolean:
		return v.Boolean()
	case parquet.Int32, parquet.Int64:
		n := v.Int64()
		if v.Kind() == parquet.Int32 {
			n = int64(v.Int32())
		}
		if f.Type.Kind == schemas.Decimal {
			return string(leastBytes(binary.BigEndian.AppendUint64(nil, uint64(n))))
		}
		return n
	case parquet.Float:
		return math.Float64bits(float64(v.Float()))
	case parquet.Double:
		return math.Float64bits(v.Double())
	case parquet.FixedLenByteArray:
		if f.Type.Kind == schemas.Decimal {
			return string(leastBytes(v.ByteArray()))
		}
	}
	return string(v.ByteArray())
}

func readArrow(t *testing.T, p []byte, fields []Field) [][]cellValue {
	t.Helper()
	rd, err := file.NewParquetReader(bytes.NewReader(p))
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	ar, err := pqarrow.NewFileReader(rd, pqarrow.ArrowReadProperties{BatchSize: 1000}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := ar.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	out := make([][]cellValue, table.NumRows())
	for k := range out {
		out[k] = make([]cellValue, len(fields))
	}
	for i := range fields {
		if id, _ := table.Schema().Field(i).Metadata.GetValue("PARQUET:field_id"); id != fmt.Sprint(fields[i].ID) {
			t.Fatalf("column %q has field id %q, want %d", fields[i].Name, id, fields[i].ID)
		}
		k := 0
		for _, a := range table.Column(i).Data().Chunks() {
			for j := range a.Len() {
				out[k][i] = fromArrow(t, a, j)
				k++
			}
		}
	}
	return out
}

func fromArrow(t *testing.T, a arrow.Array, j int) cellValue {
	if a.IsNull(j) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(j)
	case *array.Int32:
		return int64(a.Value(j))
	case *array.Date32:
		return int64(a.Value(j))
	case *array.Int64:
		return a.Value(j)
	case *array.Time64:
		return int64(a.Value(j))
	case *array.Timestamp:
		return int64(a.Value(j))
	case *array.Float32:
		return math.Float64bits(float64(a.Value(j)))
	case *array.Float64:
		return math.Float64bits(a.Value(j))
	case *array.String:
		return a.Value(j)
	case *array.Binary:
		return string(a.Value(j))
	case *array.FixedSizeBinary:
		return string(a.Value(j))
	case *array.Decimal128:
		var be [16]byte
		binary.BigEndian.PutUint64(be[:8], uint64(a.Value(j).HighBits()))
		binary.BigEndian.PutUint64(be[8:], a.Value(j).LowBits())
		return string(leastBytes(be[:]))
	case array.ExtensionArray:
		return fromArrow(t, a.Storage(), j)
	}
	t.Fatalf("arrow type %v", a.DataType())
	return nil
}
