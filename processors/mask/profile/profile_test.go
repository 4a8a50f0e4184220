package profile

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"sluice/processors/mask/detect"
	"sluice/schemas"
)

// rows profiles values of one column.
func rows(t *testing.T, f schemas.Field, key bool, enc schemas.Encoding, values ...string) map[string]Column {
	t.Helper()
	p := New(detect.Options{})
	x := &topic{columns: map[string]*column{}}
	p.topics["t"] = x
	for _, v := range values {
		c := schemas.NullCell
		if v != "NULL" {
			c = schemas.Cell{Len: uint32(len(v)), Enc: enc, Flags: schemas.Present}
		}
		p.cell(x, &f, key, c, []byte(v))
	}
	out := map[string]Column{}
	for _, c := range p.Report()[0].Columns {
		out[c.Path] = c
	}
	return out
}

func text(name string) schemas.Field {
	return schemas.Field{Name: name, Type: schemas.Type{Kind: schemas.String}}
}

func TestSuggest(t *testing.T) {
	for _, x := range []struct {
		f      schemas.Field
		key    bool
		values []string
		want   string // class action
	}{
		{text("contact"), false, []string{"a@example.org", "b@example.org", "c@example.org", "d@example.org", "-"}, "email hash"},
		{text("x1"), false, []string{"+1 202 555 0143", "+49 30 901820", "NULL"}, "phone {partial: {keep_last: 4}}"},
		{text("mobile"), false, []string{"none", "none"}, "phone {partial: {keep_last: 4}}"},
		{text("ssn"), true, []string{"x"}, "ssn hash"}, // a key stays one
		{text("notes"), false, []string{"call +1 202 555 0143", "nothing", "none"}, "phone redact"},
		{text("status"), false, []string{"open", "closed"}, " "},
		{text("order_id"), false, []string{"2025550143", "2025550144"}, " "},
		{text("name"), false, []string{"Ann", "Bob"}, "name redact"},
		{text("product_name"), false, []string{"Hammer"}, " "},
		{text("geburtsdatum"), false, []string{"1980-01-31"}, `birth_date "null"`},
		{text("apiKey"), false, []string{"abc"}, "secret drop"},
		{schemas.Field{Name: "phone", Type: schemas.Type{Kind: schemas.Int64}}, false, []string{"2025550143"}, "phone {partial: {keep_last: 4}}"},
	} {
		enc := schemas.EncText
		if x.f.Type.Kind == schemas.Int64 {
			enc = schemas.EncInt
		}
		c := rows(t, x.f, x.key, enc, x.values...)[x.f.Name]
		if got := c.Suggest.Class + " " + c.Suggest.Action; got != x.want {
			t.Errorf("%s: %q, want %q", x.f.Name, got, x.want)
		}
	}
}

func TestNested(t *testing.T) {
	f := schemas.Field{Name: "data", Type: schemas.Type{Kind: schemas.JSON}}
	got := rows(t, f, false, schemas.EncJSON, `{"lines":[{"mail":"a@example.org","n":1},{"mail":"b@example.org","n":null}],"a.b":4111111111111111}`, `{"lines":[]}`, "NULL")
	for path, want := range map[string]string{"data": "2 1 ", "data.lines[*].mail": "2 0 email", "data.lines[*].n": "1 1 ", `data.*`: "1 0 card"} {
		c := got[path]
		if s := fmt.Sprint(c.Values, c.Nulls, " ", c.Suggest.Class); s != want {
			t.Errorf("%s: %q, want %q", path, s, want)
		}
	}
}

// TestKeepsNothing: no value is in a report or a policy, in no part of it. // P1
func TestKeepsNothing(t *testing.T) {
	p := New(detect.Options{})
	x := &topic{rows: 1, columns: map[string]*column{}}
	p.topics["t"] = x
	const v = "Zaphod 4111111111111111 zq@example.org +1 202 555 0143"
	f := text("notes")
	p.cell(x, &f, false, schemas.Cell{Len: uint32(len(v)), Enc: schemas.EncText, Flags: schemas.Present}, []byte(v))
	out, err := json.Marshal(p.Report())
	if err != nil {
		t.Fatal(err)
	}
	all := string(out) + string(Policy(p.Report()))
	for _, part := range []string{"Zaph", "4111", "zq@", "0143", "202"} {
		if strings.Contains(all, part) {
			t.Errorf("%s is in it: %s", part, all)
		}
	}
}

// TestKeepsNoNames: the keys of maps are values: they are one path. // P1
func TestKeepsNoNames(t *testing.T) {
	p := New(detect.Options{})
	x := &topic{rows: 1, columns: map[string]*column{}}
	p.topics["t"] = x
	data := schemas.Field{Name: "data", Type: schemas.Type{Kind: schemas.JSON}}
	const v = `{"zq@example.org":{"a":"b"},"+12025550143":{"a":"c"},"Zaphod Beeblebrox":{"a":"d"},"tel_202_555_0143":{"a":"e"},"plain":1}`
	p.cell(x, &data, false, schemas.Cell{Len: uint32(len(v)), Enc: schemas.EncJSON, Flags: schemas.Present}, []byte(v))
	top := text("zq@example.org")
	top.Loose = true
	p.cell(x, &top, false, schemas.Cell{Len: 13, Enc: schemas.EncText, Flags: schemas.Present}, []byte("a@example.org"))
	named := text("né@e") // by a schema
	p.cell(x, &named, false, schemas.Cell{Len: 1, Enc: schemas.EncText, Flags: schemas.Present}, []byte("x"))
	out, err := json.Marshal(p.Report())
	if err != nil {
		t.Fatal(err)
	}
	all := string(out) + string(Policy(p.Report()))
	for _, part := range []string{"Zaph", "0143", "zq@", "2025"} {
		if strings.Contains(all, part) {
			t.Errorf("%s is in it: %s", part, all)
		}
	}
	if c := x.columns["data.*.a"]; c == nil || c.values != 4 || x.columns["data.plain"] == nil || x.columns["*"] == nil || x.columns["né@e"] == nil {
		t.Errorf("paths %s", out)
	}
	if strings.Contains(string(Policy(p.Report())), "\n            \"*\"") {
		t.Error("a rule for what no path can name")
	}
}

func TestSketch(t *testing.T) {
	for _, n := range []int{0, 1, 10, 1000, 30000, 300000} {
		var s sketch
		for i := range n {
			p := fmt.Appendf(nil, "value %d", i)
			s.add(p)
			s.add(p)
		}
		if got := s.estimate(); math.Abs(float64(got)-float64(n)) > 0.06*float64(n) {
			t.Errorf("%d for %d", got, n)
		}
	}
}

func TestShape(t *testing.T) {
	for v, want := range map[string]string{"Ann O'Brien-7": "Xxx X'Xxxxx-9", "é日١\t": "xx9?", strings.Repeat("a", 50): strings.Repeat("x", maxShape) + "…"} {
		if got := Shape(v); got != want {
			t.Errorf("%q: %q, want %q", v, got, want)
		}
	}
}
