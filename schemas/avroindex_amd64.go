//go:build !purego

package schemas

import (
	"unicode/utf8"
	"unsafe"
)

//go:noescape
func runAvroBMI2(p unsafe.Pointer, limit int, steps *avroStep, count int, cells unsafe.Pointer, i int) (at, n, unchecked, first int)

// run is runAvro, as fast as can be; ok is false for a text that is none.
func (s *avroScan) run(steps []avroStep, cells []Cell, i int) (at, n int, ok bool) {
	if fastest == portable || len(cells) == 0 {
		at, n = runAvro(s.p, steps, cells, i)
		return at, n, true
	}
	at, n, unchecked, first := runAvroBMI2(unsafe.Pointer(unsafe.SliceData(s.p)), len(s.p)-avroMargin, &steps[0], len(steps), unsafe.Pointer(&cells[0]), i)
	return at, n, unchecked == 0 || s.check(steps[first:n], cells, unchecked)
}

// check looks at as many texts that runAvroBMI2 left to it.
func (s *avroScan) check(steps []avroStep, cells []Cell, unchecked int) bool {
	for i := 0; i < len(steps) && unchecked > 0; i++ {
		if c := &cells[steps[i].ord]; c.Enc == encUnchecked {
			unchecked--
			if c.Enc = EncText; !utf8.Valid(s.p[c.Off : c.Off+c.Len]) {
				return false
			}
		}
	}
	return true
}
