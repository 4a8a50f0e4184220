//go:build !purego

package schemas

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// marker is a way to make marks that this machine can go.
type marker uint8

const (
	markPortable marker = iota
	markAVX2
	markAVX512
)

// bestMarker is the fastest that the processor has and the system saves the
// registers of.
var bestMarker = func() marker {
	switch {
	case !cpu.X86.HasBMI1 || !cpu.X86.HasBMI2:
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW:
		return markAVX512
	case cpu.X86.HasAVX2:
		return markAVX2
	}
	return markPortable
}()

// markers lists those that run here.
func markers() (all []marker) {
	for m := markPortable; m <= bestMarker; m++ {
		all = append(all, m)
	}
	return all
}

// marks512 marks n bytes at p, of which it reads no byte behind the last, and
// sets what lies behind them.
//
//go:noescape
func marks512(p *byte, n int, m *marks)

// marks256 marks whole blocks of 64 bytes at p; m is where their bits begin.
//
//go:noescape
func marks256(p *byte, blocks int, m *byte)

// mark marks p, which is not empty.
func (by marker) mark(m *marks, p []byte) {
	switch by {
	case markAVX512:
		marks512(&p[0], len(p), m)
	case markAVX2:
		blocks := len(p) / 64
		marks256(&p[0], blocks, &m.stop[0])
		if rest := p[blocks*64:]; len(rest) > 0 {
			var pad [64]byte // zeros are control characters and no digits
			copy(pad[:], rest)
			marks256(&pad[0], 1, &m.stop[blocks*8])
			blocks++
		}
		m.end(blocks * 64)
	default:
		m.set(p)
	}
}

//go:noescape
func runBMI2(p unsafe.Pointer, m *marks, names *name, cells *Cell, lengths *int32, count, i, limit, from int) (at, n int, named, check bool)

// run is the function of that name, or its twin. names are not empty.
func (by marker) run(p unsafe.Pointer, m *marks, names []name, cells []Cell, lengths []int32, i, limit, from int) (at, n int, named, check bool) {
	if by == markPortable {
		return run(p, m, names, cells, i, limit, from)
	}
	_, _ = cells[len(names)-1], lengths[len(names)-1]
	return runBMI2(p, m, &names[0], &cells[0], &lengths[0], len(names), i, limit, from)
}
