package mask

import (
	"math/rand/v2"
	"strings"
	"testing"

	"sluice/processors/decode"
	"sluice/processors/proctest"
	"sluice/topology/stream"
)

// Tests by somebody who wants the values: each is a way on which one came out.

// TestP1NamesOfColumns: an event that is a map has data for names, of its
// members and of its key's: they do not become names of columns, fields of
// rejects or words of an error. // P1 P4
func TestP1NamesOfColumns(t *testing.T) {
	d, err := decode.New(decode.Default)
	if err != nil {
		t.Fatal(err)
	}
	for _, rest := range []string{"mask", "scan", "withhold"} {
		g := policy(t, "key: env:KEY\ndefault: "+rest+"\nrules: [{columns: {id: {keep: r}, \"named by us\": hash}}]")
		m := &markers{rng: rand.New(rand.NewPCG(1, 4))}
		name := func() string { return m.mark() + "@x.example" }
		same := name()
		b := proctest.NewBatch(t, stream.Lane{Topic: "maps" + rest}, 0,
			proctest.JSON("", `{"id":1,"plain_name":"x","named by us":"y","`+name()+`":{"a":1},"`+strings.Replace(name(), "c", `\u0063`, 1)+`":7}`),
			proctest.JSON("", `{"id":2,"`+same+`":7}`),
			proctest.JSON("", `{"id":3,"`+same+`":"a text now"}`)) // another type: NAME__string
		if err := d.Process(b); err != nil || len(b.Records) != 3 {
			t.Fatalf("%v, %d records, %v", err, len(b.Records), b.Rejects)
		}
		search(t, g, b, 3, 0, m.list)
		var names []string
		for _, c := range g.plan(b.Records[2].Schema).table.Columns {
			names = append(names, c.Name)
		}
		want := "id named by us plain_name"
		if rest == "withhold" {
			want = "id named by us"
		}
		got := strings.Join(names, " ")
		if rest != "withhold" {
			want = "id plain_name named by us"
		}
		if got != want {
			t.Errorf("%s: columns %q, want %q", rest, got, want)
		}
	}
	g := policy(t, "key: env:KEY")
	m := &markers{rng: rand.New(rand.NewPCG(2, 4))}
	b := proctest.NewBatch(t, stream.Lane{Topic: "keys"}, 0, proctest.JSON(`{"`+m.mark()+`.":1}`, `{"id":1}`))
	if err := d.Process(b); err != nil || len(b.Records) != 1 {
		t.Fatal(err, len(b.Records))
	}
	if _, err := g.Pass(b); err == nil || strings.Contains(err.Error(), m.list[0]) || !strings.Contains(err.Error(), "name that may be data") { // D4: without it rows would fall together
		t.Errorf("the name of a key: %v", err)
	}
	name := m.mark() + "."
	b = proctest.NewBatch(t, stream.Lane{Topic: "refused"}, 0, proctest.JSON(`{"`+name+`":1}`, `{"id":1}`), proctest.JSON(`{"`+name+`":"x"}`, `{"id":1}`))
	if err := d.Process(b); err != nil || len(b.Rejects) != 1 || b.Rejects[0].Field != "" {
		t.Errorf("%v, rejects %+v", err, b.Rejects)
	}
}
