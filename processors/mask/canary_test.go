package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"slices"
	"testing"

	"sluice/schemas"
	"sluice/topology/stream"
)

// TestCanary plants a marker of its own in every field of before, after, key,
// headers and nested values, and looks for it, encoded forms too, in every byte
// that is reachable behind the gate and in everything that prints. // P1 P6
func TestCanary(t *testing.T) {
	g := policy(t, `
key: env:KEY
rules:
- columns:
    id: {keep: "no personal data"}
    hashed: hash
    partly: {partial: {keep_last: 4}}
    gone: drop
    nulled: null
    red: redact
    "nest.deep[*].name": hash
    "nest.tel": drop
`)
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var markers []string
		mark := func() string {
			m := fmt.Sprintf("canary-%d-%x", len(markers), rng.Uint64())
			markers = append(markers, m)
			return m
		}
		side := func() string {
			p, _ := json.Marshal(map[string]any{"id": 7, "hashed": mark(), "partly": mark() + mark(), "gone": mark(), "nulled": mark(), "red": mark(), "unknown": mark(),
				"num": rng.Int64(), "nest": map[string]any{"tel": mark(), "deep": []any{map[string]any{"name": mark()}, map[string]any{"name": mark() + "\" \\ é"}}}})
			return string(p)
		}
		key, _ := json.Marshal(map[string]any{"id": 7})
		c := change{before: side(), after: side(), key: string(key)}
		s := schemaOf(true, "id", c.before, c.after)
		b := batch(s, c)
		b.Records[0].Headers = []stream.Header{{Key: "__debezium.oldkey", Value: stream.ViewOf([]byte(mark()))}}
		x, err := g.Pass(b)
		if err != nil || len(x.Rows()) != 1 {
			t.Fatalf("seed %d: %v, %d rows", seed, err, len(x.Rows()))
		}
		var out bytes.Buffer
		for i := range x.Rows() {
			r := &x.Rows()[i]
			for _, cs := range [][]schemas.Cell{r.Before, r.After, r.Key} {
				for k, cell := range cs {
					if cell.Has() {
						out.Write(r.Bytes(cell))
						out.Write(schemas.AppendText(nil, cell, r.Bytes(cell)))
						fmt.Fprintln(&out, r.Table.Columns[k].Name)
					}
				}
			}
			fmt.Fprintf(&out, "%v %+v %s", *r, *r, r)
		}
		fmt.Fprintf(&out, "%v %+v %#v %v %+v %#v", x, x, x, b.Records[0], b.Records[0], b.Records[0].Value)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "clean", x, "record", b.Records[0], "value", b.Records[0].Value, "rejects", len(b.Rejects))
		for _, m := range markers {
			for _, form := range forms(m) {
				if bytes.Contains(out.Bytes(), form) {
					t.Fatalf("seed %d: a marker came through the gate as %q", seed, form)
				}
			}
		}
	}
}

// forms are the ways a marker could hide.
func forms(m string) [][]byte {
	rev := []byte(m)
	slices.Reverse(rev)
	return [][]byte{[]byte(m), rev, []byte(m[:len(m)-5]), []byte(hex.EncodeToString([]byte(m))), []byte(base64.StdEncoding.EncodeToString([]byte(m)))[:16],
		[]byte(base64.RawURLEncoding.EncodeToString([]byte(m)))[:16], []byte(url.QueryEscape(m))}
}

// TestCanaryFails: the search finds a marker that is kept.
func TestCanaryFails(t *testing.T) {
	g := policy(t, "key: env:KEY\nrules: [{columns: {a: {keep: careless}}}]")
	const in = `{"a":"canary-1-abcdef"}`
	x, _ := g.Pass(batch(schemaOf(false, "", in), change{after: in}))
	r := &x.Rows()[0]
	if !bytes.Contains(r.Bytes(r.After[0]), forms("canary-1-abcdef")[0]) {
		t.Error("a kept marker was not found")
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"a", "a.b", "a[*].b", `["a.b"].c`, "a[*][*]", "", ".", "a.", "a[", `["`, "a.[*]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s)
		if err != nil {
			return
		}
		q, err := ParsePath(p.String())
		if err != nil || !slices.Equal(p, q) {
			t.Errorf("%q reads as %v, which writes as %q and reads as %v (%v)", s, p, p.String(), q, err)
		}
	})
}

// FuzzNested: what comes out is JSON exactly when what went in was, and a
// masked value is never in it.
func FuzzNested(f *testing.F) {
	for _, s := range []string{`{"a":{"b":"CANARY"}}`, `{"a":[{"b":"CANARY"},{"b":1}]}`, `{"a":null}`, `[]`, `{"a":{"b":{"c":"CANARY"}}}`, `{"\u0061":{"b":"CANARY"}}`, `{"a":{"b":"CANARY","b":"CANARY"}}`, "{\"a\":\xff}"} {
		f.Add([]byte(s))
	}
	n := &node{}
	n.add(Path{{Name: "a"}, {Name: "b"}}, &target{spec: Spec{Kind: Redact}})
	f.Fuzz(func(t *testing.T, p []byte) {
		s := newScratch(&Gate{})
		out, rest, ok := s.json(nil, p, n, Keep, 0)
		ok = ok && len(skipSpace(rest)) == 0
		if ok && !json.Valid(out) {
			t.Fatalf("out is no JSON: %q", out)
		}
		if ok && !json.Valid(p) {
			t.Fatalf("took what is no JSON: %q", p)
		}
		var v map[string]any // names are told apart by case, as the walker does
		if !ok || json.Unmarshal(out, &v) != nil {
			return
		}
		if a, is := v["a"].(map[string]any); is && a["b"] != nil && a["b"] != "[redacted]" {
			t.Fatalf("came through: %q", out)
		}
	})
}
