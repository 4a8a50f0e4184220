package column

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"sluice/schemas"
)

// checkStats compares stats with what the rows hold, the slow way.
func checkStats(t *testing.T, fields []Field, rows [][]cellValue, s Stats) {
	t.Helper()
	for i, f := range fields {
		var nulls, nans int64
		lower, hasLower := s.Lower[f.ID]
		upper, hasUpper := s.Upper[f.ID]
		seen := false
		for _, r := range rows {
			v := r[i]
			if v == nil {
				nulls++
				continue
			}
			if f.Type.Kind == schemas.Float32 || f.Type.Kind == schemas.Float64 {
				if x := math.Float64frombits(v.(uint64)); x != x {
					nans++
					continue
				}
			}
			seen = true
			if hasLower && orderOf(f, lower, v) > 0 {
				t.Errorf("column %q: lower bound %x is above %v", f.Name, lower, v)
			}
			if hasUpper && orderOf(f, upper, v) < 0 {
				t.Errorf("column %q: upper bound %x is below %v", f.Name, upper, v)
			}
		}
		if s.NullCounts[f.ID] != nulls || s.ValueCounts[f.ID] != int64(len(rows)) {
			t.Errorf("column %q: %d nulls of %d values, want %d of %d", f.Name, s.NullCounts[f.ID], s.ValueCounts[f.ID], nulls, len(rows))
		}
		if s.NaNCounts[f.ID] != nans {
			t.Errorf("column %q: %d NaN, want %d", f.Name, s.NaNCounts[f.ID], nans)
		}
		want := seen && f.Bounds && f.Type.Kind != schemas.UUID
		if hasLower != want || (hasUpper && !want) {
			t.Errorf("column %q: lower %v and upper %v bound, want %v", f.Name, hasLower, hasUpper, want)
		}
		if (f.Type.Kind == schemas.String || f.Type.Kind == schemas.JSON) && (utf8.RuneCount(lower) > 16 || utf8.RuneCount(upper) > 16 || !utf8.Valid(upper)) {
			t.Errorf("column %q: bounds %q and %q are not texts of at most 16 code points", f.Name, lower, upper)
		}
	}
}

// orderOf compares a bound as Iceberg serializes it with a value.
func orderOf(f Field, b []byte, v cellValue) int {
	cmp := func(x, y float64) int {
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return int(b2i(math.Signbit(y))) - int(b2i(math.Signbit(x))) // -0 is below 0
	}
	switch f.Type.Kind {
	case schemas.Bool:
		return int(b[0]) - int(b2i(v.(bool)))
	case schemas.Int32, schemas.Date:
		return compareInt(int64(int32(binary.LittleEndian.Uint32(b))), v.(int64))
	case schemas.Int64, schemas.Time, schemas.Timestamp, schemas.Instant:
		return compareInt(int64(binary.LittleEndian.Uint64(b)), v.(int64))
	case schemas.Float32:
		return cmp(float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), math.Float64frombits(v.(uint64)))
	case schemas.Float64:
		return cmp(math.Float64frombits(binary.LittleEndian.Uint64(b)), math.Float64frombits(v.(uint64)))
	case schemas.Decimal:
		x, y := widen(b), widen([]byte(v.(string)))
		if signedLess(x, y) {
			return -1
		}
		return b2n(signedLess(y, x))
	}
	return bytes.Compare(b, []byte(v.(string)))
}

func compareInt(x, y int64) int { return b2n(x > y) - b2n(x < y) }

func b2n(v bool) int {
	if v {
		return 1
	}
	return 0
}

func b2i(v bool) byte { return byte(b2n(v)) }

// widen sign-extends a big endian number to 16 bytes.
func widen(v []byte) []byte {
	out := make([]byte, 16)
	if v[0] >= 0x80 {
		for i := range out {
			out[i] = 0xFF
		}
	}
	copy(out[16-len(v):], v)
	return out
}

func TestTextBounds(t *testing.T) {
	for _, c := range []struct{ value, lower, upper string }{
		{"", "", ""},
		{"abc", "abc", "abc"},
		{"0123456789abcdef", "0123456789abcdef", "0123456789abcdef"},
		{"0123456789abcdefg", "0123456789abcdef", "0123456789abcdeg"},
		{strings.Repeat("é", 17), strings.Repeat("é", 16), strings.Repeat("é", 15) + "ê"},
		{strings.Repeat("a", 15) + "\U0010FFFFz", strings.Repeat("a", 15) + "\U0010FFFF", strings.Repeat("a", 14) + "b"},
		{strings.Repeat("a", 15) + "\uD7FFz", strings.Repeat("a", 15) + "\uD7FF", strings.Repeat("a", 15) + "\uE000"},
		{strings.Repeat("\U0010FFFF", 17), strings.Repeat("\U0010FFFF", 16), "none"},
	} {
		lower, upper := lowerText([]byte(c.value)), upperText([]byte(c.value))
		got := string(upper.value)
		if upper.value == nil {
			got = "none"
		}
		if string(lower.value) != c.lower || got != c.upper {
			t.Errorf("bounds of %q are %q and %q, want %q and %q", c.value, lower.value, got, c.lower, c.upper)
		}
	}
}

func TestBinaryBounds(t *testing.T) {
	long := append(bytes.Repeat([]byte{1}, 14), 2, 0xFF, 0xFF)
	if got := upperBinary(long).value; !bytes.Equal(got, append(bytes.Repeat([]byte{1}, 14), 3)) {
		t.Errorf("upper bound of % x is % x", long, got)
	}
	if got := upperBinary(bytes.Repeat([]byte{0xFF}, 17)).value; got != nil {
		t.Errorf("nothing of 16 bytes is above 17 bytes of ff, got % x", got)
	}
}

// TestMaskedColumnHasNoBounds plants a value that stands alone in its page
// compression and must be nowhere else in the file. // P1
func TestMaskedColumnHasNoBounds(t *testing.T) {
	kinds := []schemas.Type{{Kind: schemas.String}, {Kind: schemas.Binary}, {Kind: schemas.JSON}, {Kind: schemas.Int64}, {Kind: schemas.Int32},
		{Kind: schemas.Float64}, {Kind: schemas.Decimal, Precision: 30}, {Kind: schemas.UUID}}
	canary := []byte("CANARY-7f3a")
	for _, open := range []bool{false, true} {
		for _, distinct := range []bool{false, true} {
			var fields []Field
			for i, k := range kinds {
				fields = append(fields, Field{Name: "c" + k.String(), ID: i + 1, Type: k, Bounds: open})
			}
			b := NewBuffer(fields)
			for row := range 500 {
				n := uint64(0)
				if distinct {
					n = uint64(row)
				}
				v := append(append([]byte{}, canary...), byte(n), byte(n>>8))
				word := binary.LittleEndian.Uint64(canary) + n
				for i := range 3 {
					b.AppendBytes(i, v)
				}
				b.AppendInt64(3, int64(word))
				b.AppendInt32(4, int32(word))
				b.AppendFloat64(5, math.Float64frombits(word))
				b.AppendDecimal(6, 0, word)
				b.AppendUUID(7, [16]byte(append(append([]byte{}, canary...), 0, 0, 0, byte(n), byte(n>>8))))
				if err := b.EndRow(); err != nil {
					t.Fatal(err)
				}
			}
			var w bytes.Buffer
			stats, err := b.Flush(&w, Options{Codec: None, PageBytes: 1000})
			if err != nil {
				t.Fatal(err)
			}
			p := w.Bytes()
			footer := p[len(p)-8-int(binary.LittleEndian.Uint32(p[len(p)-8:])):]
			found := bytes.Contains(footer, canary[:4]) || bytes.Contains(footer, []byte("RANAC"))
			if found != open {
				t.Errorf("bounds %v, distinct %v: a value stands in the footer: %v", open, distinct, found)
			}
			if got := len(stats.Lower) > 0 || len(stats.Upper) > 0 || len(stats.NaNCounts) > 0; got != open {
				t.Errorf("bounds %v: stats have bounds: %v", open, got)
			}
			// The text, binary, JSON and UUID columns hold the canary once a value or
			// once a dictionary, and a page header or an index would add to that.
			want := 4
			if distinct {
				want = 4 * 500
			}
			if n := bytes.Count(p, canary); n != want && !open {
				t.Errorf("distinct %v: the canary stands %d times in the file, %d times in the data", distinct, n, want)
			}
		}
	}
}

// TestFooter pins what other engines insist on.
func TestFooter(t *testing.T) {
	b := NewBuffer(everyType())
	var w bytes.Buffer
	if _, err := b.Flush(&w, Options{Properties: []Property{{"k", "v"}}}); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(w.Bytes()), int64(w.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := f.Lookup("k"); !ok || v != "v" {
		t.Error("the key-value metadata is not there")
	}
	byName := map[string]format.SchemaElement{}
	for i, s := range f.Metadata().Schema {
		if i > 0 && s.FieldID != int32(99+i) {
			t.Errorf("column %q has field id %d, want %d", s.Name, s.FieldID, 99+i)
		}
		byName[s.Name] = s
	}
	for _, name := range []string{"c1 int32", "c18 int32", "c2 int64"} {
		if s := byName[name]; s.LogicalType.Value != nil || s.ConvertedType.Valid {
			t.Errorf("%q is annotated with %v: Spark cannot read it after it was widened", name, s.LogicalType)
		}
	}
}
