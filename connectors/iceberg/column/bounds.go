package column

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"sluice/schemas"
)

// boundLength is how much of a text bound is kept, in code points, and of a
// binary one, in bytes: Iceberg's default metrics mode truncate(16).
const boundLength = 16

// bounds are the least and greatest of some values of one column. Bytes point
// into the buffer.
type bounds struct {
	ok         bool
	minI, maxI int64 // integers, times, small decimals, booleans
	minF, maxF float64
	minB, maxB []byte // text, binary, large decimals (big endian)
	nan        int64  // floats that are no numbers; they take no part
}

// scan takes the n PLAIN values of data into b.
func (b *bounds) scan(data []byte, c *vector, n int) {
	if n == 0 {
		return
	}
	switch c.phys {
	case physBool:
		for _, v := range data[:n] {
			b.int(int64(v))
		}
	case physInt32:
		lo, hi := int32(math.MaxInt32), int32(math.MinInt32)
		for p := data[:4*n]; len(p) >= 4; p = p[4:] {
			v := int32(binary.LittleEndian.Uint32(p))
			lo, hi = min(lo, v), max(hi, v)
		}
		b.int(int64(lo))
		b.int(int64(hi))
	case physInt64:
		lo, hi := int64(math.MaxInt64), int64(math.MinInt64)
		for p := data[:8*n]; len(p) >= 8; p = p[8:] {
			v := int64(binary.LittleEndian.Uint64(p))
			lo, hi = min(lo, v), max(hi, v)
		}
		b.int(lo)
		b.int(hi)
	case physFloat:
		for p := data[:4*n]; len(p) >= 4; p = p[4:] {
			b.float(float64(math.Float32frombits(binary.LittleEndian.Uint32(p))))
		}
	case physDouble:
		for p := data[:8*n]; len(p) >= 8; p = p[8:] {
			b.float(math.Float64frombits(binary.LittleEndian.Uint64(p)))
		}
	case physFixed:
		for p := data[:int(c.width)*n]; len(p) > 0; p = p[c.width:] {
			b.fixed(p[:c.width])
		}
	default:
		b.text(data, n)
	}
}

func (b *bounds) int(v int64) {
	if !b.ok {
		b.ok, b.minI, b.maxI = true, v, v
	}
	b.minI, b.maxI = min(b.minI, v), max(b.maxI, v)
}

func (b *bounds) float(v float64) {
	if v != v {
		b.nan++
		return
	}
	if !b.ok {
		b.ok, b.minF, b.maxF = true, v, v
		return
	}
	if v < b.minF {
		b.minF = v
	}
	if v > b.maxF {
		b.maxF = v
	}
}

// fixed compares two's complement numbers, big endian and of one width.
func (b *bounds) fixed(v []byte) {
	if !b.ok {
		b.ok, b.minB, b.maxB = true, v, v
		return
	}
	if signedLess(v, b.minB) {
		b.minB = v
	}
	if signedLess(b.maxB, v) {
		b.maxB = v
	}
}

func signedLess(x, y []byte) bool {
	if x[0] != y[0] {
		return int8(x[0]) < int8(y[0])
	}
	return bytes.Compare(x, y) < 0
}

// text scans values with a length in front, comparing as bytes, which is the
// order of code points. The first eight bytes settle most comparisons.
func (b *bounds) text(data []byte, n int) {
	if !b.ok {
		v := data[4 : 4+binary.LittleEndian.Uint32(data)]
		b.ok, b.minB, b.maxB = true, v, v
	}
	lo, hi := prefix(b.minB), prefix(b.maxB)
	for range n {
		size := binary.LittleEndian.Uint32(data)
		v := data[4 : 4+size]
		data = data[4+size:]
		p := prefix(v)
		if p <= lo && bytes.Compare(v, b.minB) < 0 {
			b.minB, lo = v, p
		}
		if p >= hi && bytes.Compare(v, b.maxB) > 0 {
			b.maxB, hi = v, p
		}
	}
}

// prefix is the first eight bytes of v as a number, with zeros behind.
func prefix(v []byte) uint64 {
	if len(v) >= 8 {
		return binary.BigEndian.Uint64(v)
	}
	var p uint64
	for i, c := range v {
		p |= uint64(c) << (56 - 8*i)
	}
	return p
}

// join takes the bounds of other values of the column into b.
func (b *bounds) join(o bounds, p physical) {
	b.nan += o.nan
	if !o.ok {
		return
	}
	if !b.ok {
		nan := b.nan
		*b = o
		b.nan = nan
		return
	}
	switch p {
	case physFloat, physDouble:
		b.minF, b.maxF = min(b.minF, o.minF), max(b.maxF, o.maxF)
	case physFixed:
		b.fixed(o.minB)
		b.fixed(o.maxB)
	case physBytes:
		if bytes.Compare(o.minB, b.minB) < 0 {
			b.minB = o.minB
		}
		if bytes.Compare(o.maxB, b.maxB) > 0 {
			b.maxB = o.maxB
		}
	default:
		b.minI, b.maxI = min(b.minI, o.minI), max(b.maxI, o.maxI)
	}
}

// bounded tells the columns that get bounds. A UUID has none: older readers
// compare its halves as signed numbers, newer ones do not, so that no pair of
// bounds prunes rightly for both.
func (f *Field) bounded() bool { return f.Bounds && f.Type.Kind != schemas.UUID } // P1

// bound is one end of bounds, serialized.
type bound struct {
	value []byte
	exact bool
}

// iceberg serializes the bounds as single values (Iceberg spec, appendix D).
// A nil value: there is none.
func (b *bounds) iceberg(t schemas.Type, p physical) (lower, upper bound) {
	if !b.ok {
		return
	}
	if t.Kind == schemas.Decimal {
		if p == physFixed {
			return bound{leastBytes(b.minB), true}, bound{leastBytes(b.maxB), true}
		}
		var lo, hi [8]byte
		binary.BigEndian.PutUint64(lo[:], uint64(b.minI))
		binary.BigEndian.PutUint64(hi[:], uint64(b.maxI))
		return bound{leastBytes(lo[:]), true}, bound{leastBytes(hi[:]), true}
	}
	return b.plain(t, p)
}

// plain serializes the bounds as Parquet statistics: PLAIN, without lengths.
// Of all but decimals these are Iceberg's single values too.
func (b *bounds) plain(t schemas.Type, p physical) (lower, upper bound) {
	if !b.ok {
		return
	}
	switch p {
	case physBool:
		return bound{[]byte{byte(b.minI)}, true}, bound{[]byte{byte(b.maxI)}, true}
	case physInt32:
		return bound{le32(uint32(b.minI)), true}, bound{le32(uint32(b.maxI)), true}
	case physInt64:
		return bound{le64(uint64(b.minI)), true}, bound{le64(uint64(b.maxI)), true}
	case physFloat, physDouble:
		// The sign of a zero bound is not known from comparisons: take the wider.
		lo, hi := b.minF, b.maxF
		if lo == 0 {
			lo = math.Copysign(0, -1)
		}
		if hi == 0 {
			hi = 0
		}
		if p == physFloat {
			return bound{le32(math.Float32bits(float32(lo))), true}, bound{le32(math.Float32bits(float32(hi))), true}
		}
		return bound{le64(math.Float64bits(lo)), true}, bound{le64(math.Float64bits(hi)), true}
	case physFixed:
		return bound{b.minB, true}, bound{b.maxB, true}
	}
	if t.Kind == schemas.Binary {
		return lowerBinary(b.minB), upperBinary(b.maxB)
	}
	return lowerText(b.minB), upperText(b.maxB)
}

func le32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
func le64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

// leastBytes drops the sign bytes a big endian number does not need.
func leastBytes(v []byte) []byte {
	for len(v) > 1 && (v[0] == 0 && v[1] < 0x80 || v[0] == 0xFF && v[1] >= 0x80) {
		v = v[1:]
	}
	return bytes.Clone(v)
}

func lowerBinary(v []byte) bound {
	n := min(len(v), boundLength)
	return bound{append([]byte{}, v[:n]...), n == len(v)}
}

func upperBinary(v []byte) bound {
	if len(v) <= boundLength {
		return bound{append([]byte{}, v...), true}
	}
	up := bytes.Clone(v[:boundLength])
	for len(up) > 0 {
		if last := len(up) - 1; up[last] < 0xFF {
			up[last]++
			return bound{up, false}
		}
		up = up[:len(up)-1]
	}
	return bound{}
}

// cutText is the length in bytes of the first boundLength code points.
func cutText(v []byte) int {
	n := 0
	for range boundLength {
		if n >= len(v) {
			break
		}
		_, size := utf8.DecodeRune(v[n:])
		n += size
	}
	return n
}

func lowerText(v []byte) bound {
	n := cutText(v)
	return bound{append([]byte{}, v[:n]...), n == len(v)}
}

// upperText is the least text of at most boundLength code points that is not
// below v: the last code point that has a successor is raised, what follows
// it dropped.
func upperText(v []byte) bound {
	n := cutText(v)
	if n == len(v) {
		return bound{append([]byte{}, v...), true}
	}
	up := bytes.Clone(v[:n])
	if !utf8.Valid(up) {
		return bound{}
	}
	for len(up) > 0 {
		r, size := utf8.DecodeLastRune(up)
		up = up[:len(up)-size]
		if r++; r == 0xD800 {
			r = 0xE000 // surrogates are no characters
		}
		if r <= utf8.MaxRune {
			return bound{utf8.AppendRune(up, r), false}
		}
	}
	return bound{}
}
