package main

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDevRegistry: Avro whose schemas are asked from a registry over HTTP, from
// a recording into the replica.
func TestDevRegistry(t *testing.T) {
	dir := t.TempDir()
	pipeline, state := filepath.Join(dir, "avro.yaml"), filepath.Join(dir, "state")
	text := strings.Replace(evolutionPipeline[:strings.Index(evolutionPipeline, "  - name: lake")]+evolutionPipeline[strings.Index(evolutionPipeline, "  - name: replica"):], `files: "SCHEMAS"`, `url: "${REGISTRY}"`, 1)
	text = strings.NewReplacer("EVOLVE", "auto", `"ev.*"`, `"*.shop.*"`).Replace(text)
	if err := os.WriteFile(pipeline, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "dev", "--once", "--dir", state, "--recording", "testdata/recordings/pg-inventory-avro.jsonl.gz", "--pipeline", pipeline)
	c.Env = append(os.Environ(), "SLUICE_MAIN=1")
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "audit holds") {
		t.Fatalf("%v\n%s", err, out)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(state, "cloudflare", "d1", "replica.sqlite")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var email string
	if err := db.QueryRow(`SELECT email FROM "pg-inventory-avro.shop.customers" WHERE id = 1003`).Scan(&email); err != nil || !strings.Contains(email, "@") {
		t.Errorf("%q %v", email, err)
	}
	if p, err := os.ReadFile(filepath.Join(state, "schemas.json")); err != nil || !strings.Contains(string(p), "customers-value") {
		t.Errorf("the registry kept %d bytes: %v", len(p), err)
	}
}
