package policy

import (
	"fmt"
	"os"
	"path/filepath"
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
		"doc.phone":         `doc has no "phone" in any value, did you mean "Phone"?`, // in any case only where the rest is kept
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
	for columns, want := range map[string]string{
		"doc: {keep: r}, doc.phone: hash":                              "[]",
		"doc.phone: {keep: r}, doc.Phone: hash":                        "[doc.phone]", // each its own
		"doc.*.email: {keep: r}, doc.a: hash":                          "[doc.*.email]",
		"doc.*.email: {keep: r}, doc.late: hash":                       "[]",
		"'doc.{key}': hash, doc.a: hash, doc.list: hash":               "[]",
		"'doc.late.{key}': hash, doc.late.x: hash":                     "[doc.late.{key}]",
		"email: {synthetic: {kind: email, by: emial}}":                 "[email]",
		"doc.a.email: {synthetic: {kind: email, by: emial}}":           "[doc.a.email]",
		"doc: {synthetic: {kind: email, by: email}}, email: {keep: r}": "[]",
	} {
		r, err := read("key: env:KEY\nrules: [{columns: {" + columns + "}}]")
		if err != nil {
			t.Fatal(columns, err)
		}
		paths := []string{}
		for _, m := range r.Missing(s, &in) {
			paths = append(paths, m.Path)
		}
		if fmt.Sprint(paths) != want {
			t.Errorf("%s: %v, want %s", columns, paths, want)
		}
	}
	if r, err = read("key: env:KEY\nrules: [{columns: {doc.a: hash}}, {columns: {doc.late: hash}}]"); err != nil {
		t.Fatal(err)
	}
	if got := r.Missing(s, &in); len(got) != 1 || got[0].Why != "rule 1 says what happens to doc here, and inside of it" {
		t.Errorf("%+v", got)
	}
	s.Closed = true
	if r, err = read("key: env:KEY\nrules: [{topics: [shop.customers], columns: {doc.q: hash, emial: hash}}]"); err != nil {
		t.Fatal(err)
	}
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
	if err != nil {
		t.Fatal(err)
	}
	r, err := read("key: env:KEY\nrules: [{columns: {doc.nowhere: hash}}]")
	if err != nil || in.nodes > maxInside+1 || r.lacks(schemas.NewSchema(schemas.Schema{Fields: []schemas.Field{{Name: "doc"}}}), &r.claims()[0], &in) != "" {
		t.Errorf("%v: %d names", err, in.nodes)
	}
	if !slices.Equal(p, Path{{Name: "doc"}, {Name: "nowhere"}}) {
		t.Error(p)
	}
}

// TestMissingShowsNoNames: names of members that may be those of people are neither
// listed nor meant. // P1
func TestMissingShowsNoNames(t *testing.T) {
	s := schemas.NewSchema(schemas.Schema{Topic: "t", Fields: []schemas.Field{{Name: "doc", Type: schemas.Type{Kind: schemas.JSON}}, {Name: "annlee", Loose: true}}})
	var in Inside
	in.Add("doc", []byte(`{"alice":1,"bob":2,"carol":{"x":1}}`))
	names := filepath.Join(t.TempDir(), "names")
	if err := os.WriteFile(names, []byte("alice\nannlee\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, shown := range map[string]bool{"key: env:KEY\nrules: [{columns: {doc.street: hash}}]": false, "key: env:KEY\nrules: [{columns: {doc.alicia: hash}}]": true,
		"key: env:KEY\ndetect: {names: '" + names + "'}\nrules: [{columns: {doc.alicia: hash, annle: hash}}]":           false,
		"key: env:KEY\ndetect: {words: [{file: '" + names + "'}]}\nrules: [{columns: {doc.alicia: hash, annle: hash}}]": false} {
		r, err := read(text)
		if err != nil {
			t.Fatal(err)
		}
		all := fmt.Sprint(r.Missing(s, &in))
		if got := strings.Contains(all, "alice") || strings.Contains(all, "bob") || strings.Contains(all, "annlee"); got != shown || all == "[]" {
			t.Errorf("%s: %s", text, all)
		}
	}
}
