package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// protoLogical are the messages that Confluent's ProtobufData makes of Connect's logical types.
var protoLogical = map[string]string{"org.apache.kafka.connect.data.Decimal": "confluent.type.Decimal", "org.apache.kafka.connect.data.Date": "google.type.Date",
	"org.apache.kafka.connect.data.Time": "google.type.TimeOfDay", "org.apache.kafka.connect.data.Timestamp": "google.protobuf.Timestamp"}

var protoTypes = map[string]string{"int8": "int32", "int16": "int32", "int32": "int32", "int64": "int64", "float": "float", "double": "double", "boolean": "bool", "string": "string", "bytes": "bytes"}

const protoHead = `syntax = "proto3";
package shop.t;
import "confluent/meta.proto"; import "confluent/type/decimal.proto"; import "google/type/date.proto"; import "google/type/timeofday.proto"; import "google/protobuf/timestamp.proto";
`

// protoOf is the message that Confluent's ProtobufData makes of a struct, with
// optional.for.nullables.
func protoOf(c map[string]any, name string) string {
	var fields, within strings.Builder
	seen := map[string]bool{}
	for i, f := range c["fields"].([]any) {
		m := f.(map[string]any)
		field, label, options := m["field"].(string), "", ""
		if m["optional"] == true {
			label = "optional "
		}
		one := m
		if m["type"] == "array" {
			one, label = m["items"].(map[string]any), "repeated "
		}
		typ := protoTypes[fmt.Sprint(one["type"])]
		if p, _ := one["parameters"].(map[string]any); protoLogical[fmt.Sprint(one["name"])] != "" {
			if typ = protoLogical[fmt.Sprint(one["name"])]; p != nil {
				options = ` [(confluent.field_meta) = {params: [{value: "` + fmt.Sprint(p["scale"]) + `", key: "scale"}`
				if n, ok := p["connect.decimal.precision"]; ok {
					options += `, {value: "` + fmt.Sprint(n) + `", key: "precision"}`
				}
				options += "]}]"
			}
		} else if one["type"] == "int8" || one["type"] == "int16" {
			options = fmt.Sprintf(` [(confluent.field_meta) = {params: [{value: %q, key: "connect.type"}]}]`, one["type"])
		} else if one["type"] == "struct" {
			full := fmt.Sprint(one["name"])
			if typ = full[strings.LastIndexByte(full, '.')+1:]; !seen[typ] {
				seen[typ] = true
				within.WriteString(protoOf(one, typ))
			}
		} else if one["type"] == "map" {
			typ, label = strings.ToUpper(field[:1])+field[1:]+"Entry", "repeated "
			entry := map[string]any{"fields": []any{withField(one["keys"], "key"), withField(one["values"], "value")}}
			within.WriteString(protoOf(entry, typ))
		}
		fmt.Fprintf(&fields, "%s%s %s = %d%s;\n", label, typ, field, i+1, options)
	}
	return "message " + name + " {\n" + fields.String() + within.String() + "}\n"
}

func withField(c any, name string) map[string]any {
	out := map[string]any{"field": name}
	for k, v := range c.(map[string]any) {
		out[k] = v
	}
	delete(out, "optional")
	return out
}

// encodeProto writes JSON of a Connect schema as Protobuf, with the reference library.
func encodeProto(t *testing.T, text, name string, c map[string]any, payload string) []byte {
	t.Helper()
	known := map[string]string{"s.proto": text,
		"confluent/meta.proto": `syntax = "proto3"; package confluent; import "google/protobuf/descriptor.proto"; message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }
			extend google.protobuf.FieldOptions { Meta field_meta = 1088; }`,
		"confluent/type/decimal.proto": `syntax = "proto3"; package confluent.type; message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }`,
		"google/type/date.proto":       `syntax = "proto3"; package google.type; message Date { int32 year = 1; int32 month = 2; int32 day = 3; }`,
		"google/type/timeofday.proto":  `syntax = "proto3"; package google.type; message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }`}
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(known)})}
	files, err := compiler.Compile(context.Background(), "s.proto")
	if err != nil {
		t.Fatal(err, text)
	}
	d := json.NewDecoder(strings.NewReader(payload))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	m := dynamicpb.NewMessage(files[0].Messages().ByName(protoreflect.Name(name)))
	setProto(t, m, c, v)
	out, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func setProto(t *testing.T, m protoreflect.Message, c map[string]any, v any) {
	for _, f := range c["fields"].([]any) {
		f := f.(map[string]any)
		x, fd := v.(map[string]any)[f["field"].(string)], m.Descriptor().Fields().ByName(protoreflect.Name(f["field"].(string)))
		switch {
		case x == nil:
		case f["type"] == "array":
			for _, e := range x.([]any) {
				m.Mutable(fd).List().Append(protoValue(t, m.Mutable(fd).List().NewElement(), f["items"].(map[string]any), fd, e))
			}
		case f["type"] == "map":
			entry := map[string]any{"fields": []any{withField(f["keys"], "key"), withField(f["values"], "value")}}
			put := func(k, e any) {
				one := m.Mutable(fd).List().NewElement()
				setProto(t, one.Message(), entry, map[string]any{"key": k, "value": e})
				m.Mutable(fd).List().Append(one)
			}
			if pairs, ok := x.([]any); ok {
				for _, p := range pairs {
					put(p.([]any)[0], p.([]any)[1])
				}
			} else {
				for k, e := range x.(map[string]any) {
					put(k, e)
				}
			}
		default:
			m.Set(fd, protoValue(t, m.NewField(fd), f, fd, x))
		}
	}
}

func protoValue(t *testing.T, fresh protoreflect.Value, c map[string]any, fd protoreflect.FieldDescriptor, x any) protoreflect.Value {
	t.Helper()
	number := func() int64 { n, err := strconv.ParseInt(fmt.Sprint(x), 10, 64); must(t, err); return n }
	if name := protoLogical[fmt.Sprint(c["name"])]; name != "" {
		set := func(field string, v any) {
			fresh.Message().Set(fresh.Message().Descriptor().Fields().ByName(protoreflect.Name(field)), protoreflect.ValueOf(v))
		}
		switch name {
		case "confluent.type.Decimal":
			raw, err := base64.StdEncoding.DecodeString(x.(string))
			must(t, err)
			scale, err := strconv.Atoi(fmt.Sprint(c["parameters"].(map[string]any)["scale"]))
			must(t, err)
			set("value", raw)
			set("scale", int32(scale))
		case "google.type.Date":
			at := time.Unix(number()*86400, 0).UTC()
			set("year", int32(at.Year()))
			set("month", int32(at.Month()))
			set("day", int32(at.Day()))
		case "google.type.TimeOfDay":
			n := number()
			set("hours", int32(n/3600000))
			set("minutes", int32(n/60000%60))
			set("seconds", int32(n/1000%60))
			set("nanos", int32(n%1000*1e6))
		default:
			set("seconds", number()/1000)
			set("nanos", int32(number()%1000*1e6))
		}
		return fresh
	}
	switch c["type"] {
	case "struct":
		setProto(t, fresh.Message(), c, x)
		return fresh
	case "int8", "int16", "int32":
		return protoreflect.ValueOfInt32(int32(number()))
	case "int64":
		return protoreflect.ValueOfInt64(number())
	case "float", "double":
		v, err := strconv.ParseFloat(fmt.Sprint(x), 64)
		must(t, err)
		if fd.Kind() == protoreflect.FloatKind {
			return protoreflect.ValueOfFloat32(float32(v))
		}
		return protoreflect.ValueOfFloat64(v)
	case "boolean":
		return protoreflect.ValueOfBool(x.(bool))
	case "bytes":
		raw, err := base64.StdEncoding.DecodeString(x.(string))
		must(t, err)
		return protoreflect.ValueOfBytes(raw)
	}
	return protoreflect.ValueOfString(x.(string))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// protoWants is what a column says in Protobuf: a list holds no null, a map's null
// is the zero of its type, and the converter drops Debezium's names of numbers, which
// stay numbers as in JSON without schemas.
func protoWants(c connectType, i int) (want json.RawMessage, there bool) {
	switch c.Column {
	case "an", "ad", "hm":
		return nil, false
	case "d", "t", "tu", "tn", "ts", "tsu", "tsn", "ats":
		return c.Values[i], true
	}
	return c.Want[i], true
}
