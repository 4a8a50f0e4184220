package mask

import (
	"testing"

	"sluice/schemas"
)

// TestP3RetypedColumn: the column that goes on for one whose type changed has
// that one's action, not the default; but what was kept as a number is not kept
// as a text, unless a rule names it so.
func TestP3RetypedColumn(t *testing.T) {
	g := gateOf(t, `{key: "env:KEY", rules: [{columns: {id: {keep: "an id"}, email: redact, email__string: {keep: no}, age: {keep: r}, age__string: {keep: reviewed}, note: {keep: r}, old: {keep: r}}}]}`)
	s := schemas.NewSchema(schemas.Schema{Topic: "t", Fields: []schemas.Field{
		{Name: "note", Type: schemas.Type{Kind: schemas.String}}, {Name: "note__json", Type: schemas.Type{Kind: schemas.JSON}, Of: "note"},
		{Name: "id", Type: schemas.Type{Kind: schemas.Int64}}, {Name: "email", Type: schemas.Type{Kind: schemas.Int64}},
		{Name: "email__string", Type: schemas.Type{Kind: schemas.String}, Of: "email"},
		{Name: "id__string", Type: schemas.Type{Kind: schemas.String}, Of: "id"},
		{Name: "id__decimal_38_0", Type: schemas.Type{Kind: schemas.Decimal, Precision: 38}, Of: "id"},
		{Name: "id__json", Type: schemas.Type{Kind: schemas.JSON}, Of: "id"},
		{Name: "age", Type: schemas.Type{Kind: schemas.Int64}}, {Name: "age__string", Type: schemas.Type{Kind: schemas.String}, Of: "age"},
		{Name: "old__string", Type: schemas.Type{Kind: schemas.String}, Of: "old"},
	}})
	want := map[string]string{"id": "keep", "email": "redact", "email__string": "redact", "id__string": "hash", "id__decimal_38_0": "keep", "id__json": "hash",
		"age": "keep", "age__string": "keep", "note": "keep", "note__json": "keep", "old__string": "hash"}
	for _, d := range g.Explain(s) {
		if d.Action != want[d.Column] && want[d.Column] != "" {
			t.Errorf("%s: %s by rule %d, want %s", d.Column, d.Action, d.Rule, want[d.Column])
		}
		delete(want, d.Column)
	}
	if len(want) > 0 {
		t.Errorf("nothing said of %v", want)
	}
}
