package schemas

import (
	"bytes"
	"encoding/base64"
	"math/big"
	"math/bits"
)

// appendDecimal says a decimal with its digits, never through a float.
func appendDecimal(dst []byte, t Type, w Wire, c Cell, p []byte) ([]byte, string) {
	n := len(dst)
	var code string
	dst = append(dst, '"')
	switch {
	case w == WireBase64 && c.Enc == EncText:
		dst, code = appendUnscaled(dst, p, int(t.Scale))
	case w == WireBase64 && c.Enc == EncBytes:
		dst, code = appendRaw(dst, p, int(t.Scale))
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
			if code != "" || v < -maxScale || v > maxScale { // numeric(4,-2) arrives with scale 2046, Oracle's with -2
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
	var dec [48]byte
	if len(p) > 64 {
		raw, err := base64.StdEncoding.AppendDecode(nil, p)
		if err != nil {
			return dst, CodeBase64
		}
		return appendRaw(dst, raw, scale)
	}
	n, err := base64.StdEncoding.Decode(dec[:], p)
	if err != nil {
		return dst, CodeBase64
	}
	return appendRaw(dst, dec[:n], scale)
}

// appendRaw says a two's complement integer, big endian, with a point.
func appendRaw(dst, p []byte, scale int) ([]byte, string) {
	switch {
	case len(p) == 0:
		return dst, CodeBase64
	case len(p) > 16:
		return appendBig(dst, p, scale), ""
	}
	var buf [16]byte
	neg := p[0]&0x80 != 0
	if neg {
		for i := range buf {
			buf[i] = 0xFF
		}
	}
	copy(buf[16-len(p):], p)
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

func appendBig(dst, raw []byte, scale int) []byte {
	v := new(big.Int).SetBytes(raw)
	if raw[0]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
	}
	neg := v.Sign() < 0
	digits := v.Abs(v).Append(nil, 10)
	if string(digits) == "0" {
		digits = nil
	}
	return appendPoint(dst, neg, digits, scale)
}

// appendPoint writes digits, without leading zeros, with the point scale from the right.
func appendPoint(dst []byte, neg bool, digits []byte, scale int) []byte {
	if neg {
		dst = append(dst, '-')
	}
	if scale < 0 { // hundreds, thousands
		dst = append(dst, digits...)
		if len(digits) == 0 {
			return append(dst, '0')
		}
		for ; scale < 0; scale++ {
			dst = append(dst, '0')
		}
		return dst
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
