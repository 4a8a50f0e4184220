package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestWireForms: one row of Debezium in every wire form that Avro comes in is
// that row: ids before the data or in headers, of four bytes, eight or a GUID,
// and within CloudEvents, whose data alone are Avro or all of them.
func TestWireForms(t *testing.T) {
	const guid = "9f3c2a10-7d44-4e6a-8b51-0c1d2e3f4a5b"
	g, err := hex.DecodeString(strings.ReplaceAll(guid, "-", ""))
	if err != nil {
		t.Fatal(err)
	}
	text := func(field string) map[string]any { return map[string]any{"type": "string", "field": field} }
	row := func(field string) map[string]any {
		return map[string]any{"type": "struct", "name": "shop.t.Value", "optional": true, "field": field, "fields": []any{
			map[string]any{"type": "int32", "field": "id"}, map[string]any{"type": "string", "optional": true, "field": "name"},
			map[string]any{"type": "bytes", "optional": true, "field": "n", "name": "org.apache.kafka.connect.data.Decimal", "parameters": map[string]any{"scale": "2"}}}}
	}
	source := map[string]any{"type": "struct", "name": "s.Source", "field": "source", "fields": []any{text("connector"), text("db"), text("schema"), text("table"), map[string]any{"type": "int64", "optional": true, "field": "lsn"}}}
	envelope := map[string]any{"type": "struct", "name": "shop.t.Envelope", "fields": []any{row("before"), row("after"), source, text("op")}}
	data := map[string]any{"type": "struct", "name": "shop.t.Data", "field": "data", "fields": []any{row("before"), row("after")}}
	var attributes []any
	attribute := map[string]string{"id": "name:x;lsn:9", "source": "/debezium/postgresql/shop", "specversion": "1.0", "type": "io.debezium.connector.postgresql.DataChangeEvent",
		"datacontenttype": "application/avro", "iodebeziumop": "c", "iodebeziumdb": "d", "iodebeziumschema": "s", "iodebeziumtable": "t", "iodebeziumlsn": "9"}
	body := ""
	for _, name := range []string{"id", "source", "specversion", "type", "datacontenttype", "iodebeziumop", "iodebeziumdb", "iodebeziumschema", "iodebeziumtable", "iodebeziumlsn"} {
		attributes = append(attributes, text(name))
		body += fmt.Sprintf("%q:%q,", name, attribute[name])
	}
	event := map[string]any{"type": "struct", "name": "shop.t.CloudEvents.Envelope", "fields": append(attributes, data)}

	const after = `{"id":1,"name":"Größe","n":"AJY="}`
	blob := map[string]any{"type": "struct", "name": "shop.t.CloudEvents.Envelope", "fields": append(attributes[:len(attributes):len(attributes)], map[string]any{"type": "bytes", "field": "data"})}
	few := map[string]any{"type": "struct", "name": "shop.t.CloudEvents.Envelope", "fields": []any{text("id"), text("source"), text("specversion"), text("type"), text("datacontenttype"), map[string]any{"type": "bytes", "field": "data"}}}

	whole := encodeAvro(t, envelope, `{"before":null,"after":`+after+`,"source":{"connector":"postgresql","db":"d","schema":"s","table":"t","lsn":9},"op":"c"}`)
	inner := encodeAvro(t, data, `{"before":null,"after":`+after+`}`)
	cloud := encodeAvro(t, event, "{"+body+`"data":{"before":null,"after":`+after+`}}`)
	four := func(id byte) []byte { return []byte{0, 0, 0, 0, id} }
	within := base64.StdEncoding.EncodeToString(append(four(8), inner...))
	nested := encodeAvro(t, blob, "{"+body+`"data":"`+within+`"}`)
	attributeless := encodeAvro(t, few, "{"+body[:strings.Index(body, `"iodebeziumop"`)]+`"data":"`+within+`"}`)
	var list []any
	for id, s := range map[int]map[string]any{7: envelope, 8: data, 9: event, 10: blob, 11: few} {
		e := map[string]any{"id": id, "globalId": 100 + id, "subject": fmt.Sprint("s", id), "version": 1, "schema": avroOf(s, map[string]bool{}, true)}
		if id == 7 {
			e["guid"] = guid
		}
		list = append(list, e)
	}
	registry, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	eight := func(id byte) []byte { return []byte{0, 0, 0, 0, 0, 0, 0, 0, id} }
	for _, c := range []struct {
		name, header string
		id           []byte // in the header
		value        []byte
	}{
		{"Confluent", "", nil, append(four(7), whole...)},
		{"Apicurio, eight bytes", "", nil, append(eight(107), whole...)},
		{"Apicurio, a header", "apicurio.value.globalId", eight(107)[1:], whole},
		{"Confluent, a GUID in a header", "__value_schema_id", append([]byte{1}, g...), whole},
		{"Confluent, an id in a header", "__value_schema_id", four(7), whole},
		{"CloudEvents in JSON, Avro data", "", nil, []byte("{" + body + `"data":"` + base64.StdEncoding.EncodeToString(append(four(8), inner...)) + `"}`)},
		{"CloudEvents in Avro", "", nil, append(four(9), cloud...)},
		{"CloudEvents in Avro, data with a schema of their own", "", nil, append(four(10), nested...)}, // as recorded of 3.5
		{"CloudEvents in Avro, extension.attributes.enable=false", "", nil, append(four(11), attributeless...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := written{Topic: "shop.t", Key: json.RawMessage(`{"id":1}`), Value: json.RawMessage(`{"$bytes":"` + base64.StdEncoding.EncodeToString(c.value) + `"}`)}
			if c.header != "" {
				id := string(c.id)
				w.Headers = [][2]*string{{&c.header, &id}}
			}
			name := record(t, []written{w, w})
			if err := os.WriteFile(strings.TrimSuffix(name, ".jsonl")+".schemas.json", registry, 0o600); err != nil {
				t.Fatal(err)
			}
			out, talk, code := sluice(t, "decode", "--privacy", "none", name)
			if code != exitOK {
				t.Fatal(out, talk)
			}
			wants := []string{`"op":"insert"`, `"source":"00000000000000090000000000000009`, `"key":{"id":1}`, `"after":{"id":1,"name":"Größe","n":"1.50"}`}
			if !strings.Contains(c.name, "extension") {
				wants = append(wants, `"table":"t"`, `"namespace":"s"`)
			}
			for l := range strings.Lines(out) {
				for _, want := range wants {
					if !strings.Contains(l, want) {
						t.Errorf("there is no %s in %s", want, l)
					}
				}
			}
		})
	}
}
