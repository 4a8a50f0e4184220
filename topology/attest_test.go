package topology

import (
	"testing"

	"sluice/schemas"
	"sluice/topology/stream"
)

// TestAttestation: runs of tables are counted, and sums are by policy.
func TestAttestation(t *testing.T) {
	column := func(actions ...string) *stream.Table {
		x := &stream.Table{}
		for _, a := range actions {
			x.Columns = append(x.Columns, stream.Column{Action: a})
		}
		return x
	}
	email := stream.Column{Field: schemas.Field{Class: schemas.Email}, Action: "hash"}
	old, wide := column("keep", "hash"), column("keep", "hash", "hash", "partial")
	wide.Columns = append(wide.Columns, email)
	a := attest{}
	if a.text("p") != "" {
		t.Error("no rows are attested")
	}
	a.add([]stream.CleanRow{{Table: old}, {Table: old}, {Table: wide}, {Table: old}})
	a.add(nil)
	a.add([]stream.CleanRow{{Table: wide}})
	const want = `{"policy":"p","rows":5,"values":{"email hash":2,"hash":7,"keep":5,"partial":2}}`
	if got := a.text("p"); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	var all []Attestation
	for _, text := range []string{want, "", want, a.text("q")} {
		if n, err := sumAttestation(&all, text); err != nil || n != 5 && text != "" {
			t.Errorf("%s: %d, %v", text, n, err)
		}
	}
	if len(all) != 2 || all[0].Rows != 10 || all[0].Values["hash"] != 14 || all[1].Policy != "q" || all[1].Values["hash"] != 7 {
		t.Errorf("%+v", all)
	}
	if _, err := sumAttestation(&all, "{"); err == nil {
		t.Error("half a text is taken")
	}
}
