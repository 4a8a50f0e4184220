package mask

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sluice/processors/decode"
	"sluice/processors/proctest"
	"sluice/schemas"
	"sluice/topology/stream"
)

// Tests by somebody who wants the values: each is a way on which one came out.

// TestP1NamesOfColumns: an event that is a map has data for names, of its
// members and of its key's: they do not become names of columns, fields of
// rejects or words of an error. // P1 P4
func TestP1NamesOfColumns(t *testing.T) {
	d, err := decode.New(decode.Default)
	if err != nil {
		t.Fatal(err)
	}
	for _, rest := range []string{"mask", "scan", "withhold"} {
		g := gateOf(t, "key: env:KEY\ndefault: "+rest+"\nrules: [{columns: {id: {keep: r}, \"named by us\": hash}}]")
		m := &markers{rng: rand.New(rand.NewPCG(1, 4))}
		name := func() string { return m.mark() + "@x.example" }
		same := name()
		b := proctest.NewBatch(t, stream.Lane{Topic: "maps" + rest}, 0,
			proctest.JSON("", `{"id":1,"plain_name":"x","named by us":"y","`+name()+`":{"a":1},"`+strings.Replace(name(), "c", `\u0063`, 1)+`":7}`),
			proctest.JSON("", `{"id":2,"`+same+`":7}`),
			proctest.JSON("", `{"id":3,"`+same+`":"a text now"}`)) // another type: NAME__string
		if err := d.Process(b); err != nil || len(b.Records) != 3 {
			t.Fatalf("%v, %d records, %v", err, len(b.Records), b.Rejects)
		}
		search(t, g, b, 3, 0, m.list)
		var names []string
		for _, c := range g.plan(b.Records[2].Schema).table.Columns {
			names = append(names, c.Name)
		}
		want := "id named by us plain_name"
		if rest == "withhold" {
			want = "id named by us"
		}
		got := strings.Join(names, " ")
		if rest != "withhold" {
			want = "id plain_name named by us"
		}
		if got != want {
			t.Errorf("%s: columns %q, want %q", rest, got, want)
		}
	}
	g := gateOf(t, "key: env:KEY")
	m := &markers{rng: rand.New(rand.NewPCG(2, 4))}
	b := proctest.NewBatch(t, stream.Lane{Topic: "keys"}, 0, proctest.JSON(`{"`+m.mark()+`.":1}`, `{"id":1}`))
	if err := d.Process(b); err != nil || len(b.Records) != 1 {
		t.Fatal(err, len(b.Records))
	}
	if _, err := g.Pass(b); err == nil || strings.Contains(err.Error(), m.list[0]) || !strings.Contains(err.Error(), "name that may be data") { // D4: without it rows would fall together
		t.Errorf("the name of a key: %v", err)
	}
	name := m.mark() + "."
	b = proctest.NewBatch(t, stream.Lane{Topic: "refused"}, 0, proctest.JSON(`{"`+name+`":1}`, `{"id":1}`), proctest.JSON(`{"`+name+`":"x"}`, `{"id":1}`))
	if err := d.Process(b); err != nil || len(b.Rejects) != 1 || b.Rejects[0].Field != "" {
		t.Errorf("%v, rejects %+v", err, b.Rejects)
	}
}

// TestP1CoarserThanItWas: an action that would leave a value as it is whatever
// the value is does not: the lane stops, the record is refused, or there is
// nothing. // P1 P2
func TestP1CoarserThanItWas(t *testing.T) {
	const lost = "REJECTED"
	for _, c := range []struct {
		action string
		in     spelled
		want   string
	}{
		{"{generalize: day}", str("1984-03-05"), lost},
		{"{generalize: day}", str("1984-03-05T10:11:12Z"), "1984-03-05T00:00:00Z"},
		{"{generalize: month}", str("1984-03-05"), "1984-03-01"},
		{"{generalize: {bucket: 1}}", whole("219099999"), "PARKED"},
		{"{generalize: {bucket: 2}}", whole("219099999"), "219099998"},
		{"{generalize: {bucket: 1}}", str("219099999"), lost},
		{"{generalize: {bucket: 1}}", str("37.25"), "37"},
		{"{generalize: {bucket: 0.01}}", dec(10, 2, "1234.56"), "PARKED"},
		{"{generalize: {bucket: 0.05}}", dec(10, 2, "1234.56"), "1234.55"},
		{"{generalize: {bucket: 0.001}}", str("219.09"), lost},
		{"{generalize: {bucket: 0.001}}", of(schemas.Float64, 0, schemas.EncFloat, "1e308"), lost},
		{"{generalize: {round: 2}}", str("219099999"), lost},
		{"{generalize: {round: 2}}", str("415 555 0132"), lost},
		{"{generalize: {round: 1}}", str("06 12 34 56 78"), lost},
		{"{generalize: {round: 2}}", str("37.77493, -122"), "37.77, -122.00"},
		{"{generalize: {geohash: 8}}", str("21909999"), "null"},
		{"{generalize: {geohash: 5}}", str("dr5regw3p"), "dr5re"},
		{"{partial: {keep_first: 1, keep_domain: true}}", str("John Doe <john@x.com> 219-09-9999"), "J********************************"},
		{"{partial: {keep_domain: true}}", str("pay at @4111.1111"), "*****************"},
		{"{partial: {keep_domain: true}}", str("hi @JohnSmith"), "*************"},
		{"{partial: {keep_domain: true}}", str("jörg@bücher.example"), "****@bücher.example"},
		{"{partial: {keep_domain: true}}", str("a@b.xn--p1ai"), "*@b.xn--p1ai"},
	} {
		got := through(acting(t, c.action), c.in)
		if c.want == "PARKED" && strings.HasPrefix(got, "PARKED") {
			continue
		}
		if got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.action, c.in.Text, got, c.want)
		}
	}
	for action, want := range map[string][2]string{
		"{generalize: {round: 2}}":  {`{"a":219099999}`, lost},
		"{generalize: {round: 1}}":  {`{"a":37}`, `{\"a\":37.0}`}, // a coordinate
		"{generalize: {bucket: 1}}": {`{"a":219099999}`, lost},
		"{generalize: day}":         {`{"a":"1984-03-05"}`, lost},
	} {
		if got := through(gateOf(t, "key: env:KEY\nrules:\n- columns: {v.a: "+action+"}"), js(want[0])); got != want[1] {
			t.Errorf("%s inside of %s: %s, want %s", action, want[0], got, want[1])
		}
	}
	if _, err := open1("rules: [{columns: {v: {generalize: {date: day, unit: days}}}}]\ndefault: withhold"); err == nil || !strings.Contains(err.Error(), "the date itself") {
		t.Errorf("days by day: %v", err)
	}
}

// TestP1NoiseMoves: noise below the last digit of a number does not leave every
// value of a column as it is.
func TestP1NoiseMoves(t *testing.T) {
	for _, c := range []struct {
		action string
		in     func(i int) spelled
	}{
		{"{noise: {within: 0.4}}", func(i int) spelled { return whole(strconv.Itoa(219_099_900 + i)) }},
		{"{noise: {laplace: 0.01}}", func(i int) spelled { return whole(strconv.Itoa(219_099_900 + i)) }},
		{"{noise: {percent: 1}}", func(i int) spelled { return whole(strconv.Itoa(i % 40)) }},
		{"{noise: {percent: 1}}", func(i int) spelled { return str(strconv.Itoa(10 + i%40)) }},
		{"{noise: {within: 0.001}}", func(i int) spelled { return dec(10, 2, fmt.Sprintf("%d.25", i)) }},
		{"{noise: {within: 5}}", func(i int) spelled { return of(schemas.Float64, 0, schemas.EncFloat, fmt.Sprintf("%d.5e30", i+1)) }},
	} {
		g := acting(t, c.action)
		moved := 0
		for i := range 40 {
			in := c.in(i)
			was, _ := strconv.ParseFloat(in.Text, 64)
			is, err := strconv.ParseFloat(through(g, in), 64)
			if err != nil || was < 1e9 && math.Abs(is-was) > 1 && !strings.Contains(c.action, "laplace") {
				t.Errorf("%s of %s: %v %v", c.action, in.Text, is, err)
			}
			if was != is {
				moved++
			}
		}
		if moved < 15 { // two of three move
			t.Errorf("%s: %d of 40 moved", c.action, moved)
		}
	}
}

// TestP1CaseOfMembers: where the rest is kept, Email is email.
func TestP1CaseOfMembers(t *testing.T) {
	in := `{"Email":"x@y.example","EMAIL":"x@y.example","\u0045mail":"x@y.example","email":"x@y.example","other":1,"in":{"TEL":"1","b":2}}`
	got := through(gateOf(t, "key: env:KEY\nrules: [{columns: {v: {keep: r}, v.email: redact, v.in.tel: redact}}]"),
		js(in))
	want := `{"Email":"[redacted]","EMAIL":"[redacted]","\u0045mail":"[redacted]","email":"[redacted]","other":1,"in":{"TEL":"[redacted]","b":2}}`
	if got = strings.ReplaceAll(strings.ReplaceAll(got, `\"`, `"`), `\\u`, `\u`); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got = through(gateOf(t, "key: env:KEY\nrules: [{columns: {v.*: {keep: r}, v.email: redact}}]"), js(`{"Email":"x@y.example","b":1}`))
	if got != `{\"Email\":\"[redacted]\",\"b\":1}` {
		t.Errorf("beside all members: %s", got)
	}
	// The other way round is none: a path that keeps is meant as it is written.
	got = through(gateOf(t, "key: env:KEY\nrules: [{columns: {v.email: {keep: r}}}]"), js(`{"Email":"x@y.example"}`))
	if strings.Contains(got, "x@y") {
		t.Errorf("kept by another name: %s", got)
	}
}

// TestP1ScansSpellings: how a number or the name before it is written does not
// hide it from a scan.
func TestP1ScansSpellings(t *testing.T) {
	for _, c := range [][2]string{
		{`{"ssn":536228726.0}`, `{"ssn":null}`},
		{`{"ssn":536228726.50}`, `{"ssn":536228726.50}`},
		{`{"\u0070hone":"2025550143"}`, `{"\u0070hone":"[phone]"}`},
		{`{"ph\u006fne":2025550143}`, `{"ph\u006fne":null}`},
	} {
		got := through(gateOf(t, "key: env:KEY\ndefault: scan"), js(c[0]))
		if got = strings.ReplaceAll(strings.ReplaceAll(got, `\"`, `"`), `\\u`, `\u`); got != c[1] {
			t.Errorf("%s: %s, want %s", c[0], got, c[1])
		}
	}
}

// TestD4KeysStayApart: different keys have different tokens, however they are
// spelled, or none. // D4 P2
func TestD4KeysStayApart(t *testing.T) {
	g := acting(t, "hash")
	one := func(v spelled) string {
		s := schemas.NewSchema(schemas.Schema{Topic: lane.Topic, Version: 1, Fields: []schemas.Field{{Name: "v", Type: v.Type, Wire: v.Wire, Key: true}}})
		b := stream.NewBatch(lane, stream.Position{}, nil)
		c := []schemas.Cell{v.Cell()}
		b.Records = []stream.Record{{Schema: s, Full: true, Value: stream.ViewOf([]byte(v.Text)), After: c}}
		b.To.Offset, b.In = 1, 1
		x, err := g.Pass(b)
		if err != nil {
			t.Fatal(err)
		}
		if len(x.Rows()) == 0 {
			return "REJECTED"
		}
		return string(x.Rows()[0].Bytes(x.Rows()[0].After[0]))
	}
	const esc = schemas.EncJSONString
	for _, c := range []struct {
		kind   schemas.Kind
		enc    schemas.Encoding
		a, b   string
		tokens bool // both have one
	}{
		{schemas.UUID, schemas.EncText, "AbC", "aBc", true},
		{schemas.String, schemas.EncText, "a\xff", "a\xfe", false},
		{schemas.String, schemas.EncText, "a\uFFFD", "a", true},
		{schemas.String, esc, `\ud800`, `\udfff`, false},
		{schemas.String, esc, `\uFFFD\n`, `\uFFFD`, true},
		{schemas.String, esc, `\ufffd\ud800`, `\ufffd\ud801`, false},
	} {
		a, b := one(of(c.kind, 0, c.enc, c.a)), one(of(c.kind, 0, c.enc, c.b))
		if (a == b || a == "REJECTED" || b == "REJECTED") == c.tokens || !c.tokens && a != "REJECTED" {
			t.Errorf("%q and %q: %s and %s", c.a, c.b, a, b)
		}
	}
	const id = "123E4567-E89B-42D3-A456-426614174000"
	if a, b := one(of(schemas.UUID, 0, schemas.EncText, id)), one(of(schemas.UUID, 0, schemas.EncText, strings.ToLower(id))); a != b {
		t.Errorf("a UUID has two tokens: %s %s", a, b) // P3
	}
}

// TestP1OneCharacter: what stays of a text is not more of it than it seems.
func TestP1OneCharacter(t *testing.T) {
	tags := ""
	for _, c := range "219-09-9999" {
		tags += string(0xE0000 + c)
	}
	for _, c := range []struct{ action, in, want string }{
		{"{partial: {keep_first: 1}}", "A" + tags + "bcd", "A" + strings.Repeat("*", 14)},
		{"{partial: {keep_first: 1}}", "م\u200dح\u200dم\u200dد\u200d", "م\u200d***"},
		{"{partial: {keep_first: 1}}", "a" + strings.Repeat("\u0308", 40), "a" + strings.Repeat("\u0308", 10) + "***"},
		{"{generalize: {prefix: 1}}", "م\u200dح\u200dم", "م\u200d"},
		{"{partial: {keep_last: 1}}", "ab🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F", "**🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F"},
		{"{partial: {keep_last: 1}}", "ab👩\u200d❤️\u200d💋\u200d👨", "**👩\u200d❤️\u200d💋\u200d👨"},
	} {
		if got := through(acting(t, c.action), str(c.in)); got != c.want {
			t.Errorf("%s of %q: %q, want %q", c.action, c.in, got, c.want)
		}
	}
}

// TestNobodyIsOneAnswer: whose a row is that says "" does not depend on what the
// worker saw before: else two instances, or a replay, would disagree. // D5
func TestNobodyIsOneAnswer(t *testing.T) {
	row := func(who string) string {
		return `{"id":1,"mail":"a@x","day":"2020-05-17","who":"` + who + `"}`
	}
	s := schemaOf(false, "", row("w"))
	dir := filepath.Join(t.TempDir(), "s")
	first, _, _ := forgettable(t, dir, "")
	later, _, _ := forgettable(t, dir, "")
	pass := func(g *Gate, who ...string) string {
		var changes []change
		for _, w := range who {
			changes = append(changes, change{after: row(w)})
		}
		b := batch(s, changes...)
		x, err := g.Pass(b)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Rejects) > 0 {
			return "refused"
		}
		r := &x.Rows()[len(x.Rows())-1]
		return string(r.Bytes(r.After[s.Ordinal([]byte("mail"))])) + " " + string(r.Bytes(r.After[s.Ordinal([]byte("day"))]))
	}
	if a, b := pass(first, ""), pass(later, "w", ""); a != b {
		t.Errorf("subject: %q at first, %q later", a, b)
	}
	const shift = "key: env:KEY\nrules: [{columns: {id: {keep: r}, who: {keep: r}, day: {shift: {days: 3000, by: who}}, mail: {synthetic: {kind: email, by: who}}}}]"
	if a, b := pass(gateOf(t, shift), ""), pass(gateOf(t, shift), "w", ""); a != b {
		t.Errorf("by: %q at first, %q later", a, b)
	}
}

// TestAloneOrTogether: what becomes of a record does not depend on the records
// beside it, before it and refused among them, nor on whose memory the batch took.
func TestAloneOrTogether(t *testing.T) {
	const text = `key: env:KEY
default: scan
rules: [{columns: {a: hash, b: {hash: {bits: 256, encoding: hex}}, c: redact, d: tokenize, e.x: hash, f: {synthetic: {kind: name}}, g: {keep: r}, h: redact, id: hash}}]`
	g := gateOf(t, text)
	rng := rand.New(rand.NewPCG(7, 22))
	word := func() string {
		return []string{`"x"`, `""`, `null`, `"a\u0041"`, `"ann@x.example"`, `"call 415-555-0132"`, `"Zoë"`, `"` + strings.Repeat("long ", 3+rng.IntN(30)) + `"`, fmt.Sprintf("%q", strconv.Itoa(rng.IntN(9)))}[rng.IntN(9)]
	}
	one := func() string {
		e := []string{`{"x":` + word() + `}`, `{"x":1,"y":"ann@x.example"}`, `[]`, `{}`}[min(rng.IntN(8), 3)] // [] is refused
		return fmt.Sprintf(`{"a":%s,"b":%s,"c":%s,"d":%s,"e":%s,"f":%s,"g":%s,"h":%d,"n":%s,"z":%d}`, word(), word(), word(), word(), e, word(), word(), rng.IntN(3), word(), 4155550132+rng.IntN(2))
	}
	wide := schemaOf(false, "id", `{"id":"1","a":"","b":"","c":"","d":"","e":{},"f":"","g":"","h":1,"n":"","z":1}`)
	slim := schemaOf(false, "", `{"a":"","c":"","g":"","z":1}`)
	told := func(x stream.Clean, b *stream.Batch) map[int64]string {
		all := map[int64]string{}
		for i := range x.Rows() {
			r := &x.Rows()[i]
			all[r.Offset] = row(r, r.After)
			for _, cs := range [][]schemas.Cell{r.Before, r.Key} {
				if cs != nil {
					all[r.Offset] += " | " + row(r, cs)
				}
			}
		}
		for _, r := range b.Rejects {
			all[r.Record.Offset] = "refused " + r.Field
		}
		return all
	}
	for range 20 {
		var changes []change
		var of []*schemas.Schema
		for i := range 80 {
			if i%7 == 3 {
				changes, of = append(changes, change{after: fmt.Sprintf(`{"a":%s,"c":%s,"g":%s,"z":%d}`, word(), word(), word(), rng.IntN(5))}), append(of, slim)
				continue
			}
			c := change{after: one(), key: fmt.Sprintf(`{"id":"%d"}`, rng.IntN(4))}
			if rng.IntN(2) == 0 {
				c.before = one()
			}
			changes, of = append(changes, c), append(of, wide)
		}
		make1 := func(from, to int) *stream.Batch {
			b := stream.NewBatch(lane, stream.Position{}, nil)
			for i := from; i < to; i++ {
				r := batch(of[i], changes[i]).Records[0]
				r.Offset = int64(i)
				b.Records = append(b.Records, r)
			}
			return b
		}
		b := make1(0, len(changes))
		x, err := g.Pass(b)
		if err != nil {
			t.Fatal(err)
		}
		together := told(x, b)
		b.Release()
		for i := range changes {
			b := make1(i, i+1)
			x, err := gateOf(t, text).Pass(b)
			if err != nil {
				t.Fatal(err)
			}
			if alone := told(x, b)[int64(i)]; alone == "" || alone != together[int64(i)] {
				t.Fatalf("record %d: alone\n%s\ntogether\n%s", i, alone, together[int64(i)])
			}
			b.Release()
		}
	}
}
