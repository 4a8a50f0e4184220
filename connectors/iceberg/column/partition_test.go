package column

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/iceberg-go"
	"github.com/google/uuid"

	"sluice/schemas"
	"sluice/topology/stream"
)

// icebergType and literal are the library's side of the comparison.
func icebergType(t schemas.Type) iceberg.Type {
	switch t.Kind {
	case schemas.Bool:
		return iceberg.PrimitiveTypes.Bool
	case schemas.Int32:
		return iceberg.PrimitiveTypes.Int32
	case schemas.Int64:
		return iceberg.PrimitiveTypes.Int64
	case schemas.Float32:
		return iceberg.PrimitiveTypes.Float32
	case schemas.Float64:
		return iceberg.PrimitiveTypes.Float64
	case schemas.Decimal:
		return iceberg.DecimalTypeOf(int(t.Precision), int(t.Scale))
	case schemas.Binary:
		return iceberg.PrimitiveTypes.Binary
	case schemas.UUID:
		return iceberg.PrimitiveTypes.UUID
	case schemas.Date:
		return iceberg.PrimitiveTypes.Date
	case schemas.Time:
		return iceberg.PrimitiveTypes.Time
	case schemas.Timestamp:
		return iceberg.PrimitiveTypes.Timestamp
	case schemas.Instant:
		return iceberg.PrimitiveTypes.TimestampTz
	}
	return iceberg.PrimitiveTypes.String
}

// randomCell is a random value of type t as a cell and as iceberg-go has it.
func randomCell(r *rand.Rand, t schemas.Type) (schemas.Field, schemas.Cell, string, iceberg.Literal) {
	f := schemas.Field{Type: t}
	n := int64(r.Uint64()) >> r.IntN(64)
	num := func(n int64) (schemas.Cell, string) {
		s := strconv.FormatInt(n, 10)
		return cellOf(schemas.EncInt, s), s
	}
	switch t.Kind {
	case schemas.Bool:
		if n&1 == 0 {
			return f, cellOf(schemas.EncFalse, "false"), "false", iceberg.BoolLiteral(false)
		}
		return f, cellOf(schemas.EncTrue, "true"), "true", iceberg.BoolLiteral(true)
	case schemas.Int32:
		c, s := num(int64(int32(n)))
		return f, c, s, iceberg.Int32Literal(int32(n))
	case schemas.Int64:
		c, s := num(n)
		return f, c, s, iceberg.Int64Literal(n)
	case schemas.Float32, schemas.Float64:
		v := float64(n) / 1000
		if t.Kind == schemas.Float32 {
			v = float64(float32(v))
			s := strconv.FormatFloat(v, 'g', -1, 32)
			return f, cellOf(schemas.EncFloat, s), s, iceberg.Float32Literal(float32(v))
		}
		s := strconv.FormatFloat(v, 'g', -1, 64)
		return f, cellOf(schemas.EncFloat, s), s, iceberg.Float64Literal(v)
	case schemas.Decimal:
		f.Wire = schemas.WireBase64
		hi := n >> 63
		if t.Precision > 30 {
			hi = int64(r.Uint64()) >> (20 + r.IntN(44))
		}
		if t.Precision <= 18 {
			n %= 1e9
		}
		s := b64([]byte(leastText(hi, uint64(n)))...)
		return f, cellOf(schemas.EncText, s), s, iceberg.DecimalLiteral{Val: decimal128.New(hi, uint64(n)), Scale: int(t.Scale)}
	case schemas.Binary:
		f.Wire = schemas.WireBase64
		v := []byte(randomText(r))
		s := b64(v...)
		return f, cellOf(schemas.EncText, s), s, iceberg.BinaryLiteral(v)
	case schemas.UUID:
		var u uuid.UUID
		for i := range u {
			u[i] = byte(r.Uint32())
		}
		return f, cellOf(schemas.EncText, u.String()), u.String(), iceberg.UUIDLiteral(u)
	case schemas.Date:
		f.Wire = schemas.WireDays
		n = n % 1_000_000
		c, s := num(n)
		return f, c, s, iceberg.DateLiteral(n)
	case schemas.Time:
		f.Wire = schemas.WireMicros
		n = (n & math.MaxInt64) % 86_400_000_000
		c, s := num(n)
		return f, c, s, iceberg.TimeLiteral(n)
	case schemas.Timestamp, schemas.Instant:
		f.Wire = schemas.WireMicros
		n /= 100
		c, s := num(n)
		return f, c, s, iceberg.TimestampLiteral(n)
	}
	s := randomText(r)
	return f, cellOf(schemas.EncText, s), s, iceberg.StringLiteral(s)
}

func randomText(r *rand.Rand) string {
	var s []rune
	for range r.IntN(12) {
		s = append(s, []rune("aZ9 é日😀\u0000")[r.IntN(8)])
	}
	return string(s)
}

// TestTransformsAgree compares every transform of every type with iceberg-go's.
func TestTransformsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	types := []schemas.Type{decOf(9, 2), decOf(18, 0), decOf(38, 10)}
	for k := schemas.Bool; k <= schemas.JSON; k++ {
		if k != schemas.Decimal {
			types = append(types, typeOf(k))
		}
	}
	compared := 0
	for _, name := range []string{"identity", "void", "bucket[1]", "bucket[16]", "bucket[2147483647]", "truncate[1]", "truncate[10]", "truncate[1000000]", "year", "month", "day", "hour"} {
		tr, err := ParseTransform(name)
		if err != nil || tr.String() != name {
			t.Fatalf("%q parsed as %v, %v", name, tr, err)
		}
		lib, err := iceberg.ParseTransform(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, typ := range types {
			p, err := NewPartitioner([]PartitionField{{ID: 1000, Transform: tr, Type: typ}})
			if lib.CanTransform(icebergType(typ)) != (err == nil) {
				t.Fatalf("%s of %v: iceberg-go says %v, ours: %v", name, typ, lib.CanTransform(icebergType(typ)), err)
			}
			if err != nil {
				continue
			}
			if got, want := icebergType(p.results[0]), lib.ResultType(icebergType(typ)); !got.Equals(want) {
				t.Errorf("%s of %v gives %v, want %v", name, typ, got, want)
			}
			for range 300 {
				f, c, text, value := randomCell(r, typ)
				src, err := CellSource(Field{Name: "c", Type: typ}, 0, f)
				if err != nil {
					t.Fatal(err)
				}
				p.fields[0].From = src
				key, err := p.AppendKey(nil, rowOf([]byte(text)), []schemas.Cell{c})
				if err != nil {
					t.Fatalf("%s of %v %q: %v", name, typ, text, err)
				}
				want := lib.Apply(iceberg.Optional[iceberg.Literal]{Valid: true, Val: value})
				got := p.Values(key)[1000]
				if !want.Valid {
					if got != nil {
						t.Fatalf("%s of %v %q is %v, want null", name, typ, text, got)
					}
					continue
				}
				if !sameValue(got, want.Val.Any()) {
					t.Fatalf("%s of %v %q is %v (%T), want %v (%T)", name, typ, text, got, got, want.Val.Any(), want.Val.Any())
				}
				compared++
			}
		}
	}
	t.Logf("%d values compared", compared)
}

func sameValue(got, want any) bool {
	if b, ok := want.([]byte); ok {
		g, ok := got.([]byte)
		return ok && bytes.Equal(g, b)
	}
	return got == want
}

func TestParseTransformRefuses(t *testing.T) {
	for _, s := range []string{"", "days", "bucket", "bucket[", "bucket[]", "bucket[0]", "bucket[-1]", "bucket[1", "bucket[2147483648]", "day[1]", "truncate[x]", "Identity"} {
		if tr, err := ParseTransform(s); err == nil {
			t.Errorf("%q was read as %v", s, tr)
		}
	}
}

func TestPartitionKeys(t *testing.T) {
	str, err := CellSource(Field{Name: "s", Type: typeOf(schemas.String)}, 0, schemas.Field{Type: typeOf(schemas.String)})
	if err != nil {
		t.Fatal(err)
	}
	num, err := CellSource(Field{Name: "n", Type: typeOf(schemas.Int64)}, 1, schemas.Field{Type: typeOf(schemas.Int64)})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPartitioner([]PartitionField{
		{ID: 1000, Type: typeOf(schemas.String), From: str},
		{ID: 1001, Type: typeOf(schemas.Int64), From: num, Transform: Transform{Kind: Bucket, N: 4}},
		{ID: 1002, Type: typeOf(schemas.Instant), Transform: Transform{Kind: Day}, Of: func(r *stream.CleanRow) (int64, bool) { return r.Time, r.Time != 0 }},
		{ID: 1003, Type: typeOf(schemas.Int64), From: num, Transform: Transform{Kind: Void}},
	})
	if err != nil {
		t.Fatal(err)
	}
	row := rowOf([]byte("ab12x"))
	row.Time = -1
	text := func(off, n uint32) schemas.Cell {
		return schemas.Cell{Off: off, Len: n, Enc: schemas.EncText, Flags: schemas.Present}
	}
	twelve := schemas.Cell{Off: 2, Len: 2, Enc: schemas.EncInt, Flags: schemas.Present}
	key, err := p.AppendKey([]byte("before"), row, []schemas.Cell{text(0, 2), twelve})
	if err != nil {
		t.Fatal(err)
	}
	key = key[len("before"):]
	if got, want := fmt.Sprint(p.Values(key)), fmt.Sprint(map[int]any{1000: "ab", 1001: bucketOfLong(12, 4), 1002: iceberg.Date(-1), 1003: nil}); got != want {
		t.Errorf("values are %s, want %s", got, want)
	}
	row.Time = 0
	null, err := p.AppendKey(nil, row, []schemas.Cell{schemas.NullCell})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(p.Values(null)), fmt.Sprint(map[int]any{1000: nil, 1001: nil, 1002: nil, 1003: nil}); got != want {
		t.Errorf("values of nulls are %s, want %s", got, want)
	}
	got, err := p.AppendKey([]byte("before"), row, []schemas.Cell{text(0, 2), text(4, 1)})
	var e *CellError
	if !errors.As(err, &e) || e.Column != "n" || string(got) != "before" {
		t.Errorf("a value that is no number: %q, %v", got, err)
	}
	if n := testing.AllocsPerRun(10, func() { key, _ = p.AppendKey(key[:0], row, []schemas.Cell{text(0, 2), twelve}[:2:2]) }); n > 0 {
		t.Errorf("%v allocations a key", n)
	}
	if _, err := NewPartitioner([]PartitionField{{Type: typeOf(schemas.String), Of: func(*stream.CleanRow) (int64, bool) { return 0, true }}}); err == nil {
		t.Error("an integer function was taken for a text column")
	}
}

func bucketOfLong(v int64, n int32) int32 {
	return int32(Transform{Kind: Bucket, N: n}.int(v, schemas.Int64))
}

// TestBucketOfSpec holds the hashes of the Iceberg spec, appendix B.
func TestBucketOfSpec(t *testing.T) {
	for v, want := range map[int64]int32{34: 2017239379, 17486: -653330422 & math.MaxInt32, 1510871468000000: -2047944441 & math.MaxInt32} {
		if got := bucketOfLong(v, math.MaxInt32); got != want%math.MaxInt32 {
			t.Errorf("hash of %d is %d, want %d", v, got, want)
		}
	}
	if got := int32(decimalHash(0, 1420)); got != -500754589 {
		t.Errorf("hash of 14.20 is %d", got)
	}
}
