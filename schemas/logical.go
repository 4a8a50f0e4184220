package schemas

import (
	"fmt"
	"strconv"
	"strings"
)

// Logical types say more of a column's values than the Type that sinks store
// them in: that a text is one of an enum's members, that bytes are so many bits.
// They change no mapping; a contract holds values to them ([Rule]). A logical type
// is spelled as a text, "" where the Type says all:
//
//	int8, int16, uint8 .. uint64, year     integers of less than their Type
//	decimal, decimal(65,30)                a text of digits: any scale, or these
//	enum(a,b), set(a,b)                    as the connector joins its members: MySQL's
//	                                       and MariaDB's escape a comma within one by a
//	                                       backslash, PostgreSQL's does not; each in
//	                                       quotes where a database's table says them
//	interval(iso|micros|nanos)             months of 30.4375 days in numbers
//	bits(20), bits                         little-endian; without a number of any length
//	xml, ltree, tsvector
//	point, line, circle, geometry, geography   the SRID is in each value, srid beside wkb;
//	geometry(4326)                             where all of them are said to have one
//	vector(float32,3), sparse_vector(float64)  the dimension if the connector says it
//	array<int32>, map<string,string>, struct<a:int32,b:enum(x,y)>
//
// Unsigned integers and dimensions are known where the connector propagates the
// types of columns (column.propagate.source.type).

// Names of parameters that Debezium adds for column.propagate.source.type.
const (
	sourceTypeParameter   = "__debezium.source.column.type"
	sourceLengthParameter = "__debezium.source.column.length"
)

// Limits of what a logical type spells out.
const (
	logicalDepth = 4
	logicalSize  = 2000
)

var logicalNames = map[string]string{
	"io.debezium.time.Interval": "interval(iso)", "io.debezium.time.MicroDuration": "interval(micros)", "io.debezium.time.NanoDuration": "interval(nanos)",
	"io.debezium.time.Year": "year", "io.debezium.data.Xml": "xml", "io.debezium.data.Ltree": "ltree", "io.debezium.data.Tsvector": "tsvector",
	"io.debezium.data.VariableScaleDecimal": "decimal",
	"io.debezium.data.geometry.Point":       "point", "io.debezium.data.geometry.Line": "line", "io.debezium.data.geometry.Circle": "circle",
	"io.debezium.data.geometry.Geometry": "geometry", "io.debezium.data.geometry.Geography": "geography",
}

// Logical is the logical type of a column with this schema.
func (c *Connect) Logical() string { return c.logical(0) }

func (c *Connect) logical(depth int) string {
	length := c.Parameters[sourceLengthParameter]
	if n, err := strconv.Atoi(length); err != nil || n < 1 {
		length = ""
	}
	switch c.Name {
	case "io.debezium.data.Enum":
		return listed("enum", c.Parameters["allowed"])
	case "io.debezium.data.EnumSet":
		return listed("set", c.Parameters["allowed"])
	case "io.debezium.data.Bits":
		if n, err := strconv.Atoi(c.Parameters["length"]); err == nil && n < 1<<31-1 {
			return fmt.Sprintf("bits(%d)", n)
		}
		return "bits" // varbit without a length says the greatest integer
	case "io.debezium.data.FloatVector", "io.debezium.data.DoubleVector":
		of := "float32"
		if c.Name == "io.debezium.data.DoubleVector" {
			of = "float64"
		}
		if length != "" {
			of += "," + length
		}
		return "vector(" + of + ")"
	case "io.debezium.data.SparseDoubleVector":
		return "sparse_vector(float64)"
	case "org.apache.kafka.connect.data.Decimal":
		return c.decimalLogical()
	}
	if n := logicalNames[c.Name]; n != "" {
		return n
	}
	if k, s := structuredOf(c.Name); s != notStructured && c.Type == "struct" {
		if k == String {
			return "interval(iso)"
		}
		return ""
	}
	if n := unsigned(c.Parameters[sourceTypeParameter]); n != "" && strings.HasPrefix(c.Type, "int") {
		return n
	}
	if c.Type == "int8" || c.Type == "int16" {
		return c.Type
	}
	return c.nestedLogical(depth)
}

// decimalLogical is that of a Decimal whose Type is not one.
func (c *Connect) decimalLogical() string {
	t, _ := c.Column()
	if n := unsigned(c.Parameters[sourceTypeParameter]); n != "" && c.Scale() == 0 {
		return n
	}
	if t.Kind != String {
		return ""
	}
	if p, err := strconv.Atoi(c.Parameters["connect.decimal.precision"]); err == nil {
		return fmt.Sprintf("decimal(%d,%d)", p, c.Scale())
	}
	return "decimal"
}

// unsigned is the integer that a column type of MySQL's or MariaDB's is, if it
// has no sign.
func unsigned(source string) string {
	name, rest, _ := strings.Cut(strings.ToUpper(source), " ")
	if !strings.Contains(rest, "UNSIGNED") && !strings.Contains(rest, "ZEROFILL") { // which has no sign either
		return ""
	}
	name, _, _ = strings.Cut(name, "(")
	return map[string]string{"TINYINT": "uint8", "SMALLINT": "uint16", "MEDIUMINT": "uint24", "INT": "uint32", "INTEGER": "uint32", "BIGINT": "uint64"}[name]
}

func listed(kind, members string) string {
	if members == "" || len(members) > logicalSize {
		return kind
	}
	return kind + "(" + members + ")"
}

// nestedLogical is that of a collection.
func (c *Connect) nestedLogical(depth int) string {
	of := func(e *Connect) string {
		if e == nil {
			return "json"
		}
		if l := e.logical(depth + 1); l != "" {
			return l
		}
		t, _ := e.Column()
		return t.String()
	}
	if c.Type != "array" && c.Type != "map" && c.Type != "struct" {
		return ""
	}
	out := c.Type
	switch {
	case depth >= logicalDepth:
	case c.Type == "array" && c.Items != nil:
		out = "array<" + of(c.Items) + ">"
	case c.Type == "map" && c.Values != nil:
		key := "string"
		if c.Keys != nil {
			key = of(c.Keys)
		}
		out = "map<" + key + "," + of(c.Values) + ">"
	case c.Type == "struct" && len(c.Fields) > 0:
		var list []string
		for i := range c.Fields {
			f := &c.Fields[i]
			name := f.Field
			if ok, _ := Identifier([]byte(name)); !ok {
				name = strconv.Quote(name)
			}
			list = append(list, name+":"+of(f))
		}
		out = "struct<" + strings.Join(list, ",") + ">"
	}
	if len(out) > logicalSize {
		return c.Type
	}
	return out
}

// SourceLogical is the logical type of a column of a database's table, as a
// connector's schema change record describes it.
func SourceLogical(typeName string, length int, members []string) string {
	name, _, _ := strings.Cut(strings.ToUpper(typeName), " ")
	name, _, _ = strings.Cut(name, "(")
	if n := unsigned(typeName); n != "" {
		return n
	}
	switch name {
	case "ENUM", "SET":
		return listed(strings.ToLower(name), strings.Join(members, ","))
	case "BIT":
		if length > 1 {
			return fmt.Sprintf("bits(%d)", length)
		}
	case "YEAR":
		return "year"
	case "POINT", "GEOMETRY":
		return strings.ToLower(name)
	case "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION":
		return "geometry"
	case "VECTOR":
		if length > 0 {
			return fmt.Sprintf("vector(float32,%d)", length)
		}
		return "vector(float32)"
	case "XML", "XMLTYPE":
		return "xml"
	}
	return ""
}
