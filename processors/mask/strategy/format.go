package strategy

import (
	"math/big"
	"math/bits"
	"unicode"
	"unicode/utf8"

	"sluice/processors/mask/ff1"
	"sluice/schemas"
)

// numerals puts the characters of t's alphabet into s.nums. What is neither
// letter nor digit is a separator and stays; a letter that is not of the
// alphabet would stay in clear, so the text is refused.
func (t *Tokenizer) numerals(s *Scratch, text []byte) bool {
	s.nums = s.nums[:0]
	for i := 0; i < len(text); {
		c := text[i]
		if n := t.alpha.num[c]; n >= 0 {
			s.nums = append(s.nums, byte(n))
			i++
			continue
		}
		n, ok := separator(text[i:])
		if !ok {
			return false
		}
		i += n
	}
	return t.Length == 0 || len(s.nums) == t.Length
}

// separator is the length of the character at the front of p if it says nothing.
func separator(p []byte) (int, bool) {
	c := p[0]
	if c < utf8.RuneSelf {
		return 1, !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z')
	}
	r, n := utf8.DecodeRune(p)
	return n, r != utf8.RuneError && (unicode.IsPunct(r) || unicode.IsSpace(r))
}

// The greatest integers, as digits.
const (
	most32 = "2147483647"
	most64 = "9223372036854775807"
)

// integer turns an integer into another of as many digits and the same sign,
// or one of t.Width digits with leading zeros.
func (t *Tokenizer) integer(s *Scratch, dst []byte, k schemas.Kind, text []byte, encrypt bool) ([]byte, bool) {
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	s.nums = s.nums[:0]
	for range t.Width - len(text) {
		s.nums = append(s.nums, 0)
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return dst, false
		}
		s.nums = append(s.nums, c-'0')
	}
	x := s.nums
	if len(text) == 0 || t.Width > 0 && len(x) != t.Width || t.Length > 0 && len(x) != t.Length || !t.holds(k, x, negative) {
		return dst, false
	}
	if t.Card {
		if k != schemas.Decimal && len(x) >= len(most64) || !t.card(s, x, true, encrypt) {
			return dst, false
		}
	} else {
		for { // cycle-walking: a permutation of the integers that hold
			if t.cipher(s, x, encrypt) != nil {
				return dst, false
			}
			if t.holds(k, x, negative) {
				break
			}
		}
	}
	if negative {
		dst = append(dst, '-')
	}
	for len(x) > 1 && x[0] == 0 {
		x = x[1:]
	}
	for _, d := range x {
		dst = append(dst, '0'+d)
	}
	return dst, true
}

// holds reports digits that tokens of the type may have: no leading zero but
// in a width, no -0, not beyond the type.
func (t *Tokenizer) holds(k schemas.Kind, x []byte, negative bool) bool {
	if t.Width > 0 {
		if !negative {
			return true
		}
		for _, d := range x {
			if d != 0 {
				return true
			}
		}
		return false
	}
	if x[0] == 0 {
		return false
	}
	most := most64
	switch k {
	case schemas.Decimal:
		return true
	case schemas.Int32:
		most = most32
	}
	if len(x) != len(most) {
		return len(x) < len(most)
	}
	for i, d := range x {
		if d != most[i]-'0' {
			return d < most[i]-'0'
		}
	}
	return true
}

// card turns the digits of a card number, which pass Luhn's check, into ones
// that fail it, or with t.Luhn pass: the token of a card is never the number of
// another by accident. All but the check digit are encrypted, or the digits
// between the first six and the last four. number: no leading zero.
func (t *Tokenizer) card(s *Scratch, x []byte, number, encrypt bool) bool {
	n := len(x)
	if n < 12 || n > 19 || number && x[0] == 0 {
		return false
	}
	at, off := n-1, byte(5)
	if t.Luhn {
		off = 0
	}
	part := x[:n-1]
	if t.KeepEnds {
		if n < 16 {
			return false
		}
		part = x[6 : n-4]
		at = n - 5
	}
	if !encrypt {
		x[at] = (x[at] + off) % 10 // five is its own opposite
	}
	if luhn(x) != 0 {
		return false
	}
	for {
		if t.cipher(s, part, encrypt) != nil {
			return false
		}
		if t.KeepEnds {
			if luhn(x) == 0 {
				break
			}
			continue
		}
		x[n-1] = (x[n-1] + 10 - luhn(x)) % 10
		if !number || x[0] != 0 {
			break
		}
	}
	if encrypt {
		x[at] = (x[at] + off) % 10
	}
	return true
}

// luhn is what the digits are off Luhn's check (ISO/IEC 7812-1 annex B).
func luhn(x []byte) byte {
	sum := 0
	for i := range x {
		d := int(x[len(x)-1-i])
		if i&1 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return byte(sum % 10)
}

// class is how many characters the class of c has and the first of them: 0 is
// a separator.
func class(c byte) (uint64, byte) {
	switch {
	case c >= '0' && c <= '9':
		return 10, '0'
	case c >= 'a' && c <= 'z':
		return 26, 'a'
	case c >= 'A' && c <= 'Z':
		return 26, 'A'
	}
	return 0, 0
}

// byClass turns each digit into a digit, each capital into a capital and each
// small letter into one: all of them are one number below the product of
// their classes, which is encrypted as so many bits until it is below again.
func (t *Tokenizer) byClass(s *Scratch, dst, text []byte, encrypt bool) ([]byte, bool) {
	count := 0
	size := uint128{lo: 1}
	x := uint128{}
	fits := true
	for i := 0; i < len(text); {
		n, first := class(text[i])
		if n == 0 {
			k, ok := separator(text[i:])
			if !ok {
				return dst, false
			}
			i += k
			continue
		}
		count++
		i++
		if fits {
			size, fits = size.times(n, 0)
			x, _ = x.times(n, uint64(text[i-1]-first))
		}
	}
	if t.Length > 0 && count != t.Length || count > ff1.MaxLen/5 {
		return dst, false
	}
	if !fits {
		return t.byClassLong(s, dst, text, encrypt)
	}
	if size.hi == 0 && size.lo < ff1.MinDomain {
		return dst, false
	}
	last := size.minus1()
	n := last.bits()
	for {
		if encrypt {
			x.hi, x.lo = t.ff1.EncryptBits(x.hi, x.lo, n, &s.ff1)
		} else {
			x.hi, x.lo = t.ff1.DecryptBits(x.hi, x.lo, n, &s.ff1)
		}
		if !last.less(x) {
			break
		}
	}
	from := len(dst)
	dst = append(dst, text...)
	for i := len(dst) - 1; i >= from; i-- {
		if n, first := class(dst[i]); n != 0 {
			var r uint64
			x, r = x.over(n)
			dst[i] = first + byte(r)
		}
	}
	return dst, true
}

// byClassLong is byClass of numbers beyond 126 bits.
func (t *Tokenizer) byClassLong(s *Scratch, dst, text []byte, encrypt bool) ([]byte, bool) {
	size, x, n := big.NewInt(1), new(big.Int), new(big.Int)
	for _, c := range text {
		if k, first := class(c); k != 0 {
			n.SetUint64(k)
			size.Mul(size, n)
			x.Add(x.Mul(x, n), big.NewInt(int64(c-first)))
		}
	}
	width := new(big.Int).Sub(size, big.NewInt(1)).BitLen()
	b := make([]byte, width)
	for {
		for i := range b {
			b[i] = byte(x.Bit(width - 1 - i))
		}
		if t.cipher(s, b, encrypt) != nil {
			return dst, false
		}
		x.SetInt64(0)
		for i := range b {
			x.SetBit(x, width-1-i, uint(b[i]))
		}
		if x.Cmp(size) < 0 {
			break
		}
	}
	from := len(dst)
	dst = append(dst, text...)
	r := new(big.Int)
	for i := len(dst) - 1; i >= from; i-- {
		if k, first := class(dst[i]); k != 0 {
			x.DivMod(x, n.SetUint64(k), r)
			dst[i] = first + byte(r.Int64())
		}
	}
	return dst, true
}

// uint128 is a number of at most ff1.MaxBits bits.
type uint128 struct{ hi, lo uint64 }

// times is x*m + a; false if it is too long.
func (x uint128) times(m, a uint64) (uint128, bool) {
	h, l := bits.Mul64(x.lo, m)
	over, hh := bits.Mul64(x.hi, m)
	l, c := bits.Add64(l, a, 0)
	hh, c2 := bits.Add64(hh, h, c)
	return uint128{hh, l}, over == 0 && c2 == 0 && hh < 1<<(ff1.MaxBits-64)
}

// over is x/m and what is left.
func (x uint128) over(m uint64) (uint128, uint64) {
	hi, r := x.hi/m, x.hi%m
	lo, r := bits.Div64(r, x.lo, m)
	return uint128{hi, lo}, r
}

func (x uint128) minus1() uint128 {
	lo, b := bits.Sub64(x.lo, 1, 0)
	return uint128{x.hi - b, lo}
}

func (x uint128) less(y uint128) bool { return x.hi < y.hi || x.hi == y.hi && x.lo < y.lo }

func (x uint128) bits() int {
	if x.hi != 0 {
		return 64 + bits.Len64(x.hi)
	}
	return bits.Len64(x.lo)
}
