package main

import (
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
