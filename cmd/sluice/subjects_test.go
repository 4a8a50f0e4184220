package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestKeysShred: from making the store to a person who is forgotten: tokens stay,
// and nothing leads back from them, under no root key and after no restart.
func TestKeysShred(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	k1, k2, audit := put("k1", strings.Repeat("1", 32)), put("k2", strings.Repeat("2", 32)), filepath.Join(dir, "audit.jsonl")
	var tape strings.Builder
	for i, who := range []int{4711, 12, 4711} {
		v := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"customer":%d,"mail":"ann%d@corp.example.org"}`, who, i))
		fmt.Fprintf(&tape, `{"topic":"shop.people","partition":0,"offset":%d,"timestamp":1,"key":null,"value":"%s","headers":[]}`+"\n", i, v)
	}
	records := put("tape.jsonl", tape.String())
	policy := func(keys string) string {
		return pipelineFile(t, "", fmt.Sprintf(`    %s
    subjects: {store: "folder:%s"}
    rules:
    - columns: {customer: {keep: "a number of the test"}, mail: {tokenize: {subject: {column: customer, kind: customer}}}}
    reveal:
      audit: %s
      roles: {support: {columns: ["shop.*.mail"], key: "sha256:%x"}}`, keys, filepath.Join(dir, "subjects"), audit, sha256.Sum256([]byte("role secret"))))
	}
	t.Setenv("SLUICE_ROLE_KEY", "role secret")
	run := func(want int, in string, args ...string) string {
		t.Helper()
		var o, e bytes.Buffer
		c := root(&app{out: &o, talk: &e})
		c.SetArgs(args)
		c.SetIn(strings.NewReader(in))
		err := c.ExecuteContext(t.Context())
		if code := exitCode(err); code != want {
			t.Fatalf("%v: code %d: %s%s%v", args, code, o.String(), e.String(), err)
		}
		if err != nil {
			fmt.Fprintln(&e, err)
		}
		return o.String() + e.String()
	}
	file := policy("key: file:" + k1)
	if out := run(exitUsage, "", "decode", "--policy", file, records); !strings.Contains(out, "sluice keys init") {
		t.Fatal(out)
	}
	run(exitOK, "", "keys", "init", file)
	masked := func(file string) (tokens []string) {
		for _, m := range regexp.MustCompile(`"mail":"([^"]*)"`).FindAllStringSubmatch(run(exitOK, "", "decode", "--policy", file, records), -1) {
			tokens = append(tokens, m[1])
		}
		return tokens
	}
	was := masked(file)
	if len(was) != 3 || was[0][:17] != was[2][:17] || was[0][:17] == was[1][:17] || strings.Contains(fmt.Sprint(was), "ann") {
		t.Fatalf("%q", was)
	}
	reveal := func(want int, file, token string) string {
		t.Helper()
		return run(want, "", "reveal", file, "--column", "shop.people.mail", "--token", token, "--role", "support", "--reason", "ticket")
	}
	if out := reveal(exitOK, file, was[0]); out != "ann0@corp.example.org\n" {
		t.Fatal(out)
	}

	// a rotation: tokens stay, and after rewrap the old key is needed no more
	both := policy(fmt.Sprintf("keys: [{id: k2, ref: 'file:%s'}, {id: k1, ref: 'file:%s'}]", k2, k1))
	if now := masked(both); now[0] != was[0] || now[1] != was[1] {
		t.Errorf("%q became %q", was, now)
	}
	if out := run(exitOK, "", "keys", "rewrap", both); !strings.Contains(out, "3 keys") {
		t.Error(out)
	}
	file = policy(fmt.Sprintf("keys: [{id: k2, ref: 'file:%s'}]", k2))
	if out := reveal(exitOK, file, was[1]); out != "ann1@corp.example.org\n" {
		t.Error(out)
	}

	// nobody of that name and kind
	run(exitFinding, "", "keys", "shred", file, "4711")
	if out := run(exitOK, "4711\n", "keys", "shred", file, "-", "--kind", "customer"); !strings.Contains(out, was[0][:16]+" destroyed") || strings.Contains(out, "4711") { // P1
		t.Error(out)
	}
	for _, token := range []string{was[0], was[2]} {
		for _, f := range []string{file, both} {
			if out := reveal(exitFinding, f, token); !strings.Contains(out, "was destroyed") || strings.Contains(out, "corp.example") {
				t.Error(out)
			}
		}
	}
	now := masked(file)
	if now[0] == was[0] || now[1] != was[1] || reveal(exitOK, file, now[0]) != "ann0@corp.example.org\n" {
		t.Errorf("%q became %q", was, now)
	}
	if out := run(exitUsage, "x", "mask", "token", file, "--column", "shop.people.mail"); !strings.Contains(out, "key of each subject") {
		t.Error(out)
	}
	if p, err := os.ReadFile(audit); err != nil || strings.Contains(string(p), "corp.example") || strings.Count(string(p), "\n") != 7 || !strings.Contains(string(p), `"keys":{"subject":1}`) || strings.Contains(string(p), `"keys":{"k`) {
		t.Errorf("%v: %s", err, p) // no root key led back from a token
	}
	if out := run(exitUsage, "", "keys", "init", pipelineFile(t, "", "    key: file:"+k1+"\n    rules: [{columns: {a: hash}}]")); !strings.Contains(out, "no tokenize, hash, synthetic") {
		t.Error(out)
	}
}
