package decode

import (
	"testing"

	"sluice/processors/proctest"
)

// TestLocatedWithoutARow: a lane that begins with a truncate or with a delete of
// a key alone names its table as those with rows do (its rows went to a table
// that was named as the topic).
func TestLocatedWithoutARow(t *testing.T) {
	for name, r := range map[string]proctest.Rec{
		"truncate": proctest.JSON("", envelope("t", "null", "null")),
		"delete":   proctest.JSON(`{"id":1}`, envelope("d", "null", "null")),
	} {
		b, got := decode(t, Default, r)
		if len(b.Records) != 1 {
			t.Fatal(name, got)
		}
		if s := b.Records[0].Schema; s.Table != "t" || s.Namespace != "s" || s.Database != "d" || s.Closed {
			t.Errorf("%s: of table %q in %q of %q, closed %v", name, s.Table, s.Namespace, s.Database, s.Closed)
		}
	}
}
