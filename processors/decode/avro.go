package decode

import (
	"encoding/binary"
	"errors"
	"slices"

	"sluice/processors/decode/registry"
	"sluice/schemas"
	"sluice/topology/stream"
)

// Avro records are told by their wire form: Confluent's (and Karapace's), a
// zero byte and an id of four bytes, big endian; Apicurio's, the same with
// eight bytes, or the id in a header. Keys, and what index.go does not read, are
// written as the JSON that Kafka Connect's converter would have made of them, and
// read as that, with the Connect schema of the writer beside it: one way for
// every meaning. Data of a JSON Schema has the same wire form and is JSON already.
// Protobuf has it, too, and says behind it which message of its file it is
// (registry.Schema.Message).

// Headers of Apicurio's serializers (apicurio.registry.headers.*).
const (
	headerGlobal   = "apicurio.value.globalId"
	headerContent  = "apicurio.value.contentId"
	keyGlobal      = "apicurio.key.globalId"
	keyContent     = "apicurio.key.contentId"
	typeName       = "apicurio.protobuf.type" // the message, of Protobuf
	keyTypeName    = "apicurio.protobuf.type.key"
	magic          = 0
	confluentBytes = 5
	apicurioBytes  = 9
)

// datum is binary data with the id of its schema and, of Protobuf, its message.
type datum struct {
	id     uint64
	global bool
	data   []byte
	name   string
}

// data returns how p can be read with a schema: not at all, or in one or two ways.
func data(p []byte, headers []stream.Header, global, content string, into []datum) []datum {
	for i := range headers {
		h := &headers[i]
		if v := h.Value.Bytes(); (h.Key == global || h.Key == content) && len(v) == 8 {
			return append(into, datum{binary.BigEndian.Uint64(v), h.Key == global, p, messageName(headers, content == keyContent)})
		}
	}
	if len(p) < confluentBytes || p[0] != magic {
		return into
	}
	into = append(into, datum{uint64(binary.BigEndian.Uint32(p[1:])), false, p[confluentBytes:], ""})
	if len(p) >= apicurioBytes {
		into = append(into, datum{binary.BigEndian.Uint64(p[1:]), true, p[apicurioBytes:], ""})
	}
	return into
}

// messageName is the message that Apicurio's header names, or "".
func messageName(headers []stream.Header, key bool) string {
	want := typeName
	if key {
		want = keyTypeName
	}
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
		if d := data(p, r.Headers, keyGlobal, keyContent, ways[:0]); len(d) > 0 {
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
	d := data(p, r.Headers, headerGlobal, headerContent, ways[:0])
	if len(d) == 0 || w.binary(p, d[0]) {
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
	r.Value, w.outer = stream.ViewOf(text), a.Connect()
	return keep, nil
}

// json writes the first of ways that its schema agrees with.
func (w *worker) json(ways []datum) (text []byte, a *registry.Schema, code string, err error) {
	if w.d.registry == nil {
		return nil, nil, codeNoRegistry, nil
	}
	code = codeNoSchema
	for _, d := range ways {
		a, err := w.d.registry.Schema(d.id, d.global)
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
		a, body, err := a.Message(d.data, d.name)
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
		case keyGlobal:
			subject = topic + "-key"
		case headerGlobal:
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
