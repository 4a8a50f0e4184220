package main

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKeys: list opens nothing, status opens all, rotate makes a file for its
// owner alone and lines that work.
func TestKeys(t *testing.T) {
	dir := t.TempDir()
	k1, k2 := filepath.Join(dir, "k1"), filepath.Join(dir, "k2")
	secret := strings.Repeat("5e", 32)
	if err := os.WriteFile(k1, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	file := pipelineFile(t, "", "    key: file:"+k1+"\n    rules: [{columns: {a: hash}}]")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out, talk, code := sluice(t, "keys", "list", file)
	if code != exitOK || !strings.Contains(out, "primary") {
		t.Errorf("code %d: %s%s", code, out, talk)
	}
	out, talk, code = sluice(t, "keys", "rotate", file, "--out", k2)
	if code != exitOK || !strings.Contains(out, "id: k2") {
		t.Fatalf("code %d: %s%s", code, out, talk)
	}
	made, err := os.ReadFile(k2)
	if info, _ := os.Stat(k2); err != nil || info.Mode().Perm() != 0o600 || len(made) != 65 || strings.Contains(out, string(made[:64])) {
		t.Errorf("the new key: %v, %d bytes", err, len(made))
	}
	if p, err := hex.DecodeString(strings.TrimSpace(string(made))); err != nil || len(p) != 32 {
		t.Error("the new key is no hex")
	}
	if after, _ := os.ReadFile(file); string(after) != string(text) {
		t.Error("rotate edits the file")
	}
	if _, _, code = sluice(t, "keys", "rotate", file, "--out", k2); code == exitOK {
		t.Error("rotate overwrites a key")
	}
	_, list, _ := strings.Cut(out, "keys:\n")
	list, _, _ = strings.Cut(list, "#")
	rotated := pipelineFile(t, "", "    keys:\n"+strings.ReplaceAll(list, "  - ", "      - ")+"    rules: [{columns: {a: hash}}]")
	out, talk, code = sluice(t, "keys", "status", rotated)
	if code != exitOK || strings.Count(out, "opens") != 2 || !strings.Contains(out, "window") || !strings.Contains(out, "0 days") {
		t.Errorf("code %d: %s%s", code, out, talk)
	}
	if err := os.Chmod(k1, 0o644); err != nil {
		t.Fatal(err)
	}
	out, talk, code = sluice(t, "keys", "status", rotated)
	if code != exitFinding || !strings.Contains(out, "chmod 600") || strings.Contains(out+talk, secret) {
		t.Errorf("code %d: %s%s", code, out, talk)
	}
}

func TestNewReference(t *testing.T) {
	for old, want := range map[string]string{
		"env:A": "openssl", "file:/a": "rotate FILE --out", "age:/a#env:B": "age -r",
		"awskms:arn:aws:kms:r:1:key/k#file:/a":     "generate-data-key-without-plaintext --key-id arn:aws:kms:r:1:key/k ",
		"vault:https://v:8200/transit/app#file:/a": "transit/datakey/wrapped/app >",
	} {
		if _, how := newReference(old, "k2"); len(how) == 0 || !strings.Contains(how[0], want) {
			t.Errorf("%s: %q", old, how)
		}
	}
}
