package strategy_test

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask"
	"sluice/processors/proctest"
	"sluice/topology"
	"sluice/topology/stream"
)

type spelled = proctest.Spelled

var str, whole, of, dec = proctest.Str, proctest.Whole, proctest.Of, proctest.Dec

// acting is the gate of a policy that has one action for column v.
func acting(t testing.TB, action string) stream.Gate {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte("key: env:KEY\nrules:\n- columns:\n    v: "+action), &n); err != nil {
		t.Fatal(err)
	}
	g, err := mask.Factory.Open(n.Content[0], topology.Env{Secret: func(string) (string, error) { return strings.Repeat("k", 32), nil }})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// through passes column v through a gate, which reads it, asks whether the
// strategy fits, and writes.
func through(g stream.Gate, v spelled) string { return proctest.Through(g, "v", v) }
