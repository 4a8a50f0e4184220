package column

import (
	"math/bits"
	"slices"
	"sync"
)

// spare is memory of buffers that were freed, by size in powers of two: an
// epoch's columns are the memory of the epoch before, not garbage. What a
// vector grows out of is garbage, though: kept here it would be held by nobody.
var spare [spareMax + 1]sync.Pool

const (
	spareMin = 16 // 64 KB: less is not worth keeping
	spareMax = 26 // 64 MB
)

// grown is p in memory of at least size bytes. wish is how much there was the
// last time: if there is spare memory of that size it is taken at once.
func grown(p []byte, size, wish int) []byte {
	class := bits.Len(uint(max(size, wish) - 1))
	if class < spareMin || class > spareMax {
		return slices.Grow(p, size-len(p))
	}
	s, ok := spare[class].Get().(*[]byte)
	if !ok {
		return slices.Grow(p, size-len(p))
	}
	return (*s)[:copy(*s, p)]
}

func giveBack(p []byte) {
	if class := bits.Len(uint(cap(p))) - 1; class >= spareMin && class <= spareMax {
		p = p[:1<<class]
		if poison {
			for i := range p {
				p[i] = 0xDB
			}
		}
		spare[class].Put(&p)
	}
}

// Free empties b and gives its memory to other buffers.
func (b *Buffer) Free() {
	for i := range b.cols {
		giveBack(b.cols[i].data)
		b.cols[i].data = nil
	}
	b.rows = 0
	b.Reset()
}

// Lengths are the bytes each column holds.
func (b *Buffer) Lengths() (ns []int) {
	for i := range b.cols {
		ns = append(ns, len(b.cols[i].data))
	}
	return ns
}

// Expect tells b how many bytes its columns are likely to hold: Lengths of a
// buffer of the same fields. It takes nothing that is not spare.
func (b *Buffer) Expect(lengths []int) {
	for i := range min(len(lengths), len(b.cols)) {
		b.cols[i].wish = lengths[i]
	}
}
