//go:build !purego

package detect

import "golang.org/x/sys/cpu"

var (
	vectors = cpu.X86.HasAVX2
	wide    = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW
)

// mark512 sets the bits of n bytes at p, of which it reads none behind the last.
//
//go:noescape
func mark512(p *byte, n int, events, suspects *uint64)

// mark256 sets those of whole blocks of 64 bytes.
//
//go:noescape
func mark256(p *byte, blocks int, events, suspects *uint64)

// set makes the marks of p.
func (m *marks) set(p []byte) {
	if !vectors {
		return
	}
	m.room(len(p))
	if len(p) > 0 {
		m.fill(p, wide)
	}
}

func (m *marks) fill(p []byte, wide bool) {
	if wide {
		mark512(&p[0], len(p), &m.events[0], &m.suspects[0])
		return
	}
	blocks := len(p) / 64
	mark256(&p[0], blocks, &m.events[0], &m.suspects[0])
	if rest := p[blocks*64:]; len(rest) > 0 {
		var pad [64]byte
		copy(pad[:], rest)
		mark256(&pad[0], 1, &m.events[blocks], &m.suspects[blocks])
	}
}
