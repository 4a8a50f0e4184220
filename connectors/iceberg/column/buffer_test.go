package column

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"sluice/schemas"
)

func TestRollback(t *testing.T) {
	b := NewBuffer(everyType())
	r := rand.New(rand.NewPCG(3, 4))
	var rows [][]cellValue
	for k := range 400 {
		n := r.IntN(len(b.fields) + 1) // begin a row, take it back
		for i := range n {
			put(b, i, r, 1<<40)
		}
		b.Rollback()
		if k%3 == 0 {
			rows = append(rows, fill(t, b, r, 1, 1<<40)...)
		}
	}
	roundTrip(t, b, rows, Options{})
}

func TestRewind(t *testing.T) {
	b := NewBuffer(everyType())
	r := rand.New(rand.NewPCG(5, 6))
	var rows [][]cellValue
	fill(t, b, r, 3, 10)
	b.Rewind() // without a mark: to the start
	for range 40 {
		keep := fill(t, b, r, r.IntN(40), 1<<40)
		rows = append(rows, keep...)
		b.Mark()
		fill(t, b, r, r.IntN(40), 1<<40)
		put(b, 0, r, 10) // and a row begun
		b.Rewind()
		if b.Len() != len(rows) {
			t.Fatalf("%d rows after Rewind, want %d", b.Len(), len(rows))
		}
	}
	roundTrip(t, b, rows, Options{})
}

func TestResetKeepsNothing(t *testing.T) {
	b := NewBuffer(everyType())
	r := rand.New(rand.NewPCG(7, 8))
	fill(t, b, r, 500, 1<<40)
	b.Mark()
	b.AppendNull(0)
	b.Reset()
	rows := fill(t, b, r, 100, 1<<40)
	roundTrip(t, b, rows, Options{})
	b.Reset()
	roundTrip(t, b, nil, Options{})
}

func TestMissingValuesAreNull(t *testing.T) {
	b := NewBuffer([]Field{{Name: "a", ID: 1, Type: schemas.Type{Kind: schemas.Int64}}, {Name: "b", ID: 2, Type: schemas.Type{Kind: schemas.Int64}, Required: true}})
	b.AppendInt64(1, 5)
	if err := b.EndRow(); err != nil {
		t.Fatal(err)
	}
	b.AppendInt64(0, 5)
	var e *CellError
	if err := b.EndRow(); !errors.As(err, &e) || *e != (CellError{"b", CodeNullInRequired}) {
		t.Fatalf("a row without a required column: %v", err)
	}
	roundTrip(t, b, [][]cellValue{{nil, int64(5)}}, Options{})
}

func TestMisuseIsAnError(t *testing.T) {
	for name, do := range map[string]func(b *Buffer){
		"set twice":        func(b *Buffer) { b.AppendInt64(0, 1); b.AppendInt64(0, 2) },
		"null after value": func(b *Buffer) { b.AppendInt64(0, 1); b.AppendNull(0) },
		"value after null": func(b *Buffer) { b.AppendNull(0); b.AppendInt64(0, 1) },
		"wrong type":       func(b *Buffer) { b.AppendString(0, "x") },
		"wrong fixed":      func(b *Buffer) { b.AppendUUID(1, [16]byte{}) },
		"not a decimal":    func(b *Buffer) { b.AppendDecimal(0, 0, 0) },
	} {
		b := NewBuffer([]Field{{Name: "a", ID: 1, Type: schemas.Type{Kind: schemas.Int64}}, {Name: "d", ID: 2, Type: schemas.Type{Kind: schemas.Decimal, Precision: 38}}})
		b.AppendInt64(0, 7)
		b.AppendDecimal(1, 0, 7)
		if err := b.EndRow(); err != nil {
			t.Fatal(err)
		}
		do(b)
		if b.EndRow() == nil {
			t.Errorf("%s: no error", name)
		}
		roundTrip(t, b, [][]cellValue{{int64(7), "\x07"}}, Options{})
	}
}

func TestDecimalPrecision(t *testing.T) {
	for _, p := range []uint8{1, 9, 10, 18, 19, 38} {
		b := NewBuffer([]Field{{Name: "d", ID: 1, Type: schemas.Type{Kind: schemas.Decimal, Precision: p}, Bounds: true}})
		h, l := pow10[p][0], pow10[p][1]
		largestH, largestL := h, l-1 // 10^p - 1: l is never 0
		if b.AppendDecimal(0, int64(h), l) {
			t.Errorf("decimal(%d) took 10^%d", p, p)
		}
		if !b.AppendDecimal(0, int64(largestH), largestL) {
			t.Errorf("decimal(%d) refused 10^%d-1", p, p)
		}
		if err := b.EndRow(); err != nil {
			t.Fatal(err)
		}
		negH, negL := -int64(largestH)-1, -largestL
		if !b.AppendDecimal(0, negH, negL) {
			t.Errorf("decimal(%d) refused 1-10^%d", p, p)
		}
		if err := b.EndRow(); err != nil {
			t.Fatal(err)
		}
		roundTrip(t, b, [][]cellValue{{leastText(int64(largestH), largestL)}, {leastText(negH, negL)}}, Options{})
	}
}

func leastText(hi int64, lo uint64) string {
	var be [16]byte
	for i := range 8 {
		be[i], be[8+i] = byte(uint64(hi)>>(56-8*i)), byte(lo>>(56-8*i))
	}
	return string(leastBytes(be[:]))
}

func TestAppendAllocatesNothing(t *testing.T) {
	rows := orders(1000)
	b := NewBuffer(ordersFields)
	run := func() {
		for i := range rows {
			appendOrder(b, &rows[i])
		}
		b.Mark()
		b.Rewind()
		b.Reset()
	}
	run()
	if n := testing.AllocsPerRun(5, run); n > 0 {
		t.Errorf("%v allocations in 1000 rows", n)
	}
}

// TestEmptyBuffersCostNothing is the budget of many tables: 500 tables of 30
// columns on 8 workers hold under 16 MB of descriptions and no column memory.
func TestEmptyBuffersCostNothing(t *testing.T) {
	fields := make([]Field, 30)
	for i := range fields {
		fields[i] = Field{Name: "c", ID: i + 1, Type: schemas.Type{Kind: schemas.String}}
	}
	var total int64
	for range 8 * 500 {
		total += NewBuffer(fields).Size()
	}
	if total > 16<<20 {
		t.Errorf("4000 empty buffers hold %d bytes", total)
	}
	b := NewBuffer(fields)
	empty := b.Size()
	for i := range fields {
		b.AppendString(i, "some words in here")
	}
	if err := b.EndRow(); err != nil {
		t.Fatal(err)
	}
	if n := b.Size() - empty; n > 30*128 {
		t.Errorf("one row of 30 columns holds %d bytes", n)
	}
	b.Reset()
	b.Reset() // no rows since the last Reset: the table went idle
	if n := b.Size() - empty; n != 0 {
		t.Errorf("an idle buffer still holds %d bytes", n)
	}
}

type failingWriter struct {
	left int
	fail error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, w.fail
	}
	return len(p), nil
}

// TestFlushFailsAndIsTriedAgain cuts the writer off at every place.
func TestFlushFailsAndIsTriedAgain(t *testing.T) {
	b := NewBuffer(everyType())
	rows := fill(t, b, rand.New(rand.NewPCG(9, 9)), 100, 5)
	whole, _ := roundTrip(t, b, rows, Options{})
	enc, err := NewEncoder(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(whole); at += 97 {
		if _, err := enc.Flush(&failingWriter{at, io.ErrClosedPipe}, File{Buffers: []*Buffer{b}}); !errors.Is(err, io.ErrClosedPipe) {
			t.Fatalf("writer failing after %d bytes: %v", at, err)
		}
	}
	var w bytes.Buffer
	if _, err := enc.Flush(&w, File{Buffers: []*Buffer{b}}); err != nil || !bytes.Equal(w.Bytes(), whole) {
		t.Fatalf("the same rows gave another file after failures: %v", err)
	}
}

func TestOptionsOutOfRange(t *testing.T) {
	for _, o := range []Options{{Level: 23}, {Level: -1}, {Codec: 3}, {RowGroupRows: -1}, {PageBytes: -1}, {RowGroupBytes: -1}} {
		if _, err := NewEncoder(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
	if _, err := NewBuffer(nil).Flush(io.Discard, Options{}); err == nil {
		t.Error("a table without columns was written")
	}
}

func TestAppendBuffer(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	fields := everyType()
	dst := NewBuffer(fields)
	var rows [][]cellValue
	for k := range 30 {
		src := NewBuffer(fields)
		add := fill(t, src, r, r.IntN(200), 1<<40)
		if k == 10 { // rows begun and not ended take no part
			put(src, 0, r, 5)
			put(dst, 0, r, 5)
		}
		if err := dst.AppendBuffer(src); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, add...)
		rows = append(rows, fill(t, dst, r, r.IntN(3), 1<<40)...)
	}
	roundTrip(t, dst, rows, Options{})
}

func TestAppendBufferWidens(t *testing.T) {
	dec := func(p uint8) schemas.Type { return schemas.Type{Kind: schemas.Decimal, Precision: p, Scale: 2} }
	kind := func(k schemas.Kind) schemas.Type { return schemas.Type{Kind: k} }
	dst := NewBuffer([]Field{
		{Name: "long", ID: 1, Type: kind(schemas.Int64), Bounds: true}, {Name: "double", ID: 2, Type: kind(schemas.Float64), Bounds: true},
		{Name: "dec a", ID: 3, Type: dec(18), Bounds: true}, {Name: "dec b", ID: 4, Type: dec(30), Bounds: true}, {Name: "dec c", ID: 5, Type: dec(38), Bounds: true},
		{Name: "dec d", ID: 6, Type: dec(38), Bounds: true}, {Name: "new", ID: 7, Type: kind(schemas.String), Bounds: true}})
	src := NewBuffer([]Field{ // another order, narrower, one column less
		{Name: "double", ID: 2, Type: kind(schemas.Float32), Bounds: true}, {Name: "long", ID: 1, Type: kind(schemas.Int32), Bounds: true},
		{Name: "dec a", ID: 3, Type: dec(9), Bounds: true}, {Name: "dec b", ID: 4, Type: dec(9), Bounds: true}, {Name: "dec c", ID: 5, Type: dec(18), Bounds: true}, {Name: "dec d", ID: 6, Type: dec(20), Bounds: true}})
	var want [][]cellValue
	for _, v := range []int64{0, -1, 77, -123456} {
		src.AppendFloat32(0, float32(v)/2)
		src.AppendInt32(1, int32(v))
		for i := 2; i < 6; i++ {
			src.AppendDecimal(i, v>>63, uint64(v))
		}
		if err := src.EndRow(); err != nil {
			t.Fatal(err)
		}
		d := leastText(v>>63, uint64(v))
		want = append(want, []cellValue{v, math.Float64bits(float64(v) / 2), d, d, d, d, nil})
	}
	if err := dst.AppendBuffer(src); err != nil {
		t.Fatal(err)
	}
	roundTrip(t, dst, want, Options{})
	if err := src.AppendBuffer(dst); err == nil {
		t.Error("a wide buffer joined a narrow one")
	}
	narrow := NewBuffer(dst.fields[:3])
	if err := narrow.AppendBuffer(dst); err == nil || narrow.Len() != 0 {
		t.Error("columns were lost in a join")
	}
	required := NewBuffer([]Field{{Name: "x", ID: 99, Type: kind(schemas.Int64), Required: true}, dst.fields[0]})
	if err := required.AppendBuffer(NewBuffer(dst.fields[:1])); err != nil {
		t.Errorf("joining no rows: %v", err)
	}
	one := NewBuffer(dst.fields[:1])
	one.AppendInt64(0, 1)
	if err := one.EndRow(); err != nil {
		t.Fatal(err)
	}
	if err := required.AppendBuffer(one); err == nil {
		t.Error("a required column was filled with nulls")
	}
}

// TestMaskedRowsStayWithoutBounds: rows of a masked column that join an open
// one, or are relabelled as one, take its bounds away. // P1
func TestMaskedRowsStayWithoutBounds(t *testing.T) {
	masked := []Field{{Name: "m", ID: 1, Type: schemas.Type{Kind: schemas.Int64}}}
	open := []Field{{Name: "m", ID: 1, Type: schemas.Type{Kind: schemas.Int64}, Bounds: true}}
	fill := func(fields []Field) *Buffer {
		b := NewBuffer(fields)
		b.AppendInt64(0, 5)
		if err := b.EndRow(); err != nil {
			t.Fatal(err)
		}
		return b
	}
	joined := fill(open)
	if err := joined.AppendBuffer(fill(masked)); err != nil {
		t.Fatal(err)
	}
	relabelled := fill(masked)
	if err := relabelled.Relabel(open); err != nil {
		t.Fatal(err)
	}
	closed := fill(open)
	if err := closed.Relabel(masked); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*Buffer{"joined": joined, "relabelled": relabelled, "closed": closed} {
		var w bytes.Buffer
		s, err := b.Flush(&w, Options{Codec: None})
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(w.Bytes(), []byte{5, 0, 0, 0, 0, 0, 0, 0}); len(s.Lower)+len(s.Upper) > 0 || n != b.Len() {
			t.Errorf("%s: masked values have bounds", name)
		}
	}
	joined.Reset()
	joined.AppendInt64(0, 5)
	if err := joined.EndRow(); err != nil {
		t.Fatal(err)
	}
	roundTrip(t, joined, [][]cellValue{{int64(5)}}, Options{}) // open again, bounds and all
}

func TestRelabel(t *testing.T) {
	b := NewBuffer([]Field{{Name: "t", ID: 1, Type: schemas.Type{Kind: schemas.Time}, Bounds: true}})
	b.AppendInt64(0, 5)
	if err := b.EndRow(); err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]Field{nil, {{Type: schemas.Type{Kind: schemas.Int32}}}, {{Type: schemas.Type{Kind: schemas.String}}}} {
		if b.Relabel(bad) == nil {
			t.Errorf("%v has another layout", bad)
		}
	}
	if err := b.Relabel([]Field{{Name: "x", ID: 9, Type: schemas.Type{Kind: schemas.Int64}, Bounds: true}}); err != nil {
		t.Fatal(err)
	}
	roundTrip(t, b, [][]cellValue{{int64(5)}}, Options{})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(uint64(1), uint16(10), uint16(3), uint16(100), uint16(0), uint8(0))
	f.Add(uint64(2), uint16(200), uint16(1000), uint16(50), uint16(128), uint8(1))
	f.Add(uint64(3), uint16(700), uint16(2), uint16(9), uint16(64), uint8(2))
	f.Fuzz(func(t *testing.T, seed uint64, rows, distinct, page, group uint16, codec uint8) {
		b := NewBuffer(everyType())
		want := fill(t, b, rand.New(rand.NewPCG(seed, 0)), int(rows%1500), int(distinct)+1)
		roundTrip(t, b, want, Options{Codec: Codec(codec % 3), PageBytes: int(page) + 1, RowGroupRows: int(group)})
	})
}
