package schemas

import (
	"strings"
	"testing"
)

// TestRuleBreach: every logical type with values that keep it and values that do not.
func TestRuleBreach(t *testing.T) {
	const point = `"AQEAAAAAAAAAAADwPwAAAAAAAPA/"` // little-endian, POINT(1 1)
	for _, x := range []struct {
		rule, typ string
		holds     []string
		breaks    map[string]Breach
	}{
		{"int8", "int32", []string{"-128", "127", "null"}, map[string]Breach{"128": "range", "-129": "range"}},
		{"uint8", "int32", []string{"0", "255"}, map[string]Breach{"-1": "range", "256": "range"}},
		{"uint24", "int32", []string{"16777215"}, map[string]Breach{"16777216": "range"}},
		{"uint32", "int64", []string{"4294967295"}, map[string]Breach{"4294967296": "range", "-1": "range"}},
		{"uint64", "int64", []string{"9223372036854775807"}, map[string]Breach{"-1": "range"}}, // mode long, which wraps
		{"uint64", "decimal(20,0):base64", []string{`"AP//////////"`, `"AA=="`}, map[string]Breach{`"AQAAAAAAAAAA"`: "range", `"/w=="`: "range", `"gAAAAAAAAAA="`: "range"}},
		{"uint64", "string", []string{`"18446744073709551615"`}, map[string]Breach{`"18446744073709551616"`: "range", `"x"`: "range", `"1.5"`: "range"}},
		{"year", "int32", []string{"0", "1900", "2155"}, map[string]Breach{"1899": "range", "2156": "range", "-1": "range"}},
		{"decimal", "string", []string{`"1.50"`, `"-0.000000000000000000000000000000000000000001"`}, map[string]Breach{`"NaN"`: "decimal", `"1e3"`: "decimal", `""`: "decimal"}},
		{"decimal(5,2)", "string", []string{`"123.45"`, `"-123.4500"`}, map[string]Breach{`"1234"`: "decimal", `"1.234"`: "decimal"}},
		{"decimal(5,2)", "decimal(38,2)", []string{"123.45"}, map[string]Breach{"1234.5": "decimal"}},
		{"enum('a','b,c','it''s','')", "string", []string{`"a"`, `"b,c"`, `"it's"`, `""`, `"\u0061"`}, map[string]Breach{`"b"`: "enum", `"A"`: "enum", "1": "enum"}},
		{`enum(a,b\,c,)`, "string", []string{`"a"`, `"b,c"`, `""`}, map[string]Breach{`"b"`: "enum", `"c"`: "enum"}},
		{`enum(x,y z,a)`, "string", []string{`"x,y z"`, `"y z,a"`}, map[string]Breach{`"x,a"`: "enum", `"z,a"`: "enum"}}, // of PostgreSQL, commas within
		{"enum", "string", []string{`"all"`}, map[string]Breach{"1": "enum"}},
		{"set('a','b')", "string", []string{`""`, `"a"`, `"b,a"`}, map[string]Breach{`"a,c"`: "set", `","`: "set"}},
		{"interval(iso)", "string", []string{`"P1Y2M3DT4H5M6.789S"`, `"P-1Y0M0DT0H0M-0.5S"`, `"PT0S"`, `"P2W"`}, map[string]Breach{`"P"`: "interval", `"PT"`: "interval", `"1 day"`: "interval", `"P1D2Y"`: "interval", `"P1H"`: "interval", `"P1DT"`: "interval"}},
		{"interval(micros)", "int64", []string{"-1"}, nil},
		{"bits(20)", "binary", []string{`"//8P"`, `"AQ=="`, `""`}, map[string]Breach{`"//8f"`: "bits", `"AAAAAA=="`: "bits"}},
		{"bits(64)", "binary", []string{`"//////////8="`}, map[string]Breach{`"////////////"`: "bits"}},
		{"bits", "binary", []string{`"////////////////"`}, nil},
		{"geometry", "json", []string{`{"wkb":` + point + `,"srid":null}`, `{"srid":4326,"wkb":` + point + `}`}, map[string]Breach{`{"wkb":null}`: "geometry", `{"wkb":"????????"}`: "geometry", `{"wkb":"BQEAAAAA"}`: "geometry", `[1]`: "geometry", `{"wkb":` + point + `,"srid":"4326"}`: "geometry"}},
		{"point(4326)", "json", []string{`{"x":1,"y":1,"wkb":` + point + `,"srid":4326}`, `{"wkb":"AQEAACDmEAAA"}`}, map[string]Breach{`{"wkb":` + point + `,"srid":3857}`: "srid", `{"wkb":` + point + `}`: "srid"}},
		{"geometry(0)", "json", []string{`{"wkb":` + point + `,"srid":null}`, `{"wkb":` + point + `,"srid":0}`}, map[string]Breach{`{"wkb":` + point + `,"srid":1}`: "srid"}},
		{"vector(float32,3)", "json", []string{`[1,2.5,-3]`}, map[string]Breach{`[1,2]`: "dimension", `[1,2,3,4]`: "dimension", `[1,null,3]`: "vector", `{"a":1}`: "vector"}},
		{"vector(float64)", "json", []string{`[]`, `[1e3]`}, map[string]Breach{`["1"]`: "vector"}},
		{"sparse_vector(float64,5)", "json", []string{`{"dimensions":5,"vector":[[1,1.5],[5,2]]}`, `{"dimensions":5,"vector":{"1":1.5}}`}, map[string]Breach{`{"dimensions":4,"vector":[]}`: "dimension", `{"dimensions":5,"vector":[[6,1]]}`: "dimension", `{"dimensions":5,"vector":[[1]]}`: "vector", `{"dimensions":5,"vector":[[1,"x"]]}`: "vector"}},
		{"array<int32>", "json", []string{`[1,null,-3]`, `[]`}, map[string]Breach{`[1.5]`: "type", `["1"]`: "type", `[2147483648]`: "type", `{"a":1}`: "array"}},
		{"array<array<enum('a')>>", "json", []string{`[["a"],null]`}, map[string]Breach{`["a"]`: "array", `[["b"]]`: "enum"}},
		{"array<decimal(4,2)>", "json", []string{`["12.34"]`, `["BNI="]`, `[1.5]`}, map[string]Breach{`["123.4"]`: "decimal", `[{}]`: "decimal"}},
		{"array<timestamp>", "json", []string{`["2020-01-01T00:00:00.000000","infinity"]`, `[1577836800000000]`}, map[string]Breach{`["soon"]`: "type", `[true]`: "type"}},
		{"array", "json", []string{`[{"a":[]}]`}, map[string]Breach{`{}`: "array"}},
		{"map<string,string>", "json", []string{`{"a":"b","c":null}`}, map[string]Breach{`{"a":1}`: "type", `["a"]`: "map"}},
		{"map<int32,uint8>", "json", []string{`[[1,255],[2,null]]`, `{"1":0}`}, map[string]Breach{`[[1,256]]`: "range", `[["x",1]]`: "type", `[[1,1,1]]`: "map", `{"x":1}`: "type"}},
		{`struct<a:int32,"b c":enum('x'),d:struct<e:bool>>`, "json", []string{`{"a":1,"b c":"x","d":{"e":true}}`, `{"b\u0020c":null}`, `{}`}, map[string]Breach{`{"a":1,"f":null}`: "struct", `{"b c":"y"}`: "enum", `{"d":{"e":1}}`: "type", `[1]`: "struct"}},
	} {
		r, err := ParseRule(x.rule)
		if err != nil {
			t.Error(err)
			continue
		}
		typ, wire, _, err := ParseColumn(x.typ)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Suits(typ); err != nil {
			t.Errorf("%s: %s: %v", x.rule, x.typ, err)
		}
		f := Field{Type: typ, Wire: wire}
		hold := func(value string, want Breach) {
			c, err := ScanJSON([]byte(value), nil)
			if err != nil {
				t.Fatal(value, err)
			}
			if got := r.Breach(&f, c, []byte(value)[c.Off:c.Off+c.Len]); got != want {
				t.Errorf("%s as %s: %s: %q, want %q", x.rule, x.typ, value, got, want)
			}
		}
		for _, v := range x.holds {
			hold(v, Holds)
		}
		for v, want := range x.breaks {
			hold(v, want)
		}
	}
}

// TestRuleContradicts: what no logical type is, and types whose values it cannot have.
func TestRuleContradicts(t *testing.T) {
	for text, want := range map[string]string{
		"": "no logical type", "enums(a)": "no logical type", "int32": "no logical type", "bits(0)": "from 1 on", "bits(a)": "no number", "vector(int8)": "float32",
		"vector(float32,0)": "from 1 on", "enum()": "write enum", "enum('a','a')": "twice", "array<int32": "missing", "array<int32,int32>": "has 1 types",
		"struct<a:int32,a:bool>": "twice", "struct<a>": "name:type", "geometry(-1)": "from 0 on", "interval(days)": "write interval", "year(4)": "does not take",
		"uint8 x": "too much", "map<string>": "has 2 types", "bits(": "open", strings.Repeat("array<", 20) + "bool" + strings.Repeat(">", 20): "too deep",
	} {
		if _, err := ParseRule(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	for rule, types := range map[string][]string{
		"enum(a)": {"int32", "json"}, "uint32": {"int32", "decimal(9,2)", "bool"}, "bits(3)": {"string"}, "geometry": {"string"}, "interval(iso)": {"int64"}, "interval(nanos)": {"string"},
		"decimal(65,30)": {"decimal(38,30)", "int64"}, "vector(float32)": {"binary"}, "struct": {"string"},
	} {
		r, err := ParseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		for _, typ := range types {
			ty, _, _, _ := ParseColumn(typ)
			if r.Suits(ty) == nil {
				t.Errorf("%s goes with %s", rule, typ)
			}
		}
	}
}

// TestRuleAllocates: holding a value to a rule takes no memory.
func TestRuleAllocates(t *testing.T) {
	for rule, value := range map[string]string{"enum('a','b')": `"b"`, "set(a,b)": `"a,b"`, "uint64": "5", "bits(9)": `"/wE="`, "array<enum('x')>": `["x","x"]`,
		"struct<a:map<string,int32>>": `{"a":{"b":1}}`, "geometry(1)": `{"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAPA/","srid":1}`, "vector(float32,2)": "[1,2]", "interval(iso)": `"PT1S"`,
		"sparse_vector(float64)": `{"dimensions":2,"vector":[[1,2]]}`, "decimal(5,2)": `"1.5"`} {
		r, err := ParseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		p := []byte(value)
		c, _ := ScanJSON(p, nil)
		f := Field{Type: Type{Kind: String}}
		body := p[c.Off : c.Off+c.Len]
		if n := testing.AllocsPerRun(100, func() {
			if r.Breach(&f, c, body) != Holds {
				t.Fatal(rule)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", rule, n)
		}
	}
}

func FuzzRule(f *testing.F) {
	for _, x := range [][2]string{{"enum('a','b''')", `"a"`}, {"struct<a:map<int32,uint8>,\"b\":vector(float32,2)>", `{"a":[[1,2]],"b":[1,2]}`}, {"set(a\\,b)", `"a,b"`}, {"bits(20)", `"AAAA"`},
		{"geometry(1)", `{"wkb":"AQEAAAAA","srid":1}`}, {"sparse_vector(float64)", `{"dimensions":1,"vector":{"1":2}}`}, {"array<decimal(5,2)>", `["1.5"]`}, {"interval(iso)", `"P1DT2S"`}} {
		f.Add(x[0], []byte(x[1]))
	}
	f.Fuzz(func(t *testing.T, rule string, p []byte) {
		r, err := ParseRule(rule)
		if err != nil {
			return
		}
		c, err := ScanJSON(p, nil)
		if err != nil {
			return
		}
		for _, typ := range []Type{{Kind: String}, {Kind: Int64}, {Kind: Decimal, Precision: 20}, {Kind: JSON}, {Kind: Binary}} {
			_ = r.Suits(typ)
			field := Field{Type: typ, Wire: WireBase64}
			b := r.Breach(&field, c, p[c.Off:c.Off+c.Len])
			if b != Holds && strings.ContainsAny(string(b), " 0123456789") {
				t.Fatal("a breach is a name")
			}
		}
		field := Field{Type: Type{Kind: String}}
		_ = r.Breach(&field, Cell{Len: uint32(len(p)), Enc: EncBytes, Flags: Present}, p)
		_ = r.Breach(&field, Cell{Len: uint32(len(p)), Enc: EncText, Flags: Present}, p)
	})
}
