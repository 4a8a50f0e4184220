package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnonymity: k of a topic behind the gate, by people and not by changes; the
// exit code is for CI; a column that is kept shows nothing.
func TestAnonymity(t *testing.T) {
	var tape strings.Builder
	put := func(offset int, value string) {
		v := "null"
		if value != "" {
			v = `"` + base64.StdEncoding.EncodeToString([]byte(value)) + `"`
		}
		fmt.Fprintf(&tape, `{"topic":"shop.people","partition":0,"offset":%d,"timestamp":1,"key":null,"value":%s,"headers":[]}`+"\n", offset, v)
	}
	n := 0
	for _, c := range []struct{ ages, zip, job string }{
		{"31 32 33", "94105", "nurse"}, {"36 37 38", "94110", "nurse"},
		{"51 52 52 51 53", "10001", "judge"}, {"41", "10002", "secretcourier"},
	} {
		for i, age := range strings.Fields(c.ages) {
			who := fmt.Sprint(c.zip, i)
			if c.zip == "10001" && i > 1 {
				who = c.zip + "1" // one person, four times
			}
			put(n, fmt.Sprintf(`{"who":%q,"age":%s,"zip":%q,"job":%q,"home":{"zip":%q}}`, who, age, c.zip, c.job, c.zip))
			n++
		}
	}
	path := filepath.Join(t.TempDir(), "tape.jsonl")
	if err := os.WriteFile(path, []byte(tape.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	file := pipelineFile(t, "", `    key: env:SLUICE_TEST_KEY
    rules:
    - columns: {who: hash, age: {generalize: {age: 5}}, zip: {generalize: zip3}, job: {keep: test}, home.zip: {generalize: zip3}}`)
	t.Setenv("SLUICE_TEST_KEY", strings.Repeat("k", 32))
	run := func(args ...string) (r counted, out, talk string, code int) {
		t.Helper()
		out, talk, code = sluice(t, append([]string{"mask", "k-anonymity", file, "shop.people", "--recording", path}, args...)...)
		var all []counted
		if json.Unmarshal([]byte(out), &all) == nil && len(all) == 1 {
			r = all[0]
		}
		return r, out, talk, code
	}
	r, out, talk, code := run("--json", "--person", "who")
	// 30-34 941: 3 people, 35-39 941: 3, 50-54 100: 2 of 5 rows, 40-44 100: 1
	if code != exitOK || r.Rows != 12 || r.Report.Classes != 4 || r.K != 1 || r.Under.Rows != 12 || strings.Join(r.Report.Columns, ",") != "age,zip" || len(r.Inside) != 1 {
		t.Fatalf("code %d: %s%s", code, out, talk)
	}
	if l := r.Least; len(l) != 4 || l[0].People != 1 || *l[0].Values[0] != "40" || *l[0].Values[1] != "100" || l[1].People != 2 || l[1].Rows != 5 {
		t.Errorf("%s", out)
	}
	if r, out, talk, code = run("--json", "--person", "who", "--at-least", "3"); code != exitFinding || r.Under.Classes != 2 || r.Under.Rows != 6 || !strings.Contains(talk, "k is 1, less than 3") {
		t.Errorf("code %d: %s%s", code, out, talk)
	}
	for _, s := range r.Steps {
		if s.To[0] == "{generalize: {age: 10}}" && (s.K != 1 || s.Reaches) || s.To[0] == "{generalize: {prefix: 2}}" && s.K != 1 {
			t.Errorf("%+v", s)
		}
	}
	// each row somebody else: the five changes look like a crowd
	if r, out, talk, code = run("--json", "--at-least", "2"); code != exitFinding || r.Under.Rows != 1 || len(r.Person) != 0 {
		t.Errorf("code %d: %s%s", code, out, talk)
	}
	if r, out, talk, code = run("--json", "--columns", "zip", "--person", "who", "--at-least", "3"); code != exitOK || r.K != 3 || len(r.Steps) != 0 {
		t.Errorf("code %d: %s%s", code, out, talk)
	}
	_, out, talk, code = run("--columns", "job,age", "--person", "who")
	if code != exitOK || !strings.Contains(out, "k = 1;") || !strings.Contains(out, "40") || strings.Contains(out+talk, "courier") || strings.Contains(out+talk, "nurse") { // P1
		t.Errorf("code %d: %s%s", code, out, talk)
	}
	for want, args := range map[string][]string{
		`a column "zipp", did you mean`: {"--columns", "zipp"}, "begin at 1": {"--at-least", "0"},
	} {
		if _, out, talk, code = run(args...); code != exitUsage || !strings.Contains(talk, want) {
			t.Errorf("%v: code %d: %s%s", args, code, out, talk)
		}
	}
	if _, out, talk, code = run("--classes", "2"); code != exitFinding || out != "" || !strings.Contains(talk, "more than 2 classes") {
		t.Errorf("code %d: %s%s", code, out, talk)
	}
}
