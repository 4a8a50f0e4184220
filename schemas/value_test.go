package schemas

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"
)

func cellOf(enc Encoding, p string) Cell {
	return Cell{Enc: enc, Flags: Present, Len: uint32(len(p))}
}

func TestAppendText(t *testing.T) {
	for _, c := range []struct {
		enc      Encoding
		in, want string
	}{
		{EncText, "plain Größe", "plain Größe"},
		{EncText, "bad \xff byte", "bad \uFFFD byte"},
		{EncJSONString, `a\"b\\c\/d\b\f\n\r\t`, "a\"b\\c/d\b\f\n\r\t"},
		{EncJSONString, `\u00e9\uD83D\uDE00x`, "é😀x"},
		{EncJSONString, `\ud83d!`, "\uFFFD!"},
		{EncJSONString, `\ud83d\u0041`, "\uFFFDA"},
		{EncJSONString, `\udE00\ud83d`, "\uFFFD\uFFFD"},
		{EncJSONString, `\ud83d\ud83d\ude00`, "\uFFFD😀"},
		{EncInt, "-12", "-12"},
		{EncFloat, "1.0E21", "1.0E21"},
		{EncTrue, "", "true"},
		{EncFalse, "", "false"},
		{EncJSON, `{"a": [1]}`, `{"a": [1]}`},
		{EncBytes, "\x00\xff", "AP8="},
	} {
		if got := string(AppendText([]byte(">"), cellOf(c.enc, c.in), []byte(c.in))); got != ">"+c.want {
			t.Errorf("%d %q: got %q, want %q", c.enc, c.in, got, c.want)
		}
	}
	if got := AppendText(nil, NullCell, nil); got != nil {
		t.Errorf("null: %q", got)
	}
}

func TestInt(t *testing.T) {
	us := func(s string) int64 {
		v, err := time.Parse("2006-01-02T15:04:05.999999999Z07:00", s)
		if err != nil {
			t.Fatal(err)
		}
		return v.UnixMicro()
	}
	for _, c := range []struct {
		k    Kind
		w    Wire
		enc  Encoding
		in   string
		want int64
		err  error
	}{
		{Bool, WirePlain, EncTrue, "true", 1, nil},
		{Bool, WirePlain, EncFalse, "false", 0, nil},
		{Bool, WirePlain, EncInt, "1", 1, nil},
		{Bool, WirePlain, EncInt, "2", 0, ErrRange},
		{Bool, WirePlain, EncText, "yes", 0, ErrSyntax},
		{Int32, WirePlain, EncInt, "2147483647", math.MaxInt32, nil},
		{Int32, WirePlain, EncInt, "2147483648", 0, ErrRange},
		{Int32, WirePlain, EncInt, "-2147483648", math.MinInt32, nil},
		{Int64, WirePlain, EncInt, "9223372036854775807", math.MaxInt64, nil},
		{Int64, WirePlain, EncInt, "-9223372036854775808", math.MinInt64, nil},
		{Int64, WirePlain, EncInt, "9223372036854775808", 0, ErrRange},
		{Int64, WirePlain, EncInt, "-9223372036854775809", 0, ErrRange},
		{Int64, WirePlain, EncInt, "99999999999999999999999", 0, ErrRange},
		{Int64, WirePlain, EncInt, "9007199254740993", 9007199254740993, nil},
		{Int64, WirePlain, EncFloat, "1.5e3", 1500, nil},
		{Int64, WirePlain, EncFloat, "1.0", 1, nil},
		{Int64, WirePlain, EncFloat, "1.5", 0, ErrScale},
		{Int64, WirePlain, EncText, "42", 42, nil},
		{Int64, WirePlain, EncText, "x", 0, ErrSyntax},
		{Int64, WirePlain, EncJSONString, `\u0034\u0032`, 42, nil},
		{Int64, WirePlain, EncJSON, "{}", 0, ErrType},
		{String, WirePlain, EncInt, "1", 0, ErrType},
		{Date, WireDays, EncInt, "20484", 20484, nil},
		{Date, WirePlain, EncInt, "-1", -1, nil},
		{Date, WireMillis, EncInt, "-1", -1, nil},
		{Date, WireNanos, EncInt, "86400000000000", 1, nil},
		{Date, WireISO, EncText, "1970-01-02", 1, nil},
		{Date, WireISO, EncText, "2026-03-29Z", 20541, nil},
		{Date, WireISO, EncText, "1970-01-02T23:00:00Z", 1, nil},
		{Date, WireISO, EncText, "1970-02-30", 0, ErrSyntax},
		{Date, WireISO, EncText, "0000-03-01", -719468, nil},
		{Date, WireISO, EncText, "-4712-01-01", -2440550, nil},
		{Date, WireISO, EncText, "+294276-12-31", 106762939, nil},
		{Date, WireDays, EncInt, "2147483648", 0, ErrRange},
		{Time, WireMillis, EncInt, "1", 1000, nil},
		{Time, WireMicros, EncInt, "86400000000", 86400e6, nil},
		{Time, WireNanos, EncInt, "-1", -1, nil},
		{Time, WireISO, EncText, "24:00:00", 86400e6, nil},
		{Time, WireISO, EncText, "-838:59:59", -3020399e6, nil},
		{Time, WireISO, EncText, "10:00:00.5+02:00", 28800500000, nil},
		{Time, WireISO, EncText, "01:00:00+02:00", 82800e6, nil},
		{Time, WireISO, EncText, "00:00:00Z", 0, nil},
		{Time, WireISO, EncText, "10:60", 0, ErrSyntax},
		{Timestamp, WireDays, EncInt, "1", 86400e6, nil},
		{Timestamp, WireMillis, EncInt, "-1", -1000, nil},
		{Timestamp, WireMillis, EncInt, "9223372036854775807", 0, ErrRange},
		{Timestamp, WireMillis, EncInt, "9223372036825200", infinityMicros, nil},
		{Timestamp, WireMicros, EncInt, "1769817600123456", 1769817600123456, nil},
		{Timestamp, WireNanos, EncInt, "-1", -1, nil},
		{Timestamp, WireISO, EncText, "2026-01-31T10:00:00.123456789", us("2026-01-31T10:00:00.123456Z"), nil},
		{Timestamp, WireISO, EncText, "2026-01-31 10:00", us("2026-01-31T10:00:00Z"), nil},
		{Instant, WireISO, EncText, "2026-01-31T10:00:00Z", us("2026-01-31T10:00:00Z"), nil},
		{Instant, WireISO, EncText, "2026-01-31T10:00:00.1-05:30", us("2026-01-31T15:30:00.1Z"), nil},
		{Instant, WireISO, EncText, "2026-01-31T10:00:00+0530", us("2026-01-31T04:30:00Z"), nil},
		{Instant, WireISO, EncText, "2026-01-31 10:00:00 +02", us("2026-01-31T08:00:00Z"), nil},
		{Instant, WireISO, EncText, "infinity", infinityMicros, nil},
		{Instant, WireISO, EncText, "-infinity", negInfinityMicros, nil},
		{Instant, WireISO, EncText, "+294276-12-31T23:59:59Z", 0, ErrRange},
		{Instant, WireISO, EncText, "+290000-12-31T23:59:59Z", 9089380483199000000, nil},
		{Instant, WireISO, EncText, "-4712-01-02T00:00:00Z", -2440549 * microsPerDay, nil},
		{Instant, WireISO, EncText, "2026-01-31T25:00:00Z", 0, ErrSyntax},
		{Instant, WireISO, EncText, "2026-13-31T10:00:00Z", 0, ErrSyntax},
		{Instant, WireISO, EncText, "yesterday", 0, ErrSyntax},
		{Instant, WireISO, EncText, "", 0, ErrSyntax},
		{Instant, WireBase64, EncInt, "1", 0, ErrType},
	} {
		got, err := Int(&Field{Type: Type{Kind: c.k}, Wire: c.w}, cellOf(c.enc, c.in), []byte(c.in))
		if c.err == nil && err != nil || c.err != nil && err != c.err || c.err == nil && got != c.want {
			t.Errorf("%v wire %d %q: got %d, %v; want %d, %v", c.k, c.w, c.in, got, err, c.want, c.err)
		}
	}
	if _, err := Int(&Field{Type: Type{Kind: Int64}}, NullCell, nil); err != ErrNull {
		t.Errorf("null: %v", err)
	}
}

// TestDaysOf compares the calendar with package time, and its texts with AppendDate.
func TestDaysOf(t *testing.T) {
	for d := int64(-800_000); d < 4_000_000; d += 37 {
		s := AppendDate(nil, d)
		got, rest, err := parseDate(s)
		if err != nil || len(rest) != 0 || got != d {
			t.Fatalf("%s: got %d, %v, want %d", s, got, err, d)
		}
		u := time.Unix(d*86400, 0).UTC()
		if daysOf(int64(u.Year()), int(u.Month()), u.Day()) != d {
			t.Fatalf("%v is day %d", u, d)
		}
	}
}

func TestFloat(t *testing.T) {
	for _, c := range []struct {
		k    Kind
		enc  Encoding
		in   string
		want float64
		err  error
	}{
		{Float64, EncInt, "3", 3, nil},
		{Float64, EncFloat, "-0.0", math.Copysign(0, -1), nil},
		{Float64, EncFloat, "4.9E-324", 4.9e-324, nil},
		{Float64, EncFloat, "1e400", 0, ErrRange},
		{Float32, EncFloat, "1e39", 0, ErrRange},
		{Float64, EncText, "NaN", math.NaN(), nil},
		{Float64, EncText, "-Infinity", math.Inf(-1), nil},
		{Float64, EncText, "POSITIVE_INFINITY", math.Inf(1), nil},
		{Float64, EncText, "0x1p4", 0, ErrSyntax},
		{Float64, EncText, "inf", 0, ErrSyntax},
		{Float64, EncText, "1.5", 1.5, nil},
		{Float64, EncText, "", 0, ErrSyntax},
		{Float64, EncTrue, "true", 0, ErrType},
	} {
		got, err := Float(&Field{Type: Type{Kind: c.k}}, cellOf(c.enc, c.in), []byte(c.in))
		if c.err == nil && err != nil || c.err != nil && err != c.err {
			t.Errorf("%q: %v, want %v", c.in, err, c.err)
		}
		if err == nil && math.Float64bits(got) != math.Float64bits(c.want) && !math.IsNaN(c.want) {
			t.Errorf("%q: got %v, want %v", c.in, got, c.want)
		}
	}
}

func TestDecimal128(t *testing.T) {
	b64 := func(n string) string {
		v, _ := new(big.Int).SetString(n, 10)
		if v.Sign() >= 0 {
			return base64.StdEncoding.EncodeToString(append([]byte{0}, v.Bytes()...))
		}
		m := new(big.Int).Lsh(big.NewInt(1), 136)
		return base64.StdEncoding.EncodeToString(new(big.Int).Add(m, v).Bytes())
	}
	nines := "99999999999999999999999999999999999999"
	for _, c := range []struct {
		prec, scale uint8
		w           Wire
		enc         Encoding
		in, want    string
		err         error
	}{
		{12, 2, WirePlain, EncText, "13.50", "13.50", nil},
		{12, 2, WirePlain, EncFloat, "13.5", "13.50", nil},
		{12, 2, WirePlain, EncFloat, "-1.35e1", "-13.50", nil},
		{12, 2, WirePlain, EncInt, "-7", "-7.00", nil},
		{12, 2, WirePlain, EncFloat, "1.005", "", ErrScale},
		{12, 2, WirePlain, EncFloat, "1.00500e-1", "", ErrScale},
		{12, 2, WirePlain, EncFloat, "1.0000000000000000000000000000000000000000000000000", "1.00", nil},
		{12, 2, WirePlain, EncInt, "10000000000", "", ErrRange},
		{12, 2, WirePlain, EncText, "NaN", "", ErrRange},
		{12, 2, WirePlain, EncText, "1,5", "", ErrSyntax},
		{12, 2, WirePlain, EncText, "1e", "", ErrSyntax},
		{12, 2, WirePlain, EncText, ".", "", ErrSyntax},
		{12, 2, WirePlain, EncText, "", "", ErrSyntax},
		{38, 0, WirePlain, EncInt, nines, nines, nil},
		{38, 0, WirePlain, EncInt, "-" + nines, "-" + nines, nil},
		{38, 0, WirePlain, EncInt, nines + "9", "", ErrRange},
		{38, 0, WirePlain, EncFloat, "1e9999999999", "", ErrRange},
		{38, 38, WirePlain, EncText, "0." + nines, "0." + nines, nil},
		{38, 0, WirePlain, EncFloat, "0e9999999999", "0", nil},
		{12, 2, WireBase64, EncText, "BUY=", "13.50", nil},
		{14, 4, WireBase64, EncText, "Ag9Y", "13.5000", nil},
		{12, 2, WireBase64, EncText, "/w==", "-0.01", nil},
		{12, 2, WireBase64, EncText, "AA==", "0.00", nil},
		{12, 2, WireBase64, EncText, "!", "", ErrSyntax},
		{12, 2, WireBase64, EncText, "", "", ErrSyntax},
		{38, 0, WireBase64, EncText, b64(nines), nines, nil},
		{38, 0, WireBase64, EncText, b64("-" + nines), "-" + nines, nil},
		{38, 0, WireBase64, EncText, b64(nines + "99"), "", ErrRange},
		{38, 2, WireVarDecimal, EncJSON, `{"scale":1,"value":"Dw=="}`, "1.50", nil},
		{38, 0, WireVarDecimal, EncJSON, `{"scale":1,"value":"Dw=="}`, "", ErrScale},
		{38, 0, WireVarDecimal, EncJSON, `{"value":"Dw=="}`, "", ErrSyntax},
		{38, 0, WirePlain, EncTrue, "true", "", ErrType},
	} {
		f := &Field{Type: Type{Decimal, c.prec, c.scale}, Wire: c.w}
		hi, lo, err := Decimal128(f, cellOf(c.enc, c.in), []byte(c.in))
		if c.err == nil && err != nil || c.err != nil && err != c.err {
			t.Errorf("%q: %v, want %v", c.in, err, c.err)
			continue
		}
		if err == nil {
			if got := string(AppendDecimal(nil, hi, lo, int(c.scale))); got != c.want {
				t.Errorf("%q: got %s, want %s", c.in, got, c.want)
			}
		}
	}
}

func TestAppendBinary(t *testing.T) {
	for _, c := range []struct {
		w        Wire
		enc      Encoding
		in, want string
		err      error
	}{
		{WireBase64, EncText, "AP8=", "\x00\xff", nil},
		{WireBase64, EncText, "-_8", "\xfb\xff", nil},
		{WireBase64, EncText, "+/8=", "\xfb\xff", nil},
		{WireBase64, EncJSONString, `\/\/8=`, "\xff\xff", nil},
		{WireBase64, EncText, "A\nP8=", "", ErrSyntax},
		{WireBase64, EncText, "A", "", ErrSyntax},
		{WirePlain, EncText, "text", "text", nil},
		{WirePlain, EncBytes, "\x00", "\x00", nil},
		{WirePlain, EncInt, "1", "", ErrType},
	} {
		got, err := AppendBinary([]byte("x"), &Field{Type: Type{Kind: Binary}, Wire: c.w}, cellOf(c.enc, c.in), []byte(c.in))
		if c.err == nil && err != nil || c.err != nil && err != c.err || string(got) != "x"+c.want {
			t.Errorf("%q: got %q, %v; want %q, %v", c.in, got, err, c.want, c.err)
		}
	}
}

func TestValuesAllocateNothing(t *testing.T) {
	dst := make([]byte, 0, 256)
	text, num, ts, b64 := []byte(`J\u00fcrgen "x"`), []byte("12345.6789"), []byte("2026-01-31T10:00:00.123456Z"), []byte("Ag9Y")
	if n := testing.AllocsPerRun(100, func() {
		dst = AppendText(dst[:0], cellOf(EncJSONString, ""), text)
		Float(&Field{Type: Type{Kind: Float64}}, cellOf(EncFloat, ""), num)
		Int(&Field{Type: Type{Kind: Instant}, Wire: WireISO}, cellOf(EncText, ""), ts)
		Int(&Field{Type: Type{Kind: Instant}, Wire: WireISO}, cellOf(EncJSONString, ""), ts)
		Decimal128(&Field{Type: Type{Decimal, 14, 4}, Wire: WireBase64}, cellOf(EncText, ""), b64)
		Decimal128(&Field{Type: Type{Decimal, 14, 4}}, cellOf(EncFloat, ""), num)
		dst, _ = AppendBinary(dst[:0], &Field{Type: Type{Kind: Binary}, Wire: WireBase64}, cellOf(EncText, ""), b64)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{"1.5e3", "-9223372036854775808", "2026-01-31T10:00:00.1-05:30", "-838:59:59", "BUY=", `\ud83d\ude00`,
		`{"scale":1,"value":"Dw=="}`, "NaN", "infinity", "+294276-12-31", "0.000000000000000000000000000000000000001"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		orig := bytes.Clone(p)
		for k := Bool; k <= JSON; k++ {
			for _, w := range []Wire{WirePlain, WireBase64, WireVarDecimal, WireDays, WireMillis, WireMicros, WireNanos, WireISO} {
				for e := EncText; e <= EncBytes; e++ {
					fld := &Field{Type: Type{k, 38, 9}, Wire: w}
					c := Cell{Enc: e, Flags: Present, Len: uint32(len(p))}
					Int(fld, c, p)
					Float(fld, c, p)
					Decimal128(fld, c, p)
					AppendBinary(nil, fld, c, p)
				}
			}
		}
		for _, e := range []Encoding{EncText, EncJSONString, EncJSON} {
			if !utf8.Valid(AppendText(nil, cellOf(e, ""), p)) {
				t.Fatalf("text of %q is not UTF-8", p)
			}
		}
		if q := append(append([]byte{'"'}, p...), '"'); json.Valid(q) { // a string as encoding/json reads it
			var want string
			if json.Unmarshal(q, &want) == nil {
				if got := string(AppendText(nil, cellOf(EncJSONString, ""), p)); got != want {
					t.Fatalf("%q reads %q, want %q", p, got, want)
				}
			}
		}
		if isNumber(p) {
			v, err := Float(&Field{Type: Type{Kind: Float64}}, cellOf(EncFloat, ""), p)
			want, werr := strconv.ParseFloat(string(p), 64)
			if err == nil != (werr == nil) || err == nil && v != want {
				t.Fatalf("%q is %v %v, want %v %v", p, v, err, want, werr)
			}
			checkDecimal(t, p)
		}
		if !bytes.Equal(p, orig) {
			t.Fatal("input was written to")
		}
	})
}

// checkDecimal compares with math/big.
func checkDecimal(t *testing.T, p []byte) {
	if i := bytes.IndexAny(p, "eE"); i >= 0 && len(p)-i > 5 {
		return // big.Rat would take its time
	}
	want, ok := new(big.Rat).SetString(string(p))
	if !ok {
		return
	}
	hi, lo, err := Decimal128(&Field{Type: Type{Decimal, 38, 9}}, cellOf(EncFloat, ""), p)
	want.Mul(want, big.NewRat(1_000_000_000, 1))
	fits := want.IsInt() && len(new(big.Int).Abs(want.Num()).String()) <= 38
	if (err == nil) != fits {
		t.Fatalf("%q: %v, fits: %v", p, err, fits)
	}
	if err == nil && string(AppendDecimal(nil, hi, lo, 0)) != want.Num().String() {
		t.Fatalf("%q is not %s", p, want.Num())
	}
}
