package detect

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// folded is a text with what hides values undone, and where its bytes came from.
// Only texts that have something to undo are folded.
type folded struct {
	text []byte
	cuts []cut
}

// cut is a character that was undone: n bytes at at in the folded text, and
// [from, to) of the text as it came. What follows it is as it came.
type cut struct{ at, n, from, to int }

// place is where the character of byte i came from: [start, end).
func (f *folded) place(i int) (start, end int) {
	k, _ := slices.BinarySearchFunc(f.cuts, i+1, func(c cut, i int) int { return c.at - i })
	if k == 0 {
		return i, i + 1
	}
	c := &f.cuts[k-1]
	if i < c.at+c.n {
		return c.from, c.to
	}
	i += c.to - c.at - c.n
	return i, i + 1
}

// suspect are bytes that begin something to undo.
var suspect = func() (t [256]bool) {
	for _, c := range []byte{'\\', '%', '&', 0xc2, 0xd9, 0xdb, 0xe0, 0xe1, 0xe2, 0xe3, 0xef, 0xf0} {
		t[c] = true
	}
	return t
}()

// nextSuspect is the place of the first byte from i on that may begin something
// to undo, len(p) if there is none.
func nextSuspect(p []byte, i int) int {
	for i+8 <= len(p) {
		w := binary.LittleEndian.Uint64(p[i:])
		a, b, c := w^'\\'*ones, w^'%'*ones, w^'&'*ones
		m := ((a-ones)&^a | (b-ones)&^b | (c-ones)&^c | w) & highs
		if m == 0 {
			i += 8
			continue
		}
		for ; m != 0; m &= m - 1 {
			if j := i + bits.TrailingZeros64(m)>>3; suspect[p[j]] {
				return j
			}
		}
		i += 8
	}
	for ; i < len(p) && !suspect[p[i]]; i++ {
	}
	return i
}

// make folds p, which m are of; false: there is nothing to undo.
func (f *folded) make(p []byte, m *marks) bool {
	i := m.nextSuspect(p, 0)
	for i < len(p) {
		if _, n := undo(p[i:]); n > 0 {
			break
		}
		i = m.nextSuspect(p, i+1)
	}
	if i >= len(p) {
		return false
	}
	f.text, f.cuts = f.text[:0], f.cuts[:0]
	for at := 0; ; {
		r, n := rune(0), 0
		for i < len(p) {
			if r, n = undo(p[i:]); n > 0 {
				break
			}
			i = m.nextSuspect(p, i+1)
		}
		f.text = append(f.text, p[at:i]...)
		if i >= len(p) {
			return true
		}
		k := len(f.text)
		if r >= 0 {
			f.text = utf8.AppendRune(f.text, r)
		}
		f.cuts = append(f.cuts, cut{k, len(f.text) - k, i, i + n})
		at = i + n
		i = m.nextSuspect(p, at)
	}
}

// undo is the plain character that p begins with and how many bytes spell it:
// -1 for one of no width; n is 0 for what is plain already.
func undo(p []byte) (r rune, n int) {
	switch p[0] {
	case '\\':
		return unescape(p)
	case '%':
		if len(p) >= 3 {
			v, ok := hexByte(p[1:3])
			if ok && v == '%' && len(p) >= 5 { // escaped twice: %2540
				if w, ok := hexByte(p[3:5]); ok && w >= ' ' && w < 0x7f {
					return rune(w), 5
				}
			}
			if ok && v >= ' ' && v < 0x7f {
				return rune(v), 3
			}
		}
		return 0, 0
	case '&': // &#64; &#x40;
		return entity(p)
	}
	r, n = utf8.DecodeRune(p)
	plain := fold(r)
	if plain == r {
		return 0, 0
	}
	return plain, n
}

func hexByte(p []byte) (v byte, ok bool) {
	for _, c := range p {
		switch {
		case digit(c):
			v = v<<4 | (c - '0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | (c | 0x20 - 'a' + 10)
		default:
			return 0, false
		}
	}
	return v, true
}

// maxNested is how many backslashes before a u are one escape: that of a text
// that was put into JSON four times has 15.
const maxNested = 16

// unescape reads an escape of JSON (RFC 8259, section 7), also one that was
// escaped again.
func unescape(p []byte) (r rune, n int) {
	if len(p) < 2 {
		return 0, 0
	}
	switch p[1] {
	case '\\': // of JSON in a text in JSON: \\u0040
		k := 2
		for k < len(p) && k < maxNested && p[k] == '\\' {
			k++
		}
		if k < len(p) && p[k] == 'u' {
			if r, n := unescape(p[k-1:]); n > 0 {
				return r, n + k - 1
			}
		}
		return '\\', 2
	case '"', '/':
		return rune(p[1]), 2
	case 'n', 'r', 't':
		return '\n', 2
	case 'u':
		hex4 := func(p []byte) (rune, bool) {
			if len(p) < 6 || p[0] != '\\' || p[1] != 'u' {
				return 0, false
			}
			hi, ok := hexByte(p[2:4])
			lo, also := hexByte(p[4:6])
			return rune(hi)<<8 | rune(lo), ok && also
		}
		r, ok := hex4(p)
		if !ok {
			return 0, 0
		}
		n = 6
		if r >= 0xd800 && r < 0xdc00 {
			if low, ok := hex4(p[6:]); ok && low >= 0xdc00 && low < 0xe000 {
				r, n = 0x10000+(r-0xd800)<<10+(low-0xdc00), 12
			}
		}
		if r >= 0xd800 && r < 0xe000 {
			r = utf8.RuneError
		}
		return fold(r), n
	}
	return 0, 0
}

// references are those of HTML that stand within numbers and addresses, or hide what parts them.
var references = map[string]rune{"nbsp": ' ', "ensp": ' ', "emsp": ' ', "thinsp": ' ', "numsp": ' ', "puncsp": ' ', "commat": '@', "period": '.', "plus": '+', "lpar": '(', "rpar": ')', "sol": '/',
	"hyphen": '-', "dash": '-', "ndash": '-', "mdash": '-', "horbar": '-', "minus": '-', "lowbar": '_', "middot": '.', "colon": ':', "shy": -1, "zwj": -1, "zwnj": -1, "lrm": -1, "rlm": -1}

// maxReference is how many digits a numeric reference has, zeros in front too.
const maxReference = 8

// entity reads a character reference of HTML: a numeric one, or one of references.
func entity(p []byte) (r rune, n int) {
	if len(p) < 4 {
		return 0, 0
	}
	if p[1] != '#' {
		i := 1
		for i < len(p) && i < 8 && p[i]-'a' < 26 {
			i++
		}
		if i < 4 || i == len(p) || p[i] != ';' {
			return 0, 0
		}
		if r = look(references, p[1:i]); r == 0 {
			return 0, 0
		}
		return r, i + 1
	}
	i, base := 2, rune(10)
	if p[2]|0x20 == 'x' {
		i, base = 3, 16
	}
	s := i
	for ; i < len(p) && i-s < maxReference; i++ {
		v, ok := hexByte(p[i : i+1])
		if !ok || rune(v) >= base {
			break
		}
		r = r*base + rune(v)
	}
	if i == s || r < ' ' || r > utf8.MaxRune {
		return 0, 0
	}
	if i == len(p) || p[i] != ';' { // as browsers read it
		return fold(r), i
	}
	return fold(r), i + 1
}

// zeros are the zeros of decimal digits that people write numbers with.
var zeros = [...]rune{0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040, 0x17e0, 0x1810,
	0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0x104a0, 0x11066, 0x110f0, 0x11136, 0x1e950, 0x1fbf0, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0xff10}

// fold is the ASCII character that r looks like where numbers and addresses are
// written, -1 for a character of no width, and r otherwise.
func fold(r rune) rune {
	switch {
	case r < 0xa0:
		return r
	case r > 0xff00 && r < 0xff5f: // full width
		return r - 0xfee0
	case r >= 0x2010 && r <= 0x2015, r == 0x2212, r == 0xfe58, r == 0xfe63, r == 0x2043:
		return '-'
	case r == 0xa0, r >= 0x2000 && r <= 0x200a, r == 0x202f, r == 0x205f, r == 0x3000, r == 0x1680:
		return ' '
	case r == 0xad, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x2064, r == 0xfeff:
		return -1
	case r >= 0xfe00 && r <= 0xfe0f, r == 0x20e3, r >= 0x180b && r <= 0x180e, r == 0x3164: // variation selectors, a keycap, fillers
		return -1
	case r == 0xb7, r == 0x2024, r == 0xfe52:
		return '.'
	case r == 0xfe6b:
		return '@'
	}
	for _, z := range zeros {
		if r >= z && r < z+10 {
			return '0' + r - z
		}
	}
	return r
}
