package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
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

// TestProfileRows: a file of rows is profiled as a topic of its name; what is none, or
// broken, is told by its line and without what stands there. // P1
func TestProfileRows(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, text := range map[string]string{
		"people.csv":    "id,mail,note\n1,bo@corp.example,\n2,al@corp.example,\"a, b\nc\"\n",
		"people.txt":    "\xef\xbb\xbfid;mail;note\r\n1;bo@corp.example;\r\n\r\n2;al@corp.example;x",
		"people.tab":    "id\tname, title|x\tmail\n1\tBo, Dr.|y\tbo@corp.example\n2\tAl\tal@corp.example\n",
		"people.semi":   "id;mail;price, net\n1;bo@corp.example;1,50\n2;al@corp.example;2,00\n", // by commas it is even as well
		"people.bar":    "id|mail|last, first\n1|bo@corp.example|Li, Bo\n2|al@corp.example|Al\n",
		"people.jsonl":  `{"id":1,"mail":"bo@corp.example","note":null}` + "\n\n" + `{"id":2,"mail":"al@corp.example","note":"x"}`,
		"people.x.json": `{"id":1,"mail":"bo@corp.example","note":"` + strings.Repeat("x", 3<<20) + "\"}\n" + `{"id":2,"mail":"al@corp.example","note":null}` + "\n",
	} {
		out, talk, code := sluice(t, "profile", file(name, text))
		if code != exitOK || talk != "" || !strings.HasPrefix(out, "people: 2 rows\n") || !strings.Contains(out, "email 100%") || !strings.Contains(out, "\n  mail") || strings.Contains(out, "corp") || strings.Contains(out, "bo@") {
			t.Errorf("%s: %d: %.400s%s", name, code, out, talk)
		}
	}
	out, talk, code := sluice(t, "profile", "--policy", filepath.Join(dir, "names.yaml"), file("names.csv", "id,氏名,телефон,dirección,山田\n1,x,y,z,w\n"))
	policy, err := os.ReadFile(filepath.Join(dir, "names.yaml"))
	if err != nil || code != exitOK {
		t.Fatal(err, code, talk)
	}
	for _, want := range []string{`"氏名": redact #`, `"телефон": {partial: {keep_last: 4}} #`, `"dirección": redact #`} {
		if !strings.Contains(string(policy), want) {
			t.Errorf("%s is not in %s%s", want, out, policy)
		}
	}
	if strings.Contains(out+string(policy), "山田") { // the first line may be a row, for all we know
		t.Errorf("%s%s", out, policy)
	}
	if out, talk, code := sluice(t, "validate", filepath.Join(dir, "names.yaml")); code != exitOK {
		t.Error(out, talk)
	}
	for name, c := range map[string]struct {
		text, want string
		code       int
	}{
		"empty":  {"", "no topic has rows", exitFinding},
		"array":  {`[{"mail":"bo@corp.example"}]`, "jq -c", exitUsage},
		"rows":   {"Bo,bo@corp.example,4012888888881881\nAl,al@corp.example,\n", "line 1 holds personal data, so it is a row", exitUsage},
		"prose":  {"write to bo@corp.example\nplease", "neither a recording nor rows", exitUsage},
		"binary": {"a,b\xff\x00\nc,bo@corp.example\n", "neither a recording nor rows", exitUsage},
		"cells":  {"a,b\n1,bo@corp.example\n\"2\nx\",bo@corp.example,3\n", "cells: line 3 has 3 cells, the first line names 2 columns", exitUsage},
		"first":  {"a,b\nbo@corp.example,2,3\n1,2\n", "first: line 2 has 3 cells, the first line names 2 columns", exitUsage}, // which a look ahead meets
		"cut":    {"{\"mail\":\"bo@corp.example\"}\n{\"mail\":\"bo@corp.example", "1 records could not be read", exitOK},
		"broken": {`{"topic":"x","offset":0,"value":"bo@corp.example"}`, "line 1: not a record of a recording", exitUsage},
	} {
		out, talk, code := sluice(t, "profile", file(name, c.text))
		if code != c.code || !strings.Contains(talk, c.want) || strings.Contains(out+talk, "corp") {
			t.Errorf("%s: %d: %s%s", name, code, out, talk)
		}
	}
	if _, talk, code := sluice(t, "detect", "--min", "nan", file("x", "y")); code != exitUsage || !strings.Contains(talk, "NaN is not between") {
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

// TestDetectReads: what a line may be, and that offsets are of its text.
func TestDetectReads(t *testing.T) {
	name := filepath.Join(t.TempDir(), "texts")
	const none, mail = `"spans":[]}`, `"spans":[{"class":"email","start":%d,"end":%d,"confidence":0.98}]}`
	packed := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for text, want := range map[string]string{
		"":                                        "",
		"\ufeffé a@b.de":                          `{"id":1,` + fmt.Sprintf(mail, 3, 9),
		"\ufeff{\"id\":\"x\",\"text\":\"none\"}":  `{"id":"x",` + none,
		"\r\n\nü a@b.co\r\n":                      `{"id":3,` + fmt.Sprintf(mail, 3, 9),
		"  {\"text\":\"none\"}":                   `{"id":1,` + none,
		`{"id":null,"text":"\u00e9 a@de.io"}`:     `{"id":null,` + fmt.Sprintf(mail, 3, 10),
		`{"id":1.50,"text":"日本 a@b.eu"}`:          `{"id":1.50,` + fmt.Sprintf(mail, 7, 13),
		`{"id":1,"text":7} a@b.eu`:                `{"id":1,` + fmt.Sprintf(mail, 18, 24),
		"\xff\xfe \xff a@b.eu":                    `{"id":1,` + fmt.Sprintf(mail, 5, 11),
		packed("{\"id\":5,\"text\":\"a@bb.eu\"}"): `{"id":5,` + fmt.Sprintf(mail, 0, 7),
		packed("\ufeffa@b.eu"):                    `{"id":1,` + fmt.Sprintf(mail, 0, 6),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, talk, code := sluice(t, "detect", "--classes", "email", name)
		if want != "" {
			want += "\n"
		}
		if code != exitOK || out != want {
			t.Errorf("%q: %d %s\n got %s\nwant %s", text, code, talk, out, want)
		}
	}
	for _, bad := range []string{"\xff\xfea\x00@\x00", "\xfe\xff\x00a", packed("a@b.eu")[:20]} {
		if err := os.WriteFile(name, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, _, code := sluice(t, "detect", name); code != exitUsage || out != "" {
			t.Errorf("%q: %d %s", bad, code, out)
		}
	}
}
