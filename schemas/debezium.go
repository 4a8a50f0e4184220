package schemas

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// What Debezium's names mean. Sources: Debezium documentation 3.x, "Data type
// mappings" of the PostgreSQL and MySQL connectors; Kafka Connect, JsonConverter
// and the logical types of org.apache.kafka.connect.data.

// Names of Debezium's envelope in the order its connectors write them, then
// those by which other records of its topics are recognised.
var (
	EnvelopeNames = []string{"before", "after", "source", "transaction", "op", "ts_ms", "ts_us", "ts_ns", "schema", "payload",
		"status", "id", "event_count", "data_collections", "databaseName", "ddl", "tableChanges", "position", "message",
		"updateDescription", "aggregate_type", "type", "additional_data", "timestamp", "specversion", "data", "datacontenttype"}

	SourceNames = []string{"version", "connector", "name", "ts_ms", "snapshot", "db", "sequence", "ts_us", "ts_ns", "schema", "table",
		"txId", "lsn", "xmin", "origin", "origin_lsn", "server_id", "gtid", "file", "pos", "row", "thread", "query",
		"commit_lsn", "change_lsn", "event_serial_no", "scn", "commit_scn", "collection", "ord", "keyspace", "vgtid",
		"record_sequence", "mod_number"}
)

// DefaultUnavailable is Debezium's unavailable.value.placeholder by default.
const DefaultUnavailable = "__debezium_unavailable_value"

// Connect is a Kafka Connect schema as the JsonConverter writes it.
type Connect struct {
	Type       string            `json:"type"`
	Optional   bool              `json:"optional"`
	Name       string            `json:"name,omitempty"`
	Field      string            `json:"field,omitempty"`
	Fields     []Connect         `json:"fields,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
	Items      *Connect          `json:"items,omitempty"`  // of an array
	Keys       *Connect          `json:"keys,omitempty"`   // of a map
	Values     *Connect          `json:"values,omitempty"` //
}

// ConfluentTags is the property by which a registry's schemas tag a field
// (Confluent documentation, "Data contracts", inline tags), and the parameter
// that holds them here, with commas.
const ConfluentTags = "confluent:tags"

// ParseConnect reads a Connect schema.
func ParseConnect(p []byte) (*Connect, error) {
	var c Connect
	if err := json.Unmarshal(p, &c); err != nil {
		return nil, fmt.Errorf("connect schema: %w", err)
	}
	return &c, nil
}

// Child is the field of a struct called name, or nil.
func (c *Connect) Child(name string) *Connect {
	for i := range c.Fields {
		if c.Fields[i].Field == name {
			return &c.Fields[i]
		}
	}
	return nil
}

// logical are the named types. Their base type decides what is not here: a
// struct, array or map is JSON, which geometry, vectors and unknown names are.
var logical = map[string]struct {
	kind Kind
	wire Wire
}{
	"io.debezium.time.Date":           {Date, WireDays},
	"io.debezium.time.Time":           {Time, WireMillis},
	"io.debezium.time.MicroTime":      {Time, WireMicros},
	"io.debezium.time.NanoTime":       {Time, WireNanos},
	"io.debezium.time.ZonedTime":      {Time, WireISO}, // shifted to UTC by the connector
	"io.debezium.time.Timestamp":      {Timestamp, WireMillis},
	"io.debezium.time.MicroTimestamp": {Timestamp, WireMicros},
	"io.debezium.time.NanoTimestamp":  {Timestamp, WireNanos},
	"io.debezium.time.ZonedTimestamp": {Instant, WireISO},
	"io.debezium.time.IsoDate":        {Date, WireISO},
	"io.debezium.time.IsoTime":        {Time, WireISO},
	"io.debezium.time.IsoTimestamp":   {Timestamp, WireISO},
	"io.debezium.time.Year":           {Int32, WirePlain},
	"io.debezium.time.MicroDuration":  {Int64, WirePlain},  // microseconds, months of 30.4375 days
	"io.debezium.time.NanoDuration":   {Int64, WirePlain},  // nanoseconds, the same months
	"io.debezium.time.Interval":       {String, WirePlain}, // ISO 8601 P1Y2M3DT4H5M6.789S

	"org.apache.kafka.connect.data.Date":      {Date, WireDays},
	"org.apache.kafka.connect.data.Time":      {Time, WireMillis},
	"org.apache.kafka.connect.data.Timestamp": {Timestamp, WireMillis},

	"avro.timestamp-millis": {Instant, WireMillis}, // Avro's own: points in time
	"avro.timestamp-micros": {Instant, WireMicros},
	"avro.timestamp-nanos":  {Instant, WireNanos},

	"io.debezium.data.Json":                 {JSON, WirePlain}, // a string that holds a document
	"io.debezium.data.Xml":                  {String, WirePlain},
	"io.debezium.data.Uuid":                 {UUID, WirePlain},
	"io.debezium.data.Enum":                 {String, WirePlain},
	"io.debezium.data.EnumSet":              {String, WirePlain}, // comma-joined
	"io.debezium.data.Ltree":                {String, WirePlain},
	"io.debezium.data.Tsvector":             {String, WirePlain},
	"io.debezium.data.Bits":                 {Binary, WireBase64}, // little-endian
	"io.debezium.data.VariableScaleDecimal": {String, WireVarDecimal},
}

var bases = map[string]struct {
	kind Kind
	wire Wire
}{
	"boolean": {Bool, WirePlain},
	"int8":    {Int32, WirePlain}, "int16": {Int32, WirePlain}, "int32": {Int32, WirePlain}, "int64": {Int64, WirePlain},
	"float": {Float32, WirePlain}, "float32": {Float32, WirePlain}, "double": {Float64, WirePlain}, "float64": {Float64, WirePlain},
	"string": {String, WirePlain}, "bytes": {Binary, WireBase64},
	"struct": {JSON, WirePlain}, "array": {JSON, WirePlain}, "map": {JSON, WirePlain},
}

// maxScale is the greatest scale of a decimal whose digits are written out.
const maxScale = 5000

// Scale is that of Connect's Decimal, 0 for others. It may be negative: Oracle's
// NUMBER(10,-2) counts hundreds.
func (c *Connect) Scale() int {
	n, err := strconv.Atoi(c.Parameters["scale"])
	if err != nil || n < -maxScale || n > maxScale {
		return 0
	}
	return n
}

// Column is the type of a column with this schema and how its cells spell it. A
// String of WireVarDecimal or WireBase64 is to become the digits of a decimal,
// which may have any number of them; Scale says where its point is. A name we know does not change a base type that cannot carry it.
func (c *Connect) Column() (Type, Wire) {
	if c.Name == "org.apache.kafka.connect.data.Decimal" && c.Type == "bytes" {
		scale, err := strconv.Atoi(c.Parameters["scale"])
		precision, perr := strconv.Atoi(c.Parameters["connect.decimal.precision"])
		if perr != nil || precision < 1 {
			precision = 38
		}
		switch precision = max(precision, scale); {
		case err != nil || scale < -maxScale || scale > maxScale:
			return Type{Kind: Binary}, WireBase64
		case scale < 0 || scale > 255:
			return Type{Kind: String}, WireBase64 // numeric(4,-2) arrives with scale 2046, all of it zeros
		case precision <= 38:
			return Type{Decimal, uint8(precision), uint8(scale)}, WireBase64
		}
		return Type{Kind: String, Scale: uint8(scale)}, WireBase64 // no lake's decimal holds it: its digits do
	}
	if c.Name == protoUint64Name && c.Type == "int64" {
		return Type{Decimal, 20, 0}, WirePlain
	}
	if k, s := structuredOf(c.Name); s != notStructured && c.Type == "struct" {
		if k == String {
			return Type{Kind: k}, WirePlain
		}
		return Type{Kind: k}, WireISO
	}
	if l, ok := logical[c.Name]; ok && carries(c.Type, l.kind, l.wire) {
		return Type{Kind: l.kind}, l.wire
	}
	b, ok := bases[c.Type]
	if !ok {
		return Type{Kind: JSON}, WirePlain
	}
	return Type{Kind: b.kind}, b.wire
}

func carries(base string, k Kind, w Wire) bool {
	switch {
	case w == WireVarDecimal:
		return base == "struct"
	case w == WireBase64:
		return base == "bytes"
	case w == WireISO, k == String, k == UUID, k == JSON:
		return base == "string"
	}
	return strings.HasPrefix(base, "int")
}

// Placeholder is one form in which an unavailable (TOAST) value arrives.
type Placeholder struct {
	Enc   Encoding
	Bytes string
}

// Placeholders are the forms of the placeholder text: itself in text columns,
// base64 and hex in bytes, a one-element array of it, the UUID made from it, alone
// and in an array, its bytes in arrays of numbers, where Java's are signed, an
// hstore of it as an object and as a text. Bytes that are no UTF-8 are U+FFFD in a
// text of Java's, and Jackson has pairs of escapes for what is beyond U+FFFF. Which
// columns get which was observed in recordings of PostgreSQL 15; others get those
// of their types.
func Placeholders(text string) (forms []Placeholder) {
	if text == "" {
		return nil
	}
	add := func(e Encoding, s string) {
		if f := (Placeholder{e, s}); !slices.Contains(forms, f) {
			forms = append(forms, f)
		}
	}
	member := func(inside string) { // of a JSON string
		if strings.Contains(inside, `\`) {
			add(EncJSONString, inside)
		} else {
			add(EncText, inside)
		}
	}
	said := strings.Map(func(r rune) rune { return r }, text)
	list := make([]string, len(text))
	for i := range len(text) {
		list[i] = strconv.Itoa(int(int8(text[i])))
	}
	std := base64.StdEncoding.EncodeToString([]byte(text))
	inner := string(AppendEscaped(nil, []byte(said)))
	hstore := `{"` + inner + `":"` + inner + `"}`
	for _, escaped := range []func(string) string{jackson, func(s string) string { return string(AppendEscaped(nil, []byte(s))) }} {
		in := escaped(said)
		member(in)
		add(EncJSON, `["`+in+`"]`)
		add(EncJSON, `{"`+in+`":"`+in+`"}`)
		member(escaped(hstore))
	}
	for _, s := range []string{said, hstore, std, base64.URLEncoding.EncodeToString([]byte(text)), hex.EncodeToString([]byte(text)), nameUUID(text)} {
		add(EncText, s) // said and hstore in binary data
	}
	add(EncBytes, text)
	for _, s := range []string{strings.Join(list, ","), `"` + std + `"`, `"` + nameUUID(text) + `"`} {
		add(EncJSON, "["+s+"]")
	}
	return forms
}

// jackson escapes a text as the JSON converter does.
func jackson(s string) string {
	var out []byte
	for _, r := range s {
		switch {
		case r == '\b':
			out = append(out, `\b`...)
		case r == '\f':
			out = append(out, `\f`...)
		case r > 0xFFFF:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04X\u%04X`, hi, lo)
		case r < ' ' && r != '\n' && r != '\r' && r != '\t':
			out = fmt.Appendf(out, `\u%04X`, r)
		default:
			out = AppendEscaped(out, utf8.AppendRune(nil, r))
		}
	}
	return string(out)
}

// nameUUID is the UUID that Java's UUID.nameUUIDFromBytes makes of a text:
// version 3 of RFC 9562, without a namespace.
func nameUUID(text string) string {
	b := md5.Sum([]byte(text))
	b[6], b[8] = b[6]&0x0f|0x30, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// PlaceholderText is what a connector's unavailable.value.placeholder stands for:
// after hex: are the bytes of it.
func PlaceholderText(setting string) string {
	if h, ok := strings.CutPrefix(setting, "hex:"); ok {
		if b, err := hex.DecodeString(h); err == nil {
			return string(b)
		}
	}
	return setting
}

// ParseColumn reads a column type as a person writes it: a kind's name, for
// decimals with digits (`decimal(12,2)`), and after a colon what its numbers or
// texts count, if not the type's own: `timestamp:millis`, `date:days`,
// `decimal(12,2):base64`. explicit tells whether there was a colon. Without
// one numbers of a date are days and of other times microseconds; text is
// ISO 8601 everywhere, and base64 for binary. decimal(65,30):base64, with more
// digits than a decimal has, is a String of its digits: its Scale is that of the
// unscaled integer on the wire.
func ParseColumn(s string) (t Type, w Wire, explicit bool, err error) {
	kind, wire, explicit := strings.Cut(strings.ReplaceAll(s, " ", ""), ":")
	kind, args, hasArgs := strings.Cut(kind, "(")
	for i, n := range kindNames {
		if n == kind && Kind(i) != Unknown {
			t.Kind = Kind(i)
		}
	}
	if t.Kind == Unknown {
		return t, w, false, fmt.Errorf("unknown column type %q: use one of %s", s, strings.Join(kindNames[1:], ", "))
	}
	if t.Kind == Decimal {
		var p, sc int
		if n, _ := fmt.Sscanf(args, "%d,%d)", &p, &sc); n != 2 || p < 1 || p > 38 && wire != "base64" || p > maxScale || sc < 0 || sc > min(p, 255) {
			return t, w, false, fmt.Errorf("column type %q: write decimal(precision,scale), precision 1 to 38, scale 0 to precision", s)
		}
		if p > 38 {
			return Type{Kind: String, Scale: uint8(sc)}, WireBase64, true, nil
		}
		t.Precision, t.Scale = uint8(p), uint8(sc)
	} else if hasArgs {
		return t, w, false, fmt.Errorf("column type %q: only decimal has digits", s)
	}
	switch t.Kind {
	case Date:
		w = WireDays
	case Time, Timestamp, Instant:
		w = WireMicros
	case Binary: // JSON has nothing else for bytes
		w = WireBase64
	}
	if !explicit {
		return t, w, false, nil
	}
	switch temporal := t.Kind == Date || t.Kind == Time || t.Kind == Timestamp || t.Kind == Instant; {
	case wire == "base64" && (t.Kind == Decimal || t.Kind == Binary):
		return t, WireBase64, true, nil
	case temporal && wire == "millis":
		return t, WireMillis, true, nil
	case temporal && wire == "micros":
		return t, WireMicros, true, nil
	case temporal && wire == "nanos":
		return t, WireNanos, true, nil
	case temporal && wire == "iso":
		return t, WireISO, true, nil
	case wire == "days" && (t.Kind == Date || t.Kind == Timestamp):
		return t, WireDays, true, nil
	}
	return t, w, false, fmt.Errorf("column type %q: a %v cannot be spelled as %q", s, t.Kind, wire)
}
