package main

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"

	"sluice/connectors/emulator/catalog"
)

// evolving is a table's columns before and after a change: name, Connect type,
// and the values of two rows each.
type evolving struct {
	name          string
	before, after []evolvingColumn
}

type evolvingColumn struct{ name, typ, first, second string }

// evolutions are the changes of the matrix. The changed key is a table's of its
// own: D1 has another primary key then, which is a person's to decide.
var evolutions = []evolving{
	{"add", []evolvingColumn{{"id", "int32", "1", "4"}, {"a", "string", `"x"`, `"y"`}}, []evolvingColumn{{"id", "int32", "2", "3"}, {"a", "string", `"z"`, "null"}, {"b", "int64", "9007199254740993", "5"}}},
	{"drop", []evolvingColumn{{"id", "int32", "1", "4"}, {"a", "string", `"x"`, `"y"`}, {"b", "int64", "7", "8"}}, []evolvingColumn{{"id", "int32", "2", "3"}, {"a", "string", `"z"`, `"w"`}}},
	{"rename", []evolvingColumn{{"id", "int32", "1", "4"}, {"a", "string", `"x"`, `"y"`}}, []evolvingColumn{{"id", "int32", "2", "3"}, {"c", "string", `"z"`, `"w"`}}},
	{"widen", []evolvingColumn{{"id", "int32", "1", "4"}, {"a", "int32", "7", "8"}}, []evolvingColumn{{"id", "int32", "2", "3"}, {"a", "int64", "9223372036854775807", "-9223372036854775808"}}},
	{"narrow", []evolvingColumn{{"id", "int32", "1", "4"}, {"a", "int64", "9223372036854775807", "1"}}, []evolvingColumn{{"id", "int32", "2", "3"}, {"a", "int32", "7", "8"}}},
	{"retype", []evolvingColumn{{"id", "int32", "1", "4"}, {"a", "int32", "7", "8"}}, []evolvingColumn{{"id", "int32", "2", "3"}, {"a", "string", `"seven"`, `"eight"`}}},
	{"reorder", []evolvingColumn{{"id", "int32", "1", "4"}, {"a", "string", `"x"`, `"y"`}, {"b", "int64", "7", "8"}}, []evolvingColumn{{"b", "int64", "9", "10"}, {"id", "int32", "2", "3"}, {"a", "string", `"z"`, `"w"`}}},
}

var evolvingEncodings = []string{"schema", "bare", "confluent", "apicurio", "flat"}

// row is a record of columns in an encoding. id is the Avro schema's.
func evolvingRow(t *testing.T, topic, encoding string, cols []evolvingColumn, second bool, id int, registry map[int]any) written {
	t.Helper()
	var fields []any
	row := "{"
	key := ""
	for i, c := range cols {
		v := c.first
		if second {
			v = c.second
		}
		fields = append(fields, map[string]any{"type": c.typ, "optional": c.name != "id", "field": c.name})
		if i > 0 {
			row += ","
		}
		row += fmt.Sprintf("%q:%s", c.name, v)
		if c.name == "id" {
			key = `{"id":` + v + "}"
		}
	}
	row += "}"
	struct1 := func(field string) map[string]any {
		return map[string]any{"type": "struct", "name": "v." + strings.ReplaceAll(topic, ".", "_"), "optional": true, "field": field, "fields": fields}
	}
	source := map[string]any{"type": "struct", "name": "s.Source", "field": "source", "fields": []any{map[string]any{"type": "string", "field": "connector"}, map[string]any{"type": "string", "field": "table"}}}
	schema := map[string]any{"type": "struct", "name": "v.Envelope", "fields": []any{struct1("before"), struct1("after"), source, map[string]any{"type": "string", "field": "op"}}}
	payload := `{"before":null,"after":` + row + `,"source":{"connector":"postgresql","table":"t"},"op":"c"}`
	w := written{Topic: topic, Key: json.RawMessage(key)}
	switch encoding {
	case "bare":
		w.Value = json.RawMessage(payload)
	case "flat":
		schema, payload = struct1(""), strings.TrimSuffix(row, "}")+`,"__op":"c"}`
		schema["fields"] = append(fields, map[string]any{"type": "string", "optional": true, "field": "__op"})
		fallthrough
	case "schema":
		s, err := json.Marshal(schema)
		if err != nil {
			t.Fatal(err)
		}
		w.Value = json.RawMessage(`{"schema":` + string(s) + `,"payload":` + payload + `}`)
	default:
		head := []byte{0, 0, 0, 0, byte(id)}
		if encoding == "apicurio" {
			head = []byte{0, 0, 0, 0, 0, 0, 0, 0, byte(id)}
		}
		registry[id] = avroOf(schema, map[string]bool{}, true)
		w.Value = json.RawMessage(`{"$bytes":"` + base64.StdEncoding.EncodeToString(append(head, encodeAvro(t, schema, payload)...)) + `"}`)
	}
	return w
}

// evolutionPipeline is that of TestEvolution.
const evolutionPipeline = `
id: evolution
privacy: none
source:
  kafka: {brokers: ["${KAFKA}"], topics: ["ev.*"], group: evolution}
stages:
  - decode: {registry: {files: "SCHEMAS"}}
sinks:
  - name: lake
    commit: {every: 1s}
    iceberg:
      catalog: {uri: "${CATALOG}", warehouse: dev, token: "file:${STATE}/secrets/catalog.token"}
      storage: {kind: local}
      namespace: bronze
      table: "{topic}"
      evolve: EVOLVE
  - name: replica
    commit: {every: 1s}
    d1: {api: "${CLOUDFLARE}", account: dev, token: "file:${STATE}/secrets/cloudflare.token", database: "${D1_DATABASE}", requests: 0, table: "{topic}", evolve: EVOLVE}
dead_letters: {home: replica, key: "file:${STATE}/secrets/deadletter.key", key_id: d1}
`

// TestEvolution: every change of columns in every encoding under a running
// pipeline, by a process that knows what was before and by one that meets the
// new columns first: the rows before and after are in Iceberg and D1, whole. // D3
func TestEvolution(t *testing.T) {
	dir := t.TempDir()
	registry := map[int]any{}
	var parts [2][]written
	for ei, e := range evolutions {
		for ci, enc := range evolvingEncodings {
			topic := "ev." + e.name + "." + enc
			id := 10 + 2*(ei*len(evolvingEncodings)+ci)
			parts[0] = append(parts[0], evolvingRow(t, topic, enc, e.before, false, id, registry), evolvingRow(t, topic, enc, e.after, false, id+1, registry))
			parts[1] = append(parts[1], evolvingRow(t, topic, enc, e.after, true, id+1, registry), evolvingRow(t, topic, enc, e.before, true, id, registry))
		}
	}
	var list []any
	for id, s := range registry {
		list = append(list, map[string]any{"id": id, "globalId": id, "subject": fmt.Sprint("s", id), "version": 1, "schema": s})
	}
	schemas, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "schemas.json")
	pipeline, state := filepath.Join(dir, "evolution.yaml"), filepath.Join(dir, "state")
	if err := os.WriteFile(file, schemas, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pipeline, []byte(strings.NewReplacer("SCHEMAS", file, "EVOLVE", "auto").Replace(evolutionPipeline)), 0o600); err != nil {
		t.Fatal(err)
	}
	all := slices.Clone(parts[0])
	for _, more := range [][]written{nil, parts[1]} {
		all = append(all, more...)
		once(t, "--dir", state, "--recording", record(t, all), "--pipeline", pipeline)
	}
	lake := lakeRows(t, state)
	db := replica(t, state)
	for _, e := range evolutions {
		for _, enc := range evolvingEncodings {
			var want []map[string]string
			for _, cols := range [][]evolvingColumn{e.before, e.after} {
				for _, second := range []bool{false, true} {
					row := map[string]string{}
					for _, c := range cols {
						v := c.first
						if second {
							v = c.second
						}
						if v != "null" {
							row[c.name] = strings.Trim(v, `"`)
						}
					}
					want = append(want, row)
				}
			}
			slices.SortFunc(want, func(a, b map[string]string) int { return strings.Compare(a["id"], b["id"]) })
			for store, got := range map[string][]map[string]string{"lake": lake["ev_"+e.name+"_"+enc], "replica": replicaRows(t, db, "ev."+e.name+"."+enc)} {
				slices.SortFunc(got, func(a, b map[string]string) int { return strings.Compare(a["id"], b["id"]) })
				if !slices.EqualFunc(got, want, func(a, b map[string]string) bool { return maps.Equal(a, b) }) {
					t.Errorf("%s, %s, in %s:\ngot  %v\nwant %v", e.name, enc, store, got, want)
				}
			}
		}
	}
}

// once runs sluice dev --once in a process of its own.
func once(t *testing.T, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], append([]string{"dev", "--once"}, args...)...)
	c.Env = append(os.Environ(), "SLUICE_MAIN=1")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// replica is the D1 database of a state directory.
func replica(t *testing.T, state string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(state, "cloudflare", "d1", "replica.sqlite")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// plainRow is a row's values by the source's names: NAME__TYPE is NAME's.
func plainRow(names []string, value func(i int) (string, bool)) map[string]string {
	row := map[string]string{}
	for i, n := range names {
		if strings.HasPrefix(n, "_") {
			continue
		}
		base, _, _ := strings.Cut(n, "__")
		if v, ok := value(i); ok {
			row[base] += v // two of them would not be what was written
		}
	}
	return row
}

func lakeRows(t *testing.T, state string) map[string][]map[string]string {
	t.Helper()
	cat, err := catalog.New(catalog.Options{Dir: filepath.Join(state, "catalog"), Warehouse: "file://" + filepath.Join(state, "warehouse"), WarehouseName: "dev"})
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	rc, err := rest.NewCatalog(t.Context(), "x", "http://catalog", rest.WithCustomTransport(cat.Transport()), rest.WithWarehouseLocation("dev"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]map[string]string{}
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
		name := id[len(id)-1]
		for tr := array.NewTableReader(at, 0); tr.Next(); {
			b := tr.RecordBatch()
			var names []string
			for _, f := range b.Schema().Fields() {
				names = append(names, f.Name)
			}
			for r := range int(b.NumRows()) {
				out[name] = append(out[name], plainRow(names, func(i int) (string, bool) {
					return b.Column(i).ValueStr(r), b.Column(i).IsValid(r)
				}))
			}
		}
	}
	return out
}

func replicaRows(t *testing.T, db *sql.DB, name string) (out []map[string]string) {
	t.Helper()
	rows, err := db.Query(`SELECT * FROM "` + name + `"`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values := make([]any, len(names))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		out = append(out, plainRow(names, func(i int) (string, bool) {
			v := *values[i].(*any)
			return fmt.Sprint(v), v != nil
		}))
	}
	return out
}
