package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestProfile: classes are found by values and names, a suggested policy is a
// pipeline file that validates, and no value is in either.
func TestProfile(t *testing.T) {
	const recording = "testdata/recordings/pg-inventory-avro.jsonl.gz"
	file := filepath.Join(t.TempDir(), "suggested.yaml")
	out, talk, code := sluice(t, "profile", recording, "--policy", file)
	if code != exitOK {
		t.Fatal(code, talk)
	}
	p, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	policy := string(p)
	for _, want := range []string{`"email": hash # string: email by 100% of`, `"card_number": {partial: {keep_last: 4}} #`, `"first_name": redact # string: name by its name`, `"birth_date": "null" #`, `# "created_at": {keep: "WHY"} #`} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s:\n%s", want, policy)
		}
	}
	if out, talk, code := sluice(t, "validate", file); code != exitOK {
		t.Error(out, talk)
	}
	rows, _, _ := sluice(t, "decode", "--privacy", "none", recording)
	json, _, code := sluice(t, "profile", "--json", recording)
	if code != exitOK {
		t.Fatal(code)
	}
	for _, v := range []string{"@acme.example", "555-", "4111"} {
		if !strings.Contains(rows, v) {
			t.Errorf("%s is in no row", v)
		}
		if strings.Contains(out+json+policy, v) {
			t.Errorf("%s is in the profile", v)
		}
	}
	if _, talk, code := sluice(t, "profile", recording, "--min", "2"); code != exitUsage {
		t.Error(code, talk)
	}
}

func TestDetectFlags(t *testing.T) {
	words := filepath.Join(t.TempDir(), "words.txt")
	if err := os.WriteFile(words, []byte("Blue Sky\nOrion\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	texts := filepath.Join(t.TempDir(), "texts.txt")
	if err := os.WriteFile(texts, []byte("EMP-123456 wrote to a@example.org about Blue Sky from 192.0.2.7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, talk, code := sluice(t, "detect", "--pattern", "custom=EMP-[0-9]{6}", "--words", "custom="+words, "--classes", "email,custom", texts)
	want := `{"id":1,"spans":[{"class":"custom","start":0,"end":10,"confidence":1.00},{"class":"email","start":20,"end":33,"confidence":0.98},{"class":"custom","start":40,"end":48,"confidence":0.60}]}` + "\n"
	if code != exitOK || out != want {
		t.Errorf("%d %s\n got %s\nwant %s", code, talk, out, want)
	}
	for _, bad := range [][]string{{"--pattern", "x"}, {"--pattern", "nope=x"}, {"--pattern", "custom=("}, {"--classes", "nope"}, {"--words", "custom=/nowhere"}} {
		if _, _, code := sluice(t, append([]string{"detect", texts}, bad...)...); code != exitUsage {
			t.Errorf("%v: %d", bad, code)
		}
	}
}
