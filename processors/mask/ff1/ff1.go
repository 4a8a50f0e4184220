// Package ff1 is format-preserving encryption: FF1 of NIST SP 800-38G (2016),
// with the domain size of its revision 1 (second draft, February 2025): a
// string of numerals becomes another one of the same length and radix, and the
// key and tweak lead back.
//
// Halves that fit 64 bits, which is 38 decimal digits, 32 of radix 16, 24 of
// radix 36 and 20 of radix 62, take machine words and allocate nothing. Longer strings take
// math/big.
package ff1

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// The limits of a string of numerals.
const (
	MinDomain = 1_000_000 // radix^length, SP 800-38G r1 section 5
	MaxLen    = 4096      // numerals; the standard allows 2^32
	MaxRadix  = 256       // a numeral is a byte; the standard allows 2^16
	MaxTweak  = 4096      // bytes
)

const rounds = 10

// ErrLength is a string outside of MinLen to MaxLen.
var ErrLength = errors.New("ff1: a string of fewer than 1,000,000 possible values, or too long")

// Cipher encrypts under one key, tweak and radix. It is immutable and safe for
// many goroutines, each with a Scratch of its own. It prints as its radix.
type Cipher struct {
	block cipher.Block
	radix int
	tweak []byte
	min   int
	lens  []length // by number of numerals, as far as halves fit 64 bits
}

// length is what does not change between strings of n numerals. The round and
// the half take the last nine bytes at most of what step 6.ii feeds, so all
// blocks before the last are the same for every value, and a round is one block.
type length struct {
	u, v       int
	b, d       int    // bytes of a half as a number, and of the pseudorandom number
	modU, modV uint64 // radix^u and radix^v, 0 for 2^64
	hi, lo     uint64 // of the CBC-MAC before the last block, with what the last has of the tweak
}

// Scratch is the memory of one goroutine.
type Scratch struct {
	in, out [16]byte
}

// New makes a cipher from an AES key of 16, 24 or 32 bytes.
func New(key, tweak []byte, radix int) (*Cipher, error) {
	if radix < 2 || radix > MaxRadix || len(tweak) > MaxTweak {
		return nil, fmt.Errorf("ff1: radix %d of 2 to %d, tweak of %d bytes of at most %d", radix, MaxRadix, len(tweak), MaxTweak)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("ff1: %w", err)
	}
	c := &Cipher{block: block, radix: radix, tweak: append([]byte(nil), tweak...), min: MinLen(radix)}
	for n := 0; ; n++ {
		l, ok := c.length(n)
		if !ok {
			return c, nil
		}
		c.lens = append(c.lens, l)
	}
}

func (c *Cipher) String() string   { return fmt.Sprintf("ff1 of radix %d", c.radix) }
func (c *Cipher) GoString() string { return c.String() }

// MinLen is the fewest numerals that make a domain of MinDomain.
func MinLen(radix int) int {
	n := 1
	for size := radix; size < MinDomain; n++ {
		size *= radix
	}
	return max(n, 2)
}

// MinLen is that of the cipher's radix.
func (c *Cipher) MinLen() int { return c.min }

// length works out the constants for n numerals; false if a half needs more
// than 64 bits.
func (c *Cipher) length(n int) (l length, ok bool) {
	l.u = n / 2
	l.v = n - l.u
	if l.modU, ok = pow(c.radix, l.u); !ok {
		return l, false
	}
	if l.modV, ok = pow(c.radix, l.v); !ok {
		return l, false
	}
	l.b = (bits.Len64(l.modV-1) + 7) / 8
	l.d = 4*((l.b+3)/4) + 4
	q := make([]byte, (len(c.tweak)+1+l.b+15)/16*16)
	copy(q, c.tweak)
	state := c.header(n, l.u)
	for o := 0; ; o += 16 {
		for j := range state {
			state[j] ^= q[o+j]
		}
		if o+16 == len(q) {
			break
		}
		c.block.Encrypt(state[:], state[:])
	}
	l.hi, l.lo = binary.BigEndian.Uint64(state[:]), binary.BigEndian.Uint64(state[8:])
	return l, true
}

// header is CIPH(P), step 5 and the first block of step 6.ii.
func (c *Cipher) header(n, u int) (r [16]byte) {
	p := [16]byte{1, 2, 1, byte(c.radix >> 16), byte(c.radix >> 8), byte(c.radix), rounds, byte(u)}
	binary.BigEndian.PutUint32(p[8:], uint32(n))
	binary.BigEndian.PutUint32(p[12:], uint32(len(c.tweak)))
	c.block.Encrypt(r[:], p[:])
	return r
}

// pow is radix^n if it is at most 2^64, which is 0.
func pow(radix, n int) (uint64, bool) {
	p := uint64(1)
	for range n {
		hi, lo := bits.Mul64(p, uint64(radix))
		if p == 0 || hi != 0 && (hi != 1 || lo != 0) {
			return 0, false
		}
		p = lo
	}
	return p, true
}

// Encrypt replaces the numerals x, each below the radix.
func (c *Cipher) Encrypt(x []byte, s *Scratch) error { return c.run(x, s, true) }

// Decrypt undoes Encrypt.
func (c *Cipher) Decrypt(x []byte, s *Scratch) error { return c.run(x, s, false) }

func (c *Cipher) run(x []byte, s *Scratch, encrypt bool) error {
	n := len(x)
	if n < c.min || n > MaxLen {
		return ErrLength
	}
	for _, d := range x {
		if int(d) >= c.radix {
			return errors.New("ff1: a numeral beyond the radix")
		}
	}
	if n >= len(c.lens) {
		c.long(x, encrypt)
		return nil
	}
	l := &c.lens[n]
	a, b := c.num(x[:l.u]), c.num(x[l.u:])
	if encrypt {
		a, b = c.encrypt(l, a, b, s)
	} else {
		a, b = c.decrypt(l, a, b, s)
	}
	c.str(x[:l.u], a)
	c.str(x[l.u:], b)
	return nil
}

// num and str are NUM and STR of the standard.
func (c *Cipher) num(x []byte) (v uint64) {
	for _, d := range x {
		v = v*uint64(c.radix) + uint64(d)
	}
	return v
}

func (c *Cipher) str(x []byte, v uint64) {
	if c.radix == 10 { // division by a constant is a multiplication
		for i := len(x) - 1; i >= 0; i-- {
			x[i] = byte(v % 10)
			v /= 10
		}
		return
	}
	r := uint64(c.radix)
	for i := len(x) - 1; i >= 0; i-- {
		x[i] = byte(v % r)
		v /= r
	}
}

func (c *Cipher) encrypt(l *length, a, b uint64, s *Scratch) (uint64, uint64) {
	for i := range rounds {
		mod := l.modU
		if i&1 == 1 {
			mod = l.modV
		}
		y := c.round(l, byte(i), b, mod, s)
		sum, carry := bits.Add64(a, y, 0)
		if mod != 0 && (carry != 0 || sum >= mod) {
			sum -= mod
		}
		a, b = b, sum
	}
	return a, b
}

func (c *Cipher) decrypt(l *length, a, b uint64, s *Scratch) (uint64, uint64) {
	for i := rounds - 1; i >= 0; i-- {
		mod := l.modU
		if i&1 == 1 {
			mod = l.modV
		}
		y := c.round(l, byte(i), a, mod, s)
		diff, borrow := bits.Sub64(b, y, 0)
		if borrow != 0 {
			diff += mod
		}
		a, b = diff, a
	}
	return a, b
}

// round is the pseudorandom number of round i over half x, modulo mod.
func (c *Cipher) round(l *length, i byte, x, mod uint64, s *Scratch) uint64 {
	hi, lo := uint64(0), x
	if l.b == 8 {
		hi = uint64(i)
	} else {
		lo |= uint64(i) << (8 * l.b)
	}
	binary.BigEndian.PutUint64(s.in[:], l.hi^hi)
	binary.BigEndian.PutUint64(s.in[8:], l.lo^lo)
	c.block.Encrypt(s.out[:], s.in[:])
	hi, lo = binary.BigEndian.Uint64(s.out[:]), binary.BigEndian.Uint64(s.out[8:])
	if l.d <= 8 { // d is 8 or 12: a half has at most 8 bytes
		return hi % mod
	}
	hi, lo = hi>>32, hi<<32|lo>>32
	if mod == 0 {
		return lo
	}
	_, y := bits.Div64(hi%mod, lo, mod)
	return y
}

// EncryptBits encrypts the number hi<<64 | lo of n bits, 20 to 126, as a
// string of n numerals of radix 2, which the cipher must have.
func (c *Cipher) EncryptBits(hi, lo uint64, n int, s *Scratch) (uint64, uint64) {
	l := &c.lens[n]
	a, b := split(hi, lo, l.v)
	a, b = c.encrypt(l, a, b, s)
	return join(a, b, l.v)
}

// DecryptBits undoes EncryptBits.
func (c *Cipher) DecryptBits(hi, lo uint64, n int, s *Scratch) (uint64, uint64) {
	l := &c.lens[n]
	a, b := split(hi, lo, l.v)
	a, b = c.decrypt(l, a, b, s)
	return join(a, b, l.v)
}

// MaxBits is the longest number of EncryptBits.
const MaxBits = 126

func split(hi, lo uint64, v int) (a, b uint64) {
	return hi<<(64-v) | lo>>v, lo & (1<<v - 1)
}

func join(a, b uint64, v int) (hi, lo uint64) {
	return a >> (64 - v), a<<v | b
}
