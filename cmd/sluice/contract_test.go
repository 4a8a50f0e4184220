package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestContractInfer: JSON without schemas gets the types of the source's tables
// from the schema changes in the recording, and keeps the contract made of it.
func TestContractInfer(t *testing.T) {
	const recording = "testdata/recordings/mysql-types-json.jsonl.gz"
	text, talk, code := sluice(t, "contract", "infer", "--privacy", "none", recording)
	if code != exitOK {
		t.Fatal(code, talk)
	}
	for _, want := range []string{
		"key: [id]", "name: d10_2\n    type: decimal(10,2):base64", "name: dt\n    type: timestamp:millis", "name: dt6\n    type: timestamp:micros",
		"name: ts\n    type: instant", "name: b20\n    type: binary", "name: d\n    type: date\n", "not_null: true",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q", want)
		}
	}
	file := filepath.Join(t.TempDir(), "c.yaml")
	check := func(text string, want int) string {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, talk, code := sluice(t, "contract", "check", "--privacy", "none", "--contracts", file, recording)
		if code != want {
			t.Fatalf("code %d: %s%s", code, out, talk)
		}
		return out
	}
	check(text, exitOK)
	out := check(strings.Replace(text, "type: timestamp:millis", "type: bool", 1), exitFinding)
	if !strings.Contains(out, "t_default  type_mismatch  d ") {
		t.Error(out)
	}
	one, _, _ := strings.Cut(text, "---")
	if out := check(one, exitOK); !strings.Contains(out, "no contract for topic") {
		t.Error(out)
	}
	check("topic: t\nfields: [{name: a, type: text}]\n", exitUsage)
}
