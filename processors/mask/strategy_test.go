package mask

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sluice/processors/proctest"
	"sluice/schemas"
)

type spelled = proctest.Spelled

var str, whole, js, of, dec = proctest.Str, proctest.Whole, proctest.Doc, proctest.Of, proctest.Dec

// through is proctest.Through of column v.
func through(g *Gate, v spelled) string { return proctest.Through(g, "v", v) }

func acting(t testing.TB, action string) *Gate {
	t.Helper()
	return gateOf(t, "key: env:KEY\nrules:\n- columns:\n    v: "+action)
}

// TestKeysOfRows: what may stand in a row's key and what may not. // D4
func TestKeysOfRows(t *testing.T) {
	for action, want := range map[string]bool{
		"hash": true, "{hash: {bits: 80}}": true, "{hash: {bits: 64}}": false, "{hash: {canonical: lower}}": false, "tokenize": true,
		"{tokenize: {form: ff1}}": true, "{synthetic: email}": false, "{synthetic: {kind: email, unique: true}}": true,
		"{synthetic: {kind: email, unique: true, by: name}}": false, "{shift: {days: 3}}": false, "{noise: {within: 3}}": false,
		"{generalize: {prefix: 3}}": false, "{partial: last4}": false,
	} {
		s := schemaOf(true, "v", `{"v":"123456789","name":"Ann"}`)
		_, err := gateOf(t, "key: env:KEY\nrules: [{columns: {v: "+action+"}}]").Pass(batch(s, change{after: `{"v":"123456789","name":"Ann"}`, key: `{"v":"123456789"}`}))
		if got := err == nil || !strings.Contains(err.Error(), "is in the key of"); got != want {
			t.Errorf("%s in a key: %v", action, err)
		}
	}
}

// TestActionNamesKey: an FF1 token has no room for a key id. // P5
func TestActionNamesKey(t *testing.T) {
	s := schemaOf(false, "", `{"v":"123456789","w":"x","y":{"z":"123456789"}}`)
	g := gateOf(t, "key: env:KEY\nrules: [{columns: {v: {tokenize: {form: ff1}}, w: hash, y.z: {tokenize: {form: ff1}}}}]")
	x, err := g.Pass(batch(s, change{after: `{"v":"123456789","w":"x","y":{"z":"123456789"}}`}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range x.Rows()[0].Table.Columns {
		got = append(got, c.Action)
	}
	if want := []string{"tokenize:k1", "hash", "nested:k1"}; !slices.Equal(got, want) || g.Explain(s)[0].Action != want[0] {
		t.Errorf("%q, want %q; %v", got, want, g.Explain(s))
	}
}

// TestStrategiesPrint: nothing of a key is printed with a policy. // P1 P5
func TestStrategiesPrint(t *testing.T) {
	g := gateOf(t, `{key: env:KEY, rules: [{columns: {a: tokenize, b: {tokenize: {form: ff1}}, c: {synthetic: name}, d: {noise: {within: 1}}, e: {hash: {domain: x}}}}]}`)
	for _, column := range []string{"a", "b", "c", "d", "e"} {
		for _, form := range []string{"%v", "%+v", "%#v"} {
			if out := fmt.Sprintf(form, rulingOf(g, column).Spec.Strategy); strings.Contains(out, "kkkk") || len(out) > 1000 {
				t.Errorf("%s prints %d bytes", column, len(out))
			}
		}
	}
}

// TestP6CanaryStrategies: the canary test over the actions with parameters. // P1 P6
func TestP6CanaryStrategies(t *testing.T) {
	const p = `
key: env:KEY
rules:
- columns:
    id: {keep: "no personal data"}
    siv: tokenize
    class: {tokenize: {form: ff1, alphabet: class}}
    num: {tokenize: {form: ff1}}
    hashed: {hash: {canonical: lower, domain: d}}
    digits: {hash: {canonical: digits}}
    made: {synthetic: {kind: email, unique: true}}
    by: {synthetic: {kind: name, by: secret}}
    secret: drop
    head: {generalize: {prefix: 3}}
    length: {partial: {length: 5}}
    domain: {partial: {keep_domain: true}}
    bucket: {generalize: {bucket: 1000000000}}
    noise: {noise: {percent: 50}}
    "nest.a": tokenize
    "nest.b[*]": {synthetic: phone}
    "nest.c": {tokenize: {form: ff1, alphabet: class}}
    "nest.n": {tokenize: {form: ff1}}
`
	g := gateOf(t, p)
	for seed := range uint64(20) {
		m := &markers{rng: rand.New(rand.NewPCG(seed, 3))}
		row := func() string {
			p, err := json.Marshal(map[string]any{"id": 7, "siv": m.mark(), "class": m.mark(), "num": m.number(), "hashed": m.mark() + " A", "digits": m.mark(), "made": m.mark(), "by": m.mark(),
				"secret": m.mark(), "head": m.mark(), "length": m.mark(), "domain": m.mark() + "@x.example", "bucket": m.number(), "noise": m.number(),
				"nest": map[string]any{"a": m.mark(), "b": []string{m.mark(), m.mark()}, "c": m.mark(), "n": m.number()}})
			if err != nil {
				t.Fatal(err)
			}
			return string(p)
		}
		refused := strings.Replace(row(), `"class":"`, `"class":"é`, 1)
		s := schemaOf(false, "", row())
		search(t, g, batch(s, change{before: row(), after: row()}, change{after: row()}, change{after: refused}, change{before: row()}), 3, 1, m.list)
	}
}

// FuzzStrategies: whatever a source writes, no action panics, what comes out is
// a value of the column's type, and the same again.
func FuzzStrategies(f *testing.F) {
	var gates []*Gate
	for _, m := range matrix {
		gates = append(gates, acting(f, m.action))
	}
	for _, a := range []string{"{generalize: {geohash: 5}}", "{generalize: {date: decade, unit: nanos}}", "{generalize: {buckets: [-5, 0.5, 1000]}}", "{generalize: {bucket: 0.01}}",
		"{noise: {percent: 100, min: -10}}", "{noise: {laplace: 1000000000}}", "{shift: {days: 36525, unit: days}}", "{partial: {keep_domain: true, keep_first: 2}}", "{partial: last4}",
		"{synthetic: phone}", "{synthetic: ip}", "{tokenize: {form: ff1, card: true}}", "{hash: {canonical: phone}}"} {
		gates = append(gates, acting(f, a))
	}
	encs := []schemas.Encoding{schemas.EncText, schemas.EncJSONString, schemas.EncInt, schemas.EncFloat}
	for i, c := range matrixTypes {
		f.Add(uint8(i), uint8(i), uint8(0), c.spell[0].Text)
	}
	f.Add(uint8(10), uint8(7), uint8(2), "-9223372036854775808")
	f.Add(uint8(14), uint8(4), uint8(0), "-0.00")
	f.Fuzz(func(t *testing.T, action, typ, enc uint8, text string) {
		c := matrixTypes[int(typ)%len(matrixTypes)]
		v := spelled{Type: c.typ, Wire: c.wire, Enc: encs[enc%4], Text: text}
		if enc%4 > 1 { // decoders give such cells for literals only
			if end, ok := scalarEnd([]byte(text + " ")); !ok || end != len(text) || text == "" || text[0] == '"' || text[0] > '9' || (enc%4 == 2) == strings.ContainsAny(text, ".eE") {
				return
			}
		}
		g := gates[int(action)%len(gates)]
		got := through(g, v)
		if strings.HasPrefix(got, "a cell that is no ") {
			// what the source wrote may be none either: such values stay what they are in text
			if _, code := schemas.AppendJSON(nil, c.typ, c.wire, schemas.Cell{Len: uint32(len(text)), Enc: v.Enc, Flags: schemas.Present}, []byte(text)); code == "" {
				t.Fatalf("action %d of %v %q: %s", int(action)%len(gates), c.typ, text, got)
			}
		}
		if again := through(g, v); again != got {
			t.Fatalf("action %d of %v %q: %q, then %q", int(action)%len(gates), c.typ, text, got, again)
		}
	})
}

// TestGeneralizeJSON: inside of JSON numbers stay numbers.
func TestGeneralizeJSON(t *testing.T) {
	g := gateOf(t, `{key: env:KEY, default: withhold, rules: [{columns: {v.age: {generalize: {age: 5}}, v.zip: {generalize: zip3}, v.pay: {generalize: {bucket: 0.5}},
  v.at: {generalize: {date: year, unit: millis}}, v.id: {tokenize: {form: ff1}}, v.mail: {synthetic: email}, v.n: {noise: {within: 3}}}}]}`)
	in := js(`{"age":37,"zip":94105,"pay":10.75,"at":1769853600123,"id":12345678,"mail":"Ann \"x\"@y.example","n":50}`)
	got := strings.ReplaceAll(through(g, in), `\"`, `"`)
	if !regexp.MustCompile(`^{"age":35,"zip":94100,"pay":10.5,"at":1767225600000,"id":[1-9]\d{7},"mail":"[a-z.]+\d{3}@example\.(com|org|net)","n":(4[7-9]|5[0-3])}$`).MatchString(got) {
		t.Error(got)
	}
	nulls := gateOf(t, "key: env:KEY\nrules: [{columns: {v.a: {generalize: {prefix: 2}}, v.b: {generalize: {geohash: 5}}, v.c: {keep: r}}}]")
	if got := strings.ReplaceAll(through(nulls, js(`{"a":"a","b":"u4p","c":1}`)), `\"`, `"`); got != `{"a":null,"b":null,"c":1}` {
		t.Error(got)
	}
	in.Text = `{"id":"ZIP 123"}`
	if got := through(g, in); got != "REJECTED" { // P2
		t.Error(got)
	}
}
