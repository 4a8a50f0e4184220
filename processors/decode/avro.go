package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"sluice/processors/decode/registry"
	"sluice/schemas"
	"sluice/topology/stream"
)

// Avro records are told by their wire form: Confluent's (and Karapace's), a
// zero byte and an id of four bytes, big endian; Apicurio's, the same with
// eight bytes, or the id in a header. Confluent 8 has a header for it, too: a one
// and the 16 bytes of a GUID, or a zero and the four bytes. Keys, and what index.go does not read, are
// written as the JSON that Kafka Connect's converter would have made of them, and
// read as that, with the Connect schema of the writer beside it: one way for
// every meaning. Data of a JSON Schema has the same wire form and is JSON already.
// Protobuf has it, too, and says behind it which message of its file it is
// (registry.Schema.Message).

// idHeaders name the headers that ids are in: of Apicurio's serializers
// (apicurio.registry.headers.*), and of Confluent's HeaderSchemaIdSerializer.
type idHeaders struct{ global, content, message, confluent string }

var (
	valueHeaders = idHeaders{"apicurio.value.globalId", "apicurio.value.contentId", "apicurio.protobuf.type", "__value_schema_id"}
	keyHeaders   = idHeaders{"apicurio.key.globalId", "apicurio.key.contentId", "apicurio.protobuf.type.key", "__key_schema_id"}
)

const (
	magic          = 0
	magicGUID      = 1
	confluentBytes = 5
	apicurioBytes  = 9
	guidBytes      = 17
)

// datum is binary data with the id of its schema and, of Protobuf, its message:
// by name, or by the indexes behind an id in a header.
type datum struct {
	id      registry.ID
	data    []byte
	name    string
	indexed bool
	indexes []byte
}

// message is the schema that data are of, and the data without what names it.
func (d *datum) message(s *registry.Schema) (*registry.Schema, []byte, error) {
	if d.indexed {
		m, _, err := s.Message(d.indexes, "")
		return m, d.data, err
	}
	return s.Message(d.data, d.name)
}

// data returns how p can be read with a schema: not at all, or in one or two ways.
func data(p []byte, headers []stream.Header, named idHeaders, into []datum) []datum {
	for i := range headers {
		h := &headers[i]
		switch v := h.Value.Bytes(); {
		case h.Key == "":
		case (h.Key == named.global || h.Key == named.content) && len(v) == 8:
			return append(into, datum{id: registry.ID{N: binary.BigEndian.Uint64(v), Global: h.Key == named.global}, data: p, name: messageName(headers, named.message)})
		case h.Key == named.confluent && len(v) >= guidBytes && v[0] == magicGUID:
			return append(into, datum{id: registry.ID{GUID: registry.GUID(v[1:guidBytes])}, data: p, indexed: true, indexes: v[guidBytes:]})
		case h.Key == named.confluent && len(v) >= confluentBytes && v[0] == magic:
			return append(into, datum{id: registry.ID{N: uint64(binary.BigEndian.Uint32(v[1:]))}, data: p, indexed: true, indexes: v[confluentBytes:]})
		}
	}
	if len(p) < confluentBytes || p[0] != magic {
		return into
	}
	into = append(into, datum{id: registry.ID{N: uint64(binary.BigEndian.Uint32(p[1:])), InFront: true}, data: p[confluentBytes:]})
	if len(p) >= apicurioBytes {
		into = append(into, datum{id: registry.ID{N: binary.BigEndian.Uint64(p[1:]), Global: true, InFront: true}, data: p[apicurioBytes:]})
	}
	return into
}

// messageName is the message that Apicurio's header names, or "".
func messageName(headers []stream.Header, want string) string {
	for i := range headers {
		if headers[i].Key == want {
			return string(headers[i].Value.Bytes())
		}
	}
	return ""
}

// mayBeAvro is a quick no: JSON does not begin with a zero byte.
func mayBeAvro(r *stream.Record) bool {
	first := func(p []byte) bool { return len(p) > 0 && p[0] == magic }
	return len(r.Headers) > 0 || first(r.Value.Bytes()) || first(r.Key.Bytes())
}

// avro replaces key and value of r by JSON where they are Avro. w.outer is then
// the writer's schema. A returned error is the registry's.
func (w *worker) avro(r *stream.Record) (verdict, error) {
	var ways [2]datum
	if p := r.Key.Bytes(); p != nil {
		if d := data(p, r.Headers, keyHeaders, ways[:0]); len(d) > 0 {
			text, _, code, err := w.json(d)
			if err != nil {
				return keep, err
			}
			if code != "" {
				return reject(code), nil
			}
			r.Key = stream.ViewOf(text)
		}
	}
	p := r.Value.Bytes()
	if p == nil {
		return keep, nil
	}
	d := data(p, r.Headers, valueHeaders, ways[:0])
	if len(d) == 0 || w.binary(p, d[0]) || w.d.registry == nil && d[0].indexed && bytes.HasPrefix(p, []byte("{")) { // a JSON Schema's, as it is
		return keep, nil
	}
	return w.written(r, d)
}

// written replaces the value of r by JSON.
func (w *worker) written(r *stream.Record, d []datum) (verdict, error) {
	text, a, code, err := w.json(d)
	if err != nil || code != "" {
		return reject(code), err
	}
	if r.Value, w.outer = stream.ViewOf(text), a.Connect(); a.Cloud() {
		w.outer = a.Inner() // cloud finds the rows that it is of
	}
	return keep, nil
}

// json writes the first of ways that its schema agrees with.
func (w *worker) json(ways []datum) (text []byte, a *registry.Schema, code string, err error) {
	if w.d.registry == nil {
		return nil, nil, codeNoRegistry, nil
	}
	code = codeNoSchema
	for i := range ways {
		d := &ways[i]
		a, err := w.d.registry.Schema(d.id)
		if errors.Is(err, registry.ErrUnknown) {
			continue
		}
		if errors.Is(err, registry.ErrLanguage) {
			code = codeLanguage
			continue
		}
		if err != nil {
			return nil, nil, "", err
		}
		a, body, err := d.message(a)
		var out []byte
		if err == nil {
			out, err = a.AppendJSON(w.scratch(), body)
		}
		if err != nil {
			switch {
			case errors.Is(err, schemas.ErrAvro):
				code = codeBadAvro
			case errors.Is(err, schemas.ErrProto), errors.Is(err, schemas.ErrProtoMessage):
				code = codeBadProto
			default: // a message that cannot be compiled
				code = codeLanguage
			}
			continue
		}
		return w.made(out), a, "", nil
	}
	return nil, nil, code, nil
}

// GlobalIDs adds to ids the global ids that the headers of r name, by subject.
func GlobalIDs(topic string, r *stream.Record, ids map[string][]uint64) {
	for i := range r.Headers {
		h := &r.Headers[i]
		subject := topic + "-value"
		switch h.Key {
		case keyHeaders.global:
			subject = topic + "-key"
		case valueHeaders.global:
		default:
			continue
		}
		if v := h.Value.Bytes(); len(v) == 8 {
			id := binary.BigEndian.Uint64(v)
			if at, found := slices.BinarySearch(ids[subject], id); !found {
				ids[subject] = slices.Insert(ids[subject], at, id)
			}
		}
	}
}
