package policy

import (
	"slices"
	"testing"

	"sluice/schemas"
)

// TestExplain: which rule and line decided, the first that names a column.
func TestExplain(t *testing.T) {
	s := &schemas.Schema{Topic: "shop.customers", Fields: []schemas.Field{{Name: "addr", Type: schemas.Type{Kind: schemas.JSON}}, {Name: "email", Type: schemas.Type{Kind: schemas.String}},
		{Name: "id", Type: schemas.Type{Kind: schemas.Int64}, Key: true}, {Name: "n", Type: schemas.Type{Kind: schemas.Int64}}, {Name: "x", Type: schemas.Type{Kind: schemas.String}}}}
	r, err := read(`key: env:KEY
rules:
- topics: [elsewhere]
  columns: {email: redact}
- topics: ["shop.*"]
  columns:
    email: hash
    addr.city: redact
    n: null
- columns:
    email: {keep: "too late"}
    addr: drop
  keep: {columns: [id], because: "surrogate"}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []Decision{{Column: "addr", Action: "nested", Rule: 2, Line: 5, By: "path"}, {Column: "addr.city", Action: "redact", Rule: 2, Line: 8, By: "path"},
		{Column: "addr.*", Action: "hash", By: "default", Why: "what no path names: text, objects and arrays; other values are nulled"},
		{Column: "addr.{key}", Action: "hash", By: "default", Why: "names that no path names and that are no plain identifiers; others stay"},
		{Column: "email", Action: "hash", Rule: 2, Line: 7, By: "path"}, {Column: "id", Action: "keep", Rule: 3, Line: 10, By: "path", Why: "surrogate"},
		{Column: "n", Action: "null", Rule: 2, Line: 5, By: "path"}, {Column: "x", Action: "hash", By: "default"}}
	if got := r.Explain(s); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestExplainKept: what is kept but for paths says so of all the rest.
func TestExplainKept(t *testing.T) {
	r, err := read("key: env:KEY\nrules:\n- columns:\n    a: {keep: reviewed}\n    a.b: redact\n    m.*: hash\n")
	if err != nil {
		t.Fatal(err)
	}
	s := &schemas.Schema{Topic: "t", Fields: []schemas.Field{{Name: "a", Type: schemas.Type{Kind: schemas.JSON}}, {Name: "m", Type: schemas.Type{Kind: schemas.JSON}}}}
	want := []Decision{{Column: "a", Action: "nested", Rule: 1, Line: 4, By: "path", Why: "reviewed"}, {Column: "a.b", Action: "redact", Rule: 1, Line: 5, By: "path"},
		{Column: "a.*", Action: "keep", Rule: 1, Line: 4, By: "path", Why: "reviewed"},
		{Column: "m", Action: "nested", Rule: 1, Line: 3, By: "path"}, {Column: "m.*", Action: "hash", Rule: 1, Line: 6, By: "path"},
		{Column: "m.{key}", Action: "hash", By: "default", Why: "names that no path names and that are no plain identifiers; others stay"}}
	if got := r.Explain(s); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestAt: the action for one path, which mask verify takes at its word: what a path is
// said to be kept as stays in clear and is no finding. // P1
func TestAt(t *testing.T) {
	r, err := read(`key: env:KEY
rules:
- columns:
    k: {keep: reviewed}
    a: {keep: but for}
    a.b: redact
    a.b2.c: hash
    "l[*].x": tokenize
    "m.*": tokenize
    "m.bob": {keep: r}
    "m.{key}": hash
    d: hash
`)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"k": "keep", "k.x": "keep", "k[*]": "keep", "a": "keep", "a.x": "keep", "a.b": "redact", "a.b.y": "redact", "a.b2": "keep", "a.b2.c": "hash", "a.b2.d": "keep", "a[*]": "keep",
		"l": "", "l[*]": "", "l[*].x": "tokenize", "l[*].y": "", "l.x": "", "m": "", "m.*": "tokenize", "m.ann": "tokenize", "m.bob": "keep", "m.bob.x": "keep", "m.{key}": "hash",
		"d": "hash", "d.x": "hash", "e": "hash",
	} {
		p, err := ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		spec, d, err := r.At("t", &schemas.Field{Name: p[0].Name, Type: schemas.Type{Kind: schemas.JSON}}, p)
		if err == nil {
			if got = spec.Kind.String(); spec.Kind == Keep && d.Why != spec.Why || spec.Kind != Keep && d.Action != got {
				t.Errorf("%s: %v, but the decision is %+v", path, spec, d)
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
