package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSchema(t *testing.T) {
	const recording = "testdata/recordings/pg-inventory-avro.jsonl.gz"
	shown, talk, code := sluice(t, "schema", "show", "--privacy", "none", recording)
	if code != exitOK || !strings.Contains(shown, "decimal(20,4):base64") || !strings.Contains(shown, "key not null") {
		t.Fatal(code, talk, shown)
	}
	history, talk, code := sluice(t, "schema", "history", "--privacy", "none", recording)
	if code != exitOK {
		t.Fatal(code, talk)
	}
	for _, want := range []string{"topic_added", "widened      score                int32  int64", "added        score__decimal_30_5"} {
		if !strings.Contains(history, want) {
			t.Errorf("there is no %q in\n%s", want, history)
		}
	}
	// What is inferred differs in nothing from what it was inferred of.
	text, _, _ := sluice(t, "contract", "infer", "--privacy", "none", recording)
	file := filepath.Join(t.TempDir(), "c.yaml")
	diff := func(text string, want int) string {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, talk, code := sluice(t, "schema", "diff", "--privacy", "none", file, recording)
		if code != want {
			t.Fatalf("code %d: %s%s", code, out, talk)
		}
		return out
	}
	if out := diff(text, exitOK); out != "no difference\n" {
		t.Error(out)
	}
	if out := diff(strings.Replace(text, "type: uuid", "type: bool", 1), exitFinding); !strings.Contains(out, "retyped") || !strings.Contains(out, "NO") {
		t.Error(out)
	}
}

// TestLogicalTypes: what the writer's schema, the source's tables and a contract say
// of values beyond their columns, in every place that shows columns; and the
// allowed members of an enum as the connector joins them.
func TestLogicalTypes(t *testing.T) {
	const schema, bare = "testdata/recordings/mariadb-types-json-schema.jsonl.gz", "testdata/recordings/mysql-types-json.jsonl.gz"
	file := filepath.Join(t.TempDir(), "c.yaml")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"decode", "--schema", schema}, []string{`"name":"e","type":"string","logical":"enum(small,medium\\,x,la'rge,?,)"`, `"name":"st","type":"string","logical":"set(a,b,c d)"`,
			`"name":"b20","type":"binary","logical":"bits(20)"`, `"name":"g","type":"json","logical":"geometry"`, `"name":"d65_30","type":"string","logical":"decimal(65,30)"`}},
		{[]string{"decode", "--schema", "testdata/recordings/pg-types-json-schema.jsonl.gz"}, []string{`"name":"e","type":"string","logical":"enum(sad,ok,happy 😀)"`,
			`"name":"an","type":"json","logical":"array\u003cdecimal(10,2)\u003e"`, `"name":"iv","type":"int64","logical":"interval(micros)"`}},
		{[]string{"schema", "show", schema}, []string{"enum(small,medium\\,x,la'rge,?,)"}},
		{[]string{"contract", "infer", bare}, []string{"type: string\n    logical: enum('p','q')", "name: bu\n    type: int64\n  -", "logical: set('a','b','c d')"}},
		{[]string{"decode", "--infer", "--schema", bare}, []string{`"logical":"uint64"`, `"logical":"bits(20)"`}},
	} {
		out, talk, code := sluice(t, append(c.args, "--privacy", "none")...)
		if code != exitOK {
			t.Fatal(code, talk)
		}
		for _, w := range c.want {
			if !strings.Contains(out, w) {
				t.Errorf("%v: there is no %s", c.args, w)
			}
		}
	}
	// An enum that has another member is another meaning of the same column.
	old := "topic: t\nfields: [{name: e, type: string, logical: 'enum(a)'}]\n"
	if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(t.TempDir(), "d.yaml")
	if err := os.WriteFile(newer, []byte(strings.Replace(old, "(a)", "(a,b)", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, talk, code := sluice(t, "schema", "diff", file, newer); code != exitOK || !strings.Contains(out, "meaning") || !strings.Contains(out, "enum(a,b)") {
		t.Error(code, talk, out)
	}
}

// TestP1NamesThatAreData: verbs that tell of columns by a policy's gate tell none
// whose name may be data, the key of a map; with privacy: none they do. // P1 P4
func TestP1NamesThatAreData(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	for i, value := range []string{`{"id":1,"canary1@x.example":{"a":1},"note":"x"}`, `{"id":2,"later":7}`, `{"id":3,"canary3@x.example":"x","ok":5}`} {
		fmt.Fprintf(&b, `{"topic":"maps","partition":0,"offset":%d,"timestamp":7,"key":null,"value":%q,"headers":[]}`+"\n", i, base64.StdEncoding.EncodeToString([]byte(value)))
	}
	recording, policy := filepath.Join(dir, "r.jsonl"), filepath.Join(dir, "p.yaml")
	pipeline := "id: x\nsource: {kafka: {brokers: [\"127.0.0.1:1\"], topics: [maps]}}\nstages:\n  - decode: {format: json}\n" +
		"  - mask: {key: env:MAPS_KEY, rules: [{columns: {id: {keep: r}, note: drop}}]}\nsinks: [{name: lake, iceberg: {catalog: {uri: \"http://127.0.0.1:1\", warehouse: w}, namespace: b}}]\n"
	for name, text := range map[string]string{recording: b.String(), policy: pipeline} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("MAPS_KEY", strings.Repeat("k", 32))
	for _, verb := range [][]string{{"schema", "show"}, {"schema", "show", "--json"}, {"schema", "history"}, {"contract", "infer"}, {"decode"}, {"decode", "--infer"}, {"decode", "--schema"}} {
		out, talk, code := sluice(t, append(verb, "--policy", policy, recording)...)
		if code != exitOK || strings.Contains(out+talk, "canary") || !strings.Contains(out, "later") {
			t.Errorf("%v: exit %d\n%s%s", verb, code, out, talk)
		}
		if out, _, _ = sluice(t, append(verb, "--privacy", "none", recording)...); !strings.Contains(out, "canary3") {
			t.Errorf("%v of what is not personal lacks a name:\n%s", verb, out)
		}
	}
	out, _, _ := sluice(t, "contract", "infer", "--policy", policy, recording)
	if !strings.Contains(out, "- name: note\n    type: string\n") || !strings.Contains(out, "- name: ok\n    type: int64\n") {
		t.Errorf("a dropped column, or the one behind it:\n%s", out)
	}
	if out, talk, _ := sluice(t, "schema", "diff", "--policy", policy, recording, recording); strings.Contains(out+talk, "canary") {
		t.Error(out, talk)
	}
}
