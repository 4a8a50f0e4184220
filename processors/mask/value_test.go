package mask

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"sluice/processors/mask/keys"
	"sluice/schemas"
)

// TestOneTextPerValue: actions see one spelling, so that equal values have
// equal tokens however they were written.
func TestOneTextPerValue(t *testing.T) {
	dec := schemas.Type{Kind: schemas.Decimal, Precision: 12, Scale: 2}
	of := func(k schemas.Kind) schemas.Type { return schemas.Type{Kind: k} }
	for _, c := range []struct {
		want string
		typ  schemas.Type
		wire schemas.Wire
		enc  schemas.Encoding
		in   string
	}{
		{"5", of(schemas.Int32), 0, schemas.EncInt, "5"},
		{"5", of(schemas.Int64), 0, schemas.EncText, "5"},
		{"5", of(schemas.Int64), 0, schemas.EncFloat, "5.0"},
		{"5", of(schemas.Float64), 0, schemas.EncInt, "5"},
		{"5", of(schemas.Float32), 0, schemas.EncFloat, "5.000"},
		{"5", of(schemas.Float64), 0, schemas.EncFloat, "5e0"},
		{"5", of(schemas.String), 0, schemas.EncText, "5"},
		{"5", of(schemas.String), 0, schemas.EncJSONString, `\u0035`},
		{"5", of(schemas.Unknown), 0, schemas.EncInt, "5"},
		{"5", of(schemas.Unknown), 0, schemas.EncFloat, "5.0"},
		{"true", of(schemas.Unknown), 0, schemas.EncTrue, ""},
		{"5", of(schemas.Int64), 0, schemas.EncVarint, "\x0a"},
		{"-3", of(schemas.Float64), 0, schemas.EncVarint, "\x05"},
		{"0.1", of(schemas.Float32), 0, schemas.EncFloat32, "\xcd\xcc\xcc\x3d"},
		{"0.1", of(schemas.Float64), 0, schemas.EncFloat64, "\x9a\x99\x99\x99\x99\x99\xb9\x3f"},
		{"5", dec, 0, schemas.EncInt, "5"},
		{"5", dec, 0, schemas.EncText, "5.00"},
		{"5", dec, schemas.WireBase64, schemas.EncText, "AfQ="},
		{"5", dec, schemas.WireVarDecimal, schemas.EncJSON, `{"scale":1,"value":"Mg=="}`},
		{"5", dec, schemas.WireBase64, schemas.EncBytes, "\x01\xf4"},
		{"12.5", dec, 0, schemas.EncText, "12.50"},
		{"12.34", dec, 0, schemas.EncText, "12.34"},
		{"100", dec, 0, schemas.EncText, "100"},
		{"NaN", dec, 0, schemas.EncText, "NaN"},
		{"0.1", of(schemas.Float32), 0, schemas.EncFloat, "0.1"},
		{"0", of(schemas.Float64), 0, schemas.EncFloat, "-0.0"},
		{"1000000", of(schemas.Float64), 0, schemas.EncFloat, "1.0E6"},
		{"true", of(schemas.Bool), 0, schemas.EncTrue, ""},
		{"true", of(schemas.Bool), 0, schemas.EncInt, "1"},
		{"maybe", of(schemas.Bool), 0, schemas.EncText, "maybe"},
		{"false", of(schemas.Bool), 0, schemas.EncFalse, ""},
		{"2026-01-31", of(schemas.Date), schemas.WireDays, schemas.EncInt, "20484"},
		{"2026-01-31", of(schemas.Date), 0, schemas.EncInt, "20484"},
		{"2026-01-31", of(schemas.Date), schemas.WireISO, schemas.EncText, "2026-01-31Z"},
		{"10:00:00.5", of(schemas.Time), schemas.WireMicros, schemas.EncInt, "36000500000"},
		{"10:00:00.5", of(schemas.Time), schemas.WireISO, schemas.EncText, "10:00:00.500"},
		{"2026-01-31T10:00:00", of(schemas.Timestamp), schemas.WireMillis, schemas.EncInt, "1769853600000"},
		{"2026-01-31T10:00:00", of(schemas.Timestamp), schemas.WireNanos, schemas.EncInt, "1769853600000000000"},
		{"2026-01-31T10:00:00Z", of(schemas.Instant), schemas.WireISO, schemas.EncText, "2026-01-31T10:00:00Z"},
		{"2026-01-31T10:00:00Z", of(schemas.Instant), schemas.WireISO, schemas.EncText, "2026-01-31T11:00:00.000000+01:00"},
		{"2026-01-31T10:00:00.1234567Z", of(schemas.Instant), schemas.WireISO, schemas.EncText, "2026-01-31T10:00:00.1234567Z"}, // rounding would join two values
		{"2026-01-31T10:00:00.1234569Z", of(schemas.Instant), schemas.WireISO, schemas.EncText, "2026-01-31T10:00:00.1234569Z"},
		{"2026-01-31T10:00:00.1234567Z", of(schemas.Instant), schemas.WireNanos, schemas.EncInt, "1769853600123456700"},
		{"soon", of(schemas.Instant), schemas.WireISO, schemas.EncText, "soon"},
		{"b68a35a7-17ad-35b3-af2a-000000000abc", of(schemas.UUID), 0, schemas.EncText, "B68A35A7-17AD-35B3-AF2A-000000000ABC"},
		{"B68A35A7-17AD-35B3-AF2A-000000000ABC", of(schemas.String), 0, schemas.EncJSONString, `\u004268A35A7-17AD-35B3-AF2A-000000000ABC`},
		{strings.Repeat("G", 32), of(schemas.UUID), 0, schemas.EncText, strings.Repeat("G", 32)},
		{"AP8=", of(schemas.Binary), 0, schemas.EncBytes, "\x00\xff"},
		{`{"a": 1}`, of(schemas.JSON), 0, schemas.EncJSON, `{"a": 1}`},
		{"a\uFFFD", of(schemas.String), 0, schemas.EncText, "a\xff"},
	} {
		f := &schemas.Field{Type: c.typ, Wire: c.wire}
		s := newScratch(KeepAll().(*Gate))
		cell, raw := s.literal(schemas.Cell{Enc: c.enc, Flags: schemas.Present, Len: uint32(len(c.in))}, []byte(c.in))
		k, got := s.value(f, cell, raw)
		if string(got) != c.want {
			t.Errorf("%v wire %d %q: %q, want %q", c.typ, c.wire, c.in, got, c.want)
		}
		if known := c.typ.Kind != schemas.Unknown; known && k != c.typ.Kind || !known && k != literal(c.enc) {
			t.Errorf("%v %q is of kind %v", c.typ, c.in, k)
		}
	}
}

// TestIllFormedText: a byte that is no UTF-8 is hashed as U+FFFD, wherever in the text
// it stands, so that a text has one token however it came.
func TestIllFormedText(t *testing.T) {
	plain, general := gateOf(t, "key: env:KEY"), acting(t, "{hash: {domain: text, canonical: lower}}")
	for _, g := range []*Gate{plain, general} {
		for n := 1; n <= 30; n++ {
			for i := range n {
				bad := strings.Repeat("a", i) + "\xff" + strings.Repeat("a", n-i-1)
				mended := strings.ReplaceAll(bad, "\xff", `\ufffd`)
				if got, want := through(g, str(bad)), through(g, of(schemas.String, 0, schemas.EncJSONString, mended)); got != want || len(got) != len("k1_")+26 {
					t.Fatalf("%q: %s, mended %s", bad, got, want)
				}
			}
		}
	}
	inner := gateOf(t, "key: env:KEY\nrules: [{columns: {n.a: hash, n.b: {keep: r}}}]")
	for _, v := range []spelled{js("{\"a\":\"x\xff\",\"b\":\"\xff\"}"), str("{\"a\":\"x\xff\",\"b\":\"\xff\"}")} {
		if got, want := inside(inner, v), strings.Replace(inside(inner, js(`{"a":"x\ufffd","b":"B"}`)), "B", "\uFFFD", 1); got != want {
			t.Errorf("%q, mended %q", got, want)
		}
	}
}

// TestBoolsInside: the literals of JSON have the tokens of a column's bools.
func TestBoolsInside(t *testing.T) {
	column, path := acting(t, "hash"), gateOf(t, "key: env:KEY\nrules: [{columns: {n.v: hash}}]")
	for text, e := range map[string]schemas.Encoding{"true": schemas.EncTrue, "false": schemas.EncFalse} {
		if got, want := inside(path, js(`{"v":`+text+`}`)), through(column, of(schemas.Bool, 0, e, "")); got != want {
			t.Errorf("%s inside is %s, in a column %s", text, got, want)
		}
	}
}

// TestKinds: every action over every type of column.
func TestKinds(t *testing.T) {
	const in = `{"b":true,"bin":"AP8=","d":20484,"dec":"12.50","f":1.5,"i":42,"j":{"a":"x"},"s":"Zoë O\u0027Neil","u":"B68A35A7-17AD-35B3-AF2A-000000000ABC","z":null}`
	s := schemaOf(false, "", in)
	for name, f := range map[string]schemas.Field{
		"bin": {Type: schemas.Type{Kind: schemas.Binary}, Wire: schemas.WireBase64}, "d": {Type: schemas.Type{Kind: schemas.Date}, Wire: schemas.WireDays},
		"dec": {Type: schemas.Type{Kind: schemas.Decimal, Precision: 12, Scale: 2}}, "u": {Type: schemas.Type{Kind: schemas.UUID}},
	} {
		at := &s.Fields[s.Ordinal([]byte(name))]
		at.Type, at.Wire, at.Nullable = f.Type, f.Wire, false
	}
	for _, c := range []struct{ action, values, types string }{
		{`{keep: r}`, `b=true bin=AP8= d=20484 dec=12.50 f=1.5 i=42 j={"a":"x"} s=Zoë O'Neil u=B68A35A7-17AD-35B3-AF2A-000000000ABC z=null`,
			"bool? binary date decimal(12,2) float64? int64? json? string? uuid unknown?"},
		{`null`, "b=null bin=null d=null dec=null f=null i=null j=null s=null u=null z=null",
			"bool? binary? date? decimal(12,2)? float64? int64? json? string? uuid? unknown?"},
		{`hash`, "b=HASH bin=HASH d=HASH dec=HASH f=HASH i=HASH j=HASH s=HASH u=HASH z=null",
			"string? string string string string? string? string? string? string unknown?"},
		{`redact`, "b=null bin=[redacted] d=null dec=null f=null i=null j=[redacted] s=[redacted] u=[redacted] z=null",
			"bool? string date? decimal(12,2)? float64? int64? string? string? string unknown?"},
		{`{partial: {keep_first: 1}}`, `b=**** bin=A*** d=2********* dec=1*** f=1** i=** j={******** s=Z********* u=b*********************************** z=null`,
			"string? string string string string? string? string? string? string unknown?"},
		{`drop`, "", ""},
	} {
		t.Run(c.action, func(t *testing.T) {
			var columns []string
			for _, f := range s.Fields {
				columns = append(columns, f.Name+": "+c.action)
			}
			g := gateOf(t, "key: env:KEY\nrules: [{columns: {"+strings.Join(columns, ", ")+"}}]")
			x, err := g.Pass(batch(s, change{after: in, before: in}))
			if err != nil {
				t.Fatal(err)
			}
			r := &x.Rows()[0]
			if got := tokens.ReplaceAllString(row(r, r.After), "HASH"); got != c.values {
				t.Errorf("got  %s\nwant %s", got, c.values)
			}
			if b, a := row(r, r.Before), row(r, r.After); b != a { // P3
				t.Errorf("before %s\nafter  %s", b, a)
			}
			var types []string
			for _, f := range r.Table.Columns {
				typ := f.Type.String()
				if f.Nullable {
					typ += "?"
				}
				types = append(types, typ)
				if keep := strings.Contains(c.action, "keep:"); f.Bounds != keep { // P1
					t.Errorf("bounds of %s are %v", f.Name, f.Bounds)
				}
			}
			if got := strings.Join(types, " "); got != c.types {
				t.Errorf("got  %s\nwant %s", got, c.types)
			}
		})
	}
}

// TestP5KeysAreRead from hex, base64 and raw text, and never printed. // P5
func TestP5KeysAreRead(t *testing.T) {
	raw := strings.Repeat("\x00\xfek", 11)
	for _, s := range []string{raw, hex.EncodeToString([]byte(raw)), base64.StdEncoding.EncodeToString([]byte(raw)), base64.RawURLEncoding.EncodeToString([]byte(raw))} {
		if p, err := keys.Bytes(s); err != nil || string(p) != raw {
			t.Errorf("%q reads as %q, %v", s, p, err)
		}
	}
	if _, err := keys.Bytes("hunter2"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("short key: %v", err)
	}
}
