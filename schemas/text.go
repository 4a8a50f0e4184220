package schemas

import (
	"encoding/base64"
	"unicode/utf8"
)

// AppendText appends the text of a cell, always valid UTF-8: what a string
// says with its escapes undone (a lone surrogate and an ill-formed byte become
// U+FFFD), the literal of a number or bool, JSON as it is, raw bytes as
// base64. A cell without a value appends nothing. p is the cell's bytes.
func AppendText(dst []byte, c Cell, p []byte) []byte {
	if !c.Has() {
		return dst
	}
	switch c.Enc {
	case EncText, EncJSON:
		return appendUTF8(dst, p)
	case EncJSONString:
		return appendUnescaped(dst, p)
	case EncInt, EncFloat:
		return append(dst, p...)
	case EncTrue:
		return append(dst, "true"...)
	case EncFalse:
		return append(dst, "false"...)
	case EncBytes:
		return base64.StdEncoding.AppendEncode(dst, p)
	case EncVarint, EncFloat32, EncFloat64:
		var buf [32]byte
		_, p = Spelled(buf[:0], c, p)
		return append(dst, p...)
	}
	return dst
}

func appendUTF8(dst, p []byte) []byte {
	if utf8.Valid(p) {
		return append(dst, p...)
	}
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		dst = utf8.AppendRune(dst, r)
		p = p[n:]
	}
	return dst
}

// appendUnescaped appends the inside of a JSON string with its escapes undone.
// An escape that JSON does not know is kept as written.
func appendUnescaped(dst, p []byte) []byte {
	for i := 0; i < len(p); {
		start := i
		for i < len(p) && p[i] != '\\' {
			i++
		}
		dst = appendUTF8(dst, p[start:i])
		if i+1 >= len(p) {
			return append(dst, p[i:]...)
		}
		if p[i+1] == 'u' {
			r, n := surrogates(p[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		if ch := unescape[p[i+1]]; ch != 0 {
			dst = append(dst, ch)
		} else {
			dst = append(dst, '\\')
			i--
		}
		i += 2
	}
	return dst
}

var unescape = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// surrogates reads \uXXXX, or a pair of them, at the front of p.
func surrogates(p []byte) (rune, int) {
	r, ok := hex4(p)
	if !ok {
		return utf8.RuneError, min(len(p), 2)
	}
	if r >= 0xD800 && r < 0xDC00 {
		if lo, ok := hex4(p[6:]); ok && lo >= 0xDC00 && lo < 0xE000 {
			return (r-0xD800)<<10 + (lo - 0xDC00) + 0x10000, 12
		}
	}
	if r >= 0xD800 && r < 0xE000 {
		r = utf8.RuneError
	}
	return r, 6
}
