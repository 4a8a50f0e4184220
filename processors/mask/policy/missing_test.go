package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/schemas"
)

// TestMissing: a path that leads nowhere is told with what may have been meant, be it
// of a column or within values; names that may be data are not shown. // P1 P4
func TestMissing(t *testing.T) {
	s := schemas.NewSchema(schemas.Schema{Topic: "shop.customers", Fields: []schemas.Field{{Name: "email", Type: schemas.Type{Kind: schemas.String}}, {Name: "doc", Type: schemas.Type{Kind: schemas.JSON}}}})
	var in Inside
	in.Add("doc", []byte(`{"a":{"email":"x","tags":["p"]},"list":[{"n":1},{"street":"s"}],"m":{"ann@x.example":{"k":1}}}`))
	in.Add("doc", []byte(`{"a":null,"Phone":"1","late":{"x":1}}`))
	in.Add("doc", []byte(`no JSON`))
	for path, want := range map[string]string{
		"email": "", "doc": "", "doc.a": "", "doc.a.email": "", "doc.a.tags[*]": "", "doc.list[*].street": "", "doc.m.*.k": "", "doc.m.{key}": "", "doc.*.email": "", "doc.late.x": "",
		"doc.phone":         "", // in any case, as the gate takes it where the rest is kept
		"emial":             `no column, did you mean "email"?`,
		"doc.a.emial":       `doc.a has no "emial" in any value, did you mean "email"?`,
		"doc.lsit[*].n":     `doc has no "lsit" in any value, did you mean "list"?`,
		"doc.list[*].stret": `doc.list[*] has no "stret" in any value, did you mean "street"?`,
		"doc.list.street":   `doc.list has no "street" in any value`,
		"doc.a[*].email":    "doc.a is no array",
		"doc.m.ann":         `doc.m has no "ann" in any value`,
		"doc.a.email.{key}": "doc.a.email is no object",
		"doc.*.*.kk":        `has no "kk" in any value`,
	} {
		r, err := read("key: env:KEY\nrules: [{columns: {'" + path + "': hash}}, {topics: [other], columns: {x.y: hash}}, {columns: {zz.y: hash}, optional: true}]")
		if err != nil {
			t.Fatal(path, err)
		}
		got := r.Missing(s, &in)
		switch {
		case want == "" && len(got) > 0:
			t.Errorf("%s: %+v", path, got)
		case want != "" && (len(got) != 1 || !strings.Contains(got[0].Why, want) || got[0].Path != path || got[0].Of != "rule 1" || got[0].Only):
			t.Errorf("%s: %+v, want %q", path, got, want)
		case strings.Contains(fmt.Sprint(got), "x.example"):
			t.Errorf("%s: %+v shows a name that may be data", path, got)
		}
		if strings.Contains(path, ".") {
			if got := r.Missing(s, nil); len(got) > 0 { // nobody looked
				t.Errorf("%s: %+v", path, got)
			}
		}
	}
	r, err := read("key: env:KEY\nrules: [{topics: [shop.customers], columns: {doc.q: hash, emial: hash}}]")
	if err != nil {
		t.Fatal(err)
	}
	got := r.Missing(s, &in)
	if len(got) != 2 || !got[0].Only || !got[1].Only {
		t.Errorf("%+v", got)
	}
	s.Closed = true
	if got = r.Missing(s, &in); len(got) != 1 || got[0].Path != "doc.q" { // the other one stops the lanes
		t.Errorf("%+v", got)
	}
	if wrong := r.Match(s, nil); len(wrong) != 1 || !strings.Contains(wrong[0].Why, `did you mean "email"?`) {
		t.Errorf("%v", wrong)
	}
}

// TestInsideIsBounded: maps whose keys are data do not grow without end, and then
// nothing is said to be missing.
func TestInsideIsBounded(t *testing.T) {
	var in Inside
	for i := range 3 * maxInside {
		in.Add("doc", fmt.Appendf(nil, `{"k%d":1}`, i))
	}
	in.Add("doc", []byte(strings.Repeat("[", 500)+strings.Repeat("]", 500)))
	p, err := ParsePath("doc.nowhere")
	if err != nil || in.nodes > maxInside+1 || in.of("doc", p[1:]) != "" {
		t.Errorf("%v: %d names", err, in.nodes)
	}
	if !slices.Equal(p, Path{{Name: "doc"}, {Name: "nowhere"}}) {
		t.Error(p)
	}
}
