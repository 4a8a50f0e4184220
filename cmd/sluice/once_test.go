package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"

	"sluice/connectors/emulator/catalog"
)

// TestDevOnce runs the main job whole, as a process, twice on one folder: it
// ends by itself, audits, goes on where it stopped, and no personal data of the
// recording is in anything it printed or stored. // P1 P6
func TestDevOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	run := func() string {
		t.Helper()
		c := exec.Command(os.Args[0], "dev", "--once", "--dir", dir)
		c.Env = append(os.Environ(), "SLUICE_MAIN=1")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("dev --once: %v\n%s", err, out)
		}
		return string(out)
	}
	first := run()
	for _, want := range []string{"durable  lake", "durable  replica", "durable  events", "behind the gate", "audit holds", "1100 recorded Debezium events"} {
		if !strings.Contains(first, want) {
			t.Errorf("the output lacks %q:\n%s", want, first)
		}
	}
	second := run()
	proof := regexp.MustCompile(`(?m)^(lake|replica|events) .*$`)
	if a, b := proof.FindAllString(first, -1), proof.FindAllString(second, -1); len(a) != 3 || strings.Join(a, "\n") != strings.Join(b, "\n") {
		t.Errorf("the second run changed what is stored:\n%q\n%q", a, b)
	}
	secrets := recordedPII(t)
	search(t, "the output", []byte(first+second), secrets)
	search(t, "the tables", rowsOf(t, dir), secrets)
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.Name() == "kafka" { // what came in
				return filepath.SkipDir
			}
			return err
		}
		p, err := os.ReadFile(path)
		search(t, path, p, secrets)
		return err
	})
}

// recordedPII lists e-mail addresses, phone, social security and card numbers
// and last names of the recording's customers.
func recordedPII(t *testing.T) (secrets []string) {
	t.Helper()
	f, err := os.Open("dev/recordings/pg-inventory-json-schema.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for d := json.NewDecoder(z); ; {
		var r struct {
			Topic string
			Value []byte
		}
		if d.Decode(&r) != nil {
			break
		}
		var v struct {
			Payload struct{ Before, After map[string]any }
		}
		if !strings.HasSuffix(r.Topic, ".customers") || json.Unmarshal(r.Value, &v) != nil {
			continue
		}
		for _, row := range []map[string]any{v.Payload.Before, v.Payload.After} {
			for _, c := range []string{"email", "phone", "phone_number", "ssn", "card_number", "notes"} {
				if s, _ := row[c].(string); len(s) >= 8 && !strings.Contains(s, "unavailable") && !seen[s] {
					seen[s] = true
					secrets = append(secrets, s)
				}
			}
		}
	}
	if len(secrets) < 20 {
		t.Fatalf("the recording holds only %d values to look for", len(secrets))
	}
	return secrets
}

func search(t *testing.T, where string, p []byte, secrets []string) {
	t.Helper()
	for i, s := range secrets {
		for form, x := range map[string]string{"itself": s, "hex": hex.EncodeToString([]byte(s)), "base64": base64.StdEncoding.EncodeToString([]byte(s))[:10]} {
			if bytes.Contains(p, []byte(x)) {
				t.Errorf("%s holds secret %d as %s", where, i, form)
			}
		}
	}
}

// rowsOf prints every cell of every table, decoded: Parquet is compressed.
func rowsOf(t *testing.T, dir string) []byte {
	t.Helper()
	cat, err := catalog.New(catalog.Options{Dir: filepath.Join(dir, "catalog"), Warehouse: "file://" + filepath.Join(dir, "warehouse")})
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	rc, err := rest.NewCatalog(t.Context(), "x", "http://catalog", rest.WithCustomTransport(cat.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	tables := 0
	for id, err := range rc.ListTables(context.Background(), table.Identifier{"bronze"}) {
		if err != nil {
			t.Fatal(err)
		}
		tbl, err := rc.LoadTable(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		at, err := tbl.Scan().ToArrowTable(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tables++
		for tr := array.NewTableReader(at, 0); tr.Next(); {
			fmt.Fprintln(&out, tr.RecordBatch())
		}
	}
	if tables < 15 || !strings.Contains(out.String(), "scooter") {
		t.Errorf("%d tables were read, and a kept value is not in them: the search proves nothing", tables)
	}
	return out.Bytes()
}
