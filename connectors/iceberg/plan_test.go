package iceberg

import (
	"strings"
	"testing"

	"sluice/topology"
	"sluice/topology/stream"
)

// TestPlanOfWhatATableRefuses (stood for ever): a table that refuses rows says what
// to change in the file. While it refused, the other sinks went on: a change of the
// plan would need them to stand together first, which the table refuses.
func TestPlanOfWhatATableRefuses(t *testing.T) {
	r := topology.Registry{Sinks: []topology.Factory[stream.Sink]{Factory()}}
	plan := func(options string) string {
		t.Helper()
		s, err := topology.Parse([]byte("id: shop\nsource: {kafka: {}}\nsinks:\n- name: lake\n  iceberg: {catalog: {uri: \"http://c\"}, "+options+"}\n"), func(string) (string, bool) { return "", false })
		if err != nil {
			t.Fatal(err)
		}
		return r.Plan(s)
	}
	base := plan(`table: "{topic}"`)
	for _, more := range []string{`evolve: freeze`, `partition: {"*": ["day(at)"]}`} {
		if plan(strings.Join([]string{`table: "{topic}"`, more}, ", ")) != base {
			t.Errorf("%s is of the plan", more)
		}
	}
	if plan(`table: "x_{topic}"`) == base {
		t.Error("where rows go is not of the plan")
	}
}
