package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReveal: a role gets values back, of the old key after a rotation too; who
// may not gets none; every use stands in the audit file and no value does.
func TestReveal(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	k1, k2, role, audit := put("k1", strings.Repeat("1", 32)), put("k2", strings.Repeat("2", 32)), put("role", "role secret"), filepath.Join(dir, "audit.jsonl")
	const mail, ssn = "ann@corp.example.org", "536-22-8726"
	value := base64.StdEncoding.EncodeToString([]byte(`{"email":"` + mail + `","ssn":"` + ssn + `","note":"n","in":{"tel":"2025550143"}}`))
	tape := put("tape.jsonl", `{"topic":"shop.people","partition":0,"offset":0,"timestamp":1,"key":null,"value":"`+value+`","headers":[]}`+"\n")
	policy := func(keys string) string {
		return pipelineFile(t, "", fmt.Sprintf(`    %s
    rules:
    - columns: {email: tokenize, ssn: {tokenize: {form: ff1}}, note: hash, in.tel: {tokenize: {domain: tel}}, other: {tokenize: {domain: shared}}, tax: {tokenize: {domain: shared}}}
    reveal:
      audit: %s
      roles:
        support: {columns: ["shop.*.email", "shop.people.*"], key: "sha256:%x", max: 2}
        mails: {columns: ["*.email", "*.other"], key: "file:%s"}`, keys, audit, sha256.Sum256([]byte("role secret")), role))
	}
	masked := func(file string) map[string]string {
		out, talk, code := sluice(t, "decode", "--policy", file, tape)
		if code != exitOK {
			t.Fatalf("code %d: %s", code, talk)
		}
		found := map[string]string{}
		for _, m := range regexp.MustCompile(`"(email|ssn|note|tel)":"([^"]*)"`).FindAllStringSubmatch(out, -1) {
			found[m[1]] = m[2]
		}
		return found
	}
	old := masked(policy("key: file:" + k1))
	file := policy(fmt.Sprintf("keys: [{id: k2, ref: 'file:%s'}, {id: k1, ref: 'file:%s'}]", k2, k1))
	now := masked(file)
	if !strings.HasPrefix(old["email"], "k1_") || !strings.HasPrefix(now["email"], "k2_") || old["ssn"] == now["ssn"] || old["email"] == mail {
		t.Fatalf("%q and %q", old, now)
	}
	input := func(text string, args ...string) string {
		t.Helper()
		var o, e bytes.Buffer
		c := root(&app{out: &o, talk: &e})
		c.SetArgs(args)
		c.SetIn(strings.NewReader(text))
		if err := c.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		return o.String()
	}
	// a look-up in the time of the rotation finds the tokens of both keys
	window := policy(fmt.Sprintf("keys: [{id: k2, ref: 'file:%s'}, {id: k1, ref: 'file:%s', window: true}]", k2, k1))
	for column, value := range map[string]string{"email": mail, "ssn": ssn, "note": "n"} {
		if got, want := input(value+"\n", "mask", "token", window, "--column", "shop.people."+column), "k2\t"+now[column]+"\nk1\t"+old[column]+"\n"; got != want {
			t.Errorf("%s: got %q, want %q", column, got, want)
		}
	}
	if got := input(mail, "mask", "token", file, "--column", "shop.people.email"); got != "k2\t"+now["email"]+"\n" {
		t.Errorf("a key that only reveals is looked up by: %q", got)
	}
	uses := 0
	for _, c := range []struct {
		name, column, token, role, key string
		more                           []string
		code                           int
		want                           string
	}{
		{"by the old key", "shop.people.email", old["email"], "support", role, nil, exitOK, mail},
		{"by the new key", "shop.people.email", now["email"], "mails", role, nil, exitOK, mail},
		{"a format", "shop.people.ssn", now["ssn"], "support", role, []string{"--key-id", "k2"}, exitOK, ssn},
		{"a format by nobody knows which key", "shop.people.ssn", now["ssn"], "support", role, nil, exitUsage, "the policy has k2, k1: say --key-id"},
		{"a format by the old key", "shop.people.ssn", old["ssn"], "support", role, []string{"--key-id", "k1"}, exitOK, ssn},
		{"inside of a column", "in.tel", now["tel"], "support", role, []string{"--topic", "shop.people"}, exitOK, "2025550143"},
		{"another role", "shop.people.email", now["email"], "nobody", role, nil, exitUsage, "no such role"},
		{"another key", "shop.people.email", now["email"], "support", k1, nil, exitUsage, "not its key"},
		{"another column", "shop.people.ssn", now["ssn"], "mails", role, nil, exitUsage, "may not reveal this column"},
		{"no way back", "shop.people.note", now["note"], "support", role, nil, exitUsage, "nothing leads back"},
		{"tokens of a column that is not the role's", "shop.people.other", now["email"], "mails", role, nil, exitUsage, "tokens of shop.people.tax have the same form and domain"},
		{"no rule", "shop.people.unnamed", now["note"], "support", role, nil, exitUsage, "nothing leads back"},
		{"no token", "shop.people.email", "k2_aaaa", "support", role, nil, exitFinding, "no token"},
		{"an unknown key", "shop.people.email", "k9" + now["email"][2:], "support", role, nil, exitFinding, "not in the ring"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"reveal", file, "--column", c.column, "--token", c.token, "--role", c.role, "--role-key", "file:" + c.key, "--reason", "ticket 4711"}, c.more...)
			out, talk, code := sluice(t, args...)
			if code != c.code || !strings.Contains(out+talk, c.want) {
				t.Errorf("code %d: %s%s", code, out, talk)
			}
			if code != exitOK && (strings.Contains(out+talk, mail) || strings.Contains(out+talk, ssn)) {
				t.Error("a value was shown")
			}
			text, err := os.ReadFile(audit)
			if err != nil {
				t.Fatal(err)
			}
			uses++
			lines := strings.Split(strings.TrimSpace(string(text)), "\n")
			var u use
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &u); err != nil || len(lines) != uses {
				t.Fatalf("%v, %d lines", err, len(lines))
			}
			if u.Role != c.role || u.Reason != "ticket 4711" || u.Who == "" || u.Tokens != 1 || (u.Revealed == 1) != (c.code == exitOK) || (u.Refused == "") != (c.code != exitUsage) {
				t.Errorf("%+v", u)
			}
			for _, secret := range []string{mail, ssn, c.token, "2025550143"} {
				if strings.Contains(string(text), secret) {
					t.Errorf("%q is in the audit file", secret)
				}
			}
		})
	}
	// without an audit file nothing is revealed
	if err := os.Remove(audit); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(audit, 0o700); err != nil {
		t.Fatal(err)
	}
	out, talk, code := sluice(t, "reveal", file, "--column", "shop.people.email", "--token", now["email"], "--role", "support", "--role-key", "file:"+role, "--reason", "r")
	if code == exitOK || strings.Contains(out+talk, mail) {
		t.Errorf("code %d: %s%s", code, out, talk)
	}
}
