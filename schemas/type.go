// Package schemas says what data means: logical types, fields, cells and the
// byte codecs between them. It does no I/O and imports nothing of Sluice.
package schemas

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is a logical type, independent of how a value is spelled on the wire.
type Kind uint8

// The kinds. Times are proleptic Gregorian.
const (
	Unknown   Kind = iota // only nulls were seen so far
	Bool                  //
	Int32                 // 8, 16 and 32 bit integers
	Int64                 //
	Float32               //
	Float64               //
	Decimal               // Precision digits, Scale of them after the point
	String                // UTF-8
	Binary                //
	UUID                  // text form 8-4-4-4-12
	Date                  // days since 1970-01-01
	Time                  // microseconds since midnight, may exceed a day
	Timestamp             // local date and time without a zone, microseconds since 1970-01-01T00:00:00
	Instant               // a point in time, microseconds since 1970-01-01T00:00:00Z
	JSON                  // a JSON text kept as it was written
)

var kindNames = [...]string{"unknown", "bool", "int32", "int64", "float32", "float64", "decimal", "string", "binary",
	"uuid", "date", "time", "timestamp", "instant", "json"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", k)
}

// Type is a Kind with its parameters.
type Type struct {
	Kind      Kind  `json:"kind"`
	Precision uint8 `json:"precision,omitempty"` // of Decimal, 1..38
	Scale     uint8 `json:"scale,omitempty"`     // of Decimal, 0..Precision
}

func (t Type) String() string {
	if t.Kind == Decimal {
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	}
	return t.Kind.String()
}

// Wire says how the cells of a field spell its values. Text and number cells
// tell themselves apart by [Encoding]; Wire says what they count.
type Wire uint8

// The wire forms.
const (
	WirePlain      Wire = iota // the JSON value itself
	WireBase64                 // base64 of the bytes; of a Decimal, of its unscaled two's complement integer, big endian
	WireVarDecimal             // Debezium VariableScaleDecimal: {"scale":n,"value":"base64"}
	WireDays                   // integer days
	WireMillis                 // integer milliseconds
	WireMicros                 // integer microseconds
	WireNanos                  // integer nanoseconds
	WireISO                    // ISO 8601 text
	WireStruct                 // Debezium's structured times: {"year":2026,"month":1,...}
)

// Field is a column of a topic. Its ordinal, the place in [Schema.Fields],
// never changes: a topic's fields are append-only over its schema versions.
type Field struct {
	Name     string
	Type     Type
	Wire     Wire
	Nullable bool
	Key      bool // part of the record's key

	// Logical is what a writer's schema says of the values beyond Type; see
	// Connect.Logical. Sinks need not look at it.
	Logical string

	// Class and Tags are what the column's contract or the writer's schema says
	// of it, for policies: NoClass says nothing, it does not clear anything.
	Class Class
	Tags  []string

	// Of is the name of the column this one goes on for: its type changed to one
	// that the column cannot hold. A policy for that column holds for this one.
	Of string

	// Loose columns are named by records that bring no schema, and not by
	// anybody's list of columns: a name that is no [Identifier] may be data, as
	// the keys of a map are. // P1
	Loose bool
}

// MayBeData reports that the field's name may be a value.
func (f *Field) MayBeData() bool {
	if !f.Loose {
		return false
	}
	ok, _ := Identifier([]byte(f.Name))
	return !ok
}

const (
	maxIdentifier = 64
	maxRun        = 4 // digits in a row that an identifier has: a year
	manyDigits    = 8 // with more it is a number, whatever stands between
)

// Identifier reports whether a name looks like the name of a column: ASCII
// letters, digits, _ and -, beginning with a letter, _ or $, no number of more
// digits than a year, no more than eight digits in all; and how many digits it
// has. // P4
func Identifier(name []byte) (ok bool, digits int) {
	if len(name) == 0 || len(name) > maxIdentifier {
		return false, 0
	}
	run := 0
	for i, c := range name {
		switch {
		case c-'0' <= 9 && i > 0:
			digits++
			if run++; run > maxRun || digits > manyDigits {
				return false, digits
			}
			continue
		case c|0x20 >= 'a' && c|0x20 <= 'z', c == '_', c == '$' && i == 0, c == '-' && i > 0:
		default:
			return false, digits
		}
		run = 0
	}
	return true, digits
}

// Schema is one immutable version of a topic's fields. Later versions share
// the prefix of earlier ones, types only widen.
type Schema struct {
	Topic   string
	Version int32
	Fields  []Field

	// Closed schemas name every column of a source table, so that a policy
	// path that matches none of them is a mistake. Plain events are open.
	Closed bool

	// Database, Namespace and Table are the source's names, if it has them.
	Database, Namespace, Table string

	index map[string]int
}

// NewSchema returns a schema with its name index built.
func NewSchema(s Schema) *Schema {
	s.index = make(map[string]int, len(s.Fields))
	for i, f := range s.Fields {
		s.index[f.Name] = i
	}
	return &s
}

// Ordinal is the place of the field called name, or -1.
func (s *Schema) Ordinal(name []byte) int {
	if i, ok := s.index[string(name)]; ok { // does not allocate
		return i
	}
	return -1
}

// Retyped is the column that goes on for name with values of type t, when name
// holds others that cannot be turned into them.
func Retyped(name string, t Type) string {
	return name + "__" + strings.NewReplacer("(", "_", ",", "_", ")", "").Replace(t.String())
}

// IsRetyped reports whether column goes on for name, as [Retyped] says.
func IsRetyped(column, name string) bool {
	rest, ok := strings.CutPrefix(column, name+"__")
	if !ok {
		return false
	}
	if digits, ok := strings.CutPrefix(rest, Decimal.String()+"_"); ok {
		p, s, two := strings.Cut(digits, "_")
		return two && isDigits(p) && isDigits(s)
	}
	i := slices.Index(kindNames[:], rest)
	return i > int(Unknown) && Kind(i) != Decimal
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// Widen is the type that holds the values of both, if lakes can follow a
// column from a to it (Iceberg's type promotions): integers and floats grow,
// decimals gain precision at the same scale. Anything else is a conflict that
// a person settles, or that goes on in another column.
func Widen(a, b Type) (Type, bool) {
	switch {
	case a == b || b.Kind == Unknown:
		return a, true
	case a.Kind == Unknown:
		return b, true
	case a.Kind == Int32 && b.Kind == Int64, a.Kind == Float32 && b.Kind == Float64:
		return b, true
	case a.Kind == Int64 && b.Kind == Int32, a.Kind == Float64 && b.Kind == Float32:
		return a, true
	case a.Kind == Decimal && b.Kind == Decimal && a.Scale == b.Scale:
		a.Precision = max(a.Precision, b.Precision)
		return a, true
	}
	return a, false
}
