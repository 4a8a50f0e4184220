package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Records of traps that no recording in testdata holds, as they were observed.
const (
	envelopeFormat = `{"before":BEFORE,"after":AFTER,"source":{"connector":"postgresql","db":"d","schema":"s","table":"t","lsn":9,"snapshot":"false"},"op":"OP","ts_ms":1}`
	schemaFormat   = `{"type":"struct","name":"p.s.t.Envelope","fields":[{"type":"struct","optional":true,"name":"p.s.t.Value","field":"after","fields":[{"type":"int32","optional":false,"field":"id"},COLUMNS]},{"type":"string","optional":false,"field":"op"}]}`
)

func change(op, before, after string) string {
	return strings.NewReplacer("BEFORE", before, "AFTER", after, "OP", op).Replace(envelopeFormat)
}

func withColumns(columns, payload string) string {
	return `{"schema":` + strings.Replace(schemaFormat, "COLUMNS", columns, 1) + `,"payload":` + payload + `}`
}

// placeheld are the forms of the placeholder by the type of its column.
const placeheld = `{"id":1,"text":"__debezium_unavailable_value","bytea":"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==","hex":"5f5f646562657a69756d5f756e617661696c61626c655f76616c7565",
"texts":["__debezium_unavailable_value"],"ints":[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101],
"uuids":["b68a35a7-17ad-35b3-af2a-ae46edb4545a"],"hstore":"{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}","map":{"__debezium_unavailable_value":"__debezium_unavailable_value"}}`

const numericOf = `{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"SCALE","connect.decimal.precision":"PRECISION"},"field":"n"}`

func numeric(precision, scale string) string {
	return strings.NewReplacer("PRECISION", precision, "SCALE", scale).Replace(numericOf)
}

// TestTrapForms: traps by the records that spring them. want are the values at
// paths of the row at an offset of the topic t, - standing for no row.
func TestTrapForms(t *testing.T) {
	key := `{"id":1}`
	for _, c := range []struct {
		name   string
		decode string // the decode stage's configuration
		keys   []string
		values []string
		want   map[string]string
	}{
		{"the placeholder in every type, as it was observed", "", []string{key}, []string{change("u", "null", placeheld)},
			map[string]string{"0 unavailable": `["text","bytea","hex","texts","ints","uuids","hstore","map"]`, "0 after": `{"id":1}`}},
		{"ALTER numeric changes the bytes of a number, with schemas", "", []string{key, key}, []string{
			withColumns(numeric("12", "2"), `{"after":{"id":1,"n":"BUY="},"op":"c"}`), withColumns(numeric("14", "4"), `{"after":{"id":1,"n":"Ag9Y"},"op":"u"}`)},
			map[string]string{"0 after.n": `"13.50"`, "1 after.n__decimal_14_4": `"13.5000"`}},
		{"without schemas only who was told the scale knows the number", `columns: {t: {n: "decimal(12,2):base64"}}`, []string{key}, []string{change("c", "null", `{"id":1,"n":"BUY="}`)},
			map[string]string{"0 after.n": `"13.50"`}},
		{"a null of four bytes is a tombstone behind a delete", "tombstones: filter", []string{key, key}, []string{change("d", key, "null"), "null"},
			map[string]string{"0 op": `"delete"`, "1 op": "-"}},
		{"a payload of null is one too", "tombstones: filter", []string{key, key}, []string{change("d", key, "null"), withColumns(numeric("1", "0"), "null")},
			map[string]string{"0 op": `"delete"`, "1 op": "-"}},
		{"a null key and a null value", "", []string{"", ""}, []string{change("c", "null", key), ""}, map[string]string{"0 op": `"insert"`, "1 op": "-"}},
		{"BEGIN and END of a transaction have other ids", "transactions: rows", []string{`{"id":"789:26984128"}`, `{"id":"789:26984999"}`}, []string{
			`{"status":"BEGIN","id":"789:26984128","event_count":null,"data_collections":null,"ts_ms":1}`,
			`{"status":"END","id":"789:26984999","event_count":1,"data_collections":[{"data_collection":"s.t","event_count":1}],"ts_ms":1}`},
			map[string]string{"0 after.id": `"789:26984128"`, "1 after.id": `"789:26984999"`, "1 after.event_count": "1"}},
		{"a message outside of a transaction", "messages: rows", []string{`{"prefix":"p"}`}, []string{
			`{"op":"m","ts_ms":1,"source":{"connector":"postgresql","db":"d","schema":"","table":"","txId":null,"lsn":7},"transaction":null,"message":{"prefix":"p","content":"eA=="}}`},
			map[string]string{"0 op": `"insert"`}},
		{"DDL that outruns the connector makes a column nullable", "", []string{key, key}, []string{
			withColumns(`{"type":"string","optional":false,"field":"a"}`, `{"after":{"id":1,"a":"x"},"op":"c"}`),
			withColumns(`{"type":"string","optional":true,"field":"a"}`, `{"after":{"id":1,"a":null},"op":"u"}`)},
			map[string]string{"0 after.a": `"x"`, "1 after.a": "null", "1 op": `"update"`}},
		{"an update of MariaDB carries the row as it was", "", []string{key}, []string{strings.Replace(change("u", `{"id":1,"a":"old"}`, `{"id":1,"a":"new"}`), "postgresql", "mariadb", 1)},
			map[string]string{"0 before.a": `"old"`, "0 after.a": `"new"`}},
		{"and one of PostgreSQL a key with inventions", "", []string{key}, []string{change("u", `{"id":1,"a":""}`, `{"id":1,"a":"new"}`)},
			map[string]string{"0 before": "null", "0 after.a": `"new"`}},
		{"source.snapshot is a text, false among them", "", []string{key, key}, []string{
			change("c", "null", key), strings.Replace(change("r", "null", key), `"snapshot":"false"`, `"snapshot":"last"`, 1)},
			map[string]string{"0 snapshot": "null", "1 snapshot": "true"}},
		{"an incremental snapshot has neither LSN nor transaction", "", []string{key}, []string{
			strings.NewReplacer(`"snapshot":"false"`, `"snapshot":"incremental","sequence":"[null,\"26983424\"]","txId":null`, `"lsn":9`, `"lsn":null`).Replace(change("r", "null", key))},
			map[string]string{"0 snapshot": "true", "0 source": `"00000000019bbc0000000000019bbc0000000000"`}},
		{"a time of int64 minimum", "", []string{key}, []string{withColumns(`{"type":"int64","optional":true,"name":"io.debezium.time.MicroTimestamp","field":"at"}`, `{"after":{"id":1,"at":-9223372036854775808},"op":"c"}`)},
			map[string]string{"0 after.at": `"-290308-12-21T19:59:05.224192"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var forms []written
			for i, v := range c.values {
				w := written{Topic: "t", Key: json.RawMessage(c.keys[i])}
				switch {
				case v == "null":
					w.Value = json.RawMessage(`{"$text":"null"}`)
				case v != "":
					w.Value = json.RawMessage(v)
				}
				forms = append(forms, w)
			}
			policy := filepath.Join(t.TempDir(), "p.yaml")
			body := "id: trap\nprivacy: none\nsource: {kafka: {brokers: [\"b:1\"], topics: [t]}}\nstages:\n  - decode: {" + c.decode + "}\nsinks:\n  - name: k\n    kafka: {brokers: [\"b:1\"]}\n"
			if err := os.WriteFile(policy, []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
			out, talk, code := sluice(t, "decode", "--policy", policy, record(t, forms))
			if code != exitOK {
				t.Fatalf("code %d: %s%s", code, out, talk)
			}
			rows := map[string]map[string]any{}
			for l := range strings.Lines(out) {
				d := json.NewDecoder(strings.NewReader(l))
				d.UseNumber()
				var v map[string]any
				if err := d.Decode(&v); err != nil {
					t.Fatal(err)
				}
				rows[string(v["offset"].(json.Number))] = v
			}
			for at, want := range c.want {
				offset, path, _ := strings.Cut(at, " ")
				if row := rows[offset]; (row == nil) != (want == "-") {
					t.Errorf("%s: %v, want %s", at, row, want)
				} else if want != "-" && valueAt(t, row, path) != want {
					t.Errorf("%s: %s, want %s", at, valueAt(t, row, path), want)
				}
			}
		})
	}
}

// TestTrapSays: source.query and DDL carry personal data, and tell of tables that
// were never dropped. // P1
func TestTrapSays(t *testing.T) {
	_, text := decoded(t, far+"mariadb-inventory-json")
	for _, sql := range []string{"INSERT INTO", "insert into", "UPDATE ", "update customers", "DROP TABLE", "CREATE TABLE"} {
		if strings.Contains(text, sql) {
			t.Errorf("a row has SQL in it, of source.query or ddl: %s", sql)
		}
	}
	// A snapshot's schema changes begin with DROPs of tables that stay.
	out, _, code := sluice(t, "decode", "--privacy", "none", "--infer", "--schema", "testdata/recordings/"+far+"mariadb-inventory-json.jsonl.gz")
	if code != exitOK || !strings.Contains(out, `"name":"total","type":"decimal(12,2)"`) {
		t.Errorf("the columns of a table that a snapshot says was dropped: %s", out)
	}
}
