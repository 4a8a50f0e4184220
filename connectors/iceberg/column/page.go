package column

import (
	"encoding/binary"
	"math/bits"
)

// Rows of a page are a multiple of 64 but in the last page of a chunk, and so
// are rows of a row group: null bitmaps are cut at words.
const pageAlign = 64

// nullsIn counts the nulls among rows [a, b); a is a multiple of 64.
func (c *vector) nullsIn(a, b int) int {
	if c.null == 0 {
		return 0
	}
	n := 0
	for w := a >> 6; w < len(c.nulls) && w<<6 < b; w++ {
		n += bits.OnesCount64(c.word(w, b))
	}
	return n
}

// word is word w of the null bitmap without the bits of rows from end on.
func (c *vector) word(w, end int) uint64 {
	if w >= len(c.nulls) {
		return 0
	}
	x := c.nulls[w]
	if left := end - w<<6; left < 64 {
		x &= 1<<left - 1
	}
	return x
}

// appendLevels appends the definition levels of rows [a, b), each 0 for null
// or 1, as a version 1 page has them: length, then RLE and bit-packed runs.
// a is a multiple of 64.
func (c *vector) appendLevels(dst []byte, a, b int) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for a < b {
		first := c.word(a>>6, b)
		n := min(64, b-a)
		if full := uint64(1)<<(n-1)<<1 - 1; first == 0 || first == full { // a run of one kind
			end := a + n
			for end < b {
				n := min(64, b-end)
				full := uint64(1)<<(n-1)<<1 - 1
				if x := c.word(end>>6, b); (first == 0) != (x == 0) || (x != 0 && x != full) {
					break
				}
				end += n
			}
			dst = binary.AppendUvarint(dst, uint64(end-a)<<1)
			if first == 0 {
				dst = append(dst, 1)
			} else {
				dst = append(dst, 0)
			}
			a = end
			continue
		}
		end := a // words of both kinds, bit-packed
		for end < b {
			n := min(64, b-end)
			if x := c.word(end>>6, b); x == 0 || x == uint64(1)<<(n-1)<<1-1 {
				break
			}
			end += n
		}
		groups := (end - a + 7) / 8
		dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
		from := len(dst)
		for w := a >> 6; w<<6 < end; w++ {
			dst = binary.LittleEndian.AppendUint64(dst, ^c.word(w, b))
		}
		dst = dst[:from+groups]
		a = end
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// appendIndexes appends dictionary indexes as RLE and bit-packed runs of
// width bits each, 1..32.
func appendIndexes(dst []byte, idx []uint32, width int) []byte {
	const worth = 16 // a shorter run costs more in headers than it saves
	for i := 0; i < len(idx); {
		if n := runLength(idx[i:]); n >= worth {
			dst = binary.AppendUvarint(dst, uint64(n)<<1)
			for s := 0; s < width; s += 8 {
				dst = append(dst, byte(idx[i]>>s))
			}
			i += n
			continue
		}
		end := i + 8
		for end < len(idx) && (end+worth > len(idx) || idx[end] != idx[end+worth-1] || runLength(idx[end:]) < worth) {
			end += 8
		}
		groups := (end - i) / 8
		dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
		dst = appendPacked(dst, idx[i:min(end, len(idx))], width, groups*width)
		i = end
	}
	return dst
}

func runLength(idx []uint32) int {
	n := 1
	for n < len(idx) && idx[n] == idx[0] {
		n++
	}
	return n
}

// appendPacked appends idx packed into size bytes, zeros behind.
func appendPacked(dst []byte, idx []uint32, width, size int) []byte {
	at := len(dst)
	var acc uint64
	n := 0
	for _, v := range idx {
		acc |= uint64(v) << n
		if n += width; n >= 32 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(acc))
			acc >>= 32
			n -= 32
		}
	}
	for ; n > 0; n -= 8 {
		dst = append(dst, byte(acc))
		acc >>= 8
	}
	for len(dst) < at+size {
		dst = append(dst, 0)
	}
	return dst
}

// appendBools packs booleans of one byte each, least significant bit first.
func appendBools(dst, v []byte) []byte {
	for len(v) >= 8 {
		// One multiplication gathers the low bits of eight bytes in the top byte.
		dst = append(dst, byte(binary.LittleEndian.Uint64(v)*0x0102040810204080>>56))
		v = v[8:]
	}
	if len(v) > 0 {
		var x byte
		for i, b := range v {
			x |= b << i
		}
		dst = append(dst, x)
	}
	return dst
}
