package schemas

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// debeziumNames are the names that Debezium 3.6 and Kafka Connect define, by the
// base type they come with.
var debeziumNames = map[string][]string{
	"int32":  {"io.debezium.time.Date", "io.debezium.time.Time", "io.debezium.time.Year", "org.apache.kafka.connect.data.Date", "org.apache.kafka.connect.data.Time"},
	"int64":  {"io.debezium.time.MicroTime", "io.debezium.time.NanoTime", "io.debezium.time.Timestamp", "io.debezium.time.MicroTimestamp", "io.debezium.time.NanoTimestamp", "io.debezium.time.MicroDuration", "io.debezium.time.NanoDuration", "org.apache.kafka.connect.data.Timestamp"},
	"string": {"io.debezium.time.ZonedTime", "io.debezium.time.ZonedTimestamp", "io.debezium.time.Interval", "io.debezium.time.IsoDate", "io.debezium.time.IsoTime", "io.debezium.time.IsoTimestamp", "io.debezium.data.Enum", "io.debezium.data.EnumSet", "io.debezium.data.Json", "io.debezium.data.Xml", "io.debezium.data.Uuid", "io.debezium.data.Tsvector", "io.debezium.data.Ltree"},
	"bytes":  {"io.debezium.data.Bits", "org.apache.kafka.connect.data.Decimal"},
	"array":  {"io.debezium.data.FloatVector", "io.debezium.data.DoubleVector"},
	"struct": {"io.debezium.time.StructuredDate", "io.debezium.time.StructuredTime", "io.debezium.time.StructuredTimestamp", "io.debezium.time.StructuredZonedTime", "io.debezium.time.StructuredZonedTimestamp", "io.debezium.time.StructuredDuration",
		"io.debezium.data.VariableScaleDecimal", "io.debezium.data.SparseDoubleVector", "io.debezium.data.geometry.Point", "io.debezium.data.geometry.Line", "io.debezium.data.geometry.Circle", "io.debezium.data.geometry.Geometry", "io.debezium.data.geometry.Geography"},
}

// TestReadmeTypes: the README's table names every one of them, in the row of the
// type that its columns have.
func TestReadmeTypes(t *testing.T) {
	p, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(p), "| Debezium, Connect, Avro | column |")
	text, _, _ = strings.Cut(text, "\n\n")
	if !ok {
		t.Fatal("the README has no table of types")
	}
	word := regexp.MustCompile(`[A-Za-z_]+`)
	columns := map[string]string{} // short name -> column
	for _, l := range strings.Split(text, "\n") {
		if cells := strings.Split(l, "|"); len(cells) > 3 {
			for _, n := range word.FindAllString(cells[1], -1) {
				columns[n] = cells[2]
			}
		}
	}
	for base, names := range debeziumNames {
		for _, name := range names {
			c := Connect{Type: base, Name: name}
			if name == "org.apache.kafka.connect.data.Decimal" {
				c.Parameters = map[string]string{"scale": "2"}
			}
			typ, _ := c.Column()
			short := name[strings.LastIndexByte(name, '.')+1:]
			if row := word.FindAllString(columns[short], -1); !slices.Contains(row, word.FindString(typ.String())) && !slices.Contains(strings.Fields(columns[short]), typ.Kind.String()) {
				t.Errorf("%s is %v; the README's column for %s is %q", name, typ, short, columns[short])
			}
			if l := word.FindString(c.Logical()); l != "" && !strings.Contains(columns[short], "`"+l) {
				t.Errorf("%s says %q; the README's column for %s is %q", name, l, short, columns[short])
			}
		}
	}
}
