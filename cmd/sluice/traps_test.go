package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// trap is what a reader of Debezium's records gets wrong: the value at a path of
// what sluice decode says of the record at a place.
type trap struct{ name, dir, recording, place, path, want string }

const near, far = "", "../../../../processors/decode/testdata/"

// TestTraps: what real recordings hold that a reader gets wrong, each by name,
// at the place where it was recorded.
func TestTraps(t *testing.T) { spring(t, recordedTraps) }

// spring holds what is decoded against traps.
func spring(t *testing.T, traps []trap) {
	recordings := map[string]map[string]map[string]any{}
	for _, c := range traps {
		if recordings[c.recording] == nil {
			recordings[c.recording], _ = decoded(t, c.dir+c.recording)
		}
		t.Run(c.name, func(t *testing.T) {
			at := map[string]any{}
			for k, v := range recordings[c.recording] {
				if k == c.place || strings.HasSuffix(k, "."+c.place) {
					at = v
				}
			}
			if len(at) == 0 && c.path != "op" && c.path != "after" {
				t.Fatalf("%s has no row at %s", c.recording, c.place)
			}
			if got := valueAt(t, at, c.path); got != c.want {
				t.Errorf("%s %s: %.300s, want %.300s", c.recording, c.place, got, c.want)
			}
		})
	}
}

// valueAt is the JSON of the value at a path, a.b.
func valueAt(t *testing.T, v any, path string) string {
	t.Helper()
	for p := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

var recordedTraps = []trap{
	{"the key of a table whose identity lacks it is Debezium's 0", far, "pg-inventory-json", "accounts/0/3", "key", `{"id":0}`},
	{"a changed key under that identity is an update of the new key", far, "pg-inventory-json", "accounts/0/6", "op", `"update"`},
	{"the invented before of a delete is not shown", far, "pg-inventory-json", "customers/1/6", "before", `null`},
	{"a delete is its key", far, "pg-inventory-json", "orders/0/10", "key", `{"id":1}`},
	{"a changed key is a delete of the old key", far, "pg-inventory-json", "customers/1/8", "key", `{"id":3}`},
	{"and an insert of the new one", far, "pg-inventory-json", "customers/1/10", "key", `{"id":1003}`},
	{"with one position in the source", far, "pg-inventory-json", "customers/1/10", "source", `"0000000001a138900000000001a1389000000000"`},
	{"a full identity deletes with its row", far, "pg-inventory-json", "audit_full/0/5", "op", `"delete"`},
	{"a null key beside a null value is nothing", far, "pg-inventory-json", "audit_full/0/6", "op", `null`},
	{"a truncate has no rows", far, "pg-inventory-json", "scratch/0/2", "op", `"truncate"`},
	{"a logical message is no row", far, "pg-inventory-json", "message/1/0", "op", `null`},
	{"an incremental snapshot has a position", far, "pg-inventory-json", "orders/0/12", "source", `"0000000001a630100000000001a6301000000000"`},
	{"an incremental snapshot is a snapshot", far, "pg-inventory-json", "orders/0/12", "snapshot", `true`},
	{"the signal table has rows", far, "pg-inventory-json", "debezium_signal/0/0", "after.id", `"ad-hoc-1"`},
	{"a heartbeat is no row", far, "pg-inventory-json", "__debezium-heartbeat.pg-inventory-json/0/0", "op", `null`},
	{"the placeholder in every type", far, "pg-inventory-json", "documents/0/2", "unavailable", `["body","bin","meta","parts","kv","num"]`},
	{"the placeholder in an insert", far, "pg-inventory-json", "documents/1/0", "unavailable", `["bin","meta","parts","kv","num"]`},
	{"a precise numeric that was not sent is null", far, "pg-inventory-json-schema", "documents/1/1", "after.num", `null`},
	{"a header of a moved key does not change the row", far, "pg-inventory-json", "documents/1/0", "after.id", `20`},

	{"numeric that is no number is null when precise", near, "pg-types-json-schema", "t_numeric/0/1", "after.n", `null`},
	{"numeric of a negative scale", near, "pg-types-json-schema", "t_numeric/0/0", "after.n_neg", `"999900"`},
	{"numeric without a scale keeps its digits", near, "pg-types-json-schema", "t_numeric/0/0", "after.n", `"10000000000000000000000000000000000000000"`},
	{"money of a snapshot went through a double", near, "pg-types-json-schema", "t_numeric/0/0", "after.m", `"92233720368547760.00"`},
	{"infinity of a float is a text", near, "pg-types-json-schema", "t_float/0/0", "after.f8", `"Infinity"`},
	{"NaN of a float is a text", near, "pg-types-json-schema", "t_float/0/1", "after.f4", `"NaN"`},
	{"a float's digits are Java's", near, "pg-types-json-schema", "t_float/0/5", "after.f8", `4.9E-324`},
	{"minus zero", near, "pg-types-json-schema", "t_float/0/4", "after.f8", `-0.0`},
	{"an integer beyond a double", near, "pg-types-json-schema", "t_int/0/2", "after.i8", `9007199254740993`},
	{"a date before Christ loses its era in a snapshot", near, "pg-types-json-schema", "t_time/0/0", "after.d", `"4713-01-01"`},
	{"a moment before Christ keeps it", near, "pg-types-json-schema", "t_time/0/0", "after.tstz", `"-4713-11-25T00:00:00.000000Z"`},
	{"a year beyond 9999", near, "pg-types-json-schema", "t_time/0/1", "after.tstz", `"+294276-12-31T23:59:59.999999Z"`},
	{"infinity of a moment is a text", near, "pg-types-json-schema", "t_time/0/2", "after.tstz", `"-infinity"`},
	{"infinity of a timestamp is a date far away", near, "pg-types-json-schema", "t_time/0/2", "after.ts", `"-290308-12-21T19:59:27.600000"`},
	{"infinity of a date in a snapshot", near, "pg-types-json-schema", "t_time/0/2", "after.d", `"-1711471-07-22"`},
	{"and in the stream another", near, "pg-types-json-schema", "t_time/0/13", "after.d", `"-5877611-06-22"`},
	{"an interval saturates", near, "pg-types-json-schema", "t_time/0/0", "after.iv", `-9223372036854775808`},
	{"an interval's month is 30.4375 days", near, "pg-types-json-schema", "t_time/0/2", "after.iv_y", `-2629800000000`},
	{"timetz is shifted to UTC", near, "pg-types-json-schema", "t_time/0/5", "after.ttz", `"10:34:56.789012Z"`},
	{"arrays of arrays lost their elements", near, "pg-types-json-schema", "t_array/0/0", "after.aa", `[null,null]`},
	{"elements of arrays are texts where floats are", near, "pg-types-json-schema", "t_array/0/0", "after.af", `[1.5,"NaN","Infinity"]`},
	{"decimals in arrays have their digits", near, "pg-types-json-schema", "t_array/0/0", "after.an", `["1.50","2.25"]`},
	{"an astral character is one", near, "pg-types-json-schema", "t_json/0/1", "after.e", `"happy 😀"`},
	{"json is a document in a text", near, "pg-types-json-schema", "t_json/0/1", "after.j", `"[]"`},
	{"hstore is a document", near, "pg-types-json-schema", "t_json/0/1", "after.h", `"{\"a\":\"\"}"`},

	{"an update carries the SQL nowhere", far, "mariadb-inventory-json", "customers/1/2", "query", `null`},
	{"DDL is no row", far, "mariadb-inventory-json", "mariadb-inventory-json/0/0", "op", `null`},
	{"a binlog position", far, "mariadb-inventory-json", "customers/1/2", "source", `"0000000000000001000000000000caf600000000"`},
	{"tinyint(1) is a number", far, "mariadb-inventory-json", "customers/1/2", "after.marketing", `0`},
	{"bits are little-endian", near, "mysql-types-json", "t_bit/0/0", "after.b20", `"Dw8P"`},
	{"bit(1) is a boolean", near, "mysql-types-json", "t_bit/0/0", "after.b1", `true`},
	{"a time beyond a day, negative", near, "mysql-types-json", "t_time/0/9", "after.t", `-3020399000000`},
	{"a zero date where null is not allowed is 1970", near, "mysql-types-json", "t_time/0/9", "after.nn_d", `0`},
	{"the same zero moment, nullable, is 1970 in the stream", near, "mysql-types-json", "t_time/0/9", "after.ts", `"1970-01-01T00:00:00Z"`},

	{"headers of a connector's context are no columns", far, "pg-inventory-json", "customers/0/0", "after.connectorName", `null`},
	{"BEGIN and END are no rows, whatever their ids", far, "pg-inventory-json", "transaction/1/6", "op", `null`},
	{"an END may name a Java object", far, "pg-inventory-json", "transaction/0/16", "op", `null`},
	{"a BEGIN without END holds nothing up", far, "mariadb-inventory-json", "transaction/0/0", "op", `null`},
	{"a cascade truncates each of its tables", far, "pg-inventory-json", "scratch_child/1/0", "op", `"truncate"`},
	{"the last row of a snapshot is of it", far, "pg-inventory-json", "accounts/0/9", "snapshot", `true`},
	{"a full identity has no placeholder", far, "pg-inventory-json", "documents_full/0/2", "unavailable", `null`},
	{"a text that is the placeholder cannot be told apart", far, "pg-inventory-json", "documents/1/3", "unavailable", `["body","bin"]`},
	{"a flattened row has placeholders too", near, "pg-flat-tombstone", "documents/0/2", "unavailable", `["body","bin","meta","parts","kv","num"]`},
	{"a null of a flattened topic is a delete", near, "pg-flat-tombstone", "MixedCase/1/3", "op", `"delete"`},
	{"the schema history has null keys and is no row", far, "mariadb-inventory-json", "schema-history/0/0", "op", `null`},
	{"a renamed column is a new one", far, "pg-inventory-json", "customers/0/8", "after.phone", `null`},
	{"with the rows' values", far, "pg-inventory-json", "customers/0/6", "after.loyalty", `"gold"`},
	{"a dropped column is not there", far, "pg-inventory-json", "customers/0/9", "after.notes", `null`},
	{"a date before 1582 is Julian in a snapshot", near, "pg-types-json-schema", "t_time/0/3", "after.ts", `"1582-10-14T12:00:00.000000"`},
	{"and Gregorian in the stream", near, "pg-types-json-schema", "t_time/0/22", "after.ts", `"1582-10-04T12:00:00.000000"`},
	{"24:00:00 is not midnight", near, "pg-types-json-schema", "t_time/1/1", "after.t", `"24:00:00.000000"`},
	{"a FLOAT of a snapshot has six digits", near, "mariadb-types-json-schema", "t_dec/1/3", "after.f", `1.67772E7`},
	{"and of the stream its own", near, "mariadb-types-json-schema", "t_dec/1/14", "after.f", `1.6777216E7`},
	{"a decimal of 65 digits", near, "mariadb-types-json-schema", "t_dec/0/7", "after.d65_30", `"99999999999999999999999999999999999.999999999999999999999999999999"`},
	{"an enum's member with a comma has a backslash in the stream", near, "mariadb-types-json-schema", "t_text/0/7", "after.e", `"medium\\,x"`},
	{"and none in a snapshot", near, "mariadb-types-json-schema", "t_text/1/3", "after.e", `"medium,x"`},
	{"an enum's astral member is a question mark in the stream", near, "mariadb-types-json-schema", "t_text/1/12", "after.e", `"?"`},
	{"bigint unsigned wraps in mode long", near, "mariadb-types-json-schema", "t_int/0/2", "after.bu", `-1`},
	{"bits of MariaDB keep their zeros", near, "mariadb-types-json-schema", "t_bit/0/5", "after.b20", `"AAAA"`},
	{"bits of PostgreSQL lose theirs", near, "pg-types-json-schema", "t_bin/1/0", "after.b20", `""`},
	{"geometry keeps its SRID", near, "mariadb-types-json-schema", "t_geo/1/0", "after.g", `{"srid":4326,"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA"}`},
	{"coordinates may be no numbers", near, "pg-types-json-schema", "t_geo/0/1", "after.p.y", `"NaN"`},
	{"char is padded by the database", near, "pg-types-json-schema", "t_text/1/0", "after.c", `"char    "`},
	{"a control character and a noncharacter stay", near, "pg-types-json-schema", "t_text/0/1", "after.v", `"  lead "`},
	{"columns whose type Debezium does not know are absent", near, "pg-types-json-schema", "t_other/0/0", "after.tsq", `null`},
	{"an id in a header, the value without one", near, "pg-inventory-avro-headers", "customers/0/0", "op", `"insert"`},
	{"a text key of the outbox is a text", near, "pg-outbox-string", "UPPER.case-topic/0/0", "key.key", `"k/45"`},
	{"a null payload of the outbox is nothing", near, "pg-outbox-string", "customer/0/0", "op", `null`},
	{"numbers of the outbox keep their zeros", near, "pg-outbox-string", "order/0/0", "after.total", `10.50`},

	{"an outbox of arrays", near, "pg-outbox-string", "customer/0/1", "after.value", `[1,"two",null,{"three":3.0}]`},
	{"an outbox of texts", near, "pg-outbox-string", "customer/0/2", "after.value", `"just a string"`},

	{"a column of another type goes on in another", near, "pg-inventory-avro", "customers/0/16", "after.score", `null`},
	{"names that Avro cannot spell", near, "pg-inventory-avro", "MixedCase/0/0", "after.Gr__e", `"1.50"`},
}
