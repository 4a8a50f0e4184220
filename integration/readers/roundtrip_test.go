package readers

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sluice/connectors/emulator/catalog"
)

// roundTrip is the pipeline of TestRoundTrip: everything as it is by default.
const roundTrip = `
id: types
privacy: none
source:
  kafka: {brokers: ["${KAFKA}"], topics: ["*.*.*"], group: types}
stages:
  - decode: {contracts: "CONTRACTS", registry: {files: "SCHEMAS"}}
sinks:
  - name: lake
    commit: {every: 1s}
    iceberg:
      catalog: {uri: "${CATALOG}", warehouse: dev, token: "file:${STATE}/secrets/catalog.token"}
      storage: {kind: local}
      namespace: bronze
      table: "{table}"
  - name: replica
    commit: {every: 1s}
    d1: {api: "${CLOUDFLARE}", account: dev, token: "file:${STATE}/secrets/cloudflare.token", database: "${D1_DATABASE}", requests: 0, table: "{table}"}
dead_letters: {home: replica, key: "file:${STATE}/secrets/deadletter.key", key_id: d1}
`

// TestRoundTrip: every type in every encoding, from a recording of Debezium
// through the binary into Iceberg and D1, read back by engines that are not
// ours, is what sluice decode says it is, which golden files hold against the SQL.
func TestRoundTrip(t *testing.T) {
	home := os.Getenv("SLUICE_READERS")
	if home == "" {
		t.Skip(`set SLUICE_READERS="$(sh integration/readers/install.sh)"`)
	}
	bin := filepath.Join(t.TempDir(), "sluice")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "sluice/cmd/sluice").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	script, err := filepath.Abs("read.py")
	if err != nil {
		t.Fatal(err)
	}
	recordings, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		recording string
		contract  bool // types of JSON without schemas
		schemas   bool // of Avro
	}{
		{recording: "cmd/sluice/testdata/recordings/pg-types-json-schema"},
		{recording: "cmd/sluice/testdata/recordings/mariadb-types-json-schema"},
		{recording: "cmd/sluice/testdata/recordings/mysql-types-json"},
		{recording: "cmd/sluice/testdata/recordings/mysql-types-json", contract: true},
		// Their customers change in the stream: columns added, dropped, renamed,
		// widened, and one of another type.
		{recording: "cmd/sluice/testdata/recordings/pg-inventory-avro", schemas: true},
		{recording: "cmd/sluice/dev/recordings/pg-inventory-json-schema"},
		{recording: "processors/decode/testdata/pg-inventory-json"},
	} {
		t.Run(fmt.Sprintf("%s contract=%v", filepath.Base(c.recording), c.contract), func(t *testing.T) {
			dir := t.TempDir()
			recording := filepath.Join(recordings, c.recording+".jsonl.gz")
			sluice := func(args ...string) []byte {
				t.Helper()
				x := exec.CommandContext(t.Context(), bin, args...)
				var out, say bytes.Buffer
				x.Stdout, x.Stderr = &out, &say
				if err := x.Run(); err != nil {
					t.Fatalf("%v: %v\n%s%s", args[0], err, out.Bytes(), say.Bytes())
				}
				return out.Bytes()
			}
			contract, schemas := "", ""
			if c.contract {
				contract = filepath.Join(dir, "contract.yaml")
				if err := os.WriteFile(contract, sluice("contract", "infer", "--privacy", "none", recording), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if c.schemas {
				schemas = filepath.Join(recordings, c.recording+".schemas.json")
			}
			pipeline, state := filepath.Join(dir, "types.yaml"), filepath.Join(dir, "state")
			text := strings.NewReplacer("CONTRACTS", contract, "SCHEMAS", schemas).Replace(roundTrip)
			if err := os.WriteFile(pipeline, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			sluice("dev", "--once", "--dir", state, "--recording", recording, "--pipeline", pipeline)
			lines := sluice("decode", "--policy", filepath.Join(state, "pipeline.yaml"), "--env", filepath.Join(state, "pipeline.env"), recording)
			cat, err := catalog.New(catalog.Options{Dir: filepath.Join(state, "catalog"), Warehouse: "file://" + filepath.Join(state, "warehouse"), WarehouseName: "dev"})
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(cat)
			defer cat.Close()
			defer srv.Close()
			want := decoded(t, lines, sluice("decode", "--schema", "--policy", filepath.Join(state, "pipeline.yaml"), "--env", filepath.Join(state, "pipeline.env"), recording))
			cells := 0
			for table, rows := range want {
				for _, engine := range Engines {
					src := Source{URI: srv.URL, Warehouse: "dev", Table: "bronze." + table}
					got, err := Read(t.Context(), home, script, engine, src)
					if err != nil {
						t.Error(err)
						continue
					}
					cells += rows.inLake(t, engine+" "+table, got)
				}
				cells += rows.inReplica(t, home, filepath.Join(state, "cloudflare", "d1", "replica.sqlite"), table)
			}
			t.Logf("%d tables, %d cells agree", len(want), cells)
		})
	}
}
