package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// modeTraps are what connectors that are set up otherwise write, and what
// crashes leave: rows of many recordings, in testdata/recordings/traps.
var modeTraps = []trap{
	{"numeric that is no number, as a double, is a text", near, "traps", "pg-types-double-connect-hex.shop.t_numeric/1/2", "after.n", `"NaN"`},
	{"infinity of a numeric, as a double", near, "traps", "pg-types-double-connect-hex.shop.t_numeric/0/5", "after.n", `"Infinity"`},
	{"numeric that is no number, as a text", near, "traps", "pg-types-string-micros-base64.shop.t_numeric/1/2", "after.n", `"NAN"`},
	{"infinity of a numeric, as a text", near, "traps", "pg-types-string-micros-base64.shop.t_numeric/0/5", "after.n", `"POSITIVE_INFINITY"`},
	{"minus infinity of a numeric, as a text", near, "traps", "pg-types-string-micros-base64.shop.t_numeric/1/5", "after.n", `"NEGATIVE_INFINITY"`},
	{"a decimal as a text keeps its zeros", near, "traps", "pg-types-string-micros-base64.shop.t_numeric/1/3", "after.n", `"1.500"`},
	{"a negative scale as a text has 2046 zeros", near, "traps", "pg-types-string-micros-base64.shop.t_numeric/1/3", "after.n_neg", `"200.` + strings.Repeat("0", 2046) + `"`},
	{"a precise decimal of no scale lost its zeros", near, "traps", "pg-types-json.shop.t_numeric/1/3", "after.n", `"1.5"`},
	{"a precise decimal without schemas has no scale", near, "traps", "pg-types-json.shop.t_numeric/1/3", "after.n_10_2", `"AJY="`},
	{"money.fraction.digits scales money", near, "traps", "pg-types-nanos.shop.t_numeric/1/3", "after.m", `"ZA=="`},
	{"elements of arrays are base64 without schemas", near, "traps", "pg-types-json.shop.t_array/0/0", "after.an", `["AJY=","AOE="]`},
	{"bigint unsigned, precise, is a decimal", near, "traps", "mariadb-types-string-connect-hex.mariadb_types_string_connect_hex.t_int/0/0", "after.bu", `"Cg=="`},

	{"24:00:00 is midnight in isostring", near, "traps", "pg-types-isostring-base64url.shop.t_time/1/1", "after.t", `"00:00:00Z"`},
	{"a date of isostring has a Z", near, "traps", "pg-types-isostring-base64url.shop.t_time/0/0", "after.d", `"2026-03-29Z"`},
	{"infinity of a date in isostring, snapshot", near, "traps", "pg-types-isostring-base64url.shop.t_time/1/1", "after.d", `"+292278994-08-16Z"`},
	{"infinity of a date in isostring, stream", near, "traps", "pg-types-isostring-base64url.shop.t_time/1/19", "after.d", `"-5877611-06-21Z"`},
	{"milliseconds of mode connect cut microseconds", near, "traps", "pg-types-double-connect-hex.shop.t_time/0/0", "after.ts", `1774751400123`},
	{"nanoseconds overflow without a word", near, "traps", "pg-types-nanos.shop.t_time/0/1", "after.ts", `945979145224191000`},
	{"an interval in words", near, "traps", "pg-types-double-connect-hex.shop.t_time/0/0", "after.iv", `"P1Y2M3DT4H5M6.789S"`},
	{"infinity of a timestamp in milliseconds", near, "traps", "pg-types-double-connect-hex.shop.t_time/1/1", "after.ts", `9223372036825200`},
	{"a TIME beyond a day is null in mode connect", near, "traps", "mariadb-types-string-connect-hex.mariadb_types_string_connect_hex.t_time/0/2", "after.t", `null`},
	{"a year is a number", near, "traps", "mariadb-types-string-connect-hex.mariadb_types_string_connect_hex.t_time/0/0", "after.y", `2026`},
	{"TIMESTAMP has its zeros in neither or both", near, "traps", "mariadb-types-string-connect-hex.mariadb_types_string_connect_hex.t_time/0/0", "after.ts", `"2026-03-29T02:30:00Z"`},

	{"generated columns are in a snapshot", near, "traps", "pg-types-json.shop.t_default/0/0", "after.n", `14`},
	{"and absent from PostgreSQL's stream", near, "traps", "pg-types-json.shop.t_default/0/8", "after.n", `null`},
	{"MariaDB's stream has them", near, "traps", "mariadb-types-json.mariadb_types_json.t_maria/0/4", "after.gen", `202`},
	{"invisible columns are columns", near, "traps", "mariadb-types-json.mariadb_types_json.t_maria/0/4", "after.inv", `5`},
	{"types that Debezium does not know are bytes of their texts", near, "traps", "pg-types-double-connect-hex.shop.t_other/0/0", "after.pl", `"31362f4233373444383438"`},
	{"bytes as hex without schemas are a text", near, "traps", "pg-types-double-connect-hex.shop.t_bin/0/0", "after.ba", `"00ff10"`},
	{"bits are base64 whatever the mode of bytes", near, "traps", "pg-types-double-connect-hex.shop.t_bin/0/0", "after.b20", `"Dw8P"`},
	{"hstore as a map", near, "traps", "pg-types-double-connect-hex.shop.t_json/0/0", "after.h", `{"a":"1","k ey":"v\"q","n":null}`},
	{"jsonb is PostgreSQL's spelling", near, "traps", "pg-types-json.shop.t_json/0/0", "after.jb", `"{\"a\": [1, 2.50, 100000000000000000000], \"b\": 1, \"u\": \"é😀\"}"`},
	{"a set is its members with commas", near, "traps", "mariadb-types-string-connect-hex.mariadb_types_string_connect_hex.t_text/0/0", "after.st", `"a,b"`},
	{"a point of MySQL has its coordinates twice", near, "traps", "mysql-types-json.mysql_types_json.t_geo/0/0", "after.p.x", `1.0`},

	{"a flattened delete of mode rewrite is its key", near, "traps", "pg-flat-rewrite.shop.orders/0/10", "op", `"delete"`},
	{"and not the fillers it is published with", near, "traps", "pg-flat-rewrite.shop.orders/0/10", "after", `null`},
	{"nor are they shown as what was", near, "traps", "pg-flat-rewrite.shop.orders/0/10", "before", `null`},
	{"an outbox event in an envelope is the text it was", near, "traps", "pg-outbox.order/0/0", "after.payload", `"{\"id\": 1, \"email\": \"snapshot@outbox.example\", \"total\": 10.50}"`},
	{"its time is that of its column", near, "traps", "pg-outbox.order/0/1", "ts", `"2026-02-01T10:00:00.123000Z"`},
	{"its headers are no columns", near, "traps", "pg-outbox.order/0/1", "after.eventType", `null`},
	{"an expanded payload lost a decimal's zeros", near, "traps", "pg-outbox-expanded.order/0/0", "after.total", `10.5`},
	{"arrays are not expanded", near, "traps", "pg-outbox-expanded.customer/0/1", "after.value", `"[1, \"two\", null, {\"three\": 3.0}]"`},
	{"a null that the JSON converter wrote deletes", near, "traps", "pg-outbox-expanded.customer/0/0", "op", `"delete"`},

	{"a row before a crash", near, "traps", "pg-kill9-duplicates.shop.events/0/560", "source", `"000000000add5588000000000add558800000000"`},
	{"and again behind it, at the same place in the source", near, "traps", "pg-kill9-duplicates.shop.events/0/1259", "source", `"000000000add5588000000000add558800000000"`},
	{"places in the source go back within a partition", near, "traps", "pg-kill9-duplicates.shop.events/0/1258", "source", `"000000000add54a8000000000add54a800000000"`},
	{"a transaction that was aborted, read uncommitted", near, "traps", "pg-kill9-eos.shop.events/0/1477", "after.state", `"paid"`},
	{"and its committed copy", near, "traps", "pg-kill9-eos.shop.events/0/1580", "after.state", `"paid"`},
}

// TestTrapModes: see modeTraps.
func TestTrapModes(t *testing.T) { spring(t, modeTraps) }

// TestTrapCrashDuplicates: a connector that was killed writes again what it had
// written, with older places in the source behind newer ones. A keyed replica
// is at its end what the source says, whatever the order of those places. // D4
func TestTrapCrashDuplicates(t *testing.T) {
	text := unzip(t, "testdata/recordings/traps.jsonl.gz")
	var events strings.Builder
	for l := range strings.Lines(text) {
		if strings.Contains(l, `"topic":"pg-kill9-duplicates.`) || strings.Contains(l, `"topic": "pg-kill9-duplicates.`) {
			events.WriteString(l)
		}
	}
	lines, _ := decoded(t, "traps")
	want := map[string]map[string]any{} // by id, what the last change says
	places := map[any]int{}
	twice := 0
	for offset := range 1400 {
		l := lines[fmt.Sprint("pg-kill9-duplicates.shop.events/0/", offset)]
		if l == nil {
			continue
		}
		if places[l["source"]]++; places[l["source"]] == 2 && offset > 1257 {
			twice++
		}
		id := fmt.Sprint(l["key"].(map[string]any)["id"])
		if l["op"] == "delete" {
			delete(want, id)
		} else {
			want[id] = l["after"].(map[string]any)
		}
	}
	if twice < 40 || len(want) < 20 {
		t.Fatalf("%d rows twice, %d in all: the recording is not what it was", twice, len(want))
	}
	dir := t.TempDir()
	state, pipeline, file := filepath.Join(dir, "state"), filepath.Join(dir, "crash.yaml"), filepath.Join(dir, "crash.jsonl")
	for name, body := range map[string]string{file: events.String(), pipeline: crashPipeline} {
		if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	once(t, "--dir", state, "--recording", file, "--pipeline", pipeline)
	got := map[string]map[string]string{}
	for _, r := range replicaRows(t, replica(t, state), "pg-kill9-duplicates.shop.events") {
		got[r["id"]] = r
	}
	if len(got) != len(want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
	for id, w := range want {
		for c, v := range w {
			if g := got[id][c]; g != fmt.Sprint(v) {
				t.Errorf("row %s, %s: %q, want %q", id, c, g, fmt.Sprint(v))
			}
		}
	}
}

const crashPipeline = `
id: crash
privacy: none
source:
  kafka: {brokers: ["${KAFKA}"], topics: ["*.events"], group: crash}
stages:
  - decode: {}
sinks:
  - name: replica
    commit: {every: 1s}
    d1: {api: "${CLOUDFLARE}", account: dev, token: "file:${STATE}/secrets/cloudflare.token", database: "${D1_DATABASE}", requests: 0, table: "{topic}"}
dead_letters: {home: replica, key: "file:${STATE}/secrets/deadletter.key", key_id: d1}
`
