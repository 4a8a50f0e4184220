package schemas

import (
	"bytes"
	"encoding/base64"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// Why a cell cannot be said in a type: short and stable, a dead letter's code. // P1
const (
	CodeType   = "wrong_type"     // the cell's encoding does not go with the column's type
	CodeRange  = "out_of_range"   // an integer beyond 64 bits, a date nobody can write
	CodeBase64 = "bad_base64"     //
	CodeNumber = "bad_number"     // not a number, or NaN
	CodeEscape = "bad_escape"     // a string with an escape that JSON does not have
	CodeSize   = "value_too_long" // a decimal with an absurd exponent
)

// AppendJSON appends the value of cell c, whose bytes are p, as one strict
// JSON value and returns "" or why it cannot. dst is then as it was. The form
// does not depend on how the source spelled the value:
//
//   - integers and floats are numbers (infinities ±9e999), booleans true and false
//   - decimals are strings of their digits, with as many after the point as
//     the type's scale asks for, or more where the value has more
//   - dates 2006-01-02, times 15:04:05.000000 (hours may pass 24), timestamps
//     2006-01-02T15:04:05.000000, instants the same with Z; nine digits where
//     the wire counts nanoseconds. WireISO and plain text are kept as they are
//   - bytes are strings in base64; a JSON column is a string of its text
//   - strings are valid UTF-8: what is not becomes U+FFFD
//   - an Unknown type keeps the value's own form
//
// It allocates only to grow dst, and for decimals beyond 128 bits.
func AppendJSON(dst []byte, t Type, w Wire, c Cell, p []byte) ([]byte, string) {
	if !c.Has() {
		return append(dst, "null"...), ""
	}
	var buf [32]byte
	c, p = Spelled(buf[:0], c, p)
	switch t.Kind {
	case Bool:
		return appendBool(dst, c, p)
	case Int32, Int64:
		return appendInt(dst, c, p)
	case Float32, Float64:
		return appendFloat(dst, c, p)
	case Decimal:
		return appendDecimal(dst, t, w, c, p)
	case Binary:
		return appendBinary(dst, w, c, p)
	case Date, Time, Timestamp, Instant:
		if c.Enc == EncInt && w != WirePlain {
			return appendMoment(dst, t.Kind, w, p)
		}
	case Unknown:
		switch c.Enc {
		case EncInt, EncFloat, EncTrue, EncFalse, EncJSON:
			return appendScalar(dst, c, p), ""
		}
	}
	return AppendString(dst, c, p)
}

func appendScalar(dst []byte, c Cell, p []byte) []byte {
	switch c.Enc {
	case EncTrue:
		return append(dst, "true"...)
	case EncFalse:
		return append(dst, "false"...)
	}
	return append(dst, p...)
}

func appendBool(dst []byte, c Cell, p []byte) ([]byte, string) {
	switch {
	case c.Enc == EncTrue || c.Enc == EncInt && string(p) == "1":
		return append(dst, "true"...), ""
	case c.Enc == EncFalse || c.Enc == EncInt && string(p) == "0":
		return append(dst, "false"...), ""
	}
	return dst, CodeType
}

func appendInt(dst []byte, c Cell, p []byte) ([]byte, string) {
	switch c.Enc {
	case EncTrue:
		return append(dst, '1'), ""
	case EncFalse:
		return append(dst, '0'), ""
	case EncInt, EncText:
	default:
		return dst, CodeType
	}
	if n := len(p); n > 0 && n < 19 && p[n-1]-'0' <= 9 && (p[0]-'1' <= 8 || n == 1) { // the common case: no sign, in range
		i := 1
		for i < n && p[i]-'0' <= 9 {
			i++
		}
		if i == n {
			return append(dst, p...), ""
		}
	}
	v, code := parseInt(p)
	if code != "" {
		return dst, code
	}
	return strconv.AppendInt(dst, v, 10), ""
}

// parseInt reads -?[0-9]+ of any length.
func parseInt(p []byte) (v int64, code string) {
	neg := len(p) > 0 && p[0] == '-'
	digits := p
	if neg {
		digits = p[1:]
	}
	if len(digits) == 0 {
		return 0, CodeNumber
	}
	var u uint64
	for _, d := range digits {
		if d -= '0'; d > 9 {
			return 0, CodeNumber
		}
		hi, lo := bits.Mul64(u, 10)
		if u = lo + uint64(d); hi != 0 || u < lo || u > 1<<63 {
			return 0, CodeRange
		}
	}
	switch {
	case neg:
		return int64(-u), ""
	case u == 1<<63:
		return 0, CodeRange
	}
	return int64(u), ""
}

func appendFloat(dst []byte, c Cell, p []byte) ([]byte, string) {
	switch {
	case c.Enc == EncInt || c.Enc == EncFloat:
		return append(dst, p...), ""
	case c.Enc != EncText:
		return dst, CodeType
	}
	switch string(p) {
	case "Infinity", "+Infinity", "Inf":
		return append(dst, "9e999"...), ""
	case "-Infinity", "-Inf":
		return append(dst, "-9e999"...), ""
	}
	if !isNumber(p) { // NaN too: JSON and SQLite have none
		return dst, CodeNumber
	}
	return append(dst, p...), ""
}

// isNumber reports a JSON number.
func isNumber(p []byte) bool {
	i := 0
	if i < len(p) && p[i] == '-' {
		i++
	}
	digits := func() (n int) {
		for i < len(p) && p[i]-'0' <= 9 {
			i, n = i+1, n+1
		}
		return n
	}
	start := i
	if n := digits(); n == 0 || n > 1 && p[start] == '0' {
		return false
	}
	if i < len(p) && p[i] == '.' {
		i++
		if digits() == 0 {
			return false
		}
	}
	if i < len(p) && p[i]|0x20 == 'e' {
		i++
		if i < len(p) && (p[i] == '-' || p[i] == '+') {
			i++
		}
		if digits() == 0 {
			return false
		}
	}
	return i == len(p)
}

func appendBinary(dst []byte, w Wire, c Cell, p []byte) ([]byte, string) {
	n := len(dst)
	dst = append(dst, '"')
	switch {
	case c.Enc == EncBytes:
		dst = base64.StdEncoding.AppendEncode(dst, p)
	case c.Enc != EncText || w != WireBase64:
		return dst[:n], CodeType
	case bytes.IndexByte(p, '\n') >= 0 || bytes.IndexByte(p, '\r') >= 0: // package base64 skips them
		return dst[:n], CodeBase64
	default:
		var buf [96]byte // checks by pieces: base64 of 128 characters
		for q := p; len(q) > 0; {
			k := min(len(q), 128)
			if _, err := base64.StdEncoding.Strict().Decode(buf[:], q[:k]); err != nil || k < len(q) && q[k-1] == '=' {
				return dst[:n], CodeBase64
			}
			q = q[k:]
		}
		dst = append(dst, p...)
	}
	return append(dst, '"'), ""
}

// AppendString appends a cell's value as a JSON string: text as it is, strings
// with escapes with every escape kept, numbers, booleans and JSON as their text.
func AppendString(dst []byte, c Cell, p []byte) ([]byte, string) {
	n := len(dst)
	dst = append(dst, '"')
	var buf [32]byte
	switch c, p = Spelled(buf[:0], c, p); c.Enc {
	case EncJSONString:
		var code string
		if dst, code = appendEscaped(dst, p); code != "" {
			return dst[:n], code
		}
	case EncTrue:
		dst = append(dst, "true"...)
	case EncFalse:
		dst = append(dst, "false"...)
	case EncBytes:
		dst = base64.StdEncoding.AppendEncode(dst, p)
	default:
		dst = AppendEscaped(dst, p)
	}
	return append(dst, '"'), ""
}

const hexDigits = "0123456789abcdef"

// AppendEscaped appends p as the inside of a JSON string; bytes that are not
// UTF-8 become U+FFFD.
func AppendEscaped(dst, p []byte) []byte {
	start := 0
	for i := 0; i < len(p); {
		b := p[i]
		if b < utf8.RuneSelf {
			if b >= ' ' && b != '"' && b != '\\' {
				i++
				continue
			}
			dst = append(dst, p[start:i]...)
			switch b {
			case '"', '\\':
				dst = append(dst, '\\', b)
			case '\n':
				dst = append(dst, '\\', 'n')
			case '\r':
				dst = append(dst, '\\', 'r')
			case '\t':
				dst = append(dst, '\\', 't')
			default:
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(append(dst, p[start:i]...), "\uFFFD"...)
			start = i + 1
		}
		i += size
	}
	return append(dst, p[start:]...)
}

// appendEscaped appends the inside of a JSON string that has escapes. A
// surrogate without its other half cannot be UTF-8: it becomes U+FFFD.
func appendEscaped(dst, p []byte) ([]byte, string) {
	for len(p) > 0 {
		i := 0
		for i < len(p) && p[i] != '\\' {
			i++
		}
		dst = AppendEscaped(dst, p[:i])
		if p = p[i:]; len(p) == 0 {
			break
		}
		if len(p) < 2 {
			return dst, CodeEscape
		}
		switch p[1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			dst = append(dst, p[:2]...)
			p = p[2:]
			continue
		}
		u, ok := hex4(p)
		switch {
		case !ok:
			return dst, CodeEscape
		case u < 0xD800 || u > 0xDFFF:
			dst, p = append(dst, p[:6]...), p[6:]
		default:
			low, ok := hex4(p[6:])
			if u < 0xDC00 && ok && low >= 0xDC00 && low <= 0xDFFF {
				dst, p = append(dst, p[:12]...), p[12:]
				continue
			}
			dst, p = append(dst, `\ufffd`...), p[6:]
		}
	}
	return dst, ""
}

// hex4 reads \uXXXX at the start of p.
func hex4(p []byte) (u rune, ok bool) {
	if len(p) < 6 || p[0] != '\\' || p[1] != 'u' {
		return 0, false
	}
	for _, c := range p[2:6] {
		switch {
		case c-'0' <= 9:
			u = u<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			u = u<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return u, true
}
