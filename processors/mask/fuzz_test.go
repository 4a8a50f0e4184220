package mask

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/policy"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// FuzzPolicy: a policy is refused with an error, or it decides about every
// column of any table, and what it does not keep does not come through. // P4
func FuzzPolicy(f *testing.F) {
	for _, s := range []string{
		canaryPolicy, "", "default: withhold", "key: env:KEY\nrules: [{topics: ['*'], columns: {a: hash, b.c: redact}, optional: true}]",
		"rules: [{keep: {columns: [a], because: r}}]", "rules: [{columns: {a: {partial: {keep_last: 4, char: é}}}}]", "rules: [{columns: {a: , b: ~, c: ''}}]",
		"rules: [{columns: {a: &x hash, b: *x}}]", "rules: [{columns: {a: {keep: [x]}}}]", "rules: [{headers: {x: hash}}]", "rules: [{columns: {a: hash, a: drop}}]",
		`rules: [{columns: {"[\"a\"]": hash, a: drop}}]`, "key_id: 'A B'", "rules: 7",
		"keys: [{id: k2, ref: 'env:A', window: true}, {id: k1, ref: 'env:B'}]\ndefault: scan\nscan: {classes: {email: hash}, else: redact}",
		"key: env:KEY\nclass: [{columns: {a: email, b.c: phone}, tags: {t: [c]}}]\nrules: [{classes: {email: hash}, tags: {t: redact}, columns: {'b.{key}': hash, 'b.*': drop}, optional: true}]",
	} {
		f.Add(s)
	}
	const in = `{"a":"CANARYCANARY","b":{"c":"CANARYCANARY","d":["CANARYCANARY"]},"c":7,"d":null,"e.f":true}`
	s := schemaOf(false, "", in)
	f.Fuzz(func(t *testing.T, text string) {
		var n yaml.Node
		if yaml.Unmarshal([]byte(text), &n) != nil {
			return
		}
		node := &yaml.Node{Kind: yaml.MappingNode}
		if len(n.Content) > 0 {
			node = n.Content[0]
		}
		if err := Factory.Check(node); err != nil {
			return
		}
		opened, err := Factory.Open(node, topology.Env{HTTP: nowhere{}, Now: time.Now, Secret: func(string) (string, error) { return "0123456789abcdef0123456789abcdef", nil }})
		if err != nil && strings.HasPrefix(err.Error(), "key ") {
			return // its reference leads nowhere
		}
		if err != nil {
			t.Fatalf("checked but not opened: %v", err)
		}
		g := opened.(*Gate)
		kept := map[string]bool{}
		for _, d := range g.Explain(s) {
			kept[d.Column] = d.Action == "keep"
			if d.Action == "" || d.Action == "keep" && d.Why == "" {
				t.Errorf("decision %+v", d)
			}
		}
		x, err := g.Pass(batch(s, change{after: in}))
		if err != nil || len(x.Rows()) == 0 {
			return // a path leads into what has no inside
		}
		r := &x.Rows()[0]
		for i, c := range r.Table.Columns {
			if !kept[c.Name] && c.Action != "nested" && c.Action != "scan" && bytes.Contains(r.Bytes(r.After[i]), []byte("CANARYCANARY")) {
				t.Errorf("%s came through %s", c.Name, c.Action)
			}
		}
	})
}

// nowhere is a network without anybody.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("nobody") }

// FuzzNested: what comes out is JSON exactly when what went in was, in any
// encoding, and a masked value is never in it. // P1 P2
func FuzzNested(f *testing.F) {
	for _, s := range []string{`{"a":{"b":"CANARY"}}`, `{"a":[{"b":"CANARY"},{"b":1}]}`, `{"a":null}`, `[]`, `{"a":{"b":{"c":"CANARY"}}}`, `{"\u0061":{"b":"CANARY"}}`,
		`{"a":{"b":"CANARY","b":"CANARY"}}`, "{\"a\":\xff}", `{"a":{"b":"\ud800"},"x":[[],{}, 1.5e3 ,true]}`, ` null `, `{"a":{"b":-0.0}}`, `{"a":{"c":"CANARY"},"d":["CANARY"]}`,
		`{"a":{"b":1,"c@d.example":2},"e@f.example":{"x y":[{"\u0040":1}]}}`} {
		f.Add([]byte(s), byte(0))
		f.Add([]byte(s), byte(1))
		f.Add([]byte(s), byte(2))
		f.Add([]byte(s), byte(3))
	}
	g := gateOf(f, "key: env:KEY\nrules: [{columns: {col.a.b: redact}}]")
	n := rulingOf(g, "col").Inside
	f.Fuzz(func(t *testing.T, p []byte, how byte) {
		rest := []policy.Kind{policy.Keep, policy.Hash, policy.Withhold, policy.Scan}[how%4]
		x := pass{b: stream.NewBatch(lane, stream.Position{}, nil), s: newScratch(g)}
		x.s.rest = rest
		r := &stream.Record{Value: stream.ViewOf(bytes.Clone(p))}
		enc := schemas.EncJSON
		if how&8 != 0 {
			enc = schemas.EncText
		}
		c, ok := x.nested(n, r, schemas.Cell{Len: uint32(len(p)), Enc: enc, Flags: schemas.Present})
		if !bytes.Equal(p, r.Value.Bytes()) {
			t.Fatal("wrote into lent bytes")
		}
		if !ok || c.IsNull() {
			if len(x.arena) != 0 {
				t.Fatalf("left behind: %q", x.arena)
			}
			return
		}
		out := x.arena[c.Off : c.Off+c.Len]
		if !json.Valid(out) || !utf8.Valid(out) {
			t.Fatalf("out is no JSON: %q", out)
		}
		if !json.Valid(p) {
			t.Fatalf("took what is no JSON: %q", p)
		}
		texts, names := parts(out)
		if (rest == policy.Hash || rest == policy.Withhold) && bytes.Contains(texts, []byte("CANARY")) {
			t.Fatalf("came through: %q", out)
		}
		for _, name := range names {
			if rest != policy.Keep && !columnName.MatchString(name) {
				t.Fatalf("a name that may be data came through: %q", out)
			}
		}
		var v map[string]any // names are told apart by case, as the walker does
		if json.Unmarshal(out, &v) != nil {
			return
		}
		if a, is := v["a"].(map[string]any); is && a["b"] != nil && a["b"] != "[redacted]" {
			t.Fatalf("came through: %q", out)
		}
	})
}

// columnName is what a name that stays looks like, and a token.
var columnName = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_-]{0,63}$`)

// parts are the strings of a JSON value that are no names of members, and those
// that are.
func parts(p []byte) (all []byte, names []string) {
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			all = append(append(all, v...), 0)
		case map[string]any:
			for name, e := range v {
				names = append(names, name)
				walk(e)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	var v any
	if json.Unmarshal(p, &v) == nil {
		walk(v)
	}
	return all, names
}
