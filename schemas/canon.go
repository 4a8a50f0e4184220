package schemas

import (
	"bytes"
	"encoding/base64"
	"math/big"
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

// appendDecimal says a decimal with its digits, never through a float.
func appendDecimal(dst []byte, t Type, w Wire, c Cell, p []byte) ([]byte, string) {
	n := len(dst)
	var code string
	dst = append(dst, '"')
	switch {
	case w == WireBase64 && c.Enc == EncText:
		dst, code = appendUnscaled(dst, p, int(t.Scale))
	case w == WireVarDecimal && c.Enc == EncJSON:
		scale, value, ok := varDecimal(p)
		if !ok {
			return dst[:n], CodeNumber
		}
		dst, code = appendUnscaled(dst, value, scale)
	case c.Enc == EncInt || c.Enc == EncFloat || c.Enc == EncText:
		dst, code = appendDigits(dst, p, int(t.Scale))
	default:
		code = CodeType
	}
	if code != "" {
		return dst[:n], code
	}
	return append(dst, '"'), ""
}

// varDecimal reads {"scale":n,"value":"base64"}, in any order and spacing.
func varDecimal(p []byte) (scale int, value []byte, ok bool) {
	seen := 0
	for i := 0; i < len(p); i++ {
		if p[i] != '"' {
			continue
		}
		end := i + 1
		for end < len(p) && p[end] != '"' {
			end++
		}
		name := p[min(i+1, end):end]
		for i = end + 1; i < len(p) && (p[i] == ':' || p[i] <= ' '); i++ {
		}
		start := i
		if i < len(p) && p[i] == '"' {
			for i, start = i+1, i+1; i < len(p) && p[i] != '"'; i++ {
			}
		} else {
			for i < len(p) && p[i] != ',' && p[i] != '}' && p[i] > ' ' {
				i++
			}
		}
		if i > len(p) || start > i {
			return 0, nil, false
		}
		switch string(name) {
		case "scale":
			v, code := parseInt(p[start:i])
			if code != "" || v < 0 || v > maxScale { // numeric(4,-2) arrives with scale 2046
				return 0, nil, false
			}
			scale, seen = int(v), seen|1
		case "value":
			value, seen = p[start:i], seen|2
		}
	}
	return scale, value, seen == 3
}

// AppendUnscaled appends the digits of a decimal whose unscaled two's complement
// integer, big endian, is p in base64. A scale beyond any that a database has
// for its own digits (numeric(4,-2) arrives with 2046) ends in zeros that say
// nothing: they are left out.
func AppendUnscaled(dst, p []byte, scale int) ([]byte, string) {
	n := len(dst)
	dst, code := appendUnscaled(dst, p, scale)
	if code == "" && scale > 255 && bytes.IndexByte(dst[n:], '.') >= 0 {
		dst = append(dst[:n], bytes.TrimSuffix(bytes.TrimRight(dst[n:], "0"), []byte("."))...)
	}
	return dst, code
}

// appendUnscaled says base64 of a two's complement integer, big endian, with a point.
func appendUnscaled(dst, p []byte, scale int) ([]byte, string) {
	var buf [16]byte
	if len(p) > 24 {
		return appendBig(dst, p, scale)
	}
	var dec [18]byte
	n, err := base64.StdEncoding.Decode(dec[:], p)
	if err != nil || n == 0 {
		return dst, CodeBase64
	}
	if n > 16 {
		return appendBig(dst, p, scale)
	}
	neg := dec[0]&0x80 != 0
	if neg {
		for i := range buf {
			buf[i] = 0xFF
		}
	}
	copy(buf[16-n:], dec[:n])
	var hi, lo uint64
	for i := range 8 {
		hi, lo = hi<<8|uint64(buf[i]), lo<<8|uint64(buf[8+i])
	}
	if neg {
		var carry uint64
		lo, carry = bits.Add64(^lo, 1, 0)
		hi = ^hi + carry
	}
	var digits [40]byte
	i := len(digits)
	for hi != 0 || lo != 0 {
		var r uint64
		hi, r = hi/10, hi%10
		lo, r = bits.Div64(r, lo, 10)
		i--
		digits[i] = '0' + byte(r)
	}
	return appendPoint(dst, neg, digits[i:], scale), ""
}

func appendBig(dst, p []byte, scale int) ([]byte, string) {
	raw, err := base64.StdEncoding.AppendDecode(nil, p)
	if err != nil || len(raw) == 0 {
		return dst, CodeBase64
	}
	v := new(big.Int).SetBytes(raw)
	if raw[0]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
	}
	neg := v.Sign() < 0
	digits := v.Abs(v).Append(nil, 10)
	if string(digits) == "0" {
		digits = nil
	}
	return appendPoint(dst, neg, digits, scale), ""
}

// appendPoint writes digits, without leading zeros, with the point scale from the right.
func appendPoint(dst []byte, neg bool, digits []byte, scale int) []byte {
	if neg {
		dst = append(dst, '-')
	}
	whole := len(digits) - scale
	if whole <= 0 {
		dst = append(dst, '0')
	} else {
		dst = append(dst, digits[:whole]...)
		digits = digits[whole:]
	}
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	for ; whole < 0; whole++ {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}

// appendDigits says a JSON number (or text of one) without exponent, with at
// least scale digits after the point.
func appendDigits(dst, p []byte, scale int) ([]byte, string) {
	if !isNumber(p) {
		return dst, CodeNumber
	}
	neg := p[0] == '-'
	if neg {
		p = p[1:]
	}
	i := 0
	for i < len(p) && p[i]-'0' <= 9 {
		i++
	}
	whole, frac, exp := p[:i], []byte(nil), int64(0)
	if i < len(p) && p[i] == '.' {
		j := i + 1
		for i = j; i < len(p) && p[i]-'0' <= 9; i++ {
		}
		frac = p[j:i]
	}
	if i < len(p) {
		e := p[i+1:]
		if e[0] == '+' {
			e = e[1:]
		}
		var code string
		if exp, code = parseInt(e); code != "" || exp > 1000 || exp < -1000 {
			return dst, CodeSize
		}
	}
	if exp != 0 {
		return appendShifted(dst, neg, whole, frac, int(exp), scale)
	}
	if neg {
		dst = append(dst, '-')
	}
	dst = append(dst, whole...)
	if len(frac) == 0 && scale == 0 {
		return dst, ""
	}
	dst = append(append(dst, '.'), frac...)
	for n := len(frac); n < scale; n++ {
		dst = append(dst, '0')
	}
	return dst, ""
}

// appendShifted moves the point by exp; an exponent is rare.
func appendShifted(dst []byte, neg bool, whole, frac []byte, exp, scale int) ([]byte, string) {
	digits := append(append(make([]byte, 0, len(whole)+len(frac)+1000), whole...), frac...)
	after := len(frac) - exp
	for ; after < scale || after < 0; after++ {
		digits = append(digits, '0')
	}
	for len(digits) > 0 && digits[0] == '0' {
		digits = digits[1:]
	}
	for after > scale && len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits, after = digits[:len(digits)-1], after-1
	}
	if len(digits) == 0 {
		neg, after = false, scale
	}
	return appendPoint(dst, neg, digits, after), ""
}

// AppendString appends a cell's value as a JSON string: text as it is, strings
// with escapes with every escape kept, numbers, booleans and JSON as their text.
func AppendString(dst []byte, c Cell, p []byte) ([]byte, string) {
	n := len(dst)
	dst = append(dst, '"')
	switch c.Enc {
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
		return dst[:n], CodeType
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
