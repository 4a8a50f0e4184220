package mask

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"sluice/schemas"
	"sluice/topology/stream"
)

// matrixTypes are the columns of the matrix: one value each, in every way
// that a source may spell it, and as JSON has it inside of a value ("": the
// type is not to be seen there).
var matrixTypes = []struct {
	name   string
	typ    schemas.Type
	wire   schemas.Wire
	spell  []spelled
	nested string
}{
	{"bool", schemas.Type{Kind: schemas.Bool}, 0, []spelled{{Enc: schemas.EncTrue}, {Enc: schemas.EncText, Text: "true"}, {Enc: schemas.EncInt, Text: "1"}}, "true"},
	{"int32", schemas.Type{Kind: schemas.Int32}, 0, []spelled{{Enc: schemas.EncInt, Text: "1234567"}, {Enc: schemas.EncText, Text: "1234567"}, {Enc: schemas.EncFloat, Text: "1234567.0"}}, "1234567"},
	{"int64", schemas.Type{Kind: schemas.Int64}, 0, []spelled{{Enc: schemas.EncInt, Text: "123456789"}, {Enc: schemas.EncText, Text: "123456789"}, {Enc: schemas.EncJSONString, Text: `\u0031\u00323456789`}}, "123456789"},
	{"float64", schemas.Type{Kind: schemas.Float64}, 0, []spelled{{Enc: schemas.EncFloat, Text: "1234.5"}, {Enc: schemas.EncFloat, Text: "1.2345E3"}, {Enc: schemas.EncText, Text: "1234.50"}}, "1234.5"},
	{"decimal(12,2)", schemas.Type{Kind: schemas.Decimal, Precision: 12, Scale: 2}, 0, []spelled{{Enc: schemas.EncText, Text: "1234.50"}, {Enc: schemas.EncFloat, Text: "1234.5"}}, ""},
	{"decimal(9,0)", schemas.Type{Kind: schemas.Decimal, Precision: 9}, 0, []spelled{{Enc: schemas.EncText, Text: "12345678"}, {Enc: schemas.EncInt, Text: "12345678"}}, ""},
	{"date", schemas.Type{Kind: schemas.Date}, schemas.WireDays, []spelled{{Enc: schemas.EncInt, Text: "5580"}, {Enc: schemas.EncText, Text: "1985-04-12"}}, `"1985-04-12"`},
	{"instant", schemas.Type{Kind: schemas.Instant}, schemas.WireMicros, []spelled{{Enc: schemas.EncInt, Text: "1769853600500000"}, {Enc: schemas.EncText, Text: "2026-01-31T10:00:00.500000Z"}}, `"2026-01-31T10:00:00.5Z"`},
	{"uuid", schemas.Type{Kind: schemas.UUID}, 0, []spelled{{Enc: schemas.EncText, Text: "b68a35a7-17ad-35b3-af2a-000000000abc"}, {Enc: schemas.EncText, Text: "B68A35A7-17AD-35B3-AF2A-000000000ABC"}, {Enc: schemas.EncJSONString, Text: `\u0062\u00368a35a7-17ad-35b3-af2a-000000000abc`}}, `"b68a35a7-17ad-35b3-af2a-000000000abc"`},
	{"json", schemas.Type{Kind: schemas.JSON}, 0, []spelled{{Enc: schemas.EncJSON, Text: `{"a":1}`}, {Enc: schemas.EncText, Text: `{"a":1}`}}, `{"a":1}`},
	{"binary", schemas.Type{Kind: schemas.Binary}, schemas.WireBase64, []spelled{{Enc: schemas.EncBytes, Text: "secret\xff\x00bytes"}, {Enc: schemas.EncText, Text: base64.StdEncoding.EncodeToString([]byte("secret\xff\x00bytes"))}}, ""},
	{"digits", schemas.Type{Kind: schemas.String}, 0, []spelled{{Enc: schemas.EncText, Text: "219-09-9999"}, {Enc: schemas.EncJSONString, Text: `219\u002d09-9999`}}, `"219-\u00309-9999"`},
	{"text", schemas.Type{Kind: schemas.String}, 0, []spelled{{Enc: schemas.EncText, Text: `Zoë "Z" O'Neil <z@x.example>`}, {Enc: schemas.EncJSONString, Text: `Zo\u00eb \"Z\" O\u0027Neil <z@x.example>`}}, `"Zo\u00eb \"Z\" O'Neil <z@x.example>"`},
}

// matrix says for each action and type what comes out: = a value of the same
// type, t a text, n null, - no column, x the plan is refused, r the value is.
var matrix = []struct{ action, want string }{
	//                                         bool i32 i64 f64 d,2 d,0 date inst uuid json bin digits text
	{"hash", "ttttttttttttt"},
	{"{hash: {domain: d, encoding: hex, bits: 256}}", "ttttttttttttt"},
	{"{hash: {canonical: digits}}", "ttttttttttttt"},
	{"tokenize", "xtttttttttttt"},
	{"{tokenize: {form: ff1}}", "x==xx=xxxxx=r"},
	{"{tokenize: {form: ff1, width: 9}}", "x==xx=xxxxxxx"},
	{"{tokenize: {form: ff1, alphabet: hex}}", "xxxxxxxx=xx=r"},
	{"{tokenize: {form: ff1, alphabet: class}}", "xxxxxxxxxxx=r"},
	{"{partial: {keep_last: 2}}", "ttttttttttttt"},
	{"{partial: {length: 5}}", "ttttttttttttt"},
	{"{generalize: year}", "xxxxxx==xxxrr"},
	{"{generalize: {date: month, unit: micros}}", "x==xxx==xxxrr"},
	{"{generalize: {age: 5}}", "xrrrrrxxxxxrr"},
	{"{generalize: {bucket: 100}}", "x=====xxxxxrr"},
	{"{generalize: {round: -2}}", "x=====xxxxxrr"},
	{"{generalize: zip3}", "x==xxxxxxxxrr"},
	{"{generalize: ip}", "xxxxxxxxxxxrr"},
	{"{generalize: {prefix: 2}}", "xxxxxxxxxxx=="},
	{"{synthetic: email}", "xxxxxxxxxxx=="},
	{"{synthetic: ssn}", "x==xxxxxxxx=="},
	{"{synthetic: {kind: name, unique: true}}", "xxxxxxxxxxx=="},
	{"{shift: {days: 30}}", "xxxxxx==xxxrr"},
	{"{noise: {within: 50}}", "x=====xxxxxrr"},
	{"redact", "nnnnnnnnttttt"},
	{"null", "nnnnnnnnnnnnn"},
	{"drop", "-------------"},
}

// TestMatrix: strategy by type by encoding by place. A value has one masked
// form however it is spelled and wherever it stands: before, after, key, and
// where JSON shows the type, inside of a JSON value and of a text that holds
// JSON. What is refused in one place is refused in all. // P2 P3
func TestMatrix(t *testing.T) {
	cases := 0
	for _, m := range matrix {
		for i, c := range matrixTypes {
			g := acting(t, m.action)
			want := ""
			for _, v := range c.spell {
				v.Type, v.Wire = c.typ, c.wire
				for _, key := range []bool{false, true} {
					if key && !rulingOf(g, "v").Spec.Injective() {
						continue
					}
					outs, mark := places(g, v, key)
					cases += len(outs)
					if mark == '=' && m.want[i] == 't' && c.typ.Kind == schemas.String {
						mark = 't'
					}
					if mark != m.want[i] {
						t.Errorf("%s of %s %q (key %v): %c, want %c: %q", m.action, c.name, v.Text, key, mark, m.want[i], outs)
					}
					for _, out := range outs {
						if want == "" {
							want = out
						}
						if out != want {
							t.Errorf("%s of %s: %q and %q", m.action, c.name, want, out)
						}
					}
				}
			}
			if c.nested == "" || m.want[i] == '-' {
				continue
			}
			g = gateOf(t, "key: env:KEY\nrules:\n- columns:\n    n.v: "+m.action)
			for _, v := range []spelled{
				js(`{"v":` + c.nested + `}`),
				str(`{"v":` + c.nested + `}`),
				of(schemas.String, 0, schemas.EncJSONString, strings.ReplaceAll(strings.ReplaceAll(`{"v":`+c.nested+`}`, `\`, `\\`), `"`, `\"`)),
			} {
				cases++
				out := inside(g, v)
				switch m.want[i] {
				case 'x', 'r': // the plan does not know the type: the value is refused, or it is one of another type there
					if out != "REJECTED" && (c.typ.Kind != schemas.Date && c.typ.Kind != schemas.Instant && c.typ.Kind != schemas.UUID && c.typ.Kind != schemas.Bool || strings.Contains(out, strings.Trim(c.nested, `"`))) {
						t.Errorf("%s of %s in JSON: %q", m.action, c.name, out)
					}
				case 'n':
					if out != "null" && out != "[redacted]" {
						t.Errorf("%s of %s in JSON: %q", m.action, c.name, out)
					}
				default:
					if out != want {
						t.Errorf("%s of %s: %q, in JSON %q", m.action, c.name, want, out)
					}
				}
			}
		}
	}
	t.Logf("%d cells", cases)
}

// places passes v as before, after and, if asked, key of one record: what
// comes out in each, and the mark of the matrix.
func places(g *Gate, v spelled, key bool) (outs []string, mark byte) {
	f := schemas.Field{Name: "v", Type: v.Type, Wire: v.Wire, Key: key}
	s := schemas.NewSchema(schemas.Schema{Topic: lane.Topic, Version: 1, Fields: []schemas.Field{f}})
	n := uint32(len(v.Text))
	cell := func(off uint32, flags schemas.Flags) []schemas.Cell {
		return []schemas.Cell{{Off: off, Len: n, Enc: v.Enc, Flags: schemas.Present | flags}}
	}
	b := stream.NewBatch(lane, stream.Position{}, nil)
	r := stream.Record{Schema: s, Full: true, Value: stream.ViewOf([]byte(v.Text + v.Text)), Key: stream.ViewOf([]byte(v.Text)), Before: cell(0, 0), After: cell(n, 0)}
	if key {
		r.KeyRow = cell(0, schemas.InKey)
	}
	b.Records = []stream.Record{r, {Offset: 1, Schema: s, Full: true, Value: r.Value, After: cell(0, 0)}}
	b.To.Offset, b.In = 2, 2
	x, err := g.Pass(b)
	switch {
	case err != nil && strings.Contains(err.Error(), "line 4"):
		return []string{"x"}, 'x'
	case err != nil:
		return []string{err.Error()}, '?'
	case len(x.Rows()) == 0:
		return []string{"r"}, 'r'
	case len(x.Rows()[0].Table.Columns) == 0:
		return nil, '-'
	}
	for i := range x.Rows() {
		row := &x.Rows()[i]
		for _, cs := range [][]schemas.Cell{row.Before, row.After, row.Key} {
			if cs == nil {
				continue
			}
			col := row.Table.Columns[0]
			out, code := schemas.AppendJSON(nil, col.Type, col.Wire, cs[0], row.Bytes(cs[0]))
			switch {
			case code != "":
				return []string{fmt.Sprintf("no %v: %s", col.Type, code)}, '?'
			case string(out) == "null":
				mark = 'n'
			case col.Type == v.Type:
				mark = '='
			case col.Type.Kind == schemas.String:
				mark = 't'
			}
			outs = append(outs, same(v.Type, strings.Trim(string(out), `"`)))
		}
	}
	return outs, mark
}

// same is a text of a time without zeros that its wire form adds, so that one
// given as text compares with one given as a number.
func same(t schemas.Type, s string) string {
	if t.Kind == schemas.Instant && strings.HasSuffix(s, "Z") && strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s[:len(s)-1], "0"), ".") + "Z"
	}
	return s
}

// inside is what a gate makes of v.v.
func inside(g *Gate, v spelled) string {
	s := schemas.NewSchema(schemas.Schema{Topic: lane.Topic, Version: 1, Fields: []schemas.Field{{Name: "n", Type: v.Type}}})
	b := stream.NewBatch(lane, stream.Position{}, nil)
	b.Records = []stream.Record{{Schema: s, Full: true, Value: stream.ViewOf([]byte(v.Text)), After: []schemas.Cell{v.Cell()}}}
	b.To.Offset, b.In = 1, 1
	x, err := g.Pass(b)
	if err != nil {
		return err.Error()
	}
	if len(x.Rows()) == 0 {
		return "REJECTED"
	}
	out := string(x.Rows()[0].Bytes(x.Rows()[0].After[0]))
	return strings.Trim(strings.TrimSuffix(strings.TrimPrefix(out, `{"v":`), "}"), `"`)
}

// TestStrategiesByManyWorkers: one gate, many workers, one result; -race looks on.
func TestStrategiesByManyWorkers(t *testing.T) {
	const p = `{key: env:KEY, rules: [{columns: {id: {keep: r}, a: {tokenize: {form: ff1, alphabet: class}}, b: tokenize, c: {synthetic: {kind: email, by: id}}, d: {hash: {domain: d, canonical: email}},
  e: {shift: {days: 9, by: id}}, f: {noise: {within: 9}}, g: {partial: last4}, h: {generalize: {bucket: 10}}, n.a: {tokenize: {form: ff1}}}}]}`
	g := gateOf(t, p)
	in := func(i int) string {
		return fmt.Sprintf(`{"id":%d,"a":"AB-%07d","b":"b%d","c":"c","d":"D%d@x.example","e":"1985-04-12","f":%d,"g":"4111 %d","h":%d,"n":{"a":%d}}`, i, i, i, i, i, 1000+i, i, 1e6+i)
	}
	s := schemaOf(false, "", in(1))
	pass := func() (out []string) {
		var changes []change
		for i := range 200 {
			changes = append(changes, change{before: in(i), after: in(i + 1)})
		}
		x, err := g.Pass(batch(s, changes...))
		if err != nil || len(x.Rows()) != 200 {
			t.Errorf("%v, %d rows", err, len(x.Rows()))
			return nil
		}
		for i := range x.Rows() {
			r := &x.Rows()[i]
			out = append(out, row(r, r.Before), row(r, r.After))
		}
		return out
	}
	want := pass()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				if got := pass(); !slices.Equal(got, want) {
					t.Error("workers differ")
				}
			}
		})
	}
	wg.Wait()
}
