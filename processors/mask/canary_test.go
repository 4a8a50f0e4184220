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
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"sluice/processors/decode"
	"sluice/processors/proctest"
	"sluice/schemas"
	"sluice/topology/stream"
)

// markers hands out unique texts to plant.
type markers struct {
	rng  *rand.Rand
	list []string
}

func (m *markers) mark() string {
	s := fmt.Sprintf("canary-%d-%x", len(m.list), m.rng.Uint64())
	m.list = append(m.list, s)
	return s
}

// number is a marker of 18 digits.
func (m *markers) number() json.Number {
	s := fmt.Sprint(100_000_000_000_000_000 + m.rng.Int64N(800_000_000_000_000_000))
	m.list = append(m.list, s)
	return json.Number(s)
}

// row has a marker in every place but id.
func (m *markers) row(key string) string {
	p, _ := json.Marshal(map[string]any{"id": 7, "email": key, "hashed": m.mark(), "partly": m.mark() + m.mark(), "gone": m.mark(), "nulled": m.mark(), "red": m.mark(),
		"unknown": m.mark(), "num": m.number(), "numhash": m.number(), "numred": m.number(), "numpart": m.number(), "map": map[string]any{m.mark(): m.mark()},
		"nest": map[string]any{"tel": m.mark(), m.mark() + "@x.example": m.mark(), "9" + m.mark(): 1, "deep": []any{map[string]any{"name": m.mark(), "more": m.mark(), "n": m.number()}, map[string]any{"name": m.mark() + "\" \\ é \U0001F600"}},
			"list": []any{m.mark(), m.number(), map[string]any{m.mark(): m.mark()}}},
		"text": fmt.Sprintf(`{"a": {"b": %q, "c": %q}, "d": %q}`, m.mark(), m.mark(), m.mark()),
		"esc":  m.mark() + "\n"})
	return strings.ReplaceAll(string(p), `"esc":"canary`, `"esc":"\u0063anary`)
}

const canaryPolicy = `
key: env:KEY
rules:
- columns:
    id: {keep: "no personal data"}
    hashed: hash
    partly: {partial: {keep_last: 4}}
    gone: drop
    nulled: null
    red: redact
    numhash: hash
    numred: redact
    numpart: {partial: {keep_last: 4}}
    "nest.deep[*].name": hash
    "nest.tel": drop
    "text.a.b": redact
`

// TestP6Canary plants a marker of its own in every place of before, after, key,
// headers and nested values, and looks for it, encoded forms too, in every
// byte that can be reached behind the gate and in everything that prints. // P1 P6
func TestP6Canary(t *testing.T) {
	g := gateOf(t, canaryPolicy)
	w := gateOf(t, strings.Replace(canaryPolicy, "key:", "default: withhold\nkey:", 1)+"    email: hash\n")
	for seed := range uint64(20) {
		m := &markers{rng: rand.New(rand.NewPCG(seed, 1))}
		var changes []change
		for range 3 {
			email := m.mark()
			key, _ := json.Marshal(map[string]any{"email": email})
			changes = append(changes, change{before: m.row(email), after: m.row(email), key: string(key)},
				change{before: m.row(email), key: string(key)}, change{after: m.row(email), key: string(key)},
				change{after: strings.Replace(m.row(email), `"nest":{`, `"nest":"`+m.mark()+`","x":{`, 1), key: string(key)}) // unmaskable
		}
		s := schemaOf(false, "email", changes[0].before)
		for _, g := range []*Gate{g, w} {
			b := batch(s, changes...)
			for i := range b.Records {
				b.Records[i].Headers = []stream.Header{{Key: "__debezium.oldkey", Value: stream.ViewOf([]byte(m.mark()))}}
			}
			search(t, g, b, 9, 3, m.list)
		}
	}
}

// TestP6Scan does it with addresses, cards and phones in texts, JSON and names of
// members, hidden in the ways the detector undoes.
func TestP6Scan(t *testing.T) {
	g := gateOf(t, "key: env:KEY\ndefault: scan\nscan: {classes: {email: hash, card: {partial: {keep_last: 1}}}}")
	for seed := range uint64(20) {
		m := &markers{rng: rand.New(rand.NewPCG(seed, 3))}
		mail := func() string { return m.mark() + "@corp.example.org" }
		row := func() string {
			p, _ := json.Marshal(map[string]any{"id": 7, "text": "Dear " + mail() + ", you wrote from " + mail() + ".", "born": "unused",
				"json": map[string]any{"a": []any{mail(), map[string]any{mail(): "x", "b": "to <" + mail() + ">"}}, "deep": map[string]any{"c": `{"d":"` + mail() + `"}`}},
				"esc":  mail() + "\n", "url": "https://x.example/?u=" + strings.Replace(mail(), "@", "%40", 1), "b64": base64.StdEncoding.EncodeToString([]byte("user=" + mail() + ";"))})
			return strings.ReplaceAll(string(p), `"esc":"canary`, `"esc":"\u0063anary`)
		}
		var changes []change
		for range 3 {
			changes = append(changes, change{before: row(), after: row()}, change{after: row()})
		}
		b := batch(schemaOf(false, "", changes[0].before), changes...)
		search(t, g, b, 6, 0, m.list)
	}
}

// TestP6CanaryDecoded does it with the bytes of Kafka messages, through decode.
func TestP6CanaryDecoded(t *testing.T) {
	d, err := decode.New(decode.Default)
	if err != nil {
		t.Fatal(err)
	}
	g := gateOf(t, canaryPolicy)
	for seed := range uint64(20) {
		m := &markers{rng: rand.New(rand.NewPCG(seed, 2))}
		var recs []proctest.Rec
		for _, op := range []string{"c", "u", "r", "d"} {
			email := m.mark()
			before, after := m.row(email), m.row(email)
			if op == "c" || op == "r" {
				before = "null"
			}
			if op == "d" {
				after = "null"
			}
			recs = append(recs, proctest.JSON(fmt.Sprintf(`{"email":%q}`, email), fmt.Sprintf(
				`{"before":%s,"after":%s,"source":{"connector":"postgresql","db":"shop","schema":"s","table":"t","lsn":7,"ts_ms":1,"snapshot":"false","note":%q},"op":%q,"ts_ms":1,"extra":%q}`,
				before, after, m.mark(), op, m.mark())))
		}
		b := proctest.NewBatch(t, lane, 0, recs...)
		if err := d.Process(b); err != nil || len(b.Records) != 4 {
			t.Fatalf("%v, %d records, %d rejects", err, len(b.Records), len(b.Rejects))
		}
		search(t, g, b, 4, 0, m.list)
	}
}

// TestP6Recordings: of the rows real connectors sent no text and no number
// comes through the default, key and nested values included. // P4 P6
func TestP6Recordings(t *testing.T) {
	for _, name := range []string{"pg-inventory-json", "pg-inventory-json-schema", "mariadb-inventory-json"} {
		d, err := decode.New(decode.Default)
		if err != nil {
			t.Fatal(err)
		}
		g, values := gateOf(t, "key: env:KEY"), 0
		for _, run := range proctest.Recording(t, "../decode/testdata/"+name+".jsonl.gz") {
			b := run.Batch(t)
			if err := d.Process(b); err != nil {
				t.Fatal(err)
			}
			planted := map[int64][]string{}
			for i := range b.Records {
				r := &b.Records[i]
				for _, cs := range [][]schemas.Cell{r.Before, r.After, r.KeyRow} {
					for _, c := range cs {
						if v := string(schemas.AppendText(nil, c, b.CellBytes(r, c))); len(v) >= 6 {
							planted[r.Offset] = append(planted[r.Offset], v)
							values++
						}
					}
				}
			}
			x, err := g.Pass(b)
			if err != nil {
				t.Fatal(err)
			}
			for i := range x.Rows() {
				r := &x.Rows()[i]
				out := reachable(r)
				for _, v := range planted[r.Offset] {
					if bytes.Contains(out, []byte(v)) {
						t.Fatalf("%s %v offset %d: a value came through", name, b.Lane, r.Offset)
					}
				}
			}
		}
		if values < 500 {
			t.Errorf("%s: only %d values were looked for", name, values)
		}
	}
}

// search passes b and looks for every marker in all that is left of it.
func search(t *testing.T, g *Gate, b *stream.Batch, rows, rejects int, marks []string) {
	t.Helper()
	first := newScratch(g)
	g.pool.New = func() any { return first }
	x, err := g.Pass(b)
	if err != nil || len(x.Rows()) != rows || len(b.Rejects) != rejects {
		t.Fatalf("%v, %d rows, %d rejects", err, len(x.Rows()), len(b.Rejects))
	}
	var out bytes.Buffer
	for i := range x.Rows() {
		r := &x.Rows()[i]
		out.Write(reachable(r))
		fmt.Fprintf(&out, "%v %+v %#v %s %+v", *r, *r, *r, r, r.Table)
	}
	fmt.Fprintf(&out, "%v %+v %#v %v %+v %#v %+v", x, x, x, g, g, g, g.Unmatched())
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("x", "clean", x, "gate", g)
	for _, r := range b.Rejects {
		fmt.Fprintf(&out, "%s %s %s %v %+v %#v", r.Stage, r.Code, r.Field, r, r, r)
		log.Info("x", "record", r.Record, "reject", r)
	}
	last := g.pool.Get().(*scratch) // what the next batch would find; under -race it may be one that none had
	for _, p := range buffers(reflect.ValueOf(last).Elem()) {
		out.Write(p[:cap(p)])
	}
	fmt.Fprintf(&out, "%+v", *last.det)
	fmt.Fprintf(&out, "%v", last)
	for _, m := range marks {
		for _, form := range forms(m) {
			if bytes.Contains(out.Bytes(), form) {
				t.Fatalf("a marker came through the gate as %q", form)
			}
		}
	}
}

// buffers are all there are in a scratch and in the structs within.
func buffers(v reflect.Value) (all [][]byte) {
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.Kind() == reflect.Struct:
			all = append(all, buffers(f)...)
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Uint8:
			all = append(all, f.Bytes())
		}
	}
	return all
}

// reachable is every byte of a row that its cells lead to.
func reachable(r *stream.CleanRow) []byte {
	var out bytes.Buffer
	for _, cs := range [][]schemas.Cell{r.Before, r.After, r.Key} {
		for _, c := range cs {
			if p := r.Bytes(c); len(p) > 0 { // without asking Has: a sink may not either
				out.Write(p)
				out.WriteByte(0)
				out.Write(schemas.AppendText(nil, c, p))
				out.WriteByte(0)
			}
		}
	}
	return out.Bytes()
}

// forms are the ways a marker could hide.
func forms(m string) (all [][]byte) {
	raw := []byte(m)
	rev := bytes.Clone(raw)
	slices.Reverse(rev)
	percent, escaped := "", ""
	for _, c := range raw {
		percent += fmt.Sprintf("%%%02X", c)
		escaped += fmt.Sprintf(`\u%04x`, c)
	}
	var wide []byte
	for _, u := range utf16.Encode([]rune(m)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	all = [][]byte{raw, rev, raw[:len(m)-5], []byte(hex.EncodeToString(raw)), []byte(strings.ToUpper(hex.EncodeToString(raw))), []byte(url.QueryEscape(m)),
		[]byte(percent), []byte(escaped), wide, []byte(strings.ToUpper(m)), []byte(strings.Trim(fmt.Sprint(raw), "[]"))}
	for shift := range 3 { // base64 says the same in three ways, by where it begins
		p := append(make([]byte, shift), raw...)
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			e := enc.EncodeToString(p)
			all = append(all, []byte(e[4:len(e)-4]))
		}
	}
	return all
}

// TestCanaryFails: the search finds a marker that is kept, in every form.
func TestCanaryFails(t *testing.T) {
	m := "canary-1-abcdef0123"
	for i, form := range forms(m) {
		p, _ := json.Marshal(map[string]string{"a": string(form)})
		x, _ := gateOf(t, "key: env:KEY\nrules: [{columns: {a: {keep: careless}}}]").Pass(batch(schemaOf(false, "", string(p)), change{after: string(p)}))
		if !bytes.Contains(reachable(&x.Rows()[0]), form) {
			t.Errorf("form %d that was kept was not found", i)
		}
	}
}

// TestCanaryUnknown: a column of which only nulls were seen has no type, and its first
// value is masked as what it is. // P6
func TestCanaryUnknown(t *testing.T) {
	g := gateOf(t, `key: env:KEY
rules: [{columns: {id: {keep: r}, red: redact, part: {partial: {keep_last: 2}}, mac: hash, num: redact}}]`)
	x, err := g.Pass(batch(schemaOf(false, "", `{"id":1,"red":null,"part":null,"mac":null,"num":null,"rest":null}`),
		change{before: `{"id":1,"red":"canary-1","part":"canary-2","mac":"canary-3","num":41414141,"rest":"canary-4"}`,
			after: `{"id":1,"red":"canary-5","part":"canary-6","mac":"canary-7","num":41414141,"rest":"canary-8"}`}))
	if err != nil || len(x.Rows()) != 1 {
		t.Fatal(err, len(x.Rows()))
	}
	r := &x.Rows()[0]
	seen := 0
	for _, side := range [][]schemas.Cell{r.Before, r.After} {
		for i, c := range side {
			if !c.Has() {
				continue
			}
			if v := string(r.Bytes(c)); strings.Contains(v, "canary") || strings.Contains(v, "4141") {
				t.Errorf("%s came through", r.Table.Columns[i].Name)
			} else if v == "[redacted]" {
				seen++
			}
		}
	}
	if seen != 2 {
		t.Errorf("%d texts are redacted, want 2", seen)
	}
}
