package strategy

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"sluice/topology"
)

// canon is the form of a value that is hashed or seeds a synthetic one, so that
// spellings of one value join:
//
//	email    trimmed, lower case
//	phone    E.164: "(415) 555-0132" and "+1 415 555 0132" are +14155550132.
//	         A national number is of country calling code 1, or of the one in
//	         phone:49
//	digits   decimal digits only
//	lower    trimmed, lower case, inner white space as one space
//
// A text that has no such form (a phone without digits) goes as by lower.
type canon struct {
	kind    canonKind
	country string // calling code
}

type canonKind uint8

const (
	asWritten canonKind = iota
	canonLower
	canonEmail
	canonPhone
	canonDigits
)

var canonNames = []string{"", "lower", "email", "phone", "digits"}

// UnmarshalYAML reads a name, of phone with a country calling code.
func (c *canon) UnmarshalYAML(y *yaml.Node) error {
	name, country, _ := strings.Cut(y.Value, ":")
	for i, n := range canonNames {
		if name != n || n == "" {
			continue
		}
		c.kind = canonKind(i)
		switch {
		case c.kind != canonPhone && country == "":
			return nil
		case c.kind == canonPhone && country == "":
			c.country = "1"
			return nil
		case c.kind == canonPhone && len(country) <= 3 && strings.Trim(country, "0123456789") == "" && country[0] != '0':
			c.country = country
			return nil
		}
		return topology.At(y, fmt.Errorf("canonical %q: want phone:N with a country calling code, as phone:44", y.Value))
	}
	return topology.At(y, fmt.Errorf("unknown canonical form %q%s", y.Value, topology.Suggest(name, canonNames[1:])))
}

// fold is the canonical form of text: text itself, or in s.folded until the next call.
func (c *canon) fold(s *Scratch, text []byte) []byte {
	switch c.kind {
	case asWritten:
		return text
	case canonDigits:
		s.folded = appendDigits(s.folded[:0], text)
	case canonPhone:
		s.folded = appendPhone(s.folded[:0], text, c.country)
	default:
		s.folded = s.folded[:0]
	}
	if len(s.folded) == 0 {
		s.folded = appendLower(s.folded, text)
	}
	return s.folded
}

// appendLower appends p trimmed, in lower case, each run of white space inside
// as one space.
func appendLower(dst, p []byte) []byte {
	p = bytes.TrimSpace(p)
	space := false
	for len(p) > 0 {
		r, n := rune(p[0]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(p)
		}
		p = p[n:]
		if unicode.IsSpace(r) {
			space = true
			continue
		}
		if space {
			dst, space = append(dst, ' '), false
		}
		dst = utf8.AppendRune(dst, unicode.ToLower(r))
	}
	return dst
}

// digit is the value of a decimal digit, ASCII, full-width or Arabic, or -1.
func digit(r rune) int {
	switch {
	case r >= '0' && r <= '9':
		return int(r - '0')
	case r >= '０' && r <= '９':
		return int(r - '０')
	case r >= '٠' && r <= '٩':
		return int(r - '٠')
	case r >= '۰' && r <= '۹':
		return int(r - '۰')
	}
	return -1
}

func appendDigits(dst, p []byte) []byte {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if d := digit(r); d >= 0 {
			dst = append(dst, byte('0'+d))
		}
		p = p[n:]
	}
	return dst
}

const maxExtension = 20 // digits

// appendPhone appends the E.164 form of a number, with an extension as
// ;ext=N (RFC 3966), or nothing if p has no digits or letters among them.
func appendPhone(dst, p []byte, country string) []byte {
	from := len(dst)
	dst = append(dst, "+"...)
	dst = append(dst, country...) // room for it: cut again below
	start := len(dst)
	plus, ext := false, -1
	for i := 0; i < len(p); {
		if plus && bytes.HasPrefix(p[i:], []byte("(0)")) { // +44 (0)20: the zero is for callers at home
			i += 3
			continue
		}
		r, n := utf8.DecodeRune(p[i:])
		switch d := digit(r); {
		case d >= 0:
			dst = append(dst, byte('0'+d))
		case (r == '+' || r == '＋') && len(dst) == start:
			plus = true
		case unicode.IsLetter(r) || r == '#' || r == ';':
			if ext >= 0 || len(dst) == start {
				if len(dst) == start && hasPrefixFold(p[i:], "tel:") {
					i += 4
					continue
				}
				if ext >= 0 && len(dst) == ext { // the rest of the word ext
					break
				}
				return dst[:from]
			}
			ext = len(dst)
		}
		i += n
	}
	number := dst[start:]
	var more []byte
	if ext >= 0 {
		if number, more = dst[start:ext], dst[ext:]; len(more) == 0 { // letters are digits on some phones
			return dst[:from]
		}
	}
	if len(number) == 0 || len(more) > maxExtension {
		return dst[:from]
	}
	switch {
	case plus:
		country = ""
	case bytes.HasPrefix(number, []byte("00")):
		number, country = number[2:], ""
	case country == "1" && bytes.HasPrefix(number, []byte("011")):
		number, country = number[3:], ""
	case country == "1" && len(number) == 11 && number[0] == '1':
		country = ""
	case number[0] == '0' && country != "39" && country != "1": // trunk prefix; Italian numbers keep theirs
		number = number[1:]
	}
	out := append(dst[:from], '+')
	out = append(out, country...)
	n := len(number) // moves down in place: the country was in front of it
	out = out[:len(out)+copy(out[len(out):cap(out)], number)]
	if n == 0 {
		return dst[:from]
	}
	if len(more) > 0 {
		var ext [maxExtension]byte
		k := copy(ext[:], more)
		out = append(append(out, ";ext="...), ext[:k]...)
	}
	return out
}

func hasPrefixFold(p []byte, prefix string) bool {
	return len(p) >= len(prefix) && strings.EqualFold(string(p[:len(prefix)]), prefix)
}
