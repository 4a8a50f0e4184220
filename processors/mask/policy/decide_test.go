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

// TestNodeIsOne: of names that differ in their case alone a third spelling goes by the
// same one whichever order the policy was read in. // P1 D5
func TestNodeIsOne(t *testing.T) {
	var first string
	for i := range 40 {
		r, err := read("key: env:KEY\nrules: [{columns: {a: {keep: r}, a.ab: redact, a.AB: hash, a.aB: drop}}]")
		if err != nil {
			t.Fatal(err)
		}
		f := &schemas.Field{Name: "a", Type: schemas.Type{Kind: schemas.JSON}}
		kid, named := r.Decide(&schemas.Schema{Topic: "t", Fields: []schemas.Field{*f}}, f).Inside.Member([]byte("Ab"), Keep)
		if kid == nil || !named {
			t.Fatal("Ab is none of them")
		}
		if got := kid.At.Path.String(); i == 0 {
			first = got
		} else if got != first {
			t.Fatalf("%s, then %s", first, got)
		}
	}
}

// TestNamesThatMayBeData: a column that records alone name has a place if its name is an
// identifier that holds nothing; one that a schema names has, whatever its name. // P1 P4
func TestNamesThatMayBeData(t *testing.T) {
	r, err := read("key: env:KEY\nrules: [{columns: {'first name': {keep: r}}}]")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"city": "hash", "home_phone": "hash", "ann@x.example": "withhold", "x-4111-1111-1111-1111": "withhold", "a b": "withhold", "RSSMRA85T10A562S": "withhold", "sha256": "hash", "first name": "keep"} {
		for _, loose := range []bool{true, false} {
			f := &schemas.Field{Name: name, Loose: loose, Type: schemas.Type{Kind: schemas.String}}
			d := r.Decide(&schemas.Schema{Topic: "t", Fields: []schemas.Field{*f}}, f).Decisions[0]
			w := want
			if !loose && w == "withhold" {
				w = "hash"
			}
			if d.Action != w || w == "withhold" && d.Column == name {
				t.Errorf("%s, loose %v: %+v, want %s", name, loose, d, w)
			}
		}
	}
}

// TestPathBeforeClass: a path decides before a class of what it lies in. // P4
func TestPathBeforeClass(t *testing.T) {
	r, err := read("key: env:KEY\nclass: [{columns: {a.b: address, a.d: address}}]\nrules: [{columns: {a.b.c: redact}, classes: {address: {keep: r}}}]")
	if err != nil {
		t.Fatal(err)
	}
	f := &schemas.Field{Name: "a", Type: schemas.Type{Kind: schemas.JSON}}
	for path, want := range map[string]string{"a.b.c": "redact", "a.b.x": "", "a.d.x": "keep"} {
		p, _ := ParsePath(path)
		got := ""
		if spec, _, err := r.At("t", f, p); err == nil {
			got = spec.Kind.String()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// TestKeysByDefault: a key that the default would null or change in parts is hashed. // D4
func TestKeysByDefault(t *testing.T) {
	for _, c := range []struct {
		rest string
		key  bool
		kind schemas.Kind
		want string
	}{{"mask", true, schemas.String, "hash"}, {"mask", true, schemas.Int64, "hash"}, {"mask", false, schemas.Int64, "null"}, {"scan", true, schemas.String, "hash"}, {"scan", true, schemas.Int64, "hash"},
		{"scan", false, schemas.Int64, "scan"}, {"withhold", true, schemas.String, "withhold"}} {
		r, err := read("key: env:KEY\ndefault: " + c.rest)
		if err != nil {
			t.Fatal(err)
		}
		f := &schemas.Field{Name: "id", Key: c.key, Type: schemas.Type{Kind: c.kind}}
		if d := r.Decide(&schemas.Schema{Topic: "t", Fields: []schemas.Field{*f}}, f).Decisions[0]; d.Action != c.want {
			t.Errorf("%+v: %s", c, d.Action)
		}
	}
}
