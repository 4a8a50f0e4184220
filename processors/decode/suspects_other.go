//go:build !amd64 || purego

package decode

import "sluice/schemas"

const wide = false

func suspectsWide(*schemas.Cell, int, *screen, *[2][16]uint32) uint64 { panic("decode: no AVX-512") }
