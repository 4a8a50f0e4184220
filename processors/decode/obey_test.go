package decode

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sluice/processors/proctest"
)

// TestObey: a record that breaks its topic's contract is refused with the rule
// and the column; one that keeps it has the contract's types.
func TestObey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "t.yaml")
	if err := os.WriteFile(file, []byte(`
topic: shop.*
key: [id]
additional: reject
fields:
  - {name: id, type: int64, not_null: true}
  - {name: total, type: "decimal(12,2):base64"}
  - {name: email, type: string, not_null: true, pii: email}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Default
	c.Contracts = file
	for _, x := range []struct{ key, value, want string }{
		{`{"id":1}`, `{"id":1,"total":"BUY=","email":"a"}`, "insert before=none after={email:string=a id*:int64=1 total:decimal(12,2)=BUY=} key={id*:int64=1}"},
		{`{"id":1}`, `{"id":1,"total":"BUY="}`, "reject contract_null email"},
		{`{"id":1}`, `{"id":1,"email":null}`, "reject contract_null email"},
		{`{"id":1}`, `{"id":1,"email":"a","more":null}`, "reject contract_field more"},
		{`{"id":1}`, `{"id":1,"email":"a","total":[1]}`, "reject type_mismatch total"},
		{``, `{"id":1,"email":"a"}`, "reject contract_key"},
		{`{"email":"a"}`, `{"id":1,"email":"a"}`, "reject contract_key"},
		{`{"id":1,"email":"a"}`, `{"id":1,"email":"a"}`, "reject contract_key"},
		{`{"id":1}`, envelope("d", "null", "null"), "delete before=none after=none key={id*:int64=1}"},
		{``, envelope("t", "null", "null"), "truncate before=none after=none key=none"},
	} {
		_, got := decode(t, c, proctest.JSON(x.key, x.value))
		if !slices.Equal(got, []string{x.want}) {
			t.Errorf("%s: got %q, want %q", x.value, got, x.want)
		}
	}
}
