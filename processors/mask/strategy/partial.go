package strategy

import (
	"bytes"
	"errors"
	"slices"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"sluice/schemas"
	"sluice/topology"
)

// partial keeps the first and last characters and writes one mark for each
// other:
//
//	{partial: {keep_last: 4}}                    # *******0101
//	{partial: last4}                             # ***-**-6789: separators stay
//	{partial: {keep_first: 1, keep_domain: true}} # a**@example.com
//	{partial: {keep_first: 1, length: 8}}        # a*******: as long whatever the value
//
// A text that would keep half of itself or more is marked whole: four of five
// digits are not masked. So is a bool, as long as the other one. A character is
// what people see as one: marks, joiners and selectors stay with their letter.
type partial struct {
	KeepFirst  int    `yaml:"keep_first"`
	KeepLast   int    `yaml:"keep_last"`
	KeepDomain bool   `yaml:"keep_domain"`     // what follows the last @ stays if it is the name of a host; the rest counts for what comes before
	Separators bool   `yaml:"keep_separators"` // blanks and -./()+ stay and do not count
	Length     int    `yaml:"length"`          // characters that come out, 0: as many as there are
	Char       string `yaml:"char"`
}

// ReadPartial reads the parameters of partial.
func ReadPartial(y *yaml.Node) (Masker, error) {
	if y == nil {
		return nil, errors.New("partial says what stays: {partial: {keep_last: 4}}")
	}
	p := &partial{Char: "*"}
	if y.Kind == yaml.ScalarNode && y.Value == "last4" {
		p.KeepLast, p.Separators = 4, true
		return p, nil
	}
	if y.Kind != yaml.MappingNode {
		return nil, errors.New("partial takes its parameters as {keep_first: 1, keep_last: 2}, or last4")
	}
	if err := topology.Strict(y, p); err != nil {
		return nil, err
	}
	kept := p.KeepFirst + p.KeepLast
	r, n := utf8.DecodeRuneInString(p.Char)
	switch {
	case n != len(p.Char) || n == 0 || r == utf8.RuneError || p.KeepFirst < 0 || p.KeepLast < 0 || kept > 16 || kept == 0 && !p.KeepDomain && p.Length == 0:
		return nil, errors.New("partial: keep_first and keep_last together 1 to 16 (0 with keep_domain or length), char one character")
	case p.Length < 0 || p.Length > 64 || p.Length > 0 && p.Length < 2*kept+1:
		return nil, errors.New("partial: length 1 to 64, more than twice of what stays")
	case p.Length > 0 && p.Separators:
		return nil, errors.New("partial: keep_separators tells the form, length hides it: take one")
	}
	return p, nil
}

func (p *partial) Bind(*Binder) (Masker, error) { return p, nil }
func (p *partial) Fits(*schemas.Field) error    { return nil }
func (p *partial) Output(f *schemas.Field)      { AsText(f) }
func (p *partial) Injective() bool              { return false }

func (p *partial) Mask(_ *Scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	first, last := p.KeepFirst, p.KeepLast
	var domain []byte
	if k == schemas.Bool {
		text, first, last = []byte("true"), 0, 0
	} else if p.KeepDomain {
		if i := bytes.LastIndexByte(text, '@'); i > 0 {
			if isHost(text[i+1:]) {
				text, domain = text[:i], text[i:]
			}
		}
	}
	if !p.Separators && plain(text) {
		dst = p.bytes(dst, text, first, last)
		return append(dst, domain...), schemas.EncText
	}
	n := 0
	for i := 0; i < len(text); {
		size, sep := p.character(text[i:])
		if i += size; !sep {
			n++
		}
	}
	if 2*(first+last) >= n {
		first, last = 0, 0
	}
	marks := n - first - last
	if p.Length > 0 {
		marks = p.Length - first - last
	}
	at := 0
	for i := 0; i < len(text); {
		size, sep := p.character(text[i:])
		switch {
		case sep && n > 0, !sep && (at < first || at >= n-last):
			dst = append(dst, text[i:i+size]...)
		case p.Length == 0 && len(p.Char) == 1:
			dst = append(dst, p.Char[0])
		case p.Length == 0:
			dst = append(dst, p.Char...)
		case at == first:
			for range marks {
				dst = append(dst, p.Char...)
			}
		}
		if i += size; !sep {
			at++
		}
	}
	if p.Length > 0 && n == 0 {
		for range marks {
			dst = append(dst, p.Char...)
		}
	}
	return append(dst, domain...), schemas.EncText
}

// isHost reports the name of a host as addresses have it, with a dot in it and
// a last label that begins with a letter: letters, digits, - and . alone. What
// else follows an @ is not what keep_domain is about. // P1
func isHost(p []byte) bool {
	i := bytes.LastIndexByte(p, '.')
	if i < 1 || len(p) > 253 {
		return false
	}
	if r, _ := utf8.DecodeRune(p[i+1:]); r == utf8.RuneError || !unicode.IsLetter(r) {
		return false
	}
	for len(p) > 0 {
		if c := p[0]; c < utf8.RuneSelf {
			if c|0x20 < 'a' || c|0x20 > 'z' {
				if (c < '0' || c > '9') && c != '-' && c != '.' {
					return false
				}
			}
			p = p[1:]
			continue
		}
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError || !unicode.In(r, unicode.L, unicode.M) {
			return false
		}
		p = p[n:]
	}
	return true
}

// plain reports ASCII without a carriage return: each byte is a character.
func plain(p []byte) bool {
	for _, c := range p {
		if c >= utf8.RuneSelf || c == '\r' {
			return false
		}
	}
	return true
}

// bytes is mask where each byte is a character.
func (p *partial) bytes(dst, text []byte, first, last int) []byte {
	if 2*(first+last) >= len(text) {
		first, last = 0, 0
	}
	marks := len(text) - first - last
	if p.Length > 0 {
		marks = p.Length - first - last
	}
	dst = append(dst, text[:first]...)
	if len(p.Char) == 1 {
		from := len(dst)
		dst = slices.Grow(dst, marks)[:from+marks]
		for i := from; i < len(dst); i++ {
			dst[i] = p.Char[0]
		}
	} else {
		for range marks {
			dst = append(dst, p.Char...)
		}
	}
	return append(dst, text[len(text)-last:]...)
}

// character is the length of the first character of b and whether it is a
// separator that stays.
func (p *partial) character(b []byte) (int, bool) {
	if b[0] < utf8.RuneSelf && (len(b) == 1 || b[1] < utf8.RuneSelf) && b[0] != '\r' { // nearly always
		return 1, p.Separators && separators[b[0]]
	}
	return character(b), false
}

// separators are what stays of a formatted number.
var separators = [utf8.RuneSelf]bool{' ': true, '-': true, '.': true, '/': true, '(': true, ')': true, '+': true}

// character is the length of what people see as the first character of p: a
// letter with its marks, an emoji with its joiners, selectors and tones, a
// flag of two letters. That is the core of UAX 29's extended grapheme clusters,
// without Hangul jamo and the rarer prepending characters.
func character(p []byte) int {
	r, n := utf8.DecodeRune(p)
	if n == 0 {
		return 0
	}
	if r == '\r' && n < len(p) && p[n] == '\n' {
		return 2
	}
	flag := isFlag(r)
	for range maxMarks {
		if n >= len(p) {
			return n
		}
		next, size := utf8.DecodeRune(p[n:])
		switch {
		case next < 0x300 || next == utf8.RuneError:
			return n
		case next == zeroWidthJoiner: // and what it joins: emoji, not letters
			n += size
			if joined, size := utf8.DecodeRune(p[n:]); isPicture(r) && isPicture(joined) {
				n += size
			}
		case unicode.In(next, unicode.M) || next >= 0x1F3FB && next <= 0x1F3FF || next == 0x200C || r == blackFlag && next >= 0xE0020 && next <= 0xE007F:
			n += size
		case flag && isFlag(next):
			n += size
			flag = false
		default:
			return n
		}
	}
	return n
}

// maxMarks is how much stays with a letter: without end, marks, tags and joiners
// would have a text come through as one character. // P1
const maxMarks = 10

const (
	zeroWidthJoiner = 0x200D
	blackFlag       = 0x1F3F4 // tags after it are a flag's
)

// isPicture is about Extended_Pictographic of UTS 51.
func isPicture(r rune) bool {
	return r >= 0x1F000 && r < 0x20000 || r >= 0x2190 && r < 0x3300 && unicode.Is(unicode.So, r)
}

func isFlag(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }
