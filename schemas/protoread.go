package schemas

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrProto says that bytes are not of the message they are said to be. It never
// holds them. // P1
var ErrProto = errors.New("protobuf: the data does not follow its schema")

// protoMaxNested is how deep messages may be nested: a list of them is two levels
// of JSON.
const protoMaxNested = MaxDepth/2 - 4

// Wire types (Protocol Buffers, "Encoding", message structure). Groups are refused.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// AppendJSON appends the message p as JSON in the form of Kafka Connect's
// JsonConverter: every field of the schema is there, null where it may be, bytes
// in base64, NaN and infinities as strings. Fields the schema does not have are
// skipped; of a field that comes twice the last one counts, and messages are
// merged. dst grows at most by what p and the names of its fields need.
func (p *Proto) AppendJSON(dst, data []byte) ([]byte, error) {
	r := protoReader{max: len(dst) + 1<<20 + 256*len(data), join: protoJoin(data)}
	out := r.whole(dst, &protoField{kind: p.root.kind, msg: p.root}, data, 0)
	if r.bad {
		return dst, ErrProto
	}
	return out, nil
}

// protoReader writes messages as JSON. What is not there yet of a message is a
// chain for each of its fields.
type protoReader struct {
	max    int // of what is written
	join   int // so many bytes may be merged yet
	bad    bool
	places []protoPlace
	chains []protoChain
}

// protoJoin bounds the bytes of messages that come twice and are joined: within
// one another they are joined at every depth anew.
func protoJoin(data []byte) int { return 1<<16 + 8*len(data) }

// protoPlace is where a value of a field lies, in the message's own bytes.
type protoPlace struct {
	at, end int32
	next    int32 // of the same field, or -1
	wire    uint8
}

// protoChain is the first and last place of a field, -1 for none; of a oneof, in
// first, the field that was set.
type protoChain struct{ first, last int32 }

// protoTag reads a tag and finds the value behind it: next is the place behind
// the value, at where its bytes begin (behind their length). next is bad if there is none.
func protoTag(p []byte, i int) (num uint64, wire uint8, at, next int) {
	tag, n := binary.Uvarint(p[i:])
	if n <= 0 || tag>>3 == 0 || tag>>3 >= 1<<29 {
		return 0, 0, 0, bad
	}
	i += n
	num, wire = tag>>3, uint8(tag&7)
	switch wire {
	case wireVarint:
		_, n := binary.Uvarint(p[i:])
		if n <= 0 {
			return 0, 0, 0, bad
		}
		return num, wire, i, i + n
	case wireFixed64:
		at, next = i, i+8
	case wireFixed32:
		at, next = i, i+4
	case wireBytes:
		size, n := binary.Uvarint(p[i:])
		if n <= 0 || size > uint64(len(p)-i-n) {
			return 0, 0, 0, bad
		}
		at, next = i+n, i+n+int(size)
	default:
		return 0, 0, 0, bad // a group
	}
	if next > len(p) {
		next = bad
	}
	return num, wire, at, next
}

// wire is the wire type of a kind.
func (k protoKind) wire() uint8 {
	switch {
	case k <= protoEnum:
		return wireVarint
	case k <= protoFloat:
		return wireFixed32
	case k <= protoDouble:
		return wireFixed64
	}
	return wireBytes
}

// takes reports that f reads values of a wire type: those of lists may be packed.
// Others are fields that the schema does not have.
func (f *protoField) takes(wire uint8) bool {
	return wire == f.kind.wire() || wire == wireBytes && f.list
}

func (r *protoReader) fail(dst []byte) []byte {
	r.bad = true
	return dst
}

// message appends the message p as an object.
func (r *protoReader) message(dst []byte, m *protoMessage, p []byte, depth int) []byte {
	if depth > protoMaxNested || len(p) > math.MaxInt32 || len(dst) > r.max {
		return r.fail(dst)
	}
	places, chains := len(r.places), len(r.chains)
	if !r.find(m, p) {
		return r.fail(dst)
	}
	dst = append(dst, '{')
	for i := range m.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		f := &m.fields[i]
		dst = append(dst, f.label...)
		if dst = r.field(dst, f, p, r.chains[chains+i], depth+1); r.bad {
			return dst
		}
	}
	r.places, r.chains = r.places[:places], r.chains[:chains]
	return append(dst, '}')
}

// find makes the chains of p's fields, and then of its oneofs.
func (r *protoReader) find(m *protoMessage, p []byte) bool {
	base := len(r.chains)
	for range len(m.fields) + m.oneofs {
		r.chains = append(r.chains, protoChain{-1, -1})
	}
	chains := r.chains[base:]
	for i := 0; i < len(p); {
		num, wire, at, next := protoTag(p, i)
		if next == bad {
			return false
		}
		i = next
		k := m.at(num)
		if k < 0 || !m.fields[k].takes(wire) {
			continue
		}
		f := &m.fields[k]
		if f.oneof > 0 { // another one of it is there no more
			o := &chains[len(m.fields)+int(f.oneof)-1]
			if o.first >= 0 && o.first != int32(k) {
				chains[o.first] = protoChain{-1, -1}
			}
			o.first = int32(k)
		}
		c, n := &chains[k], int32(len(r.places))
		r.places = append(r.places, protoPlace{int32(at), int32(next), -1, wire})
		if c.first < 0 {
			c.first = n
		} else {
			r.places[c.last].next = n
		}
		c.last = n
	}
	return true
}

// field appends the value of f, whose places in p are a chain.
func (r *protoReader) field(dst []byte, f *protoField, p []byte, c protoChain, depth int) []byte {
	if len(dst) > r.max {
		return r.fail(dst)
	}
	switch {
	case f.list:
		return r.list(dst, f, p, c.first, depth)
	case f.kind == protoMap:
		return r.entries(dst, f, p, c.first, depth)
	case c.first < 0 && f.presence:
		return append(dst, "null"...)
	case c.first < 0:
		return appendZero(dst, f)
	}
	x := r.places[c.last]
	if f.kind < protoStruct || c.first == c.last {
		return r.whole(dst, f, p[x.at:x.end], depth)
	}
	size := 0
	for n := c.first; n >= 0; n = r.places[n].next {
		size += int(r.places[n].end - r.places[n].at)
	}
	if r.join -= size; r.join < 0 {
		return r.fail(dst)
	}
	merged := make([]byte, 0, size) // as if it were one message
	for n := c.first; n >= 0; n = r.places[n].next {
		merged = append(merged, p[r.places[n].at:r.places[n].end]...)
	}
	return r.whole(dst, f, merged, depth)
}

// list appends an array of the values of f, of which some may be packed.
func (r *protoReader) list(dst []byte, f *protoField, p []byte, n int32, depth int) []byte {
	dst = append(dst, '[')
	first := true
	for ; n >= 0 && !r.bad; n = r.places[n].next {
		x := r.places[n]
		dst, first = r.elements(dst, f, p[x.at:x.end], x.wire, depth, first)
	}
	return append(dst, ']')
}

// elements appends one value of a list, or as many as are packed in v.
func (r *protoReader) elements(dst []byte, f *protoField, v []byte, wire uint8, depth int, first bool) ([]byte, bool) {
	kind := f.kind.wire()
	for packed := wire != kind; ; {
		one := v
		if packed {
			if len(v) == 0 {
				return dst, first
			}
			size := 4
			switch kind {
			case wireVarint:
				_, size = binary.Uvarint(v)
			case wireFixed64:
				size = 8
			}
			if size <= 0 || size > len(v) || len(dst) > r.max {
				return r.fail(dst), first
			}
			one, v = v[:size], v[size:]
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = r.whole(dst, f, one, depth)
		if !packed || r.bad {
			return dst, first
		}
	}
}

// entries appends a map: an object, or a list of pairs where its keys are no
// texts, as the JsonConverter does. Of a key that comes twice the last value counts.
func (r *protoReader) entries(dst []byte, f *protoField, p []byte, n int32, depth int) []byte {
	open, end := byte('{'), byte('}')
	if f.pairs {
		open, end = '[', ']'
	}
	key, value := &f.msg.fields[f.msg.at(1)], &f.msg.fields[f.msg.at(2)]
	dst = append(dst, open)
	var seen map[string]int // where its value stands in list
	type pair struct{ key, value protoPlace }
	var list []pair
	for ; n >= 0; n = r.places[n].next {
		x := r.places[n]
		pr, ok := entry(p[:x.end], int(x.at), key, value)
		if !ok {
			return r.fail(dst)
		}
		var buf [64]byte
		text := r.keyText(buf[:0], key, p, pr[0])
		if r.bad {
			return dst
		}
		if seen == nil {
			seen = map[string]int{}
		}
		if at, ok := seen[string(text)]; ok {
			list[at].value = pr[1]
			continue
		}
		seen[string(text)] = len(list)
		list = append(list, pair{pr[0], pr[1]})
	}
	for i, x := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if f.pairs {
			dst = append(dst, '[')
		}
		dst = r.keyText(dst, key, p, x.key)
		if f.pairs {
			dst = append(dst, ',')
		} else {
			dst = append(dst, ':')
		}
		switch {
		case x.value.next < 0 && value.presence && value.kind >= protoStruct && value.kind != protoStruct:
			dst = append(dst, "null"...)
		case x.value.next < 0 && value.kind == protoStruct:
			dst = r.whole(dst, value, nil, depth)
		case x.value.next < 0:
			dst = appendZero(dst, value)
		default:
			dst = r.whole(dst, value, p[x.value.at:x.value.end], depth)
		}
		if f.pairs {
			dst = append(dst, ']')
		}
		if r.bad || len(dst) > r.max {
			return r.fail(dst)
		}
	}
	return append(dst, end)
}

// entry is where key and value of the map's entry p[i:] lie; next is -1 for none.
func entry(p []byte, i int, key, value *protoField) (x [2]protoPlace, ok bool) {
	x[0].next, x[1].next = -1, -1
	for i < len(p) {
		num, wire, at, next := protoTag(p, i)
		if next == bad {
			return x, false
		}
		i = next
		switch {
		case num == 1 && key.takes(wire):
			x[0] = protoPlace{at: int32(at), end: int32(next)}
		case num == 2 && value.takes(wire):
			if x[1].next == 0 && value.kind >= protoStruct {
				return x, false // to be merged, which no serializer asks for
			}
			x[1] = protoPlace{at: int32(at), end: int32(next)}
		}
	}
	return x, true
}

func (r *protoReader) keyText(dst []byte, key *protoField, p []byte, x protoPlace) []byte {
	if x.next < 0 {
		return appendZero(dst, key)
	}
	return r.whole(dst, key, p[x.at:x.end], 0)
}
