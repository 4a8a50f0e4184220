package column

import (
	"encoding/binary"
	"math/bits"

	"github.com/klauspost/compress/huff0"
)

// Tokens of a keyed hash are the dearest values there are to compress: all
// distinct, of one length, and alike in how they begin (the length, the key's
// id). A general compressor looks for matches in what is random by design, at
// 50 MB/s, and finds the beginnings. strider writes them down without a look:
// every value is one match, the beginning of the value before, and literals,
// which are Huffman coded: a third of the time, and no byte more. Other texts of
// one length, such as times, are tried the same way.

// stride is such a page: from at on it is values of size bytes each, the first
// same of them as in the value before, or rising numbers. The zero value is no
// stride.
type stride struct {
	at, size, same int
	rising         bool
}

// The limits keep the codes of lengths below in short tables. A page below the
// least is not worth it.
const (
	strideMost  = 128
	strideLeast = 32 << 10
)

// strideOf looks at n values of data with a length in front.
func strideOf(data []byte, n int) (s stride) {
	if len(data) < strideLeast || n < 3 {
		return stride{}
	}
	size := 4 + int(binary.LittleEndian.Uint32(data))
	if size > strideMost || size*n != len(data) {
		return stride{}
	}
	first, same := data[:size], size-1
	for at := size; at < len(data); at += size {
		v := data[at : at+size]
		if string(v[:same]) == string(first[:same]) {
			continue
		}
		for same = 0; v[same] == first[same]; same++ {
		}
		if same < 4 {
			return stride{}
		}
	}
	return stride{size: size, same: same}
}

// strider writes Zstandard frames (RFC 8878) of strides. It holds scratch.
type strider struct {
	huff     huff0.Scratch
	literals []byte
}

// blockMost is the most a block may hold (RFC 8878, 3.1.1.2.4).
const blockMost = 128 << 10

// appendFrame appends p, which is s, as one frame.
func (z *strider) appendFrame(dst, p []byte, s stride) []byte {
	if s.rising {
		return z.appendRising(dst, p, s)
	}
	dst = appendFrameHeader(dst, len(p))
	dst = appendRaw(dst, p[:s.at+s.same]) // levels, and how the first value begins
	rest := p[s.at+s.same:]
	fresh := s.size - s.same
	offset := uint32(s.size + 3) // explicit in the first block, then the repeated one
	for matches := len(rest) / s.size; matches > 0; {
		n := min(matches, (blockMost-fresh)/s.size)
		matches -= n
		z.literals = z.literals[:0]
		for range n {
			z.literals = append(z.literals, rest[:fresh]...)
			rest = rest[s.size:]
		}
		if matches == 0 { // what is left is the end of the last value
			z.literals = append(z.literals, rest...)
		}
		head := len(dst)
		dst = appendBlockHeader(dst, 0, 0, false)
		dst = z.appendLiterals(dst)
		dst = appendMatches(dst, n, uint32(fresh), uint32(s.same), offset)
		appendBlockHeader(dst[:head], len(dst)-head-3, blockCompressed, matches == 0)
		offset = 1
	}
	return dst
}

// appendFrameHeader begins a frame of one segment that becomes size bytes.
func appendFrameHeader(dst []byte, size int) []byte {
	return binary.LittleEndian.AppendUint32(append(dst, 0x28, 0xB5, 0x2F, 0xFD, 2<<6|1<<5), uint32(size))
}

// appendRaw appends p as it is, with more blocks to follow.
func appendRaw(dst, p []byte) []byte {
	for len(p) > 0 {
		n := min(len(p), blockMost)
		dst = append(appendBlockHeader(dst, n, blockRaw, false), p[:n]...)
		p = p[n:]
	}
	return dst
}

// The types of a block.
const (
	blockRaw        = 0
	blockCompressed = 2
)

func appendBlockHeader(dst []byte, size, typ int, last bool) []byte {
	h := uint32(size)<<3 | uint32(typ)<<1
	if last {
		h |= 1
	}
	return append(dst, byte(h), byte(h>>8), byte(h>>16))
}

// appendLiterals appends the literals section of a block (3.1.1.3.1).
func (z *strider) appendLiterals(dst []byte) []byte {
	n := uint64(len(z.literals))
	if n >= 1<<10 { // of less there is nothing to win
		z.huff.Reuse = huff0.ReusePolicyNone
		if out, _, err := huff0.Compress4X(z.literals, &z.huff); err == nil {
			h := n<<4 | uint64(len(out))<<22 | 3<<2 | 2 // four streams, sizes of 18 bits
			dst = append(dst, byte(h), byte(h>>8), byte(h>>16), byte(h>>24), byte(h>>32))
			return append(dst, out...)
		}
	}
	switch { // as they are
	case n < 1<<5:
		dst = append(dst, byte(n<<3))
	case n < 1<<12:
		dst = append(dst, byte(n<<4|1<<2), byte(n>>4))
	default:
		dst = append(dst, byte(n<<4|3<<2), byte(n>>4), byte(n>>12))
	}
	return append(dst, z.literals...)
}

// appendMatches appends the sequences section of n equal sequences (3.1.1.3.2):
// so many literals, a match of so many bytes, an offset as it is coded. Equal
// sequences need no entropy coding: their codes are given once.
func appendMatches(dst []byte, n int, literals, match, offset uint32) []byte {
	if n < 128 {
		dst = append(dst, byte(n))
	} else { // less than 0x7F00: a block holds no more
		dst = append(dst, byte(n>>8)+128, byte(n))
	}
	ll, llBits, llRest := literalsCode(literals)
	ml, mlBits, mlRest := matchCode(match)
	of := uint(bits.Len32(offset)) - 1
	const once = 1 // RLE_Mode
	dst = append(dst, once<<6|once<<4|once<<2, ll, byte(of), ml)
	// The bits are read from the end: offset, match, literals.
	each := uint64(offset&(1<<of-1))<<(mlBits+llBits) | uint64(mlRest)<<llBits | uint64(llRest)
	width := of + mlBits + llBits
	var acc uint64
	var have uint
	for range n {
		acc |= each << have
		for have += width; have >= 8; have -= 8 {
			dst = append(dst, byte(acc))
			acc >>= 8
		}
	}
	return append(dst, byte(acc|1<<have)) // the highest bit marks the end
}

// literalsCode is the code of a literals length below 128, with its further bits.
func literalsCode(v uint32) (code byte, n uint, rest uint32) {
	switch {
	case v < 16:
		return byte(v), 0, 0
	case v < 24:
		return byte(16 + (v-16)>>1), 1, v & 1
	case v < 32:
		return byte(20 + (v-24)>>2), 2, v & 3
	case v < 48:
		return byte(22 + (v-32)>>3), 3, v & 7
	case v < 64:
		return 24, 4, v - 48
	}
	return 25, 6, v - 64
}

// matchCode is the code of a match length of 3 to 130, with its further bits.
func matchCode(v uint32) (code byte, n uint, rest uint32) {
	switch {
	case v < 35:
		return byte(v - 3), 0, 0
	case v < 43:
		return byte(32 + (v-35)>>1), 1, (v - 35) & 1
	case v < 51:
		return byte(36 + (v-43)>>2), 2, (v - 43) & 3
	case v < 67:
		return byte(38 + (v-51)>>3), 3, (v - 51) & 7
	case v < 99:
		return byte(40 + (v-67)>>4), 4, (v - 67) & 15
	}
	return 42, 5, v - 99
}
