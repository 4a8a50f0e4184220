// Package siv is deterministic authenticated encryption: AES-SIV of RFC 5297.
// Equal texts give equal tokens, and a token that was changed does not open. It
// holds AES-CMAC (RFC 4493) too, which others use as a keyed function.
// Nothing here allocates but the growth of dst.
package siv

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
)

// Size is by how many bytes a token is longer than its text.
const Size = 16

// ErrOpen is a token that this key and these associated data did not make.
var ErrOpen = errors.New("siv: the token was not made with this key and domain, or was changed")

// Scratch is the memory of one goroutine.
type Scratch struct{ x, y [16]byte }

// CMAC is AES-CMAC under one key. It is immutable and safe for many
// goroutines, each with a Scratch of its own.
type CMAC struct {
	block  cipher.Block
	k1, k2 [16]byte
}

// NewCMAC takes an AES key of 16, 24 or 32 bytes.
func NewCMAC(key []byte) (*CMAC, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("cmac: %w", err)
	}
	m := &CMAC{block: block}
	block.Encrypt(m.k1[:], m.k1[:])
	m.k1 = dbl(m.k1)
	m.k2 = dbl(m.k1)
	return m, nil
}

func (m *CMAC) String() string   { return "cmac" }
func (m *CMAC) GoString() string { return "cmac" }

// Sum is the tag of p.
func (m *CMAC) Sum(p []byte, s *Scratch) [16]byte {
	return m.sum(p, [16]byte{}, -1, s)
}

// Expand is block i of the stream that a tag begins: CIPH(tag xor i), which
// nobody tells from chance who lacks the key.
func (m *CMAC) Expand(tag [16]byte, i uint64, s *Scratch) [16]byte {
	s.x = tag
	binary.BigEndian.PutUint64(s.x[8:], binary.BigEndian.Uint64(s.x[8:])^i)
	for j := range s.x { // not the input of any CMAC block of a known text
		s.x[j] ^= m.k2[j]
	}
	m.block.Encrypt(s.y[:], s.x[:])
	return s.y
}

// sum is the tag of p with end xored into it from place at on; -1: with nothing.
func (m *CMAC) sum(p []byte, end [16]byte, at int, s *Scratch) [16]byte {
	s.x = [16]byte{}
	i := 0
	for ; len(p)-i > 16; i += 16 {
		xor(&s.x, p[i:i+16])
		if at >= 0 && i+16 > at {
			mix(&s.x, &end, at-i)
		}
		m.block.Encrypt(s.y[:], s.x[:])
		s.x = s.y
	}
	last := p[i:]
	for j, b := range last {
		s.x[j] ^= b
	}
	if at >= 0 {
		mix(&s.x, &end, at-i)
	}
	if len(last) == 16 {
		xor(&s.x, m.k1[:])
	} else {
		s.x[len(last)] ^= 0x80
		xor(&s.x, m.k2[:])
	}
	m.block.Encrypt(s.y[:], s.x[:])
	return s.y
}

// mix xors end into x, end beginning at place at of x, which may be before it.
func mix(x, end *[16]byte, at int) {
	for j := range x {
		if k := j - at; k >= 0 && k < 16 {
			x[j] ^= end[k]
		}
	}
}

func xor(x *[16]byte, p []byte) {
	_ = p[15]
	binary.LittleEndian.PutUint64(x[:], binary.LittleEndian.Uint64(x[:])^binary.LittleEndian.Uint64(p))
	binary.LittleEndian.PutUint64(x[8:], binary.LittleEndian.Uint64(x[8:])^binary.LittleEndian.Uint64(p[8:]))
}

// dbl doubles in GF(2^128), RFC 5297 section 2.3.
func dbl(x [16]byte) [16]byte {
	hi, lo := binary.BigEndian.Uint64(x[:]), binary.BigEndian.Uint64(x[8:])
	carry := hi >> 63
	hi, lo = hi<<1|lo>>63, lo<<1^carry*0x87
	binary.BigEndian.PutUint64(x[:], hi)
	binary.BigEndian.PutUint64(x[8:], lo)
	return x
}

// Cipher is AES-SIV under one key with fixed associated data. It is immutable
// and safe for many goroutines, each with a Scratch of its own.
type Cipher struct {
	mac *CMAC
	ctr cipher.Block
	d   [16]byte // S2V after the associated data
}

// New takes a key of 32, 48 or 64 bytes, the first half for the tag, and
// the associated data, each as a string of its own.
func New(key []byte, data ...[]byte) (*Cipher, error) {
	if n := len(key); n != 32 && n != 48 && n != 64 {
		return nil, fmt.Errorf("siv: a key of %d bytes: want 32, 48 or 64", n)
	}
	mac, err := NewCMAC(key[:len(key)/2])
	if err != nil {
		return nil, err
	}
	ctr, err := aes.NewCipher(key[len(key)/2:])
	if err != nil {
		return nil, fmt.Errorf("siv: %w", err)
	}
	c := &Cipher{mac: mac, ctr: ctr}
	var s Scratch
	c.d = mac.Sum(make([]byte, 16), &s)
	for _, p := range data {
		c.d = dbl(c.d)
		tag := mac.Sum(p, &s)
		xor(&c.d, tag[:])
	}
	return c, nil
}

func (c *Cipher) String() string   { return "siv" }
func (c *Cipher) GoString() string { return "siv" }

// tag is S2V over the associated data and p.
func (c *Cipher) tag(p []byte, s *Scratch) [16]byte {
	if len(p) >= 16 {
		return c.mac.sum(p, c.d, len(p)-16, s)
	}
	t := dbl(c.d)
	for i, b := range p {
		t[i] ^= b
	}
	t[len(p)] ^= 0x80
	return c.mac.sum(t[:], [16]byte{}, -1, s)
}

// Seal appends the tag and the encrypted p. dst and p must not overlap.
func (c *Cipher) Seal(dst, p []byte, s *Scratch) []byte {
	v := c.tag(p, s)
	dst = append(dst, v[:]...)
	n := len(dst)
	dst = append(dst, p...)
	c.stream(v, dst[n:], s)
	return dst
}

// Open appends the text of a token, or gives ErrOpen and dst as it was. dst
// and token must not overlap.
func (c *Cipher) Open(dst, token []byte, s *Scratch) ([]byte, error) {
	if len(token) < Size {
		return dst, ErrOpen
	}
	v := [16]byte(token[:16])
	n := len(dst)
	dst = append(dst, token[16:]...)
	c.stream(v, dst[n:], s)
	if want := c.tag(dst[n:], s); subtle.ConstantTimeCompare(want[:], v[:]) != 1 {
		clear(dst[n:])
		return dst[:n], ErrOpen
	}
	return dst, nil
}

// stream xors p with the key stream of v: CTR mode from v with two bits cleared.
func (c *Cipher) stream(v [16]byte, p []byte, s *Scratch) {
	v[8] &= 0x7f
	v[12] &= 0x7f
	hi, lo := binary.BigEndian.Uint64(v[:]), binary.BigEndian.Uint64(v[8:])
	for len(p) > 0 {
		binary.BigEndian.PutUint64(s.x[:], hi)
		binary.BigEndian.PutUint64(s.x[8:], lo)
		c.ctr.Encrypt(s.y[:], s.x[:])
		n := min(16, len(p))
		subtle.XORBytes(p[:n], p[:n], s.y[:n])
		p = p[n:]
		if lo++; lo == 0 {
			hi++
		}
	}
}
