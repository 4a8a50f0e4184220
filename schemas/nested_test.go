package schemas

import (
	"bytes"
	"encoding/json"
	"testing"
)

// TestRecognise: which structs are known by their members alone.
func TestRecognise(t *testing.T) {
	for in, want := range map[string]string{
		`{"scale":2,"value":"AJY="}`:                                                           "1.50",
		`{"value":"AJY=","scale":0}`:                                                           "150",
		`{"scale":"2","value":"AJY="}`:                                                         "",
		`{"scale":2,"value":"AJY=","x":1}`:                                                     "",
		`{"scale":2}`:                                                                          "",
		`{"year":2026,"month":2,"day":3,"specialValue":null}`:                                  "2026-02-03",
		`{"year":2026,"month":2,"day":3}`:                                                      "2026-02-03",
		`{"year":2026,"month":2}`:                                                              "",
		`{"hour":1,"minute":2,"second":3,"picoseconds":500,"precision":12}`:                    "01:02:03.000000000500",
		`{"hour":1,"minute":2,"second":3,"nanos":500000000,"precision":3}`:                     "01:02:03.500000",
		`{"hour":1,"minute":2,"second":3,"picoseconds":0,"nanos":0,"precision":3}`:             "",
		`{"hour":1,"minute":2,"second":3,"picoseconds":0,"offsetSeconds":-5400,"precision":0}`: "01:02:03-01:30",
		`[1,2]`: "", `{}`: "", `{"a":1}`: "",
	} {
		typ, wire, ok := Recognise([]byte(in))
		got := ""
		switch {
		case ok && wire == WireVarDecimal:
			out, code := AppendJSON(nil, Type{Kind: Decimal, Precision: 38}, wire, Cell{Enc: EncJSON, Flags: Present}, []byte(in))
			if got = string(bytes.Trim(out, `"`)); code != "" {
				t.Errorf("%s: %s", in, code)
			}
		case ok:
			out, good := RewriteAs(typ.Kind).Append(nil, []byte(in))
			if got = string(out); !good {
				t.Errorf("%s is not what it was taken for", in)
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// TestStructuredRefuses: what is no time is not made one.
func TestStructuredRefuses(t *testing.T) {
	for _, in := range []string{
		`{"year":2026,"month":13,"day":1}`, `{"year":null,"month":1,"day":1}`, `{"year":99999999999,"month":1,"day":1}`, `{"year":"2026","month":1,"day":1}`,
		`{"year":2026,"month":1,"day":1,"specialValue":"NaN"}`, `{}`, `[]`,
	} {
		if out, ok := RewriteAs(Date).Append([]byte("x"), []byte(in)); ok || string(out) != "x" {
			t.Errorf("%s became %q", in, out)
		}
	}
	for _, in := range []string{`{"hour":1,"minute":60,"second":0}`, `{"hour":1}`, `{"hour":1,"minute":1,"second":1,"picoseconds":1000000000000}`, `{"hour":-1,"minute":1}`} {
		if out, ok := RewriteAs(Time).Append([]byte("x"), []byte(in)); ok || string(out) != "x" {
			t.Errorf("%s became %q", in, out)
		}
	}
}

// FuzzRewrite: whatever a schema and a value say, a document stays a document.
func FuzzRewrite(f *testing.F) {
	f.Add([]byte(`{"type":"array","items":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}}}`), []byte(`["AJY=",null]`))
	f.Add([]byte(`{"type":"map","keys":{"type":"int32","name":"io.debezium.time.Date"},"values":{"type":"int64","name":"io.debezium.time.MicroTimestamp"}}`), []byte(`[[1,2],[3,4]]`))
	f.Add([]byte(`{"type":"struct","fields":[{"field":"a","type":"struct","name":"io.debezium.time.StructuredDate"}]}`), []byte(`{"a":{"year":2026,"month":1,"day":1}}`))
	f.Add([]byte(`{"type":"struct","name":"io.debezium.time.StructuredDuration"}`), []byte(`{"years":1,"seconds":-5,"picoseconds":-1}`))
	f.Fuzz(func(t *testing.T, schema, value []byte) {
		_, _, _ = Recognise(value)
		c, err := ParseConnect(schema)
		if err != nil || !ValidJSON(value) {
			return
		}
		r := c.Rewrite()
		if r == nil {
			return
		}
		out, ok := r.Append(nil, value)
		if !ok {
			return
		}
		if r.parts != notStructured {
			out, _ = json.Marshal(string(out))
		}
		if !ValidJSON(out) {
			t.Fatalf("%s under %s became %s", value, schema, out)
		}
	})
}

// FuzzParseJSONSchema: what a registry says is a schema or an error, and has types of Connect's.
func FuzzParseJSONSchema(f *testing.F) {
	f.Add([]byte(`{"type":"object","properties":{"a":{"oneOf":[{"type":"null"},{"type":"integer","connect.type":"int32"}]},"m":{"type":"object","connect.type":"map","additionalProperties":{"type":"string"}}}}`))
	f.Add([]byte(`{"properties":{"a":{"type":["null","string"]},"b":null,"c":{"items":{}}}}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		c, err := ParseJSONSchema(p)
		if err != nil {
			return
		}
		for i := range c.Fields {
			if _, ok := bases[c.Fields[i].Type]; !ok {
				t.Fatalf("%q", c.Fields[i].Type)
			}
			_, _ = c.Fields[i].Column()
		}
	})
}
