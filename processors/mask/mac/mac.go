// Package mac is HMAC-SHA-256 (RFC 2104, FIPS 180-4) of many short values under
// few keys. The states behind the key's pads are kept, so that a value of up to
// 55 bytes costs two blocks, and two values go through the processor at once:
// its SHA instructions wait for each other, and half of that time is free for
// another value. Sixteen go through AVX-512 in half the time that they take by
// pairs, see Group. Without SHA instructions, or where FIPS 140-3 mode asks for the
// validated module, it is crypto/hmac. Nothing here allocates, but for
// crypto/hmac's states, which are kept.
package mac

import (
	"crypto/fips140"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// Sizes in bytes.
const (
	Size  = sha256.Size
	Short = sha256.BlockSize - 9 // the longest text of a Block
)

// Sum is one authentication code.
type Sum [Size]byte

// Key is a key made ready. It is immutable and safe for many goroutines.
type Key struct {
	inner, outer state     // behind the key's pads
	plain        sync.Pool // of hash.Hash, where fast is not
	fast         bool
}

// state is a chaining value as the instructions take it: F, E, B, A, H, G, D, C.
type state [8]uint32

// initial is that of FIPS 180-4, 5.3.3.
var initial = state{0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667, 0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372}

// New makes a key ready. It keeps a copy of it at most.
func New(key []byte) *Key { return newKey(key, instructions && !fips140.Enabled()) }

func newKey(key []byte, fast bool) *Key {
	k := &Key{fast: fast}
	if !fast {
		own := append([]byte(nil), key...)
		k.plain.New = func() any { return hmac.New(sha256.New, own) }
		return k
	}
	var pad [sha256.BlockSize]byte
	defer clear(pad[:])
	if len(key) > len(pad) {
		sum := sha256.Sum256(key)
		copy(pad[:], sum[:])
		clear(sum[:])
	} else {
		copy(pad[:], key)
	}
	for i := range pad {
		pad[i] ^= 0x36
	}
	k.inner, k.outer = initial, initial
	blocks(&k.inner, &pad[0], 1)
	for i := range pad {
		pad[i] ^= 0x36 ^ 0x5c
	}
	blocks(&k.outer, &pad[0], 1)
	return k
}

// String tells nothing of it. // P1
func (k *Key) String() string { return "mac" }

// GoString tells nothing of it. // P1
func (k *Key) GoString() string { return "mac" }

// Block is a short text as the last block of SHA-256 behind a key's pad.
type Block [sha256.BlockSize]byte

// Fill makes b that of text; false: it has more than Short bytes.
func (b *Block) Fill(text []byte) bool {
	if len(text) > Short {
		return false
	}
	if wide && len(text) > 0 {
		fill(b, &text[0], len(text))
		return true
	}
	*b = Block{}
	copy(b[:], text)
	b[len(text)] = 0x80
	binary.BigEndian.PutUint16(b[len(b)-2:], uint16(sha256.BlockSize+len(text))*8)
	return true
}

// text is what b was filled with.
func (b *Block) text() []byte {
	return b[:binary.BigEndian.Uint16(b[len(b)-2:])/8-sha256.BlockSize]
}

// One is the code of the text of b.
func (k *Key) One(sum *Sum, b *Block) {
	if k.fast {
		one(k, b, sum)
	} else {
		k.slow(sum, b.text())
	}
}

// Two is One of two texts in the time of little more than one.
func Two(k1, k2 *Key, sum1, sum2 *Sum, b1, b2 *Block) {
	if k1.fast && k2.fast {
		two(k1, k2, b1, b2, sum1, sum2)
	} else {
		k1.One(sum1, b1)
		k2.One(sum2, b2)
	}
}

// Of is the code of a text of any length.
func (k *Key) Of(sum *Sum, text []byte) {
	if !k.fast {
		k.slow(sum, text)
		return
	}
	var b Block
	if b.Fill(text) {
		one(k, &b, sum)
		return
	}
	h, n := k.inner, len(text)/sha256.BlockSize
	blocks(&h, &text[0], n)
	var last [2]Block
	rest := copy(last[0][:], text[n*sha256.BlockSize:])
	last[0][rest] = 0x80
	n = 1 + rest/(Short+1)
	binary.BigEndian.PutUint64(last[n-1][Short+1:], uint64(sha256.BlockSize+len(text))*8)
	blocks(&h, &last[0][0], n)

	for i, at := range [8]int{3, 2, 7, 6, 1, 0, 5, 4} { // A to H
		binary.BigEndian.PutUint32(b[4*i:], h[at])
	}
	b[Size] = 0x80
	binary.BigEndian.PutUint16(b[len(b)-2:], (sha256.BlockSize+Size)*8)
	h = k.outer
	blocks(&h, &b[0], 1)
	for i, at := range [8]int{3, 2, 7, 6, 1, 0, 5, 4} {
		binary.BigEndian.PutUint32(sum[4*i:], h[at])
	}
}

// slow is the code by crypto/hmac.
func (k *Key) slow(sum *Sum, text []byte) {
	h := k.plain.Get().(hash.Hash)
	h.Write(text)
	h.Sum(sum[:0])
	h.Reset() // P1
	k.plain.Put(h)
}
