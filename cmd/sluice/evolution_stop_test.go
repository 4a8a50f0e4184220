package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/cmd/sluice/dev"
	"sluice/topology"
)

// keyed is a change of the key: the last column is part of it from then on.
var keyed = evolving{"key",
	[]evolvingColumn{{"id", "int32", "1", ""}, {"k", "int32", "7", ""}},
	[]evolvingColumn{{"id", "int32", "2", ""}, {"k", "int32", "8", ""}}}

// stops are the changes that each policy stops at, by sink: none of its rows is
// behind the change then, and the lane says so. All others go on. D1's INTEGER
// holds what widens, and a lake has no key to change.
var stops = map[string]map[string][]string{
	"auto":   {"lake": nil, "replica": {"key"}},
	"strict": {"lake": {"retype"}, "replica": {"key", "retype"}},
	"freeze": {"lake": {"add", "rename", "retype", "widen"}, "replica": {"add", "key", "rename", "retype"}},
}

// TestEvolutionStops: the evolution matrix by policy. What a policy allows goes
// on; then come the changes that it refuses, whose lanes stop in the sinks that
// refuse them: what was before stays, and nothing of what is behind is there. // D3
func TestEvolutionStops(t *testing.T) {
	for policy := range stops {
		t.Run(policy, func(t *testing.T) { evolutionStops(t, policy) })
	}
}

func evolutionStops(t *testing.T, policy string) {
	stack, err := dev.Start(t.Context(), dev.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stack.Close)
	all := slices.Concat(evolutions, []evolving{keyed})
	encodings := []string{"schema", "bare", "confluent", "flat"}
	registry := map[int]any{}
	var before, after []written
	want := map[string]map[string]string{} // topic, id: the row
	for ei, e := range all {
		for ci, enc := range encodings {
			topic, id := "ev."+e.name+"."+enc, 10+2*(ei*len(encodings)+ci)
			a, b := evolvingRow(t, topic, enc, e.before, false, id, registry), evolvingRow(t, topic, enc, e.after, false, id+1, registry)
			if e.name == "key" {
				b.Key = json.RawMessage(`{"id":2,"k":8}`)
			}
			before, after = append(before, a), append(after, b)
			want[topic] = map[string]string{"1": fmt.Sprint(rowOf(e.before)), "2": fmt.Sprint(rowOf(e.after))}
		}
	}
	var list []any
	for id, s := range registry {
		list = append(list, map[string]any{"id": id, "subject": fmt.Sprint("s", id), "version": 1, "schema": s})
	}
	schemas, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "schemas.json")
	if err := os.WriteFile(file, schemas, 0o600); err != nil {
		t.Fatal(err)
	}
	w := &world{stack: stack}
	pipeline := func(policy string) {
		t.Helper()
		text := []byte(strings.NewReplacer("SCHEMAS", file, "EVOLVE", policy).Replace(evolutionPipeline))
		if w.file, err = stack.WritePipeline(text); err != nil {
			t.Fatal(err)
		}
		if w.spec, err = topology.Parse(text, func(n string) (string, bool) { v, ok := stack.Values[n]; return v, ok }); err != nil {
			t.Fatal(err)
		}
	}
	pipeline(policy)
	replay := func(rows []written) {
		t.Helper()
		if _, err := stack.ReplayFile(t.Context(), record(t, rows)); err != nil {
			t.Fatal(err)
		}
	}
	replay(before)
	c := w.run(t, "a")
	w.untilDurable(t, 40*time.Second)
	sent := before
	for _, change := range [][]evolving{slices.DeleteFunc(slices.Clone(all), refused(policy)), slices.DeleteFunc(slices.Clone(all), not(refused(policy)))} {
		for i, r := range after {
			if slices.ContainsFunc(change, func(e evolving) bool { return strings.HasPrefix(r.Topic, "ev."+e.name+".") }) {
				sent = append(sent[:len(sent):len(sent)], after[i])
			}
		}
		replay(sent)
		w.untilSettled(t, 40*time.Second)
	}
	behind := w.untilSettled(t, time.Second)
	c.Process.Kill()
	_ = c.Wait()
	lake, db := lakeRows(t, stack.Dir), replica(t, stack.Dir)
	for topic, rows := range want {
		change := strings.Split(topic, ".")[1]
		for sink, got := range map[string][]map[string]string{"lake": lake[strings.ReplaceAll(topic, ".", "_")], "replica": replicaRows(t, db, topic)} {
			here := map[string]string{}
			for _, r := range got {
				here[r["id"]] = fmt.Sprint(r)
			}
			w, stopped := maps.Clone(rows), slices.Contains(stops[policy][sink], change)
			if topic == "ev.widen.bare" && sink == "lake" {
				stopped = false // without a schema its numbers were as wide from the first on
			}
			if stopped {
				delete(w, "2")
			}
			if !maps.Equal(here, w) || stopped != slices.Contains(behind[sink], topic) {
				t.Errorf("%s in %s:\ngot  %v\nwant %v", topic, sink, here, w)
			}
		}
	}
}

// refused tells the changes that some sink stops at.
func refused(policy string) func(evolving) bool {
	return func(e evolving) bool {
		return slices.Contains(stops[policy]["lake"], e.name) || slices.Contains(stops[policy]["replica"], e.name)
	}
}

func not(f func(evolving) bool) func(evolving) bool { return func(e evolving) bool { return !f(e) } }

// rowOf is the first row of columns.
func rowOf(cols []evolvingColumn) map[string]string {
	row := map[string]string{}
	for _, c := range cols {
		if c.first != "null" {
			row[c.name] = strings.Trim(c.first, `"`)
		}
	}
	return row
}

// untilSettled waits until no lane moves any more, and returns the topics of
// those that are behind, by sink.
func (w *world) untilSettled(t *testing.T, limit time.Duration) map[string][]string {
	t.Helper()
	p := w.open(t)
	defer p.Close()
	last, since := "", time.Now()
	for end := time.Now().Add(limit); ; time.Sleep(250 * time.Millisecond) {
		all, err := survey(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		behind := map[string][]string{}
		for _, v := range all {
			if v.Durable < v.End {
				behind[v.Sink] = append(behind[v.Sink], v.Lane.Topic)
			}
		}
		now := fmt.Sprint(behind)
		if now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) > 2500*time.Millisecond || limit <= time.Second { // some commits long
			return behind
		}
		if time.Now().After(end) {
			t.Fatalf("lanes still move after %v", limit)
		}
	}
}
