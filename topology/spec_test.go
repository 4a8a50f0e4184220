package topology_test

import (
	"strings"
	"testing"

	"sluice/topology"
	"sluice/topology/stream"
)

type specConfig struct {
	Table string `yaml:"table"`
	Token string `yaml:"token" plan:"-"`
	Rows  int    `yaml:"rows"`
	Deep  struct {
		Level string `yaml:"level"`
	} `yaml:"deep"`
}

func specRegistry() topology.Registry {
	return topology.Registry{
		Sources: []topology.Factory[stream.Source]{topology.New("kafka", specConfig{}, func(specConfig, topology.Env) (stream.Source, error) { return nil, nil })},
		Raw:     []topology.Factory[stream.Raw]{topology.New("decode", specConfig{}, func(specConfig, topology.Env) (stream.Raw, error) { return reject{}, nil })},
		Gates:   []topology.Factory[stream.Gate]{topology.New("mask", specConfig{}, func(specConfig, topology.Env) (stream.Gate, error) { return pass{}, nil })},
		Stages:  []topology.Factory[stream.Stage]{topology.New("route", specConfig{}, func(specConfig, topology.Env) (stream.Stage, error) { return nil, nil })},
		Sinks:   []topology.Factory[stream.Sink]{topology.New("d1", specConfig{}, func(specConfig, topology.Env) (stream.Sink, error) { return nil, nil })},
	}
}

const goodFile = `id: shop
source: {kafka: {}}
stages: [decode, {mask: {}}]
sinks:
- name: replica
  d1: {table: t, token: "${TOKEN}"}
`

// TestMistakes is what a person sees: line, column, what is wrong, what to do.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"good", goodFile, ""},
		{"empty", "", "1:1: the file is empty"},
		{"unknown field", "id: shop\nsorce: {kafka: {}}\n", `2:1: unknown field "sorce", did you mean "source"?`},
		{"field of a part", strings.Replace(goodFile, "{table: t", "{tabel: t", 1), `6:8: unknown field "tabel", did you mean "table"?`},
		{"nested field", strings.Replace(goodFile, "{table: t", "{deep: {levle: x}", 1), `6:15: unknown field "levle", did you mean "level"?`},
		{"wrong type", strings.Replace(goodFile, "{table: t", "{rows: many", 1), "6:14: cannot unmarshal"},
		{"twice", "id: a\nid: b\n", `2:1: field "id" is given twice`},
		{"unknown part", strings.Replace(goodFile, "  d1:", "  d2:", 1), `6:3: unknown sink "d2", did you mean "d1"?`},
		{"two parts", strings.Replace(goodFile, "  d1:", "  d2: {}\n  d1:", 1), `7:3: both "d2" and "d1"`},
		{"unknown stage", strings.Replace(goodFile, "{mask: {}}", "{maks: {}}", 1), `3:19: unknown stage "maks", did you mean "mask"?`},
		{"no gate", strings.Replace(goodFile, ", {mask: {}}", "", 1), "no stage masks"},
		{"gate and none", "privacy: none\n" + goodFile, "take one of the two out"},
		{"raw behind the gate", strings.Replace(goodFile, "[decode, {mask: {}}]", "[{mask: {}}, decode]", 1), "stands before the gate"},
		{"clean before the gate", strings.Replace(goodFile, "[decode,", "[route,", 1), "stands behind the gate"},
		{"bad id", strings.Replace(goodFile, "id: shop", "id: Shop!", 1), `1:1: id "Shop!"`},
		{"no source", strings.Replace(goodFile, "source: {kafka: {}}\n", "", 1), "there is no source"},
		{"bad duration", strings.Replace(goodFile, "  d1:", "  commit: {every: soon}\n  d1:", 1), `6:19: "soon" is not a duration`},
		{"bad size", goodFile + "engine: {budget: lots}\n", `7:18: "lots" is not a size`},
		{"start like nobody", strings.Replace(goodFile, "  d1:", "  start: like lake\n  d1:", 1), "a sink that stands before this one"},
		{"home is no sink", goodFile + "dead_letters: {home: replcia, key: \"env:K\"}\n", `did you mean "replica"?`},
		{"home without key", goodFile + "dead_letters: {home: replica}\n", "needs a key"},
		{"unset variable", strings.Replace(goodFile, "${TOKEN}", "${TOKNE}", 1), "6:25: TOKNE is not set"},
		{"second document", goodFile + "---\nid: x\n", "a second document"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := topology.Parse([]byte(c.file), lookup)
			if err == nil {
				err = specRegistry().Check(s)
			}
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("got  %v\nwant %q", err, c.want)
			}
		})
	}
}

func lookup(name string) (string, bool) {
	v, ok := map[string]string{"TOKEN": "secret", "PORT": "9092"}[name]
	return v, ok
}

// TestPlan: the plan is what decides where a row goes, and nothing else.
func TestPlan(t *testing.T) {
	plan := func(file string) string {
		t.Helper()
		s, err := topology.Parse([]byte(file), lookup)
		if err != nil {
			t.Fatal(err)
		}
		return specRegistry().Plan(s)
	}
	base := plan(goodFile)
	same := []string{
		"# a comment\n" + goodFile,
		goodFile + "engine: {workers: 3}\n",
		goodFile + "name: other label\n",
		strings.Replace(goodFile, "${TOKEN}", "${PORT}", 1),
		strings.Replace(goodFile, "  d1:", "  commit: {every: 1s}\n  d1:", 1),
	}
	for _, f := range same {
		if plan(f) != base {
			t.Errorf("operational change moved the plan:\n%s", f)
		}
	}
	for _, f := range []string{
		strings.Replace(goodFile, "table: t", "table: u", 1),
		strings.Replace(goodFile, "  d1:", "  topics: [a]\n  d1:", 1),
		strings.Replace(goodFile, "{mask: {}}", "{mask: {table: x}}", 1),
	} {
		if plan(f) == base {
			t.Errorf("change did not move the plan:\n%s", f)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, topic string
		want           bool
	}{
		{"a", "a", true}, {"a", "ab", false}, {"*", "", true}, {"shop.*", "shop.x.y", true}, {"*.customers", "a.shop.customers", true},
		{"a*b*c", "a1b2c", true}, {"a*b*c", "acb", false}, {"ab*ba", "aba", false}, {"*x*", "axb", true},
	} {
		if got := topology.Glob(c.pattern, c.topic); got != c.want {
			t.Errorf("Glob(%q, %q) = %v", c.pattern, c.topic, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(goodFile))
	f.Add([]byte("id: [x\n"))
	f.Add([]byte("sinks: [{name: {}}]"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if s, err := topology.Parse(p, lookup); err == nil {
			specRegistry().Check(s)
			specRegistry().Plan(s)
		}
	})
}
