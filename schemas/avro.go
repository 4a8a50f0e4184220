package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// Avro is a compiled Avro schema: a program that reads binary data of it.
// Sources: Apache Avro 1.12 specification, "Schema Declaration", "Data
// Serialization"; Confluent's AvroData for what connect.* properties mean.
//
// It is immutable and safe for concurrent use.
type Avro struct {
	root    *avroNode
	connect []byte
}

// avroNode is one type. Records and unions have sub.
type avroNode struct {
	op      avroOp
	size    int // of fixed
	sub     []*avroNode
	names   []string // of a record's fields: `"name":`; symbols of an enum as JSON strings
	typ     string   // Avro's name of it, for unions
	connect Connect
	open    bool // connectOf is within it
}

type avroOp uint8

const (
	avroNull avroOp = iota
	avroBoolean
	avroInt
	avroLong
	avroFloat
	avroDouble
	avroBytes
	avroString
	avroRecord
	avroEnum
	avroArray
	avroMap
	avroUnion
	avroFixed
)

var avroPrimitives = map[string]struct {
	op      avroOp
	connect string
}{
	"null": {avroNull, "string"}, "boolean": {avroBoolean, "boolean"}, "int": {avroInt, "int32"}, "long": {avroLong, "int64"},
	"float": {avroFloat, "float"}, "double": {avroDouble, "double"}, "bytes": {avroBytes, "bytes"}, "string": {avroString, "string"},
}

// avroLogical are Connect's names of Avro's logical types, where the schema
// does not say one itself.
var avroLogical = map[string]string{
	"date": "org.apache.kafka.connect.data.Date", "time-millis": "org.apache.kafka.connect.data.Time", "time-micros": "io.debezium.time.MicroTime",
	"timestamp-millis": "avro.timestamp-millis", "timestamp-micros": "avro.timestamp-micros", "timestamp-nanos": "avro.timestamp-nanos",
	"local-timestamp-millis": "io.debezium.time.Timestamp", "local-timestamp-micros": "io.debezium.time.MicroTimestamp",
	"local-timestamp-nanos": "io.debezium.time.NanoTimestamp", "uuid": "io.debezium.data.Uuid",
}

// Limits of what a registry may say.
const (
	avroMaxDepth = 64
	avroMaxNodes = 20_000
)

// ParseAvro compiles a schema. references are texts of schemas it names, in an
// order in which each names earlier ones only.
func ParseAvro(schema []byte, references ...[]byte) (*Avro, error) {
	c := avroCompiler{named: map[string]*avroNode{}}
	for _, r := range references {
		if _, err := c.text(r); err != nil {
			return nil, fmt.Errorf("avro: a referenced schema: %w", err)
		}
	}
	root, err := c.text(schema)
	if err != nil {
		return nil, fmt.Errorf("avro: %w", err)
	}
	left := avroMaxNodes
	connect := connectOf(root, 0, &left)
	if left < 0 {
		return nil, fmt.Errorf("avro: the schema has more than %d types where those with names are written out", avroMaxNodes)
	}
	text, err := json.Marshal(connect)
	if err != nil {
		return nil, fmt.Errorf("avro: %w", err)
	}
	return &Avro{root, text}, nil
}

// Connect is the schema as the JsonConverter would write it: what the data that
// AppendJSON writes means.
func (a *Avro) Connect() []byte { return a.connect }

type avroCompiler struct {
	named map[string]*avroNode
	nodes int
}

func (c *avroCompiler) text(p []byte) (*avroNode, error) {
	var v any
	d := json.NewDecoder(strings.NewReader(string(p)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, errors.New("the schema is not JSON")
	}
	return c.compile(v, "", 0)
}

func (c *avroCompiler) compile(v any, space string, depth int) (*avroNode, error) {
	if c.nodes++; depth > avroMaxDepth || c.nodes > avroMaxNodes {
		return nil, fmt.Errorf("the schema is deeper than %d or larger than %d types", avroMaxDepth, avroMaxNodes)
	}
	switch v := v.(type) {
	case string:
		if p, ok := avroPrimitives[v]; ok {
			return &avroNode{op: p.op, typ: v, connect: Connect{Type: p.connect}}, nil
		}
		if n := c.named[fullName(v, space)]; n != nil {
			return n, nil
		}
		if n := c.named[v]; n != nil {
			return n, nil
		}
		return nil, fmt.Errorf("it names a type that is not defined: %q", v)
	case []any:
		n := &avroNode{op: avroUnion, typ: "union"}
		for _, m := range v {
			s, err := c.compile(m, space, depth+1)
			if err != nil {
				return nil, err
			}
			n.sub = append(n.sub, s)
		}
		return n, nil
	case map[string]any:
		return c.object(v, space, depth)
	}
	return nil, errors.New("a type is neither a name, a union nor an object")
}

func fullName(name, space string) string {
	if space == "" || strings.Contains(name, ".") {
		return name
	}
	return space + "." + name
}

func (c *avroCompiler) object(v map[string]any, space string, depth int) (n *avroNode, err error) {
	text := func(key string) string { s, _ := v[key].(string); return s }
	switch kind := text("type"); kind {
	case "record", "error", "enum", "fixed":
		if s := text("namespace"); s != "" {
			space = s
		}
		name := fullName(text("name"), space)
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			space = name[:i]
		}
		n = &avroNode{typ: name}
		c.named[name] = n
		switch kind {
		case "enum":
			n.op, n.connect.Type = avroEnum, "string"
			symbols, _ := v["symbols"].([]any)
			for _, s := range symbols {
				t, _ := s.(string)
				n.names = append(n.names, string(quoteJSON(nil, t)))
			}
		case "fixed":
			n.op, n.connect.Type = avroFixed, "bytes"
			if n.size, err = integerOf(v["size"]); err != nil || n.size < 0 || n.size > 1<<20 {
				return nil, fmt.Errorf("fixed %q has no size", name)
			}
		default:
			n.op, n.connect.Type = avroRecord, "struct"
			n.connect.Name = name
			if err := c.fields(n, v, space, depth); err != nil {
				return nil, err
			}
		}
	case "array", "map":
		key, op := "items", avroArray
		if kind == "map" {
			key, op = "values", avroMap
		}
		s, err := c.compile(v[key], space, depth+1)
		if err != nil {
			return nil, err
		}
		n = &avroNode{op: op, typ: kind, sub: []*avroNode{s}, connect: Connect{Type: kind}}
	default:
		inner, err := c.compile(v["type"], space, depth+1) // {"type":"string",...}, or a type within
		if err != nil {
			return nil, err
		}
		copied := *inner // the properties below are this place's alone
		n = &copied
	}
	c.properties(n, v)
	return n, nil
}

func (c *avroCompiler) fields(n *avroNode, v map[string]any, space string, depth int) error {
	fields, ok := v["fields"].([]any)
	if !ok {
		return fmt.Errorf("record %q has no fields", n.typ)
	}
	seen := map[string]bool{}
	for _, f := range fields {
		m, _ := f.(map[string]any)
		name, _ := m["name"].(string)
		switch {
		case name == "":
			return fmt.Errorf("record %q has a field without a name", n.typ)
		case seen[name]: // Avro's own parser refuses it too: which of them is meant?
			return fmt.Errorf("record %q has the field %q twice", n.typ, name)
		}
		seen[name] = true
		s, err := c.compile(m["type"], space, depth+1)
		if err != nil {
			return err
		}
		n.sub = append(n.sub, s)
		n.names = append(n.names, string(append(quoteJSON(nil, name), ':')))
		n.connect.Fields = append(n.connect.Fields, Connect{Field: name, Parameters: fieldSays(m)})
	}
	return nil
}

// fieldSays is what a field says of itself beside its type: class and tags, as
// parameters. nil: nothing.
func fieldSays(v map[string]any) (says map[string]string) {
	put := func(k, s string) {
		if says == nil {
			says = map[string]string{}
		}
		says[k] = s
	}
	if list, ok := v[ConfluentTags].([]any); ok {
		var tags []string
		for _, x := range list {
			if s, ok := x.(string); ok {
				tags = append(tags, s)
			}
		}
		put(ConfluentTags, strings.Join(tags, ","))
	}
	for _, k := range []string{"pii", "tags"} {
		if s, ok := v[k].(string); ok {
			put(k, s)
		}
	}
	return says
}

// properties takes what Connect and logical types say of a type.
func (c *avroCompiler) properties(n *avroNode, v map[string]any) {
	if s, ok := v["connect.type"].(string); ok && n.op == avroInt && (s == "int8" || s == "int16") {
		n.connect.Type = s
	}
	if m, ok := v["connect.parameters"].(map[string]any); ok {
		n.connect.Parameters = map[string]string{}
		for k, x := range m {
			n.connect.Parameters[k] = fmt.Sprint(x)
		}
	}
	logical, _ := v["logicalType"].(string)
	switch {
	case logical == "decimal" && (n.op == avroBytes || n.op == avroFixed):
		scale, err := integerOf(v["scale"])
		if err != nil {
			scale = 0 // the specification's default
		}
		n.connect.Name = "org.apache.kafka.connect.data.Decimal"
		if n.connect.Parameters == nil {
			n.connect.Parameters = map[string]string{}
		}
		n.connect.Parameters["scale"] = strconv.Itoa(scale)
		if p, err := integerOf(v["precision"]); err == nil {
			n.connect.Parameters["connect.decimal.precision"] = strconv.Itoa(p)
		}
	case avroLogical[logical] != "":
		n.connect.Name = avroLogical[logical]
	}
	if s, ok := v["connect.name"].(string); ok {
		n.connect.Name = s
	}
}

func integerOf(v any) (int, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, errors.New("no number")
	}
	return strconv.Atoi(n.String())
}

// connectOf is n as a Connect schema. A type within itself is a struct without
// fields: its column is the document. left is how many types there may be yet.
func connectOf(n *avroNode, depth int, left *int) Connect {
	c := n.connect
	*left--
	switch {
	case depth > avroMaxDepth/4, *left < 0, n.open:
		c.Fields = nil
	case n.op == avroUnion:
		if v, ok := n.optional(); ok {
			c = connectOf(v, depth, left)
			c.Optional = true
			break
		}
		c = Connect{Type: "struct", Optional: true}
	case n.op == avroRecord:
		n.open = true
		defer func() { n.open = false }()
		c.Fields = make([]Connect, len(n.sub))
		for i, s := range n.sub {
			c.Fields[i] = connectOf(s, depth+1, left)
			c.Fields[i].Field = n.connect.Fields[i].Field
			if said := n.connect.Fields[i].Parameters; said != nil {
				all := maps.Clone(said)
				maps.Copy(all, c.Fields[i].Parameters)
				c.Fields[i].Parameters = all
			}
		}
	case n.op == avroArray, n.op == avroMap:
		of := connectOf(n.sub[0], depth+1, left)
		if n.op == avroArray {
			c.Items = &of
		} else {
			c.Values = &of
		}
	case n.op == avroArray, n.op == avroMap:
		of := connectOf(n.sub[0], depth+1, left)
		if n.op == avroArray {
			c.Items = &of
		} else {
			c.Values = &of
		}
	}
	return c
}

// optional is the type of a union of it and null.
func (n *avroNode) optional() (*avroNode, bool) {
	if len(n.sub) != 2 {
		return nil, false
	}
	for i, s := range n.sub {
		if s.op == avroNull && n.sub[1-i].op != avroNull {
			return n.sub[1-i], true
		}
	}
	return nil, false
}
