package mac

import "encoding/binary"

// Digits are those of base32 (RFC 4648, section 6) in lower case.
const Digits = "abcdefghijklmnopqrstuvwxyz234567"

// Base32Size is how many of them 128 bits have, without padding.
const Base32Size = 26

// Base32 writes the first 128 bits of each sum in base32 to dst, from place at[i]
// of it on. There are at least as many places as sums.
func Base32(dst []byte, at []int, sums []Sum) {
	at = at[:len(sums)]
	for _, from := range at {
		_ = dst[from : from+Base32Size]
	}
	if permutes && len(sums) > 0 {
		tokens(&dst[0], &at[0], &sums[0], len(sums))
		return
	}
	for i := range sums {
		base32(dst[at[i]:at[i]+Base32Size], &sums[i])
	}
}

// AppendBase32 is Base32 of one sum.
func AppendBase32(dst []byte, sum *Sum) []byte {
	n := len(dst)
	dst = append(dst, "00000000000000000000000000"...)
	base32(dst[n:], sum)
	return dst
}

// base32 writes 26 characters of 5 bits, from the top.
func base32(dst []byte, sum *Sum) {
	hi, lo := binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])
	_ = dst[Base32Size-1]
	binary.BigEndian.PutUint64(dst, eightDigits(hi>>24))
	binary.BigEndian.PutUint64(dst[8:], eightDigits(hi&0xFFFFFF<<16|lo>>48))
	binary.BigEndian.PutUint64(dst[16:], eightDigits(lo>>8&0xFFFFFFFFFF))
	dst[24], dst[25] = Digits[lo>>3&31], Digits[lo&7<<2]
}

// eightDigits are the digits of 40 bits, eight bytes at once: halves move apart
// until each five bits have a byte, and what is 26 or more gets from letters
// to numbers.
func eightDigits(v uint64) uint64 {
	v = v&0xFFFFF00000<<12 | v&0xFFFFF
	v = v&0x000FFC00000FFC00<<6 | v&0x000003FF000003FF
	v = v&0x03E003E003E003E0<<3 | v&0x001F001F001F001F
	const ones = 0x0101010101010101
	numbers := (v + (128-26)*ones) >> 7 & ones
	return v + 'a'*ones - numbers*('a'+26-'2')
}
