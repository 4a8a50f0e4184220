package decode

import (
	"encoding/binary"
	"math"
	"math/bits"

	"sluice/schemas"
)

// Nearly all cells of nearly all rows need no second look: these find, without a
// branch a cell, those that may.

// screen is the quickly of 16 columns, as one instruction asks all of them.
type screen struct {
	accept  [16]uint32 // bit e: cells of Encoding e need no second look
	ints    [16]uint32 // but for integers from this length on
	varints [16]uint32 // and those of binary data
}

const (
	encInt    = uint32(schemas.EncInt)
	encVarint = uint32(schemas.EncVarint)
)

func screensOf(quick []quickly) []screen {
	all := make([]screen, (len(quick)+15)/16)
	for i := range 16 * len(all) {
		s, at := &all[i/16], i%16
		if i >= len(quick) { // there is no such column
			s.accept[at], s.ints[at], s.varints[at] = math.MaxUint32, math.MaxUint32, math.MaxUint32
			continue
		}
		for e, from := range quick[i] {
			if from > 0 {
				s.accept[at] |= 1 << e
			}
		}
		s.ints[at], s.varints[at] = quick[i][encInt], quick[i][encVarint]
	}
	return all
}

// suspects tells, as bits, which of the cells from ordinal from on need a look, of
// at most 64.
func (w *worker) suspects(cells []schemas.Cell, from int) uint64 {
	n := min(len(cells)-from, 64)
	if wide {
		return suspectsWide(&cells[from], n, &w.v.screens[from/16], &w.d.placeholders.halves)
	}
	return suspects(cells[from:from+n], w.v.quick[from:from+n], &w.d.placeholders.lengths)
}

func suspects(cells []schemas.Cell, quick []quickly, lengths *[16]uint64) (odd uint64) {
	quick = quick[:len(cells)]
	for i := range cells {
		c := &cells[i]
		e := c.Enc & 15
		if c.Len >= quick[i][e] || lengths[e]>>(c.Len&63)&1 != 0 {
			odd |= 1 << (i & 63)
		}
	}
	return odd
}

// placeholders finds Debezium's stand-in for values that were not sent.
type placeholders struct {
	forms   []placeholder
	lengths [16]uint64    // by encoding; bit n: a form's length modulo 64 is n: a quick no
	halves  [2][16]uint32 // of lengths, the lower ones first
	which   [64]uint32    // by length modulo 64; bit i: form i may be it
}

type placeholder struct {
	schemas.Placeholder
	head uint64 // its first eight bytes, if it has so many
}

func newPlaceholders(text string) (p placeholders) {
	for i, f := range schemas.Placeholders(schemas.PlaceholderText(text)) {
		form := placeholder{Placeholder: f}
		if len(f.Bytes) >= 8 {
			form.head = binary.LittleEndian.Uint64([]byte(f.Bytes))
		}
		p.forms = append(p.forms, form)
		p.lengths[f.Enc&15] |= 1 << (len(f.Bytes) & 63)
		p.which[len(f.Bytes)&63] |= 1 << i
	}
	for e, n := range p.lengths {
		p.halves[0][e], p.halves[1][e] = uint32(n&math.MaxUint32), uint32(n>>32)
	}
	return p
}

// is tells of a cell that lies in value or in arena.
func (p *placeholders) is(c schemas.Cell, value, arena []byte) bool {
	which := p.which[c.Len&63]
	if which == 0 {
		return false
	}
	if c.Flags&schemas.InArena != 0 {
		value = arena
	}
	value = value[c.Off : c.Off+c.Len]
	var head uint64
	if len(value) >= 8 {
		head = binary.LittleEndian.Uint64(value)
	}
	for ; which != 0; which &= which - 1 {
		if f := &p.forms[bits.TrailingZeros32(which)]; f.head == head && f.Enc == c.Enc && f.Bytes == string(value) {
			return true
		}
	}
	return false
}
