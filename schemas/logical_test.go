package schemas

import "testing"

// TestLogical: what a writer's schema says of values beyond their column's type.
func TestLogical(t *testing.T) {
	for schema, want := range map[string]string{
		`{"type":"string","name":"io.debezium.data.Enum","parameters":{"allowed":"a,b\\,c,"}}`:                                                         `enum(a,b\,c,)`,
		`{"type":"string","name":"io.debezium.data.Enum"}`:                                                                                             "enum",
		`{"type":"string","name":"io.debezium.data.EnumSet","parameters":{"allowed":"a,b"}}`:                                                           "set(a,b)",
		`{"type":"bytes","name":"io.debezium.data.Bits","parameters":{"length":"20"}}`:                                                                 "bits(20)",
		`{"type":"bytes","name":"io.debezium.data.Bits","parameters":{"length":"2147483647"}}`:                                                         "bits",
		`{"type":"int64","name":"io.debezium.time.MicroDuration"}`:                                                                                     "interval(micros)",
		`{"type":"int64","name":"io.debezium.time.NanoDuration"}`:                                                                                      "interval(nanos)",
		`{"type":"string","name":"io.debezium.time.Interval"}`:                                                                                         "interval(iso)",
		`{"type":"struct","name":"io.debezium.time.StructuredDuration"}`:                                                                               "interval(iso)",
		`{"type":"struct","name":"io.debezium.time.StructuredDate"}`:                                                                                   "",
		`{"type":"struct","name":"io.debezium.data.geometry.Geometry"}`:                                                                                "geometry",
		`{"type":"array","name":"io.debezium.data.FloatVector","items":{"type":"float"},"parameters":{"__debezium.source.column.length":"3"}}`:         "vector(float32,3)",
		`{"type":"array","name":"io.debezium.data.DoubleVector","items":{"type":"double"}}`:                                                            "vector(float64)",
		`{"type":"struct","name":"io.debezium.data.SparseDoubleVector"}`:                                                                               "sparse_vector(float64)",
		`{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"30","connect.decimal.precision":"65"}}`:                 "decimal(65,30)",
		`{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2","connect.decimal.precision":"10"}}`:                  "",
		`{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"-2"}}`:                                                  "decimal",
		`{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"0","__debezium.source.column.type":"BIGINT UNSIGNED"}}`: "uint64",
		`{"type":"int64","parameters":{"__debezium.source.column.type":"BIGINT UNSIGNED ZEROFILL"}}`:                                                   "uint64",
		`{"type":"int32","parameters":{"__debezium.source.column.type":"SMALLINT UNSIGNED"}}`:                                                          "uint16",
		`{"type":"int64","parameters":{"__debezium.source.column.type":"BIGINT"}}`:                                                                     "",
		`{"type":"double","parameters":{"__debezium.source.column.type":"DOUBLE UNSIGNED"}}`:                                                           "",
		`{"type":"int16"}`: "int16", `{"type":"int32"}`: "", `{"type":"string"}`: "", `{"type":"string","name":"io.debezium.data.Uuid"}`: "",
		`{"type":"array","items":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2","connect.decimal.precision":"10"}}}`: "array<decimal(10,2)>",
		`{"type":"array","items":{"type":"array","items":{"type":"array","items":{"type":"array","items":{"type":"array","items":{"type":"array"}}}}}}`:        "array<array<array<array<array>>>>",
		`{"type":"map","keys":{"type":"string"},"values":{"type":"int32"}}`:                                                                                    "map<string,int32>",
		`{"type":"map","values":{"type":"string"}}`: "map<string,string>",
		`{"type":"struct","fields":[{"field":"a","type":"int32"},{"field":"b c","type":"string","name":"io.debezium.data.Enum","parameters":{"allowed":"x,y"}}]}`: `struct<a:int32,"b c":enum(x,y)>`,
		`{"type":"struct"}`: "struct",
	} {
		c, err := ParseConnect([]byte(schema))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Logical(); got != want {
			t.Errorf("%s: %q, want %q", schema, got, want)
		}
	}
	for _, c := range []struct {
		typ     string
		length  int
		members []string
		want    string
	}{{"ENUM", 1, []string{"'a'", "'b,c'"}, "enum('a','b,c')"}, {"SET", 5, nil, "set"}, {"BIGINT UNSIGNED", 20, nil, "uint64"}, {"BIGINT", 20, nil, ""}, {"BIT", 1, nil, ""}, {"BIT", 8, nil, "bits(8)"},
		{"MULTIPOLYGON", 0, nil, "geometry"}, {"POINT", 0, nil, "point"}, {"VECTOR", 3, nil, "vector(float32,3)"}, {"VARCHAR", 20, nil, ""}} {
		if got := SourceLogical(c.typ, c.length, c.members); got != c.want {
			t.Errorf("%s: %q, want %q", c.typ, got, c.want)
		}
	}
}
