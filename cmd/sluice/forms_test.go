package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"
)

// written is a record of testdata/forms: key and value are JSON, or {"$text"} or {"$bytes"}.
type written struct {
	Say, Topic string
	Key, Value json.RawMessage
	Headers    [][2]*string
}

// raw is what Kafka holds of a key or value.
func raw(t *testing.T, m json.RawMessage) []byte {
	t.Helper()
	var x struct {
		Text  *string `json:"$text"`
		Bytes []byte  `json:"$bytes"`
	}
	switch {
	case len(m) == 0 || string(m) == "null":
		return nil
	case m[0] == '{' && json.Unmarshal(m, &x) == nil && x.Text != nil:
		return []byte(*x.Text)
	case x.Bytes != nil:
		return x.Bytes
	}
	var b bytes.Buffer
	if err := json.Compact(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// record writes forms as a recording and returns its name.
func record(t *testing.T, forms []written) string {
	t.Helper()
	var b bytes.Buffer
	offsets := map[string]int{}
	for _, f := range forms {
		headers := [][2]any{}
		for _, h := range f.Headers {
			headers = append(headers, [2]any{*h[0], []byte(*h[1])})
		}
		line, err := json.Marshal(map[string]any{"topic": f.Topic, "partition": 0, "offset": offsets[f.Topic], "timestamp": 1767225600000,
			"key": raw(t, f.Key), "value": raw(t, f.Value), "headers": headers})
		if err != nil {
			t.Fatal(err)
		}
		offsets[f.Topic]++
		b.Write(append(line, '\n'))
	}
	name := filepath.Join(t.TempDir(), "forms.jsonl")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestForms: events of every connector and of every kind that is no row, written
// by hand after Debezium's documentation; what comes of each was read through.
func TestForms(t *testing.T) {
	all, err := filepath.Glob("testdata/forms/*.json")
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	for _, name := range all {
		t.Run(filepath.Base(name), func(t *testing.T) {
			p, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var forms []written
			if err := json.Unmarshal(p, &forms); err != nil {
				t.Fatal(err)
			}
			got, _, _ := sluice(t, "decode", "--privacy", "none", record(t, forms))
			golden := strings.TrimSuffix(name, ".json") + ".want.jsonl"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			w := strings.Split(string(want), "\n")
			for i, l := range strings.Split(got, "\n") {
				if i >= len(w) || w[i] != l {
					t.Fatalf("line %d: %s\nwant %s", i+1, l, w[min(i, len(w)-1)])
				}
			}
		})
	}
}

// connectType is a column's schema and the values that were written.
type connectType struct {
	Column string
	Schema map[string]any
	Values []json.RawMessage
	Want   []json.RawMessage
}

// TestFormsOfTypes: every name that Debezium and Connect give a type, in every
// encoding that carries schemas, says the same.
func TestFormsOfTypes(t *testing.T) {
	p, err := os.ReadFile("testdata/forms/types.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var types []connectType
	for l := range bytes.Lines(p) {
		var c connectType
		d := json.NewDecoder(bytes.NewReader(l))
		d.UseNumber()
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		c.Schema["optional"], c.Schema["field"] = true, c.Column
		types = append(types, c)
	}
	for _, encoding := range []string{"schema", "flattened", "confluent", "apicurio", "protobuf"} {
		t.Run(encoding, func(t *testing.T) {
			fields := []any{map[string]any{"type": "int32", "field": "id"}}
			avro, protobuf := encoding == "confluent" || encoding == "apicurio", encoding == "protobuf"
			var used []connectType
			for _, c := range types {
				if avro && strings.HasPrefix(c.Column, "decnum") || avro && c.Column == "decbignum" { // JsonConverter's decimal.format=NUMERIC
					continue
				}
				if _, there := protoWants(c, 0); protobuf && (!there || c.Column == "decnum" || c.Column == "decbignum") {
					continue
				}
				used = append(used, c)
				fields = append(fields, c.Schema)
			}
			value := map[string]any{"type": "struct", "fields": fields, "name": "shop.t.Value", "optional": true, "field": "after"}
			before := map[string]any{"type": "struct", "fields": fields, "name": "shop.t.Value", "optional": true, "field": "before"}
			source := map[string]any{"type": "struct", "name": "io.debezium.connector.postgresql.Source", "field": "source", "fields": []any{
				map[string]any{"type": "string", "field": "connector"}, map[string]any{"type": "string", "field": "table"}}}
			schema := map[string]any{"type": "struct", "name": "shop.t.Envelope", "fields": []any{before, value, source, map[string]any{"type": "string", "field": "op"}}}
			if encoding == "flattened" {
				schema = value
			}
			var forms []written
			for i := range 2 {
				row := fmt.Sprintf(`{"id":%d`, i)
				for _, c := range used {
					row += fmt.Sprintf(`,%q:%s`, c.Column, c.Values[i])
				}
				payload := row + "}"
				if encoding != "flattened" {
					payload = `{"before":null,"after":` + payload + `,"source":{"connector":"postgresql","table":"t"},"op":"c"}`
				}
				f := written{Topic: "shop.t", Key: json.RawMessage(fmt.Sprintf(`{"id":%d}`, i))}
				switch {
				case protobuf:
					data := encodeProto(t, protoHead+protoOf(schema, "Envelope"), "Envelope", schema, payload)
					f.Value = json.RawMessage(`{"$bytes":"` + base64.StdEncoding.EncodeToString(append([]byte{0, 0, 0, 0, 7, 0}, data...)) + `"}`)
				case avro:
					data := encodeAvro(t, schema, payload)
					head := []byte{0, 0, 0, 0, 7}
					if encoding == "apicurio" {
						head = []byte{0, 0, 0, 0, 0, 0, 0, 0, 7}
					}
					f.Value = json.RawMessage(`{"$bytes":"` + base64.StdEncoding.EncodeToString(append(head, data...)) + `"}`)
				default:
					s, err := json.Marshal(schema)
					if err != nil {
						t.Fatal(err)
					}
					f.Value = json.RawMessage(`{"schema":` + string(s) + `,"payload":` + payload + `}`)
				}
				forms = append(forms, f)
			}
			name := record(t, forms)
			if avro || protobuf {
				written := map[string]any{"id": 7, "globalId": 7, "subject": "shop.t-value", "version": 1, "schema": avroOf(schema, map[string]bool{}, true)}
				if protobuf {
					written["schemaType"], written["schema"] = "PROTOBUF", protoHead+protoOf(schema, "Envelope")
				}
				list, err := json.Marshal([]any{written})
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(strings.TrimSuffix(name, ".jsonl")+".schemas.json", list, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			out, talk, code := sluice(t, "decode", "--privacy", "none", name)
			if code != exitOK {
				t.Fatal(out, talk)
			}
			for i, l := range strings.Split(strings.TrimSpace(out), "\n") {
				var got struct{ After map[string]json.RawMessage }
				if err := json.Unmarshal([]byte(l), &got); err != nil {
					t.Fatal(err)
				}
				if len(got.After) != len(used)+1 {
					t.Errorf("%d columns, want %d", len(got.After), len(used)+1)
				}
				for _, c := range used {
					want := c.Want[i]
					if protobuf {
						want, _ = protoWants(c, i)
					}
					if g, w := plainFloats(got.After[c.Column]), plainFloats(want); g != w && !(avro && c.Column == "spv") {
						t.Errorf("%s: %s, want %s", c.Column, g, w)
					}
				}
			}
		})
	}
}

// plainFloats is JSON with its floats spelled in one way.
func plainFloats(m json.RawMessage) string {
	var b strings.Builder
	d := json.NewDecoder(bytes.NewReader(m))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return string(m)
	}
	_ = json.NewEncoder(&b).Encode(walkFloats(v))
	return b.String()
}

func walkFloats(v any) any {
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(string(v), ".eE") {
			f, _ := v.Float64()
			return f
		}
	case []any:
		for i := range v {
			v[i] = walkFloats(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = walkFloats(v[k])
		}
	}
	return v
}

// avroOf is the Avro schema that Confluent's AvroData makes of a Connect schema.
func avroOf(c map[string]any, seen map[string]bool, properties bool) any {
	var out any
	add := func(m map[string]any) map[string]any {
		if !properties {
			return m
		}
		if n, ok := c["name"]; ok {
			m["connect.name"] = n
		}
		if p, ok := c["parameters"]; ok {
			m["connect.parameters"] = p
		}
		return m
	}
	primitive := map[string]string{"int8": "int", "int16": "int", "int32": "int", "int64": "long", "float": "float", "double": "double", "boolean": "boolean", "string": "string", "bytes": "bytes"}
	switch typ := c["type"].(string); typ {
	case "struct":
		name := strings.ReplaceAll(fmt.Sprint(c["name"]), "-", "_")
		if seen[name] {
			out = name
			break
		}
		seen[name] = true
		var fields []any
		for _, f := range c["fields"].([]any) {
			m := f.(map[string]any)
			fields = append(fields, map[string]any{"name": m["field"], "type": avroOf(m, seen, properties)})
		}
		out = add(map[string]any{"type": "record", "name": name, "fields": fields})
	case "array":
		out = add(map[string]any{"type": "array", "items": avroOf(c["items"].(map[string]any), seen, properties)})
	case "map":
		keys := c["keys"].(map[string]any)
		if keys["type"] == "string" {
			out = add(map[string]any{"type": "map", "values": avroOf(c["values"].(map[string]any), seen, properties)})
			break
		}
		out = map[string]any{"type": "array", "items": map[string]any{"type": "record", "name": "io.confluent.connect.avro.MapEntry", "fields": []any{
			map[string]any{"name": "key", "type": avroOf(keys, seen, properties)}, map[string]any{"name": "value", "type": avroOf(c["values"].(map[string]any), seen, properties)}}}}
	default:
		m := add(map[string]any{"type": primitive[typ]})
		if typ == "int8" || typ == "int16" {
			m["connect.type"] = typ
		}
		if out = m; len(m) == 1 {
			out = m["type"]
		}
	}
	if c["optional"] == true {
		return []any{"null", out}
	}
	return out
}

// encodeAvro writes JSON of a Connect schema as Avro, with the reference library.
func encodeAvro(t *testing.T, schema map[string]any, payload string) []byte {
	t.Helper()
	s, err := json.Marshal(avroOf(schema, map[string]bool{}, false))
	if err != nil {
		t.Fatal(err)
	}
	codec, err := goavro.NewCodec(string(s))
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(payload))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	out, err := codec.BinaryFromNative(nil, native(t, schema, v))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func native(t *testing.T, c map[string]any, v any) any {
	t.Helper()
	var out any
	name := c["type"].(string)
	switch n, isNumber := v.(json.Number); {
	case v == nil:
		return nil
	case name == "struct":
		m := map[string]any{}
		for _, f := range c["fields"].([]any) {
			f := f.(map[string]any)
			m[f["field"].(string)] = native(t, f, v.(map[string]any)[f["field"].(string)])
		}
		out, name = m, strings.ReplaceAll(fmt.Sprint(c["name"]), "-", "_")
	case name == "array":
		list := []any{}
		for _, x := range v.([]any) {
			list = append(list, native(t, c["items"].(map[string]any), x))
		}
		out = list
	case name == "map" && c["keys"].(map[string]any)["type"] != "string":
		list := []any{}
		for _, x := range v.([]any) {
			pair := x.([]any)
			list = append(list, map[string]any{"key": native(t, c["keys"].(map[string]any), pair[0]), "value": native(t, c["values"].(map[string]any), pair[1])})
		}
		out, name = list, "array"
	case name == "map":
		m := map[string]any{}
		for k, x := range v.(map[string]any) {
			m[k] = native(t, c["values"].(map[string]any), x)
		}
		out = m
	case name == "bytes":
		b, err := base64.StdEncoding.DecodeString(v.(string))
		if err != nil {
			t.Fatal(err)
		}
		out = b
	case name == "float" || name == "double":
		s := fmt.Sprint(v)
		f, err := strconv.ParseFloat(s, 64)
		if err != nil && !math.IsInf(f, 0) {
			t.Fatal(err)
		}
		out = f
	case isNumber:
		i, err := strconv.ParseInt(string(n), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		out = i
		if name == "int64" {
			name = "long"
		} else {
			name = "int"
		}
	default:
		out = v
	}
	if c["optional"] == true {
		return goavro.Union(name, out)
	}
	return out
}
