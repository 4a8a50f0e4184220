package schemas

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"
)

// appendZero appends what a field is that is not there and not null.
func appendZero(dst []byte, f *protoField) []byte {
	switch f.kind {
	case protoString:
		return append(dst, `""`...)
	case protoBytes:
		return append(dst, `""`...)
	case protoBool:
		return append(dst, "false"...)
	case protoFloat, protoDouble:
		return append(dst, "0.0"...)
	case protoEnum:
		return append(append(append(dst, '"'), f.symbol(0)...), '"')
	}
	if f.kind >= protoStruct {
		return append(dst, "null"...)
	}
	return append(dst, '0')
}

// symbol is the name of an enum's number; one that has none is its digits.
func (f *protoField) symbol(n int32) string {
	if s, ok := f.symbols[n]; ok {
		return s
	}
	return strconv.Itoa(int(n))
}

// whole appends one value of f, v.
func (r *protoReader) whole(dst []byte, f *protoField, v []byte, depth int) []byte {
	kind := f.kind
	switch kind {
	case protoStruct:
		return r.message(dst, f.msg, v, depth)
	case protoMap: // of a map's value: there is none
		return r.fail(dst)
	case protoWrapper:
		inner := &protoField{kind: f.msg.inner}
		at, ok := wrapped(v, inner)
		switch {
		case !ok:
			return r.fail(dst)
		case at.next < 0:
			return appendZero(dst, inner)
		}
		return r.whole(dst, inner, v[at.at:at.end], depth)
	case protoString:
		if !utf8.Valid(v) {
			return r.fail(dst)
		}
		return append(AppendEscaped(append(dst, '"'), v), '"')
	case protoBytes:
		return appendBase64JSON(dst, v)
	case protoFloat:
		return appendFloatJSON(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(v))), 32)
	case protoDouble:
		return appendFloatJSON(dst, math.Float64frombits(binary.LittleEndian.Uint64(v)), 64)
	case protoTimestamp, protoDate, protoTimeOfDay:
		n, ok := protoTime(kind, v)
		if !ok {
			return r.fail(dst)
		}
		return strconv.AppendInt(dst, n, 10)
	case protoDecimal, protoVarDecimal:
		return r.decimal(dst, f, v)
	}
	n := protoInteger(kind, v)
	switch kind {
	case protoBool:
		return strconv.AppendBool(dst, n != 0)
	case protoEnum:
		return append(append(append(dst, '"'), f.symbol(int32(n))...), '"')
	case protoUint64, protoFixed64:
		return strconv.AppendUint(dst, uint64(n), 10)
	}
	return strconv.AppendInt(dst, n, 10)
}

// protoInteger is the number that v, of the wire type of kind, holds. Numbers of
// 32 bits lose what is beyond, as the specification says; those of 64 bits
// without a sign come as their bits.
func protoInteger(kind protoKind, v []byte) int64 {
	switch kind {
	case protoFixed32:
		return int64(binary.LittleEndian.Uint32(v))
	case protoSfixed32:
		return int64(int32(binary.LittleEndian.Uint32(v)))
	case protoFixed64, protoSfixed64:
		return int64(binary.LittleEndian.Uint64(v))
	}
	u, _ := binary.Uvarint(v)
	switch kind {
	case protoInt32, protoEnum:
		return int64(int32(u))
	case protoUint32:
		return int64(uint32(u))
	case protoSint32:
		return int64(int32(uint32(u)>>1) ^ -int32(u&1))
	case protoSint64:
		return int64(u>>1) ^ -int64(u&1)
	}
	return int64(u)
}

// wrapped is where the last value of field 1 of v lies; next is -1 for none.
func wrapped(v []byte, inner *protoField) (x protoPlace, ok bool) {
	none := protoField{kind: protoBytes}
	e, ok := entry(v, 0, inner, &none)
	return e[0], ok
}

// protoNumbers reads fields 1 to 4 of v, which are varints.
func protoNumbers(v []byte) (n [5]int64, ok bool) {
	for i := 0; i < len(v); {
		num, wire, at, next := protoTag(v, i)
		if next == bad {
			return n, false
		}
		if i = next; num < 5 && wire == wireVarint {
			u, _ := binary.Uvarint(v[at:])
			n[num] = int64(u)
		}
	}
	return n, true
}

// protoTime is a Timestamp in microseconds since 1970, a Date in days since then,
// or a TimeOfDay in microseconds since midnight; not ok for what is none.
// Nanoseconds are cut.
func protoTime(kind protoKind, v []byte) (int64, bool) {
	n, ok := protoNumbers(v)
	small := func(i int, lo, hi int64) int64 {
		x := int64(int32(n[i]))
		ok = ok && x >= lo && x <= hi
		return x
	}
	switch kind {
	case protoDate:
		y, m, d := small(1, 1, 9999), small(2, 1, 12), small(3, 1, 31)
		if !ok || d > int64(daysIn(y, int(m))) {
			return 0, false
		}
		return daysOf(y, int(m), int(d)), true
	case protoTimeOfDay:
		h, m, s, ns := small(1, 0, 24), small(2, 0, 59), small(3, 0, 60), small(4, 0, 999_999_999)
		return ((h*60+m)*60+s)*1e6 + ns/1000, ok
	}
	ns := small(2, 0, 999_999_999)
	if n[1] < -62135596800 || n[1] > 253402300799 { // years 1 to 9999
		return 0, false
	}
	return n[1]*1e6 + ns/1000, ok
}

// protoDecimalOf is what a confluent.type.Decimal holds: the unscaled integer in
// two's complement, big endian, and its scale.
func protoDecimalOf(v []byte) (unscaled []byte, scale int, ok bool) {
	for i := 0; i < len(v); {
		num, wire, at, next := protoTag(v, i)
		if next == bad {
			return nil, 0, false
		}
		i = next
		switch {
		case num == 1 && wire == wireBytes:
			unscaled = v[at:next]
		case num == 3 && wire == wireVarint:
			u, _ := binary.Uvarint(v[at:])
			scale = int(int32(u))
		}
	}
	return unscaled, scale, scale >= -maxScale && scale <= maxScale
}
