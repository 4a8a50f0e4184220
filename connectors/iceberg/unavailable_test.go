package iceberg

import (
	"testing"

	"sluice/schemas"
	"sluice/topology/stream"
)

// TestUnavailableRetyped: a value that was not sent may be in the column that
// goes on for its own: a reader that keeps what is there keeps both.
func TestUnavailableRetyped(t *testing.T) {
	column := func(name, of string) stream.Column { return stream.Column{Field: schemas.Field{Name: name, Of: of}} }
	table := &stream.Table{Columns: []stream.Column{column("id", ""), column("doc", ""), column("note", ""), column("doc__string", "doc"), column("note__int64", "note")}}
	not, null, has := schemas.Cell{Flags: schemas.Present | schemas.Unavailable}, schemas.Cell{Flags: schemas.Present | schemas.Null}, schemas.Cell{Flags: schemas.Present, Enc: schemas.EncInt, Len: 1}
	for want, cells := range map[string][]schemas.Cell{
		"":                     {has, has, has, {}, null},
		"doc,doc__string":      {has, not, null, {}, has},
		"note,note__int64":     {has, null, not, has, null},
		"note":                 {has, has, not, {}},
		"doc,note,doc__string": {has, not, not, {}, has},
	} {
		if got := string(unavailable(nil, cells, table)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
