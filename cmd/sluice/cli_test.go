package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/topology/stream"
)

var update = flag.Bool("update", false, "write the golden files of the command line anew")

// sluice runs a command line in this process.
func sluice(t *testing.T, args ...string) (out, talk string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	c := root(&app{out: &o, talk: &e})
	c.SetArgs(args)
	c.SetOut(&o)
	c.SetErr(&e)
	err := c.ExecuteContext(t.Context())
	if err != nil {
		fmt.Fprintln(&e, "sluice:", err)
	}
	return o.String(), e.String(), exitCode(err)
}

// shape lists the fields of a JSON document with their types, sorted.
func shape(v any, at string, into map[string]bool) {
	switch x := v.(type) {
	case map[string]any:
		for k, y := range x {
			shape(y, at+"."+k, into)
		}
	case []any:
		for _, y := range x {
			shape(y, at+"[]", into)
		}
	default:
		into[fmt.Sprintf("%s %T", at, v)] = true
	}
}

// golden compares the shape of one JSON document, and that there is no other.
func golden(t *testing.T, name, text string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	var v any
	if err := d.Decode(&v); err != nil {
		t.Errorf("%s: no JSON document: %v", name, err)
		return
	}
	if d.More() {
		t.Errorf("%s: more than one document on standard output", name)
	}
	fields := map[string]bool{}
	shape(v, "", fields)
	var lines []string
	for f := range fields {
		lines = append(lines, f)
	}
	slices.Sort(lines)
	got := strings.Join(lines, "\n") + "\n"
	file := filepath.Join("testdata", "cli", name+".shape")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != got {
		t.Errorf("%s: the fields changed (%v): people's scripts read them\n%s\nwant\n%s", name, err, got, want)
	}
}

// TestCommandLine runs every verb against a pipeline that ran: the fields of
// --json, exit codes, and a record that is refused, shown and sent again.
func TestCommandLine(t *testing.T) {
	w := newWorld(t)
	const broken = `{"payload": {"op": "c", "after": {"id": 1, "email": "planted.person@mail.example"`
	const topic = "webshop.public.customers"
	produceTo(t, w, &kgo.Record{Topic: "webshop.public.orders", Value: []byte(`{"op":"c","before":null,"after":{"id":1,"customer_id":1,"total":null,"weight":"heavy","placed_at":null,"status":null,"ship_to":null},"source":{"table":"orders"}}`)})
	produceTo(t, w, &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte(broken), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("v")}}})
	c := w.run(t, "dev")
	w.untilDurable(t, time.Minute)
	out, talk, code := sluice(t, "lag", "--json", "--fail", w.file)
	if code != exitOK {
		t.Errorf("lag --fail: exit code %d: %s", code, talk)
	}
	golden(t, "lag", out) // while it runs: a group without readers has none of their fields
	c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Fatalf("a clean stop exits 0: %v", err)
	}

	run := func(name string, code int, args ...string) string {
		t.Helper()
		out, talk, got := sluice(t, args...)
		if got != code {
			t.Errorf("%v: exit code %d, want %d\n%s", args, got, code, talk)
		}
		if strings.Contains(out+talk, "\x1b[") {
			t.Errorf("%v: colour where no terminal is", args)
		}
		if name != "" {
			golden(t, name, out)
		}
		return out
	}
	run("version", exitOK, "version", "--json")
	run("validate", exitOK, "validate", "--json", w.file)
	run("", exitOK, "lag", "--json", "--fail", w.file)
	run("audit", exitOK, "audit", "--json", w.file)
	run("align", exitOK, "align", "--json", w.file)
	run("", exitOK, "lag", w.file)
	run("", exitOK, "audit", w.file)
	for _, verb := range []string{"accept-loss", "rebase"} {
		run("", exitUsage, verb, w.file, "--all")
		run("", exitUsage, verb, w.file, "--yes")
		run(verb, exitOK, verb, "--json", w.file, "--all", "--yes")
	}

	var rows string
	rows, talk, code = sluice(t, "decode", "--policy", w.file, "--topic", topic) // behind the gate: the broken record is a reject
	if code != exitFinding || !strings.Contains(talk, " 1 rejected") || strings.Contains(rows, "planted") {
		t.Errorf("decode --topic: code %d: %s%.500s", code, talk, rows)
	}
	rows = run("", exitOK, "decode", "--policy", w.file, "--topic", "pg-inventory-json-schema.shop.customers")
	if !strings.Contains(rows, `"email":"dev1_`) || strings.Contains(rows, "@") {
		t.Errorf("decode --topic is not masked: %.500s", rows)
	}
	run("", exitStore, "decode", "--policy", w.file, "--topic", "no.such.topic")
	run("", exitUsage, "decode", "--privacy", "none", "--topic", topic)

	var letters []stream.DeadLetter
	if err := json.Unmarshal([]byte(run("dead-list", exitOK, "dead", "list", "--json", w.file)), &letters); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(letters, func(d stream.DeadLetter) bool { return d.Lane.Topic == topic })
	if i < 0 {
		t.Fatalf("the broken record is not among the letters: %+v", letters)
	}
	id := letters[i].ID
	if out := run("dead-show", exitOK, "dead", "show", "--json", w.file, id); strings.Contains(out, "planted") {
		t.Error("show without --unseal opens the record") // P1
	}
	if out := run("dead-show-unseal", exitOK, "dead", "show", "--json", "--unseal", w.file, id); !strings.Contains(out, "record") {
		t.Errorf("show --unseal: %s", out)
	}
	if out := run("", exitOK, "dead", "show", "--unseal", w.file, id); !strings.Contains(out, broken) {
		t.Errorf("show --unseal does not show the record: %s", out)
	}
	run("", exitStore, "dead", "show", w.file, "dev/no.such/0/0/0")
	run("", exitStore, "dead", "redrive", w.file, id, "--topic", "retry") // is not there
	makeTopic(t, w, "retry")
	run("dead-redrive", exitOK, "dead", "redrive", "--json", w.file, id, "--topic", "retry")
	run("", exitStore, "dead", "redrive", w.file, id, "--topic", "retry") // was sent
	if r := last(t, w, "retry"); string(r.Value) != broken || string(r.Key) != "k" || len(r.Headers) != 2 || r.Headers[0].Key != "sluice-redrive" || string(r.Headers[0].Value) != id {
		t.Errorf("redriven as %q %q %v", r.Key, r.Value, r.Headers)
	}

	w.stack.Close() // nobody answers any more
	run("", exitStore, "lag", w.file)
	run("", exitStore, "audit", w.file)
}

func produceTo(t *testing.T, w *world, r *kgo.Record) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.stack.Values["KAFKA"]), kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func makeTopic(t *testing.T, w *world, topic string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.stack.Values["KAFKA"]))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
}

// last waits for a record of topic.
func last(t *testing.T, w *world, topic string) *kgo.Record {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.stack.Values["KAFKA"]), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	fs := cl.PollRecords(t.Context(), 1)
	if rs := fs.Records(); len(rs) == 1 {
		return rs[0]
	}
	t.Fatalf("no record of %s: %v", topic, fs.Errors())
	return nil
}

// TestWrongCommandLine: what is wrong, where, and what to do.
func TestWrongCommandLine(t *testing.T) {
	dir := t.TempDir()
	typo := filepath.Join(dir, "typo.yaml")
	if err := os.WriteFile(typo, []byte("id: x\nsuorce:\n  kafka: {brokers: [a:1], topics: [t]}\nsinks: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	noKey := filepath.Join(dir, "nokey.yaml") // a stage that does not open
	if err := os.WriteFile(noKey, []byte("id: x\nsource: {kafka: {brokers: [\"127.0.0.1:1\"], topics: [a]}}\nstages:\n- decode: {format: auto}\n- mask: {key: \"file:/nowhere/key\", key_id: k1, default: mask}\n"+
		"sinks:\n- name: k\n  kafka: {brokers: [\"127.0.0.1:1\"], topic: \"{topic}.m\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"run " + noKey, exitStore, []string{"nokey.yaml:5:3", "mask: key", "/nowhere/key"}},
		{"rnu x.yaml", exitUsage, []string{"unknown command", "run"}},
		{"run", exitUsage, []string{"accepts 1 arg"}},
		{"run --fast x.yaml", exitUsage, []string{"unknown flag: --fast"}},
		{"lag --proces x x.yaml", exitUsage, []string{"unknown flag: --proces", `did you mean "process"?`}},
		{"dead lst x.yaml", exitUsage, []string{`unknown command "lst" for "sluice dead"`, `did you mean "list"?`}},
		{"lag " + filepath.Join(dir, "none.yaml"), exitUsage, []string{"none.yaml", "no such file"}},
		{"run " + typo, exitUsage, []string{"typo.yaml:2:1", "suorce", "source"}},
		{"validate " + typo, exitUsage, []string{"typo.yaml:2:1", "suorce", "source"}},
		{"dead show x.yaml", exitUsage, []string{"accepts 2 arg"}},
		{"dead redrive", exitUsage, []string{"requires at least 1 arg"}},
		{"lag --env " + filepath.Join(dir, "none.env") + " " + typo, exitUsage, []string{"none.env"}},
	} {
		out, talk, code := sluice(t, strings.Fields(c.args)...)
		if code != c.code {
			t.Errorf("%s: exit code %d, want %d", c.args, code, c.code)
		}
		for _, w := range c.want {
			if !strings.Contains(out+talk, w) {
				t.Errorf("%s: %q is not in\n%s%s", c.args, w, out, talk)
			}
		}
	}
}

// TestHelp: every verb says what it does and has an example.
func TestHelp(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Runnable() && c.Name() != "help" && (c.Short == "" || c.Example == "" && c.Name() != "version" && !c.HasSubCommands()) {
			t.Errorf("%s: short %q, example %q", c.CommandPath(), c.Short, c.Example)
		}
		for _, s := range c.Commands() {
			walk(s)
		}
	}
	walk(root(&app{}))
	if out, _, code := sluice(t, "completion", "bash"); code != exitOK || !strings.Contains(out, "sluice") {
		t.Errorf("completion: exit code %d", code)
	}
}
