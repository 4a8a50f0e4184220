package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStrangers: what somebody types who does not know the verbs: an error that says
// what is wrong, the exit code of a wrong command line, and nothing of the input. // P1
func TestStrangers(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("MK", strings.Repeat("k", 32))
	t.Setenv("SLUICE_ROLE_KEY", "role key")
	file := pipelineFile(t, "", `    key: env:MK
    subjects: {store: "folder:`+filepath.Join(dir, "s")+`"}
    rules: [{columns: {id: {keep: "r"}, mail: tokenize, note: hash, phone: {hash: {subject: {column: id}}}}}]
    reveal: {audit: `+filepath.Join(dir, "audit")+`, roles: {support: {columns: ["*"], key: env:SLUICE_ROLE_KEY}}}`)
	binary := filepath.Join(dir, "binary")
	if err := os.WriteFile(binary, []byte("secret@corp.example\xff\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 2<<20) + "secret"
	role := []string{"--role", "support", "--reason", "r"}
	run := func(in string, args ...string) (string, int) {
		var o, e bytes.Buffer
		c := root(&app{out: &o, talk: &e})
		c.SetArgs(args)
		c.SetIn(strings.NewReader(in))
		c.SetOut(&o)
		c.SetErr(&e)
		err := c.ExecuteContext(t.Context())
		return fmt.Sprint(o.String(), e.String(), err), exitCode(err)
	}
	if out, code := run("", "keys", "init", file); code != exitOK {
		t.Fatal(out)
	}
	for _, x := range []struct {
		in   string
		args []string
		code int
		want string
	}{
		{"", []string{"keys", "rotat", file}, exitUsage, `did you mean "rotate"?`},
		{"", []string{"mask", "bogus"}, exitUsage, "have explain"},
		{"", []string{"keys"}, exitOK, "References: env:NAME"},
		{"", []string{"keys", "list", binary}, exitUsage, binary + ":"},
		{"", []string{"keys", "shred", file, "-"}, exitUsage, "no subject"},
		{long, []string{"keys", "shred", file, "-"}, exitUsage, "line 1 of standard input is longer"},
		{"7\r\n8", []string{"keys", "shred", file, "-"}, exitFinding, "2 of 2 subjects have no key"},
		{"", append([]string{"reveal", file, "--column", "t.mail"}, role...), exitUsage, "no token"},
		{"x\n" + long, append([]string{"reveal", file, "--column", "t.mail"}, role...), exitUsage, "line 2 of standard input is longer"},
		{"", []string{"reveal", file, "--column", "t.mail", "--role", "support"}, exitUsage, `"reason" not set`},
		{"", append([]string{"reveal", file, "--column", "t.phone", "--token", "secret"}, role...), exitUsage, "not tokenize"},
		{"secret\r\n", append([]string{"reveal", file, "--column", "t.mail"}, role...), exitFinding, "no token of this column's action"},
		{"", []string{"mask", "token", file, "--column", "t.note"}, exitUsage, "no value"},
		{long, []string{"mask", "token", file, "--column", "t.note"}, exitUsage, "line 1 of standard input is longer"},
		{"secret", []string{"mask", "token", file, "--column", "t.phone"}, exitUsage, "key of each subject"},
		{"secret", []string{"mask", "token", file, "--column", "note"}, exitUsage, "want TOPIC.COLUMN"},
	} {
		if out, code := run(x.in, x.args...); code != x.code || !strings.Contains(out, x.want) || strings.Contains(out, "secret") {
			t.Errorf("%.200q: code %d, want %d and %q: %.600s", x.args, code, x.code, x.want, out)
		}
	}
	// spaces are of a value, what ends its line is not
	token := func(in string) string {
		out, code := run(in, "mask", "token", file, "--column", "t.note")
		if code != exitOK {
			t.Fatal(out)
		}
		return out
	}
	if token("a b\r\n") != token("a b") || token("a b ") == token("a b") {
		t.Error("the token of a line is not that of its value")
	}
	if out, code := run("", append([]string{"reveal", file, "--column", "t.mail", "--token", tokenIn(t, run, file) + " "}, role...)...); code != exitOK || !strings.Contains(out, "found@again") {
		t.Error(code, out)
	}
}

func tokenIn(t *testing.T, run func(string, ...string) (string, int), file string) string {
	t.Helper()
	out, code := run("found@again", "mask", "token", file, "--column", "t.mail")
	if _, token, ok := strings.Cut(out, "\t"); ok && code == exitOK {
		token, _, _ = strings.Cut(token, "\n")
		return token
	}
	t.Fatal(out)
	return ""
}
