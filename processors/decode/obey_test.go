package decode

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// TestObeyLogical: values are held to their contract's logical types, those of
// a column that goes on under another type too, and values: allow lets them pass.
func TestObeyLogical(t *testing.T) {
	const rules = `
topic: "shop.*"
fields:
  - {name: id, type: int64}
  - {name: e, type: string, logical: "enum('new','paid')"}
  - {name: st, type: string, logical: "set('a','b')"}
  - {name: u, type: int64, logical: uint8}
  - {name: b, type: binary, logical: bits(4)}
  - {name: iv, type: string, logical: interval(iso)}
  - {name: g, type: json, logical: geometry(4326)}
  - {name: v, type: json, logical: "vector(float32,2)"}
  - {name: l, type: json, logical: "array<uint8>"}
  - {name: m, type: json, logical: "struct<a:int32,b:enum('x')>"}
  - {name: any, logical: uint8}
`
	const secret = "4111111111111111"
	c := Default
	for _, x := range []struct{ values, want string }{
		{`"e":"paid","st":"b,a","u":255,"b":"Dw==","iv":"P1D","v":[1,2],"l":[0,null],"m":{"a":1,"b":"x"},"any":7`, ""},
		{`"e":null,"st":"","g":{"wkb":"AQEAAAAAAAAA","srid":4326}`, ""},
		{`"e":"` + secret + `"`, "reject contract_enum e"},
		{`"st":"a,` + secret + `"`, "reject contract_set st"},
		{`"u":256`, "reject contract_range u"},
		{`"b":"EA=="`, "reject contract_bits b"},
		{`"iv":"` + secret + `"`, "reject contract_interval iv"},
		{`"g":{"wkb":"AQEAAAAAAAAA","srid":3857}`, "reject contract_srid g"},
		{`"g":{"x":1}`, "reject contract_geometry g"},
		{`"v":[1,2,3]`, "reject contract_dimension v"},
		{`"l":["` + secret + `"]`, "reject contract_range l"},
		{`"m":{"b":"` + secret + `"}`, "reject contract_enum m"},
		{`"m":{"` + secret + `":1}`, "reject contract_struct m"},
		{`"any":"` + secret + `"`, "reject contract_range any"},
	} {
		for _, allow := range []string{"", "values: allow\n"} {
			c.Contracts = filepath.Join(t.TempDir(), "t.yaml")
			if err := os.WriteFile(c.Contracts, []byte(allow+rules[1:]), 0o600); err != nil {
				t.Fatal(err)
			}
			// the first record makes any's type int64
			_, got := decode(t, c, proctest.JSON("", `{"id":1,"any":1}`), proctest.JSON("", `{"id":2,`+x.values+"}"))
			if last := got[len(got)-1]; len(got) != 2 || allow == "" && x.want != "" && last != x.want || (allow != "" || x.want == "") && !strings.HasPrefix(last, "insert") {
				t.Errorf("%s%s: %q, want %s", allow, x.values, got, x.want)
			}
		}
	}
	for columns, want := range map[string]string{"int64": "e: the contract of shop.* says logical: enum('new','paid'): its values are not of the type int64", "string": ""} {
		c.Columns = map[string]map[string]string{"*": {"e": columns}}
		if err := c.Validate(); (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", columns, err, want)
		}
	}
}
