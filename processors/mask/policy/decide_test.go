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
