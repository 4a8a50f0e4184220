package registry

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"sluice/schemas"
)

// Schema is one that records were written with. It is safe for concurrent use.
type Schema struct {
	binary  schemas.BinarySchema // nil: the data is JSON
	connect []byte
	inner   []byte
	cloud   bool

	file     *schemas.ProtoFile // of Protobuf: the data say which of its messages they are
	first    atomic.Pointer[Schema]
	mu       sync.Mutex
	messages map[string]*Schema // by indexes or name
	failed   error              // of one of messages
}

func newSchema(b schemas.BinarySchema, connect []byte) *Schema {
	s := &Schema{binary: b, connect: connect}
	c, err := schemas.ParseConnect(connect)
	if err != nil || c.Child("specversion") == nil || c.Child("iodebeziumop") == nil && !strings.HasSuffix(c.Name, cloudEnvelope) {
		return s
	}
	switch d := c.Child("data"); {
	case d == nil:
	case d.Type == "struct":
		s.inner, _ = json.Marshal(d)
		s.cloud = true
	case d.Type == "bytes": // of another schema
		s.cloud = true
	}
	return s
}

// cloudEnvelope ends the name of the schema of CloudEvents without attributes of
// Debezium's own, unless schema.cloudevents.name is another.
const cloudEnvelope = ".CloudEvents.Envelope"

// Cloud reports that the schema is one of Debezium's CloudEvents: its fields are
// attributes, no columns.
func (s *Schema) Cloud() bool { return s.cloud }

// Inner is the Connect schema of the data of Debezium's CloudEvents, if they are a
// record; nil if they are bytes, which name their own schema.
func (s *Schema) Inner() []byte { return s.inner }

// Connect is the schema as Kafka Connect's JsonConverter would write it.
func (s *Schema) Connect() []byte { return s.connect }

// Binary is the schema of data that are Avro or Protobuf, nil for other data.
func (s *Schema) Binary() schemas.BinarySchema { return s.binary }

// AppendJSON appends the datum p, all of it, as JSON.
func (s *Schema) AppendJSON(dst, p []byte) ([]byte, error) {
	if s.binary != nil {
		return s.binary.AppendJSON(dst, p)
	}
	return append(dst, p...), nil // its reader checks it
}

// named is a schema by the name that another one references it by.
type named struct {
	name string
	text []byte
}

func protobuf(text []byte, refs []named) (*Schema, error) {
	imports := map[string][]byte{}
	for _, r := range refs {
		imports[r.name] = r.text
	}
	f, err := schemas.ParseProto(text, imports)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLanguage, err)
	}
	return &Schema{file: f, messages: map[string]*Schema{}}, nil
}

// Message is the schema of the message that p is, and its data: p without what
// names it. Confluent's serializers write the message's indexes in front, or 0
// for the first one; Apicurio's a message with its name, or a header has the
// name, or the data are of the first message. Of Avro and JSON all is data.
func (s *Schema) Message(p []byte, name string) (*Schema, []byte, error) {
	if s.file == nil {
		return s, p, nil
	}
	if name != "" {
		m, err := s.message([]byte(name), func() (*schemas.Proto, error) { return s.file.Named(name) })
		return m, p, err
	}
	if len(p) == 0 || p[0] == 0 {
		m, err := s.root()
		return m, p[min(1, len(p)):], err
	}
	if n := int(p[0]); n < 0x80 && len(p) > n && n > 2 && p[1] == 0x0A && int(p[2]) == n-2 { // Ref{name}
		name := p[3 : n+1]
		if m, err := s.message(name, func() (*schemas.Proto, error) { return s.file.Named(string(name)) }); err == nil {
			return m, p[n+1:], nil
		}
	}
	if path, rest := indexes(p); path != nil {
		var buf [64]byte
		key := buf[:1]           // 0 begins no name
		for _, i := range path { // not as they are spelled: a varint can be spelled in many ways
			key = binary.AppendUvarint(key, uint64(i))
		}
		m, err := s.message(key, func() (*schemas.Proto, error) { return s.file.At(path) })
		if err == nil || p[0] < 8 { // below are no tags
			return m, rest, err
		}
	}
	m, err := s.root()
	return m, p, err
}

// maxIndexes bounds how deep messages are declared within messages.
const maxIndexes = 32

// indexes reads a list of indexes: zig-zag varints, how many and each.
func indexes(p []byte) (path []int, rest []byte) {
	n, size := binary.Varint(p)
	if size <= 0 || n < 1 || n > maxIndexes {
		return nil, p
	}
	rest = p[size:]
	for range n {
		i, size := binary.Varint(rest)
		if size <= 0 || i < 0 || i > 1<<16 {
			return nil, p
		}
		path, rest = append(path, int(i)), rest[size:]
	}
	return path, rest
}

func (s *Schema) root() (*Schema, error) {
	if m := s.first.Load(); m != nil {
		return m, nil
	}
	m, err := s.message(nil, func() (*schemas.Proto, error) { return s.file.At([]int{0}) })
	if err == nil {
		s.first.Store(m)
	}
	return m, err
}

// message is that of key, compiled once, or why it cannot be. There are as many as
// the file declares, by their indexes and by two names: what names none is not kept.
func (s *Schema) message(key []byte, compile func() (*schemas.Proto, error)) (*Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.messages[string(key)]; m != nil {
		return m, m.failed
	}
	p, err := compile()
	if errors.Is(err, schemas.ErrProtoMessage) {
		return nil, err
	}
	m := &Schema{failed: err}
	if err == nil {
		m = newSchema(p, p.Connect())
	}
	s.messages[string(key)] = m
	return m, err
}
