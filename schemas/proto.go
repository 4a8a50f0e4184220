package schemas

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Proto is a compiled message of Protobuf: a program that reads its wire form.
// Sources: Protocol Buffers, "Encoding" and "Application Note: Field Presence";
// Confluent's ProtobufData for what Connect's types become; Apicurio's ProtobufData
// for the names that it keeps in json_name.
//
// What a record's Connect schema called a type is lost on the way, but for
// Decimal, Date, Time and Timestamp, VariableScaleDecimal and structured times:
// Debezium's other numbers and texts are what they are.
//
// It is immutable and safe for concurrent use.
type Proto struct {
	root    *protoMessage
	connect []byte
}

// Connect is the schema as the JsonConverter would write it: what the data that
// AppendJSON writes means.
func (p *Proto) Connect() []byte { return p.connect }

// protoMessage is one message type: fields in the order they are declared.
type protoMessage struct {
	name   string
	fields []protoField
	dense  []int32         // by number: index of a field + 1
	sparse map[int32]int32 // of numbers beyond dense
	oneofs int
	kind   protoKind // how it is read where it is a field: protoStruct, or a value
	inner  protoKind // of a wrapper
	bare   bool      // its Connect schema is being made
}

// protoField is one field.
type protoField struct {
	num      int32
	kind     protoKind
	list     bool
	pairs    bool // a map whose keys are no texts: a list of pairs
	presence bool // what is not there is null; else it is the zero of its kind
	oneof    int32
	scale    int // of protoDecimal
	label    string
	name     string
	msg      *protoMessage    // of a message; of a map the message of its entries
	symbols  map[int32]string // of an enum
	connect  Connect
}

type protoKind uint8

const (
	protoInt32 protoKind = iota
	protoInt64
	protoUint32
	protoUint64
	protoSint32
	protoSint64
	protoBool
	protoEnum
	protoFixed32
	protoSfixed32
	protoFloat
	protoFixed64
	protoSfixed64
	protoDouble
	protoString
	protoBytes
	protoStruct     // a message, an object
	protoMap        // messages of key and value
	protoWrapper    // a message that holds one value: google.protobuf.StringValue, ...
	protoTimestamp  // google.protobuf.Timestamp
	protoDate       // google.type.Date
	protoTimeOfDay  // google.type.TimeOfDay
	protoDecimal    // confluent.type.Decimal of a scale that the schema says
	protoVarDecimal // and of none
)

// protoKinds are those of descriptors, with the Connect type of each.
var protoKinds = map[protoreflect.Kind]struct {
	kind    protoKind
	connect string
}{
	protoreflect.Int32Kind: {protoInt32, "int32"}, protoreflect.Int64Kind: {protoInt64, "int64"},
	protoreflect.Uint32Kind: {protoUint32, "int64"}, protoreflect.Uint64Kind: {protoUint64, "int64"},
	protoreflect.Sint32Kind: {protoSint32, "int32"}, protoreflect.Sint64Kind: {protoSint64, "int64"},
	protoreflect.Fixed32Kind: {protoFixed32, "int64"}, protoreflect.Fixed64Kind: {protoFixed64, "int64"},
	protoreflect.Sfixed32Kind: {protoSfixed32, "int32"}, protoreflect.Sfixed64Kind: {protoSfixed64, "int64"},
	protoreflect.BoolKind: {protoBool, "boolean"}, protoreflect.EnumKind: {protoEnum, "string"},
	protoreflect.FloatKind: {protoFloat, "float"}, protoreflect.DoubleKind: {protoDouble, "double"},
	protoreflect.StringKind: {protoString, "string"}, protoreflect.BytesKind: {protoBytes, "bytes"},
}

// protoWrappers are messages that stand for the value of their field 1.
var protoWrappers = []string{"google.protobuf.DoubleValue", "google.protobuf.FloatValue", "google.protobuf.Int64Value", "google.protobuf.UInt64Value",
	"google.protobuf.Int32Value", "google.protobuf.UInt32Value", "google.protobuf.BoolValue", "google.protobuf.StringValue", "google.protobuf.BytesValue",
	"google.type.Decimal"}

// protoUint64Name is the name of integers of 64 bits without a sign, which no
// integer of Connect holds: they are decimals of 20 digits.
const protoUint64Name = "protobuf.uint64"

// Limits of what a registry may say.
const (
	protoMaxDepth    = 16 // of a Connect schema; of data MaxDepth
	protoMaxMessages = 5_000
	protoMaxFields   = 20_000
	protoDense       = 1024
)

type protoCompiler struct {
	known   map[protoreflect.FullName]*protoMessage
	fields  int
	connect bool // the row of a connector: timestamps are Connect's
}

func newProto(d protoreflect.MessageDescriptor) (*Proto, error) {
	c := protoCompiler{known: map[protoreflect.FullName]*protoMessage{}}
	switch d.Name() { // Debezium's names of schemas
	case "Envelope", "Value", "Key":
		c.connect = true
	}
	root, err := c.message(d)
	if err != nil {
		return nil, fmt.Errorf("protobuf: %w", err)
	}
	left := avroMaxNodes
	var connect Connect
	if f := (&protoField{kind: root.kind, msg: root}); root.kind == protoStruct {
		connect = root.connectOf(0, &left)
	} else {
		connect = c.value(f, nil)
	}
	if left < 0 {
		return nil, fmt.Errorf("protobuf: the schema has more than %d types where those with names are written out", avroMaxNodes)
	}
	text, err := json.Marshal(connect)
	return &Proto{root, text}, err
}

func (c *protoCompiler) message(d protoreflect.MessageDescriptor) (*protoMessage, error) {
	if m := c.known[d.FullName()]; m != nil {
		return m, nil
	}
	m := &protoMessage{name: string(d.FullName()), kind: protoStruct}
	c.known[d.FullName()] = m
	if c.fields += d.Fields().Len(); len(c.known) > protoMaxMessages || c.fields > protoMaxFields {
		return nil, fmt.Errorf("the schema has more than %d messages or %d fields", protoMaxMessages, protoMaxFields)
	}
	switch name := string(d.FullName()); {
	case slices.Contains(protoWrappers, name) && d.Fields().ByNumber(1) != nil && d.Fields().ByNumber(1).Message() == nil:
		m.kind, m.inner = protoWrapper, protoKinds[d.Fields().ByNumber(1).Kind()].kind
	case name == "google.protobuf.Timestamp":
		m.kind = protoTimestamp
	case name == "google.type.Date":
		m.kind = protoDate
	case name == "google.type.TimeOfDay":
		m.kind = protoTimeOfDay
	case name == "confluent.type.Decimal":
		m.kind = protoVarDecimal
	}
	oneofs := map[int]int32{}
	m.fields = make([]protoField, d.Fields().Len())
	names := map[string]bool{}
	for i := range m.fields {
		fd := d.Fields().Get(i)
		f := &m.fields[i]
		if err := c.field(f, fd); err != nil {
			return nil, err
		}
		if names[f.name] || !utf8.ValidString(f.name) {
			return nil, fmt.Errorf("two fields of %q have the name %q, or it is none", d.FullName(), f.name)
		}
		names[f.name] = true
		if o := fd.ContainingOneof(); o != nil && !o.IsSynthetic() {
			if _, ok := oneofs[o.Index()]; !ok {
				oneofs[o.Index()] = int32(len(oneofs) + 1)
			}
			f.oneof = oneofs[o.Index()]
		}
		if f.num < protoDense {
			if int(f.num) >= len(m.dense) {
				m.dense = append(m.dense, make([]int32, int(f.num)+1-len(m.dense))...)
			}
			m.dense[f.num] = int32(i) + 1
			continue
		}
		if m.sparse == nil {
			m.sparse = map[int32]int32{}
		}
		m.sparse[f.num] = int32(i) + 1
	}
	m.oneofs = len(oneofs)
	return m, nil
}

// at is the index of the field with a number, or -1.
func (m *protoMessage) at(num uint64) int {
	if num < uint64(len(m.dense)) {
		return int(m.dense[num]) - 1
	}
	if m.sparse == nil || num >= 1<<29 {
		return -1
	}
	return int(m.sparse[int32(num)]) - 1
}

func (c *protoCompiler) field(f *protoField, d protoreflect.FieldDescriptor) error {
	f.num, f.name = int32(d.Number()), string(d.Name())
	f.list, f.presence = d.IsList(), d.HasPresence()
	hint := ""
	for _, prefix := range []string{"__int8:", "__int16:"} { // Apicurio's
		if rest, ok := strings.CutPrefix(d.JSONName(), prefix); ok {
			hint = strings.Trim(prefix, "_:")
			if raw, ok := strings.CutPrefix(rest, "__raw:"); ok {
				f.name = raw
			}
		}
	}
	if raw, ok := strings.CutPrefix(d.JSONName(), "__raw:"); ok {
		f.name = raw
	}
	f.label = string(append(quoteJSON(nil, f.name), ':'))
	params, tags := metaOf(d)
	if d.Kind() == protoreflect.GroupKind {
		return fmt.Errorf("field %q of %q is a group, which is not read", d.Name(), d.Parent().FullName())
	}
	if md := d.Message(); md != nil {
		m, err := c.message(md)
		if err != nil {
			return err
		}
		f.msg, f.kind = m, m.kind
		if entryOf(d, md) {
			f.kind, f.list, f.presence = protoMap, false, false
			f.pairs = m.fields[m.at(1)].kind != protoString
		}
	} else {
		f.kind = protoKinds[d.Kind()].kind
	}
	if e := d.Enum(); e != nil {
		f.symbols = map[int32]string{}
		for i := range e.Values().Len() {
			v := e.Values().Get(i)
			if !protoIdentifier(string(v.Name())) { // a descriptor may have any; it is written as it is
				return fmt.Errorf("%q of enum %q is no name", v.Name(), e.FullName())
			}
			if _, ok := f.symbols[int32(v.Number())]; !ok {
				f.symbols[int32(v.Number())] = string(v.Name())
			}
		}
	}
	f.connect = c.value(f, params)
	switch t := params["connect.type"]; {
	case f.connect.Type != "int32" || f.connect.Name != "":
	case t == "int8" || t == "int16":
		f.connect.Type = t
	case hint != "":
		f.connect.Type = hint
	}
	if says := f.connect.Parameters; len(tags) > 0 {
		if says = maps.Clone(says); says == nil {
			says = map[string]string{}
		}
		says[ConfluentTags] = strings.Join(tags, ",")
		f.connect.Parameters = says
	}
	for _, k := range []string{"pii", "tags"} {
		if v := params[k]; v != "" {
			if f.connect.Parameters == nil {
				f.connect.Parameters = map[string]string{}
			}
			f.connect.Parameters[k] = v
		}
	}
	f.connect.Field, f.connect.Optional = f.name, d.Cardinality() != protoreflect.Required
	return nil
}

// entryOf reports a field that is a map: one that says so, or one as Confluent's
// converter declares it, whose message is called so and has a key and a value.
func entryOf(d protoreflect.FieldDescriptor, m protoreflect.MessageDescriptor) bool {
	if d.IsMap() {
		return true
	}
	if !d.IsList() || !strings.HasSuffix(string(m.Name()), "Entry") || m.Fields().Len() != 2 {
		return false
	}
	k, v := m.Fields().ByNumber(1), m.Fields().ByNumber(2)
	return k != nil && v != nil && k.Name() == "key" && v.Name() == "value" && !k.IsList() && !v.IsList() && k.Message() == nil && k.Enum() == nil
}
