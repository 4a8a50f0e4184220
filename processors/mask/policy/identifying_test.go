package policy

import (
	"testing"

	"sluice/schemas"
)

// TestShownByRule: values are printed of columns that a rule masks, and of no
// others: what no rule names may be a column that a stage behind the gate added,
// that the sink calls by another name, or one of a topic that was guessed wrong. // P1
func TestShownByRule(t *testing.T) {
	p, err := read(`{key: env:KEY, rules: [{topics: [shop.people], columns: {zip: {generalize: zip3}, city: {keep: r}, mail: hash}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		topic, column string
		shown         bool
	}{
		{"shop.people", "zip", true}, {"shop.people", "mail", true}, {"shop.people", "city", false},
		{"shop.people", "City", false}, {"shop.people", "full_name", false}, {"shop.peple", "city", false},
	} {
		x, _, _ := p.Identifying(c.topic, &schemas.Field{Name: c.column, Type: schemas.Type{Kind: schemas.String}})
		if x.Shown != c.shown {
			t.Errorf("%s of %s is shown: %v", c.column, c.topic, x.Shown)
		}
	}
}
