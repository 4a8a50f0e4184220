package real

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealFullDisk: `sluice run` writes nothing to a local disk (see Disk of
// TestRealFire). What the other verbs write there, keys of data subjects, a new
// key, who revealed what, is whole or not there: on a full disk each is one line
// that says so and a code, and with room again it works as if nothing had been.
func TestRealFullDisk(t *testing.T) {
	if !strings.Contains(flag.Lookup("test.run").Value.String(), "Real") {
		t.Skip("mounts a file system: go test ./integration/real -run RealFullDisk")
	}
	dir := t.TempDir()
	d := newDisk(t, "256k", dir, "disk")
	if d.dir == "" {
		t.Skip("a disk of its own needs the right to mount one (root)")
	}
	x := verbs{t: t, binary: filepath.Join(dir, "sluice")}
	if out, err := exec.Command("go", "build", "-o", x.binary, "sluice/cmd/sluice").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	put := func(name, text string) string {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	key, audit, fresh := put("key", strings.Repeat("1", 64)), filepath.Join(d.dir, "audit.jsonl"), filepath.Join(d.dir, "fresh.key")
	file := put("pipeline.yaml", fmt.Sprintf(`id: disk
source: {kafka: {brokers: ["127.0.0.1:1"], topics: ["shop.*"], exclude: ["*.masked"]}}
stages:
- decode: {format: json}
- mask:
    key: file:%s
    key_id: k1
    subjects: {store: "folder:%s"}
    rules:
    - columns: {customer: {keep: "a number"}, mail: {tokenize: {subject: {column: customer, kind: customer}}}}
    reveal:
      audit: %s
      roles: {support: {columns: ["shop.*.mail"], key: "env:ROLE"}}
sinks: [{name: out, kafka: {brokers: ["127.0.0.1:1"], topic: "{topic}.masked"}}]
`, key, filepath.Join(d.dir, "subjects"), audit))
	value := base64.StdEncoding.EncodeToString([]byte(`{"customer":4711,"mail":"ann@corp.example.org"}`))
	tape := put("tape.jsonl", `{"topic":"shop.people","partition":0,"offset":0,"timestamp":1,"key":null,"value":"`+value+`","headers":[]}`+"\n")
	token := ""
	reveal := func() []string {
		return []string{"reveal", file, "--column", "shop.people.mail", "--role", "support", "--reason", "ticket", "--token", token}
	}

	d.fill(t)
	x.refused("keys", "init", file)
	x.refused("keys", "rotate", file, "--out", fresh)
	d.empty(t)
	x.runs("keys", "init", file)
	x.runs("keys", "rotate", file, "--out", fresh)

	d.fill(t)
	x.refused("decode", "--policy", file, tape)
	d.empty(t)
	var row struct{ After struct{ Mail string } }
	if out := x.runs("decode", "--policy", file, tape); json.Unmarshal([]byte(out), &row) != nil || row.After.Mail == "" {
		t.Fatalf("no row: %s", out)
	}
	token = row.After.Mail

	d.fill(t)
	if out := x.refused(reveal()...); strings.Contains(out, "ann@") {
		t.Error("it reveals what it could not write down") // P1
	}
	d.empty(t)
	if out := x.runs(reveal()...); !strings.Contains(out, "ann@") {
		t.Errorf("with room again nothing is revealed: %s", out)
	}
	for line := range strings.Lines(string(must(os.ReadFile(audit)))) {
		if line = strings.TrimSpace(line); line != "" && strings.HasSuffix(line, "}") && !json.Valid([]byte(line)) {
			t.Errorf("a use shares its line with half of another: %s", line)
		}
	}

	d.fill(t)
	x.refused("keys", "shred", file, "--kind", "customer", "4711")
	d.empty(t)
	x.runs("keys", "shred", file, "--kind", "customer", "4711")
	if out, code := x.run(reveal()...); code == 0 || strings.Contains(out, "ann@") {
		t.Errorf("what was shredded is revealed: code %d: %s", code, out)
	}
}

func must(p []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return p
}

// verbs runs the binary.
type verbs struct {
	t      *testing.T
	binary string
}

func (x verbs) run(args ...string) (out string, code int) {
	x.t.Helper()
	cmd := exec.Command(x.binary, args...)
	cmd.Env = append(os.Environ(), "ROLE="+strings.Repeat("r", 32), "SLUICE_ROLE_KEY="+strings.Repeat("r", 32))
	var talk strings.Builder
	cmd.Stderr = &talk
	p, err := cmd.Output()
	if cmd.ProcessState == nil {
		x.t.Fatal(err)
	}
	if err != nil {
		return string(p) + talk.String(), cmd.ProcessState.ExitCode()
	}
	return string(p), 0
}

func (x verbs) runs(args ...string) string {
	x.t.Helper()
	out, code := x.run(args...)
	if code != 0 {
		x.t.Errorf("%v: exit code %d: %s", args, code, out)
	}
	return out
}

// refused wants a code and one line that says what the disk says.
func (x verbs) refused(args ...string) string {
	x.t.Helper()
	out, code := x.run(args...)
	if code <= 0 || !strings.Contains(out, "no space left on device") || strings.Contains(out, "goroutine ") {
		x.t.Errorf("%v on a full disk: exit code %d: %s", args, code, out)
	}
	x.t.Logf("%s: exit code %d: %s", strings.Join(args[:2], " "), code, strings.TrimSpace(out[strings.LastIndex(out, "sluice: "):]))
	return out
}
