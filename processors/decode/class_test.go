package decode

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"sluice/processors/proctest"
)

// TestClasses: a column has the class and the tags of its contract, and those of
// the writer's schema where the contract says none.
func TestClasses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "t.yaml")
	if err := os.WriteFile(file, []byte("topic: shop.*\nfields:\n- {name: a, pii: email, tags: [gdpr]}\n- {name: b}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Default
	c.Contracts = file
	field := func(name, parameters string) string {
		return `{"type":"string","optional":true,"field":"` + name + `","parameters":{` + parameters + `}}`
	}
	schema := `{"type":"struct","fields":[` + field("a", `"pii":"phone","confluent:tags":"EU, gdpr"`) + `,` + field("b", `"pii":"card","tags":"x"`) + `,` + field("c", `"pii":"no class"`) + `]}`
	b, _ := decode(t, c, proctest.JSON("", `{"schema":`+schema+`,"payload":{"a":"1","b":"2","c":"3"}}`))
	got := ""
	for _, f := range b.Records[0].Schema.Fields {
		got += fmt.Sprint(f.Name, " ", f.Class, " ", f.Tags, "; ")
	}
	if want := "a email [gdpr EU]; b card [x]; c none []; "; got != want {
		t.Errorf("got %s", got)
	}
	b, _ = decode(t, c, proctest.JSON("", `{"a":"1"}`)) // without a schema
	if f := b.Records[0].Schema.Fields[0]; fmt.Sprint(f.Class, f.Tags) != "email [gdpr]" {
		t.Errorf("%+v", f)
	}
}
