package detect

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"sluice/schemas"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// next is the place of the first digit, @, or = behind a letter from i on, len(p) if there is none.
func next(p []byte, i int) int {
	for ; i+32 <= len(p); i += 32 { // nothing in most
		q := p[i : i+32 : i+32]
		if quiet(binary.LittleEndian.Uint64(q))|quiet(binary.LittleEndian.Uint64(q[8:]))|quiet(binary.LittleEndian.Uint64(q[16:]))|quiet(binary.LittleEndian.Uint64(q[24:])) != 0 {
			break
		}
	}
	for ; i+8 <= len(p); i += 8 {
		w := binary.LittleEndian.Uint64(p[i:])
		if m := quiet(w); m != 0 {
			for ; m != 0; m &= m - 1 {
				j := i + bits.TrailingZeros64(m)>>3
				if c := p[j]; c-'0' <= 9 || c == '@' || c == '=' && j > 0 && letter(p[j-1]) {
					return j
				}
			}
		}
	}
	for ; i < len(p); i++ {
		if c := p[i]; c-'0' <= 9 || c == '@' || c == '=' && i > 0 && letter(p[i-1]) {
			return i
		}
	}
	return len(p)
}

// quiet is 0 if no byte of w is a digit, : ; < = > ? or @.
func quiet(w uint64) uint64 {
	x := w&^(0x0f*ones) ^ 0x30*ones // zero bytes: 0x30 to 0x3f
	y := w ^ '@'*ones
	return ((x-ones)&^x | (y-ones)&^y) & highs
}

const (
	charDigit = 1 << iota
	charUpper
	charLower
	charHigh // byte of a character beyond ASCII
	charHex
	charUnder
	charLocal // of an e-mail address's local part, in the middle
	charDomain
)

var chars = func() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		switch {
		case c >= '0' && c <= '9':
			t[i] = charDigit | charHex | charLocal | charDomain
		case c >= 'A' && c <= 'Z':
			t[i] = charUpper | charLocal | charDomain
		case c >= 'a' && c <= 'z':
			t[i] = charLower | charLocal | charDomain
		case c >= 0x80:
			t[i] = charHigh | charLocal | charDomain
		}
		if c|0x20 >= 'a' && c|0x20 <= 'f' {
			t[i] |= charHex
		}
	}
	t['_'] |= charUnder
	for _, c := range ".!#$%&'*+-_~" { // ^ ` and | are allowed, and separate or quote what people write
		t[c] |= charLocal
	}
	t['.'] |= charDomain
	t['-'] |= charDomain
	return t
}()

const (
	charLetter = charUpper | charLower | charHigh
	charWord   = charUpper | charLower | charDigit | charUnder // Han and kana stand beside digits without a space
)

func digit(c byte) bool  { return c-'0' <= 9 }
func letter(c byte) bool { return chars[c]&charLetter != 0 }
func word(c byte) bool   { return chars[c]&charWord != 0 }

// at is the byte at i, 0 outside of the text.
func (d *Detector) at(i int) byte {
	if i < 0 || i >= len(d.p) {
		return 0
	}
	return d.p[i]
}

// scan looks at every digit, every @ and the padding of base64 once.
func (d *Detector) scan() {
	p := d.p
	for i := d.next(0); i < len(p); i = d.next(i) {
		if p[i] == '@' {
			i = d.email(i)
			continue
		}
		if p[i] == '=' {
			d.padded(i)
			i++
			continue
		}
		i = max(d.token(i), i+1)
	}
	if i := bytes.Index(p, beginKey); i >= 0 {
		d.privateKeys(i)
	}
}

// token looks at what the digit at i stands in, and returns the place to go on.
func (d *Detector) token(i int) int {
	p := d.p
	if i > 0 && p[i-1] == ' ' { // most digits are a count in a sentence
		k := i + 1
		for k < len(p) && digit(p[k]) {
			k++
		}
		if k-i < 6 && k+1 < len(p) && p[k] == ' ' && (p[k+1]|0x20)-'a' < 26 {
			if k-i > 2 {
				return k
			}
			return max(k, d.monthly(i, k))
		}
	}
	s, e := i, i
	for s > 0 && word(p[s-1]) {
		s--
	}
	letters := s < i
	for e < len(p) && word(p[e]) {
		letters = letters || !digit(p[e])
		e++
	}
	if letters && s == i && e-i <= 4 && !digit(p[e-2]) { // 3rd
		k := i
		for digit(p[k]) {
			k++
		}
		if end := d.monthly(i, k); end > 0 {
			return end
		}
	}
	if letters && d.labelled(s, i) {
		return d.number(i)
	}
	if letters {
		if end := d.mixed(s, e); end > e {
			return end
		}
		if s+1 == i && p[s] == 'B' && s > 0 && p[s-1] == '%' { // a card's track 1
			return d.number(i)
		}
		if s < i || e < len(p) && p[e] == '@' {
			return e
		}
		// Digits and then letters: "5th", "4111...1111x", "2025550143x12".
		j := i
		for digit(p[j]) {
			j++
		}
		if j-i < 7 || p[j]|0x20 != 'x' {
			return e
		}
	}
	if end := d.uuid(s); end > 0 {
		return end
	}
	if end := d.hardware(s, e); end > 0 {
		return end
	}
	return d.number(i)
}

// labelled reports that the word from s on is a word about numbers and then the
// digits at i: SSN457555462, Tel030123456.
func (d *Detector) labelled(s, i int) bool {
	if i-s < 2 {
		return false
	}
	if d.p[i-1] == '_' {
		return d.filed(i)
	}
	for _, c := range d.p[s:i] {
		if !letter(c) {
			return false
		}
	}
	e := i
	for e < len(d.p) && digit(d.p[e]) {
		e++
	}
	if i-s == 2 && e-i < 9 && look(codes, d.p[s:i]) {
		return false
	}
	return !word(d.at(e)) && meaning(d.p[s:i]).positive()
}

// codes are words of two letters with which keys of records begin, too: WA8720620, not WA081234567890.
var codes = set("wa", "hp", "ni", "dl", "dm")

// uuid is the end of a UUID that begins at s, or 0.
func (d *Detector) uuid(s int) int {
	p := d.p
	if len(p)-s < 36 || p[s+8] != '-' || p[s+13] != '-' || p[s+18] != '-' || p[s+23] != '-' {
		return 0
	}
	for i := range 36 {
		if i != 8 && i != 13 && i != 18 && i != 23 && chars[p[s+i]]&charHex == 0 {
			return 0
		}
	}
	if word(d.at(s + 36)) {
		return 0
	}
	return s + 36
}

// mixed looks at a word of letters and digits, and returns the end of what it
// took, or e.
func (d *Detector) mixed(s, e int) int {
	if end := d.uuid(s); end > 0 {
		return end
	}
	if end := d.iban(s); end > 0 {
		return end
	}
	if end := d.hardware(s, e); end > 0 {
		return end
	}
	if end := d.secret(s); end > 0 {
		return end
	}
	if end := d.identity(s, e); end > 0 {
		return end
	}
	if end := d.encoded(s); end > e {
		return end
	}
	if end := d.generic(s); end > 0 {
		return end
	}
	if d.at(e) == '.' || d.at(s-1) == '.' || d.at(s-1) == '/' {
		if end := d.company(s); end > 0 {
			return end
		}
	}
	// A code made of parts: what follows the hyphens belongs to it.
	for e < len(d.p)-1 && (d.p[e] == '-' || d.p[e] == '_') && word(d.p[e+1]) {
		for e++; e < len(d.p) && word(d.p[e]); e++ {
		}
	}
	return e
}

// privateKeys finds PEM blocks, the first one not before i.
func (d *Detector) privateKeys(i int) {
	p := d.p
	for {
		head := p[i+len(beginKey):]
		if line := bytes.Index(head[:min(len(head), 64)], []byte("PRIVATE KEY")); line >= 0 {
			end := len(p)
			if k := bytes.Index(head, endKey); k >= 0 {
				end = i + len(beginKey) + k
				if rest := p[end+len(endKey) : max(end+len(endKey), min(len(p), end+64))]; bytes.Contains(rest, []byte("-----")) {
					end += len(endKey) + bytes.Index(rest, []byte("-----")) + 5
				}
			}
			d.add(schemas.PrivateKey, i, end, 0.99)
			i = end - len(beginKey)
		}
		k := bytes.Index(p[i+len(beginKey):], beginKey)
		if k < 0 {
			return
		}
		i += len(beginKey) + k
	}
}

var beginKey, endKey = []byte("-----BEGIN "), []byte("-----END ")
