//go:build !purego

package decode

import (
	"golang.org/x/sys/cpu"

	"sluice/schemas"
)

// wide tells that the processor has AVX-512, which looks at 16 cells at once.
var wide = cpu.X86.HasAVX512F && cpu.X86.HasBMI2

// suspectsWide is suspects of n cells, at most 64 and at least one.
//
//go:noescape
func suspectsWide(cells *schemas.Cell, n int, screens *screen, halves *[2][16]uint32) uint64
