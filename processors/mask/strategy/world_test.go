package strategy

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/keys"
)

// bound is an action as a policy writes it, with a key, and what it needs.
func bound(t testing.TB, action string) (Masker, *Scratch) {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(action), &n); err != nil {
		t.Fatal(err)
	}
	name, params := n.Content[0], (*yaml.Node)(nil)
	if name.Kind == yaml.MappingNode {
		name, params = name.Content[0], name.Content[1]
	}
	m, err := map[string]func(*yaml.Node) (Masker, error){"hash": ReadHash, "tokenize": ReadTokenize, "partial": ReadPartial,
		"generalize": ReadGeneralize, "synthetic": ReadSynthetic, "shift": ReadShift, "noise": ReadNoise}[name.Value](params)
	if err != nil {
		t.Fatalf("%s: %v", action, err)
	}
	key := ringOf(t).Primary()
	if m == nil {
		return PlainHash(key.ID(), key.Derive("hash", "")), new(Scratch)
	}
	if m, err = m.Bind(&Binder{Key: key}); err != nil {
		t.Fatalf("%s: %v", action, err)
	}
	return m, new(Scratch)
}

func ringOf(t testing.TB) *keys.Ring {
	t.Helper()
	ring, err := keys.New("k1", strings.Repeat("k", 32))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}
