package schemas

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"
)

// ErrAvro says that bytes are not of the schema they are said to be. It never
// holds them. // P1
var ErrAvro = errors.New("avro: the data does not follow its schema")

// AppendJSON appends the datum p as JSON in the form of Kafka Connect's
// JsonConverter: bytes in base64, NaN and infinities as strings. All of p has
// to be read. dst grows at most by what p and the names of its fields need.
func (a *Avro) AppendJSON(dst, p []byte) ([]byte, error) {
	r := avroReader{p: p, max: len(dst) + 1<<20 + 256*len(p)}
	out := r.value(dst, a.root, 0)
	if r.bad || len(r.p) > 0 {
		return dst, ErrAvro
	}
	return out, nil
}

type avroReader struct {
	p   []byte
	max int // of what is written: arrays of nothing must not grow without end
	bad bool
}

func (r *avroReader) fail() { r.bad, r.p = true, nil }

// long reads a zig-zag varint of at most 64 bits.
func (r *avroReader) long() int64 {
	v, n := binary.Varint(r.p)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.p = r.p[n:]
	return v
}

func (r *avroReader) take(n int64) []byte {
	if n < 0 || n > int64(len(r.p)) {
		r.fail()
		return nil
	}
	x := r.p[:n]
	r.p = r.p[n:]
	return x
}

func (r *avroReader) value(dst []byte, n *avroNode, depth int) []byte {
	if r.bad || depth > MaxDepth || len(dst) > r.max {
		r.fail()
		return dst
	}
	switch n.op {
	case avroNull:
		return append(dst, "null"...)
	case avroBoolean:
		if b := r.take(1); len(b) == 1 && b[0] <= 1 {
			return strconv.AppendBool(dst, b[0] == 1)
		}
		r.fail()
	case avroInt:
		v := r.long()
		if v != int64(int32(v)) {
			r.fail()
		}
		return strconv.AppendInt(dst, v, 10)
	case avroLong:
		return strconv.AppendInt(dst, r.long(), 10)
	case avroFloat:
		if b := r.take(4); len(b) == 4 {
			return appendFloatJSON(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), 32)
		}
	case avroDouble:
		if b := r.take(8); len(b) == 8 {
			return appendFloatJSON(dst, math.Float64frombits(binary.LittleEndian.Uint64(b)), 64)
		}
	case avroBytes:
		return appendBase64JSON(dst, r.take(r.long()))
	case avroFixed:
		return appendBase64JSON(dst, r.take(int64(n.size)))
	case avroString:
		s := r.take(r.long())
		if !utf8.Valid(s) {
			r.fail()
		}
		dst = AppendEscaped(append(dst, '"'), s)
		return append(dst, '"')
	case avroEnum:
		if i := r.long(); i >= 0 && i < int64(len(n.names)) {
			return append(dst, n.names[i]...)
		}
		r.fail()
	case avroUnion:
		i := r.long()
		if i < 0 || i >= int64(len(n.sub)) {
			r.fail()
			break
		}
		s := n.sub[i]
		if _, ok := n.optional(); ok || s.op == avroNull {
			return r.value(dst, s, depth+1)
		}
		dst = append(quoteJSON(append(dst, '{'), s.typ), ':') // Avro's JSON encoding of a union
		return append(r.value(dst, s, depth+1), '}')
	case avroRecord:
		dst = append(dst, '{')
		for i, s := range n.sub {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = r.value(append(dst, n.names[i]...), s, depth+1)
		}
		return append(dst, '}')
	case avroArray, avroMap:
		return r.blocks(dst, n, depth)
	}
	return dst
}

// blocks reads an array or a map: blocks of items, each with its count, which
// is negative where the block's size in bytes follows; 0 ends.
func (r *avroReader) blocks(dst []byte, n *avroNode, depth int) []byte {
	open, end := byte('['), byte(']')
	if n.op == avroMap {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	first := true
	for count := r.long(); count != 0 && !r.bad; count = r.long() {
		if count < 0 {
			if count = -count; count < 0 || r.long() < 0 {
				r.fail()
			}
		}
		for ; count > 0 && !r.bad; count-- {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			if n.op == avroMap {
				k := r.take(r.long())
				if !utf8.Valid(k) {
					r.fail()
				}
				dst = append(AppendEscaped(append(dst, '"'), k), '"', ':')
			}
			dst = r.value(dst, n.sub[0], depth+1)
		}
	}
	return append(dst, end)
}

func appendFloatJSON(dst []byte, v float64, bits int) []byte {
	switch {
	case v != v:
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	n := len(dst)
	dst = strconv.AppendFloat(dst, v, 'g', -1, bits)
	for _, ch := range dst[n:] {
		if ch == '.' || ch == 'e' {
			return dst
		}
	}
	return append(dst, ".0"...) // a float, not an integer
}

func appendBase64JSON(dst, p []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), p), '"')
}

func quoteJSON(dst []byte, s string) []byte {
	return append(AppendEscaped(append(dst, '"'), []byte(s)), '"')
}
