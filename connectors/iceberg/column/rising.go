package column

import "encoding/binary"

// Numbers of rows, offsets and log positions rise slowly: of eight bytes the
// lowest is another one in each value, the rest stay for long. A general
// compressor makes a byte of each, and looks for it at 160 MB/s. Here every
// value of a run is written as one literal, its lowest byte, and one match, the
// other seven of the value before.

// longRun is the least mean length of runs in which that pays: a block costs
// about a dozen bytes.
const longRun = 48

// risingOf looks at values of eight bytes.
func risingOf(data []byte) stride {
	if len(data) < strideLeast {
		return stride{}
	}
	runs, before := 0, uint64(0)
	for at := 0; at+8 <= len(data); at += 8 {
		v := binary.LittleEndian.Uint64(data[at:]) >> 8
		if v == before {
			continue
		}
		if before = v; at/8 < longRun*(runs-64) {
			return stride{}
		}
		runs++
	}
	if len(data)/8 < longRun*runs {
		return stride{}
	}
	return stride{size: 8, rising: true}
}

// appendRising appends p, which is s, as one frame: a block for each run, with
// the values behind it that make none.
func (z *strider) appendRising(dst, p []byte, s stride) []byte {
	dst = appendFrameHeader(dst, len(p))
	dst = appendRaw(dst, p[:s.at+8])
	before, rest := binary.LittleEndian.Uint64(p[s.at:])>>8, p[s.at+8:]
	offset := uint32(8 + 3) // explicit in the first block, then the repeated one
	for len(rest) > 0 {
		z.literals = z.literals[:0]
		n := 0
		for n < blockMost/16 && len(rest) > 0 && binary.LittleEndian.Uint64(rest)>>8 == before {
			z.literals, rest = append(z.literals, rest[0]), rest[8:]
			n++
		}
		for k := 0; k < blockMost/32 && len(rest) > 0; k++ {
			v := binary.LittleEndian.Uint64(rest) >> 8
			if v == before {
				break
			}
			z.literals, rest, before = append(z.literals, rest[:8]...), rest[8:], v
		}
		head := len(dst)
		dst = appendBlockHeader(dst, 0, 0, false)
		dst = z.appendLiterals(dst)
		if n == 0 {
			dst = append(dst, 0)
		} else {
			dst = appendMatches(dst, n, 1, 7, offset)
			offset = 1
		}
		appendBlockHeader(dst[:head], len(dst)-head-3, blockCompressed, len(rest) == 0)
	}
	return dst
}
