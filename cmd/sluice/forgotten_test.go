package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/cmd/sluice/dev"
	"sluice/processors/mask/strategy"
	"sluice/topology/stream"
)

const forgottenPipeline = `
id: forgotten
source:
  kafka: {brokers: ["${KAFKA}"], topics: ["orders"], group: f, session_timeout: 10s, rebalance_timeout: 20s}
stages:
  - decode: {}
  - mask:
      key: "file:${STATE}/secrets/mask.key"
      key_id: k1
      subjects: {store: "folder:${STATE}/subjects"}
      rules:
        - topics: ["orders"]
          columns:
            n: {keep: "a number of the test"}
            customer: hash
            mail: {tokenize: {subject: {column: customer, kind: customer}}}
            phone: {hash: {canonical: phone, subject: {column: customer, kind: customer}}}
            alias: {synthetic: {kind: card, subject: {column: customer, kind: customer}}}
            born: {shift: {days: 3650, subject: {column: customer, kind: customer}}}
            pay: {noise: {within: 1000000, subject: {column: customer, kind: customer}}}
      reveal:
        audit: "${STATE}/reveal.jsonl"
        roles: {support: {columns: ["orders.mail"], key: "sha256:ROLE"}}
` + lakeAndReplica

// TestForgotten: a person is forgotten while the pipeline runs. What Iceberg and D1
// hold of that person stays as it is and leads nowhere, tokens, hashes and what was
// made up or moved; others'
// tokens are revealed as before, and the person's next row is under another key in
// the same process. // P1 P5 D4
func TestForgotten(t *testing.T) {
	stack, err := dev.Start(t.Context(), dev.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stack.Close)
	w := &world{stack: stack}
	text := []byte(strings.Replace(forgottenPipeline, "ROLE", fmt.Sprintf("%x", sha256.Sum256([]byte("role secret"))), 1))
	w.write(t, text)
	t.Setenv("SLUICE_ROLE_KEY", "role secret")
	must := func(want int, args ...string) string {
		t.Helper()
		out, talk, code := sluice(t, args...)
		if code != want {
			t.Fatalf("%v: code %d, want %d: %s%s", args[:2], code, want, out, talk)
		}
		return out + talk
	}
	must(exitOK, "keys", "init", w.file)

	cl, err := kgo.NewClient(kgo.SeedBrokers(stack.Values["KAFKA"]))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if r, err := kadm.NewClient(cl).CreateTopic(t.Context(), 1, 1, nil, "orders"); err != nil || r.Err != nil {
		t.Fatal(err, r.Err)
	}
	produce := func(n, customer int) {
		t.Helper()
		v := fmt.Appendf(nil, `{"n":%d,"customer":%d,"mail":"c%d@corp.example.org","phone":"+1 415 555 0%03d","alias":"4111 1111 1111 1111","born":"1985-04-12","pay":5123456}`, n, customer, customer, customer%1000)
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Key: fmt.Appendf(nil, `{"n":%d}`, n), Value: v}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	// rows are by sink and n: the cells of mail, of phone, and what is no token
	rows := func() map[string][3]string {
		t.Helper()
		p := w.open(t)
		defer p.Close()
		all := map[string][3]string{}
		names, sinks := p.Sinks()
		for i, s := range sinks {
			cells := map[int64]map[string]string{}
			if _, _, err := s.(stream.TableReader).ReadTable(t.Context(), "orders", 0, func(row int64, column string, value []byte) {
				if cells[row] == nil {
					cells[row] = map[string]string{}
				}
				cells[row][column] = string(value)
				if strings.Contains(string(value), "corp.example") || strings.Contains(string(value), "415") && column == "phone" || slices.Contains([]string{"4111 1111 1111 1111", "1985-04-12", "5123456"}, string(value)) { // P1
					t.Errorf("%s: a value came through in %s", names[i], column)
				}
			}); err != nil {
				t.Fatal(err)
			}
			for _, c := range cells {
				all[names[i]+" "+c["n"]] = [3]string{c["mail"], c["phone"], c["alias"] + " " + c["born"] + " " + c["pay"]}
			}
		}
		return all
	}
	reveal := func(want int, token string) string {
		t.Helper()
		return must(want, "reveal", w.file, "--column", "orders.mail", "--token", token, "--role", "support", "--reason", "test")
	}

	for n, customer := range []int{4711, 12, 4711} {
		produce(n, customer)
	}
	c := w.run(t, "dev")
	w.untilDurable(t, 30*time.Second)
	was := rows()
	if len(was) != 6 {
		t.Fatalf("%d rows in two stores", len(was))
	}
	for _, sink := range []string{"lake", "replica"} {
		a, b, again := was[sink+" 0"], was[sink+" 1"], was[sink+" 2"]
		if a != again || a == b || a[0][:17] != a[1][:17] || a[1][17:] == b[1][17:] || a[2] == b[2] || len(a[2]) < 34 || a != was["lake 0"] {
			t.Fatalf("%s: %q %q %q", sink, a, b, again)
		}
	}
	gone, stays := was["lake 0"], was["lake 1"]
	if out := reveal(exitOK, gone[0]); out != "c4711@corp.example.org\n" {
		t.Fatal(out)
	}

	if out := must(exitOK, "keys", "shred", w.file, "4711", "--kind", "customer"); !strings.Contains(out, gone[0][:16]+" destroyed") {
		t.Fatal(out)
	}
	if out := reveal(exitFinding, gone[0]); !strings.Contains(out, "was destroyed") || strings.Contains(out, "corp.example") {
		t.Error(out)
	}
	if out := reveal(exitOK, stays[0]); out != "c12@corp.example.org\n" {
		t.Error(out)
	}
	a := &app{}
	v, err := a.vault(w.file, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Find(t.Context(), gone[1][:16]); !errors.Is(err, strategy.ErrShredded) { // so nobody hashes what it could be
		t.Errorf("the key of the hashes: %v", err)
	}
	record, err := os.ReadFile(filepath.Join(stack.Dir, "subjects", "keys", gone[0][1:3], gone[0][:16]+".json"))
	if err != nil || strings.Contains(string(record), `"key"`) || !strings.Contains(string(record), `"shredded"`) {
		t.Errorf("%v: %s", err, record)
	}

	produce(3, 4711) // the process has the destroyed key in memory
	produce(4, 12)
	w.untilDurable(t, 30*time.Second)
	now := rows()
	for _, sink := range []string{"lake", "replica"} {
		if now[sink+" 0"] != gone || now[sink+" 2"] != gone || now[sink+" 1"] != stays || now[sink+" 4"] != stays {
			t.Errorf("%s: rows that were there, or those of others, changed: %q, were %q", sink, now, was)
		}
		next := now[sink+" 3"]
		if len(next[0]) < 18 || len(next[1]) < 18 || next[0][:16] == gone[0][:16] || next[1][17:] == gone[1][17:] || next[0][:16] != next[1][:16] || next[2] == gone[2] {
			t.Errorf("%s: the next row of who was forgotten is %q, before %q", sink, next, gone)
		}
	}
	if out := reveal(exitOK, now["lake 3"][0]); out != "c4711@corp.example.org\n" {
		t.Error(out)
	}
	c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Errorf("a clean stop exits 0: %v", err)
	}
	must(exitOK, "audit", w.file)
	if out := must(exitOK, "mask", "verify", w.file, "orders"); strings.Contains(out, "corp") {
		t.Error(out)
	}
}
