package schemas

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"unsafe"
)

// This file and its neighbours text.go, decimal.go and calendar.go turn the
// bytes of a cell into values. Nothing here allocates but the growth of dst,
// keeps its input, or puts a value into an error. All of it is safe for
// concurrent use.

// ValueError says why the bytes of a cell are not a value of its field's type.
// It holds a code only, never contents. // P1
type ValueError struct{ Code string }

func (e *ValueError) Error() string { return "value: " + e.Code }

// The errors of the codecs. Compare with ==: they are the only ones.
var (
	ErrNull   = &ValueError{"null"}   // null, absent or unavailable: ask Cell.Has first
	ErrRange  = &ValueError{"range"}  // a value, but not one the type can hold
	ErrSyntax = &ValueError{"syntax"} // the bytes do not spell a value of the type
	ErrType   = &ValueError{"type"}   // the encoding or the type cannot give such a value
	ErrScale  = &ValueError{"scale"}  // a decimal with more digits after the point than its type
)

// Debezium writes PostgreSQL's infinite timestamps as these microseconds where
// it writes numbers; the texts "infinity" and "-infinity" read as the same.
const (
	infinityMicros    = 9223372036825200000
	negInfinityMicros = -9223372036832400000
)

const (
	microsPerSecond = 1_000_000
	microsPerDay    = 86_400 * microsPerSecond
)

// Int is the value of a Bool (0 or 1), Int32, Int64, Date (days since
// 1970-01-01), Time (microseconds since midnight) or Timestamp and Instant
// (microseconds since 1970-01-01T00:00:00, Instant in UTC), whatever the wire
// form: text is ISO 8601, numbers count what f.Wire says. Nanoseconds are
// floored to microseconds; a zone offset in a text is applied, so a Timestamp
// that carries one becomes its UTC time of day.
func Int(f *Field, c Cell, p []byte) (int64, error) {
	if !c.Has() {
		return 0, ErrNull
	}
	if c.Enc == EncVarint && f.Type.Kind == Int64 {
		v, _ := binary.Varint(p)
		return v, nil
	}
	var buf [64]byte
	c, p = unescaped(buf[:0], c, p)
	switch f.Type.Kind {
	case Bool:
		return boolean(c, p)
	case Int32:
		v, err := integer(c, p)
		if err == nil && v != int64(int32(v)) {
			return 0, ErrRange
		}
		return v, err
	case Int64:
		return integer(c, p)
	case Date:
		return date(f.Wire, c, p)
	case Time:
		return timeOfDay(f.Wire, c, p)
	case Timestamp, Instant:
		return instant(f.Wire, c, p)
	}
	return 0, ErrType
}

// unescaped makes a short text with escapes plain and binary numbers literals,
// in buf. Longer texts stay and are refused: no number or time is that long.
func unescaped(buf []byte, c Cell, p []byte) (Cell, []byte) {
	if c.Enc >= EncVarint {
		return Spelled(buf, c, p)
	}
	if c.Enc != EncJSONString || len(p) > cap(buf) {
		return c, p
	}
	c.Enc = EncText
	return c, appendUnescaped(buf, p)
}

func boolean(c Cell, p []byte) (int64, error) {
	switch c.Enc {
	case EncTrue:
		return 1, nil
	case EncFalse:
		return 0, nil
	case EncInt:
		if len(p) == 1 && (p[0] == '0' || p[0] == '1') {
			return int64(p[0] - '0'), nil
		}
		return 0, ErrRange
	case EncText:
		switch string(p) {
		case "true", "1":
			return 1, nil
		case "false", "0":
			return 0, nil
		}
		return 0, ErrSyntax
	}
	return 0, ErrType
}

// integer reads an integer literal, and a number or text that is one exactly (1.0, 1e3).
func integer(c Cell, p []byte) (int64, error) {
	switch c.Enc {
	case EncInt:
		return literalInt(p)
	case EncFloat, EncText:
		d, err := parseDecimal(p, 0)
		if err != nil {
			return 0, err
		}
		v, ok := d.int64()
		if !ok {
			return 0, ErrRange
		}
		return v, nil
	}
	return 0, ErrType
}

// literalInt reads -?[0-9]+.
func literalInt(p []byte) (int64, error) {
	switch v, code := parseInt(p); code {
	case "":
		return v, nil
	case CodeRange:
		return 0, ErrRange
	}
	return 0, ErrSyntax
}

func date(w Wire, c Cell, p []byte) (int64, error) {
	var v int64
	switch c.Enc {
	case EncInt:
		n, err := literalInt(p)
		if err != nil {
			return 0, err
		}
		switch w {
		case WireMillis:
			v = floorDiv(n, microsPerDay/1000)
		case WireMicros:
			v = floorDiv(n, microsPerDay)
		case WireNanos:
			v = floorDiv(n, microsPerDay*1000)
		default:
			v = n
		}
	case EncText:
		days, rest, err := parseDate(p)
		if err != nil {
			return 0, err
		}
		if _, err := parseZone(rest); err != nil { // isostring dates carry a Z, others a time
			us, err := parseTimestamp(p)
			if err != nil {
				return 0, err
			}
			days = floorDiv(us, microsPerDay)
		}
		v = days
	default:
		return 0, ErrType
	}
	if v != int64(int32(v)) {
		return 0, ErrRange
	}
	return v, nil
}

func timeOfDay(w Wire, c Cell, p []byte) (int64, error) {
	switch c.Enc {
	case EncInt:
		return scaled(w, p, WireMicros)
	case EncText:
		us, rest, err := parseClock(p)
		if err != nil {
			return 0, err
		}
		off, err := parseZone(rest)
		if err != nil {
			return 0, err
		}
		if off != 0 { // shifted to UTC, as Debezium shifts timetz
			us = ((us-off)%microsPerDay + microsPerDay) % microsPerDay
		}
		return us, nil
	}
	return 0, ErrType
}

func instant(w Wire, c Cell, p []byte) (int64, error) {
	switch c.Enc {
	case EncInt:
		return scaled(w, p, WireMicros)
	case EncText:
		return parseTimestamp(p)
	}
	return 0, ErrType
}

// scaled reads an integer literal that counts w as microseconds.
func scaled(w Wire, p []byte, plain Wire) (int64, error) {
	n, err := literalInt(p)
	if err != nil {
		return 0, err
	}
	if w == WirePlain {
		w = plain
	}
	switch w {
	case WireDays:
		return mulRange(n, microsPerDay)
	case WireMillis:
		return mulRange(n, 1000)
	case WireMicros:
		return n, nil
	case WireNanos:
		return floorDiv(n, 1000), nil
	}
	return 0, ErrType
}

func mulRange(n, by int64) (int64, error) {
	if n > math.MaxInt64/by || n < math.MinInt64/by {
		return 0, ErrRange
	}
	return n * by, nil
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Float is the value of a Float32, Float64 or any number. Integers and the
// texts NaN, Infinity and -Infinity (also as Debezium's decimal mode spells
// them) are floats; a finite literal beyond the type is ErrRange.
func Float(f *Field, c Cell, p []byte) (float64, error) {
	if !c.Has() {
		return 0, ErrNull
	}
	switch {
	case c.Enc == EncFloat64 && len(p) == 8 && f.Type.Kind == Float64:
		return math.Float64frombits(binary.LittleEndian.Uint64(p)), nil
	case c.Enc == EncFloat32 && len(p) == 4 && f.Type.Kind == Float32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(p))), nil
	}
	var buf [64]byte
	c, p = unescaped(buf[:0], c, p)
	switch c.Enc {
	case EncInt, EncFloat:
	case EncText:
		if v, ok := nonFinite(p); ok {
			return v, nil
		}
		for _, ch := range p { // ParseFloat also reads hex, underscores and "inf"
			if (ch < '0' || ch > '9') && ch != '.' && ch != '-' && ch != '+' && ch != 'e' && ch != 'E' {
				return 0, ErrSyntax
			}
		}
	default:
		return 0, ErrType
	}
	if f.Type.Kind == Decimal && f.Wire == WireBase64 {
		return 0, ErrType
	}
	bits := 64
	if f.Type.Kind == Float32 {
		bits = 32
	}
	v, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(p), len(p)), bits) // keeps no reference: its errors clone
	switch {
	case err == nil:
		return v, nil
	case math.IsInf(v, 0):
		return 0, ErrRange
	}
	return 0, ErrSyntax
}

func nonFinite(p []byte) (float64, bool) {
	switch string(p) {
	case "NaN", "NAN", "nan":
		return math.NaN(), true
	case "Infinity", "+Infinity", "POSITIVE_INFINITY", "infinity":
		return math.Inf(1), true
	case "-Infinity", "NEGATIVE_INFINITY", "-infinity":
		return math.Inf(-1), true
	}
	return 0, false
}

// AppendBinary appends the bytes of a Binary: raw bytes, the decoded base64 of
// WireBase64 (standard or URL alphabet, padded or not), or a text's UTF-8.
func AppendBinary(dst []byte, f *Field, c Cell, p []byte) ([]byte, error) {
	switch {
	case !c.Has():
		return dst, ErrNull
	case c.Enc == EncBytes:
		return append(dst, p...), nil
	case c.Enc != EncText && c.Enc != EncJSONString:
		return dst, ErrType
	case f.Wire != WireBase64:
		return AppendText(dst, c, p), nil
	case c.Enc == EncJSONString: // Java writes base64 unescaped; others may write \/
		n := len(dst)
		dst = AppendText(dst, c, p)
		out, err := appendBase64(dst, dst[n:])
		if err != nil {
			return dst[:n], err
		}
		return append(out[:n], out[len(dst):]...), nil
	}
	return appendBase64(dst, p)
}

// appendBase64 appends what p decodes to.
func appendBase64(dst, p []byte) ([]byte, error) {
	for len(p) > 0 && p[len(p)-1] == '=' {
		p = p[:len(p)-1]
	}
	enc := base64.RawStdEncoding
	for _, ch := range p {
		if ch == '-' || ch == '_' {
			enc = base64.RawURLEncoding
		}
		if ch == '\r' || ch == '\n' { // the decoder would skip them
			return dst, ErrSyntax
		}
	}
	out, err := enc.AppendDecode(dst, p)
	if err != nil {
		return dst, ErrSyntax
	}
	return out, nil
}
