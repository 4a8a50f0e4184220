//go:build !purego

package mac

import "golang.org/x/sys/cpu"

// instructions tells that the processor has those of SHA-256, which
// golang.org/x/sys/cpu does not ask.
var instructions = cpu.X86.HasSSSE3 && cpu.X86.HasSSE41 && hasSHA()

// wide tells that it has AVX-512, for sixteen and fill, and permutes what it needs
// for tokens.
var (
	wide     = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasBMI2
	permutes = wide && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512VBMI
)

// hasSHA asks CPUID for bit 29 of EBX in leaf 7.
func hasSHA() bool

// blocks compresses n blocks at p into h. n may be 0.
//
//go:noescape
func blocks(h *state, p *byte, n int)

// one is the code of a short text.
//
//go:noescape
func one(k *Key, b *Block, sum *Sum)

// two is one of two texts.
//
//go:noescape
func two(k1, k2 *Key, b1, b2 *Block, sum1, sum2 *Sum)

// sixteen makes all sums of x, whose places are all filled or zero.
//
//go:noescape
func sixteen(x *Group)

// fill is Fill of the n bytes at p, at least one.
//
//go:noescape
func fill(b *Block, p *byte, n int)

// tokens is Base32 of n sums at places that are all there.
//
//go:noescape
func tokens(p *byte, at *int, sums *Sum, n int)
