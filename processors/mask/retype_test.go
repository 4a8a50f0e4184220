package mask

import (
	"testing"

	"sluice/schemas"
)

// TestP3RetypedColumn: the column that goes on for one whose type changed has
// that one's action, not the default.
func TestP3RetypedColumn(t *testing.T) {
	g := policy(t, `{key: "env:KEY", rules: [{columns: {id: {keep: "an id"}, email: redact}}]}`)
	s := schemas.NewSchema(schemas.Schema{Topic: "t", Fields: []schemas.Field{
		{Name: "id", Type: schemas.Type{Kind: schemas.Int64}}, {Name: "email", Type: schemas.Type{Kind: schemas.Int64}},
		{Name: "email__string", Type: schemas.Type{Kind: schemas.String}, Of: "email"},
		{Name: "id__string", Type: schemas.Type{Kind: schemas.String}, Of: "id"},
	}})
	want := map[string]string{"id": "keep", "email": "redact", "email__string": "redact", "id__string": "keep"}
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
