package decode

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"sluice/processors/proctest"
	"sluice/schemas"
	"sluice/topology/stream"
)

// The recordings in testdata are whole topics of Debezium 3.5.2 on PostgreSQL
// 15 (schemas off and on) and 3.5.0 on MariaDB 10.11, all of invented people.

// play decodes a recording, one batch a lane.
func play(t *testing.T, name string, c Config) []*stream.Batch {
	t.Helper()
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	var out []*stream.Batch
	for _, run := range proctest.Recording(t, "testdata/"+name+".jsonl.gz") {
		b := run.Batch(t)
		if err := d.Process(b); err != nil {
			t.Fatal(err)
		}
		if b.In != int64(len(b.Records))+b.Filtered+int64(len(b.Rejects)) {
			t.Fatalf("%v: in %d, records %d, filtered %d, rejected %d", b.Lane, b.In, len(b.Records), b.Filtered, len(b.Rejects))
		}
		out = append(out, b)
	}
	return out
}

// TestRecordings holds the counts against those of the recordings' own description.
func TestRecordings(t *testing.T) {
	for _, c := range []struct {
		name                                         string
		inserts, reads, updates, deletes, truncates  int
		filtered                                     int64
		columns                                      map[string]map[string]string
		rejected                                     int
		database, namespace, table, topic, connector string
	}{
		{name: "pg-inventory-json", inserts: 532, reads: 81, updates: 285, deletes: 25, truncates: 3,
			filtered: 18 + 3 + 25 + 64 + 64, columns: map[string]map[string]string{"*.customers": {"score": "decimal(30,5)"}},
			topic: "pg-inventory-json.shop.orders", database: "pg_inventory_json", namespace: "shop", table: "orders"},
		{name: "pg-inventory-json-schema", inserts: 532, reads: 81, updates: 285, deletes: 25, truncates: 3,
			filtered: 18 + 3 + 25 + 64 + 64, columns: map[string]map[string]string{"*.customers": {"score": "decimal(30,5)"}},
			topic: "pg-inventory-json-schema.shop.orders", database: "pg_inventory_json_schema", namespace: "shop", table: "orders"},
		{name: "mariadb-inventory-json", inserts: 321, reads: 68, updates: 116, deletes: 7, truncates: 1,
			filtered: 4 + 32 + 32 + 7 + 47 + 38,
			topic:    "mariadb-inventory-json.mariadb_inventory_json.orders", database: "mariadb_inventory_json", table: "orders"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Default
			cfg.Columns = c.columns
			var inserts, reads, updates, deletes, truncates, rejected int
			var filtered int64
			for _, b := range play(t, c.name, cfg) {
				filtered += b.Filtered
				rejected += len(b.Rejects)
				for _, r := range b.Rejects {
					t.Logf("%v@%d: %s %s", b.Lane, r.Record.Offset, r.Code, r.Field)
				}
				for i := range b.Records {
					r := &b.Records[i]
					switch r.Op {
					case stream.Insert:
						inserts++
						if r.Snapshot {
							reads++
						}
					case stream.Update:
						updates++
					case stream.Delete:
						deletes++
					case stream.Truncate:
						truncates++
					}
					if s := r.Schema; b.Lane.Topic == c.topic && r.Op != stream.Truncate &&
						(s.Database != c.database || s.Namespace != c.namespace || s.Table != c.table || !s.Closed) {
						t.Fatalf("schema of %q.%q.%q", s.Database, s.Namespace, s.Table)
					}
					checkRecord(t, b, r)
				}
			}
			got := []int{inserts - reads, reads, updates, deletes, truncates, rejected, int(filtered)}
			want := []int{c.inserts, c.reads, c.updates, c.deletes, c.truncates, c.rejected, int(c.filtered)}
			if !slices.Equal(got, want) {
				t.Errorf("c, r, u, d, t, rejected, filtered: %v, want %v", got, want)
			}
		})
	}
}

// checkRecord: every cell is a value of its column's type, wherever its bytes lie.
func checkRecord(t *testing.T, b *stream.Batch, r *stream.Record) {
	t.Helper()
	for _, row := range [][]schemas.Cell{r.Before, r.After, r.KeyRow} {
		if len(row) > len(r.Schema.Fields) {
			t.Fatalf("%v: %d cells, %d columns", r, len(row), len(r.Schema.Fields))
		}
		for i, c := range row {
			f := &r.Schema.Fields[i]
			if _, code := schemas.AppendJSON(nil, f.Type, f.Wire, c, b.CellBytes(r, c)); code != "" {
				t.Errorf("%v@%d %s %v: %s", b.Lane, r.Offset, f.Name, f.Type, code)
			}
		}
	}
	if r.Time < 1767225600000000 || r.Src == (stream.SourcePos{}) {
		t.Errorf("%v@%d: time %d, position %v", b.Lane, r.Offset, r.Time, r.Src)
	}
}

// says writes a row as name=value, canonical and sorted.
func says(b *stream.Batch, r *stream.Record, row []schemas.Cell) string {
	var out []string
	for i, c := range row {
		f := &r.Schema.Fields[i]
		switch {
		case c.Absent():
			continue
		case c.Flags&schemas.Unavailable != 0:
			out = append(out, f.Name+"=UNAVAILABLE")
			continue
		}
		v, code := schemas.AppendJSON(nil, f.Type, f.Wire, c, b.CellBytes(r, c))
		out = append(out, fmt.Sprintf("%s=%s%s", f.Name, v, code))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestSchemalessEqualsSchema: the same SQL recorded with schemas off and on
// gives the same rows, when the columns are declared as the schemas say.
func TestSchemalessEqualsSchema(t *testing.T) {
	kinds := []string{"customers", "orders", "order_items", "products", "addresses", "accounts", "MixedCase"}
	declared := map[string]map[string]string{}
	rows := func(name string, batches []*stream.Batch, learn bool) map[string]int {
		out := map[string]int{}
		for _, b := range batches {
			table, ok := strings.CutPrefix(b.Lane.Topic, name+".shop.")
			if !ok || !slices.Contains(kinds, table) {
				continue
			}
			for i := range b.Records {
				r := &b.Records[i]
				out[fmt.Sprintf("%s %v snapshot=%v\nbefore %s\nafter %s\nkey %s", table, r.Op, r.Snapshot, says(b, r, r.Before), says(b, r, r.After), says(b, r, r.KeyRow))]++
				if !learn {
					continue
				}
				columns := declared["*.shop."+table]
				if columns == nil {
					columns = map[string]string{}
					declared["*.shop."+table] = columns
				}
				for _, f := range r.Schema.Fields {
					columns[f.Name] = f.Type.String() + map[schemas.Wire]string{schemas.WireMillis: ":millis", schemas.WireMicros: ":micros",
						schemas.WireDays: ":days", schemas.WireISO: ":iso"}[f.Wire]
					if f.Type.Kind == schemas.Binary {
						columns[f.Name] += ":base64"
					}
				}
			}
		}
		return out
	}
	cfg := Default
	cfg.Columns = map[string]map[string]string{"*.customers": {"score": "decimal(30,5)"}}
	with := rows("pg-inventory-json-schema", play(t, "pg-inventory-json-schema", cfg), true)
	cfg.Columns = declared
	without := rows("pg-inventory-json", play(t, "pg-inventory-json", cfg), false)
	if len(with) < 100 {
		t.Fatalf("only %d distinct rows", len(with))
	}
	if maps.Equal(with, without) {
		return
	}
	n := 0
	for _, k := range slices.Sorted(maps.Keys(with)) {
		if with[k] != without[k] {
			if n++; n <= 8 {
				t.Errorf("with a schema %d times, without %d times: %s", with[k], without[k], k)
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(without)) {
		if with[k] == 0 {
			if n++; n <= 16 {
				t.Errorf("only without a schema: %s", k)
			}
		}
	}
	t.Errorf("%d differ of %d", n, len(with))
}
