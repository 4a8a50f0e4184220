package real

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRealCredentials: a wrong credential of each kind is one clear line that
// names what it is for, and never a stack trace or a secret; in a pipeline that
// never ran and in one that has tables and progress. // P5
func TestRealCredentials(t *testing.T) {
	w, x := newWorld(t), newWriter()
	write := func() {
		if err := x.write(t.Context(), w, 1, 0); err != nil { // without a record there is no lane, and no store is asked
			t.Fatal(err)
		}
	}
	write()
	t.Run("new", w.credentials)
	c := w.run("a")
	w.settle(t, x, time.Minute)
	c.stop(t)
	write()
	t.Run("used", w.credentials)
	c = w.run("a")
	w.settle(t, x, time.Minute)
	c.stop(t)
	w.verify(t)
	t.Run("mutual TLS", w.mutualTLS)
}

// mutualTLS: a listener that wants a certificate lets in who has one, and who
// has none is told so.
func (w *world) mutualTLS(t *testing.T) {
	file := filepath.Join(w.Dir, "mutual.yaml")
	sasl := "    sasl: {mechanism: SCRAM-SHA-256, username: sluice, password: \"" + w.Secrets.Ref("password") + "\"}\n"
	certificate := ", cert: " + w.Secrets.ClientCert + ", key: " + w.Secrets.ClientKey
	for _, cert := range []string{certificate, ""} {
		text := w.pipeline(map[string]string{w.Kafka.Secure: w.Kafka.Mutual, sasl: "", "ca: " + w.Secrets.CA: "ca: " + w.Secrets.CA + cert})
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if cert == "" {
			line, said, code := w.try(t, file, []string{"kafka", "certificate"})
			if line == "" || code <= 0 {
				t.Errorf("without a certificate: exit code %d:\n%s", code, end(said))
			}
			t.Logf("without a certificate: exit code %d: %s", code, line)
			continue
		}
		var all struct{ Lanes []laneState }
		if code := w.verb(&all, "lag", file); code != 0 || len(all.Lanes) == 0 {
			t.Errorf("with a certificate: exit code %d, %d lanes", code, len(all.Lanes))
		}
	}
}

func (w *world) credentials(t *testing.T) {
	wrong := filepath.Join(w.Dir, "wrong")
	text := strings.Repeat("0123456789abcdef", 4) // as long as every right one
	if err := os.WriteFile(wrong, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ref := "file:" + wrong
	other := filepath.Join(w.Dir, "other-ca.pem")
	if err := os.WriteFile(other, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		replace map[string]string
		says    []string // all of them are in the line
	}{
		"Kafka password":  {map[string]string{w.Secrets.Ref("password"): ref}, []string{"kafka", "SASL"}},
		"Kafka user":      {map[string]string{"username: sluice": "username: nobody"}, []string{"kafka", "SASL"}},
		"Kafka authority": {map[string]string{w.Secrets.CA: other}, []string{"kafka", "ca"}},
		"system's roots":  {map[string]string{", ca: " + w.Secrets.CA: ""}, []string{"kafka", "certificate"}},
		"catalog token":   {map[string]string{w.Secrets.Ref("catalog.token"): ref}, []string{"lake", "PARKED", "token"}},
		"S3 secret":       {map[string]string{w.Secrets.Ref("s3.secret"): ref}, []string{"lake", "PARKED", "S3", "storage.secret_key"}},
		"S3 access key":   {map[string]string{w.Secrets.Ref("s3.access"): ref}, []string{"lake", "PARKED", "S3", "storage.access_key"}},
		"bridge key":      {map[string]string{w.Secrets.Ref("bridge.key"): ref}, []string{"replica", "PARKED", "bridge", "key"}},
		"missing file":    {map[string]string{w.Secrets.Ref("mask.key"): ref + "-not-there"}, []string{"key", "not-there"}},
	} {
		file := filepath.Join(w.Dir, "wrong.yaml")
		if err := os.WriteFile(file, []byte(w.pipeline(c.replace)), 0o600); err != nil {
			t.Fatal(err)
		}
		line, said, code := w.try(t, file, c.says)
		switch {
		case line == "":
			t.Errorf("%s: no line says %q (exit code %d):\n%s", name, c.says, code, end(said))
		case code <= 0: // -1: it had to be killed
			t.Errorf("%s: exit code %d", name, code)
		}
		for _, secret := range []string{text, w.Secrets.Get("password"), w.Secrets.Get("bridge.key"), w.Secrets.Get("s3.secret"), w.Secrets.Get("catalog.token")} {
			if strings.Contains(said, secret) {
				t.Errorf("%s: a secret is in what it says", name)
			}
		}
		if strings.Contains(said, "goroutine ") {
			t.Errorf("%s: a stack trace", name)
		}
		t.Logf("%s: exit code %d: %s", name, code, line)
	}
}

// try runs Sluice until it ends or prints a line that holds all of says, stops
// it then, and returns the line, all it printed and its exit code.
func (w *world) try(t *testing.T, file string, says []string) (line, said string, code int) {
	t.Helper()
	log := filepath.Join(w.Dir, "try.log")
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(w.binary, "run", file)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	find := func() bool {
		b, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		said = string(b)
		for l := range strings.Lines(said) {
			if !slices.ContainsFunc(says, func(s string) bool { return !strings.Contains(strings.ToLower(l), strings.ToLower(s)) }) {
				line = strings.TrimSpace(l)
				return true
			}
		}
		return false
	}
	ended, patience := false, time.After(time.Minute)
	for !ended && !find() {
		select {
		case <-done:
			ended = true
		case <-patience:
			ended = true
			_ = cmd.Process.Kill()
			<-done
		case <-time.After(100 * time.Millisecond):
		}
	}
	if !ended {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-done:
		case <-time.After(40 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
	}
	find()
	return line, said, cmd.ProcessState.ExitCode()
}
