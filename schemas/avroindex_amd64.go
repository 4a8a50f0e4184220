//go:build !purego

package schemas

import (
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

//go:noescape
func runAvroAVX2(text unsafe.Pointer, from, limit int, steps *avroStep, count int, cells unsafe.Pointer, i int) (at, n int, unchecked uint64)

// run is portable, as fast as can be.
func (s *avroScan) run(steps []avroStep, cells []Cell, i int) (at, n int, ok bool) {
	if fastest == portable {
		return s.portable(steps, cells, i)
	}
	for {
		w := s.window(i)
		count := min(len(steps)-n, 64)
		at, k, unchecked := runAvroAVX2(w.text, w.from, w.limit, &steps[n], count, unsafe.Pointer(&cells[0]), i)
		for ; unchecked != 0; unchecked &= unchecked - 1 {
			c := &cells[steps[n+bits.TrailingZeros64(unchecked)].ord]
			if !utf8.Valid(s.p[c.Off : c.Off+c.Len]) {
				return i, n, false
			}
		}
		if i, n = at, n+k; n == len(steps) || k < count && (w.last || i < len(s.p)-avroTail) {
			return i, n, true
		}
	}
}
