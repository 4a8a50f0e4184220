package real

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRealCredentials: a wrong credential of each kind is one clear line that
// names what it is for, and never a stack trace or a secret. // P5
func TestRealCredentials(t *testing.T) {
	w := newWorld(t)
	if err := newWriter().write(t.Context(), w, 1, 0); err != nil { // without a topic there is no lane, and no store is asked
		t.Fatal(err)
	}
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
		"catalog token":   {map[string]string{w.Secrets.Ref("catalog.token"): ref}, []string{"lake", "token"}},
		"S3 secret":       {map[string]string{w.Secrets.Ref("s3.secret"): ref}, []string{"lake", "S3"}},
		"S3 access key":   {map[string]string{w.Secrets.Ref("s3.access"): ref}, []string{"lake", "S3"}},
		"bridge key":      {map[string]string{w.Secrets.Ref("bridge.key"): ref}, []string{"bridge", "key"}},
		"missing file":    {map[string]string{w.Secrets.Ref("mask.key"): ref + "-not-there"}, []string{"key", "not-there"}},
	} {
		file := filepath.Join(w.Dir, "wrong.yaml")
		if err := os.WriteFile(file, []byte(w.pipeline(c.replace)), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		cmd := exec.CommandContext(ctx, w.binary, "run", file)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = 30 * time.Second
		err := cmd.Run()
		gaveUp := ctx.Err() != nil
		cancel()
		var exit *exec.ExitError
		code := 0
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		}
		said := out.String()
		line := ""
		for l := range strings.Lines(said) {
			all := true
			for _, s := range c.says {
				all = all && strings.Contains(strings.ToLower(l), strings.ToLower(s))
			}
			if all {
				line = strings.TrimSpace(l)
			}
		}
		switch {
		case line == "":
			t.Errorf("%s: no line says %q (exit code %d, still running %v):\n%s", name, c.says, code, gaveUp, end(said))
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
		t.Logf("%s: exit code %d after stop=%v: %s", name, code, gaveUp, line)
	}
}
