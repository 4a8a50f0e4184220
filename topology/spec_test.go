package topology_test

import (
	"errors"
	"fmt"
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
	Password string   `yaml:"password" check:"secret"`
	Beside   string   `yaml:"beside" check:"sink"`
	Topics   []string `yaml:"topics" check:"topics"`
	Exclude  []string `yaml:"exclude" check:"exclude"`
	Brokers  []string `yaml:"brokers" check:"brokers"`
	Writes   string   `yaml:"writes" check:"writes"`
}

func (c *specConfig) Validate() error {
	if c.Deep.Level == "low" {
		return errors.Join(errors.New("d1: deep.level: want high"), errors.New("d1: rows is missing: give a number"))
	}
	return nil
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
		{"wrong type", strings.Replace(goodFile, "{table: t", "{rows: many", 1), "6:14: want a whole number, not `many`"},
		{"a part of a number", strings.Replace(goodFile, "{table: t", "{rows: 4.5", 1), "6:14: want a whole number, not 4.5"},
		{"no list", strings.Replace(goodFile, "{table: t", "{topics: a", 1), "6:16: want a list, as [a, b], not `a`"},
		{"a list", strings.Replace(goodFile, "{table: t", "{table: [t]", 1), "6:15: want one text, not a list"},
		{"a merge key", strings.Replace(goodFile, "{table: t", "{<<: {table: t}", 1), "6:8: merge keys are not taken"},
		{"a secret itself", strings.Replace(goodFile, "{table: t", "{password: hunter2", 1), "6:18: want a reference to the secret, env:NAME or file:PATH"},
		{"beside nobody", strings.Replace(goodFile, "{table: t", "{beside: lake", 1), `6:16: "lake" is no sink that stands before this one`},
		{"topics of nobody", strings.Replace(strings.Replace(goodFile, "kafka: {}", `kafka: {topics: ["shop.*", orders]}`, 1), "  d1:", "  topics: [\"*.customers\", order]\n  d1:", 1), `6:27: topics: the source reads none like "order", did you mean "orders"?`},
		{"where a part says", strings.Replace(goodFile, "{table: t", "{deep: {level: low}", 1), "6:22: d1: deep.level: want high\n6:7: d1: rows is missing"},
		{"two stages of one kind", strings.Replace(goodFile, "[decode,", "[decode, decode,", 1), "3:18: a second decode"},
		{"listen", goodFile + "http: {listen: localhost}\n", `7:1: listen: "localhost": want host:port`},
		{"a tab", strings.Replace(goodFile, "  d1:", "\td1:", 1), "6:1: a tab in the indent"},
		{"a web page's space", strings.Replace(goodFile, "id: shop", "id:\u00a0shop", 1), "1:4: a space that is none to YAML"},
		{"an open list", strings.Replace(goodFile, "{mask: {}}]", "{mask: {}}", 1), "3:9: this is no YAML: a list's [ is not closed"},
		{"an alias", strings.Replace(goodFile, "  d1:", "  topics: [a, *.b]\n  d1:", 1), "6:15: this is no YAML: a value that begins with *"},
		{"an alias of nothing", strings.Replace(goodFile, "{table: t", "{table: *t1", 1), "6:15: *t1 is an alias of nothing"},
		{"an indent", strings.Replace(goodFile, "  d1:", "   d1:", 1), "6:4: this is no YAML"},
		{"a value that may not begin so", strings.Replace(goodFile, "{table: t", "{table: @t", 1), "6:15: this is no YAML: no value may begin so: put it in quotes"},
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

// TestLoop: rows of a sink do not come back without end. Sinks are TOPICS > TEMPLATE.
func TestLoop(t *testing.T) {
	for _, c := range []struct{ source, sinks, want string }{
		{`topics: ["shop.*"]`, "> {topic}.masked", `5:14: it writes shop.*.masked, which the source reads (shop.*): its rows would come back without end. Say exclude: ["*.masked"]`},
		{`topics: ["shop.*"], exclude: ["*.masked"]`, "> {topic}.masked", ""},
		{`topics: ["shop.*"], exclude: ["/shop\\..*\\.masked/"]`, "> {topic}.masked", ""},
		{`topics: ["shop.*"], exclude: ["/shop\\.[a-z]+\\.masked/"]`, "> {topic}.masked", ""}, // the sink looks at each
		{`topics: ["shop.*"], exclude: ["shop.a.masked"]`, "> {topic}.masked", "without end"}, // not all of them
		{`topics: ["shop.*"]`, "> masked.{topic}", ""},
		{`topics: ["shop.a"]`, "> {topic}.masked", ""},
		{`topics: ["shop.*"]`, "> shop.{table}", "without end"},
		{`topics: ["/shop.*/"]`, "> {topic}.masked", ""},      // nobody knows
		{`topics: ["pg.shop.a"]`, "> {database}.{table}", ""}, // the same
		{`topics: ["a", "a.masked"]`, "> {topic}.masked", ""}, // twice, and no more
		{`topics: ["a.*", "b.*"]`, "b.* > a.{table}", ""},     // it does not get them
		{`topics: ["a.*", "b.*"]`, "* > {topic}.masked", "without end"},
		{`topics: ["a.*", "b.*"]`, "b.x* > {topic}.masked", "without end"},
		{`topics: ["a.*", "b.*"]`, "b.* > a.{table}, a.* > c.{table}", ""},
		{`topics: ["a.*", "b.*"]`, "b.* > a.{table}, a.* > b.{table}", "6:31: it writes b.*"},
	} {
		file := "id: shop\nsource: {kafka: {brokers: [b], " + c.source + "}}\nstages: [decode, {mask: {}}]\nsinks:\n"
		for i, k := range strings.Split(c.sinks, ", ") {
			topics, writes, _ := strings.Cut(k, "> ")
			if topics = strings.TrimSpace(topics); topics != "" {
				topics = fmt.Sprintf("topics: [%q], ", topics)
			}
			file += fmt.Sprintf("- {name: s%d, %sd1: {brokers: [b], writes: %q}}\n", i, topics, writes)
		}
		for _, f := range []struct{ file, want string }{{file, c.want}, {strings.ReplaceAll(file, "{brokers: [b], writes", "{brokers: [other], writes"), ""}} {
			s, err := topology.Parse([]byte(f.file), lookup)
			if err == nil {
				err = specRegistry().Check(s)
			}
			if f.want == "" && err != nil || f.want != "" && (err == nil || !strings.Contains(err.Error(), f.want)) {
				t.Errorf("got  %v\nwant %q\n%s", err, f.want, f.file)
			}
		}
	}
}

// TestOverlap: what some topic matches both globs of.
func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"shop.*", "*.customers", true}, {"shop.*", "inventory.customers", false}, {"shop.*", "inventory.*", false},
		{"*", "", true}, {"", "", true}, {"a*", "a", true}, {"*a", "*b", false}, {"a*c", "*b*", true}, {"ab*ba", "aba", false}, {"a*b", "*c", false},
	} {
		if got, back := topology.Overlap(c.a, c.b), topology.Overlap(c.b, c.a); got != c.want || back != c.want {
			t.Errorf("overlap of %q and %q: %v and %v", c.a, c.b, got, back)
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
