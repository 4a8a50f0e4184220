package column

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
	"slices"
)

// A dictionary is worth it while it is small: it stays in the cache, its
// indexes are short, and so is what is left to compress.
const (
	dictEntries = 1 << 15
	dictBytes   = 512 << 10
	dictFewest  = 48 // values
)

// dictionary finds the distinct values of a column chunk. The memory is
// reused from one chunk to the next.
type dictionary struct {
	seed  maphash.Seed
	slots []uint32 // 0 is free, else index + 1
	shift uint
	fixed []uint64 // entries of 4 and 8 bytes
	spans [][2]int // entries of other widths: where they lie in the chunk's data
	size  int      // bytes of the entries in PLAIN
	index []uint32 // of every value of the chunk
}

// reset makes the dictionary empty, with room for 512 entries.
func (d *dictionary) reset() {
	d.fixed, d.spans, d.index, d.size = d.fixed[:0], d.spans[:0], d.index[:0], 0
	d.resize(1 << 10)
}

func (d *dictionary) resize(slots int) {
	if cap(d.slots) < slots {
		d.slots = make([]uint32, slots)
	} else {
		d.slots = d.slots[:slots]
		clear(d.slots)
	}
	d.shift = uint(64 - bits.Len(uint(slots-1)))
}

func (d *dictionary) entries() int { return len(d.fixed) + len(d.spans) }

// width is the number of bits of an index.
func (d *dictionary) width() int { return max(1, bits.Len(uint(d.entries()-1))) }

// build indexes the n values of data, which has values of the given width or,
// at 0, with a length in front. It reports false as soon as a dictionary does
// not seem to pay: as many entries as n values are likely to have.
func (d *dictionary) build(data []byte, width uint8, n int) bool {
	if n < dictFewest {
		return false
	}
	d.reset()
	var ok bool
	switch width {
	case 4, 8:
		ok = d.buildFixed(data, int(width), n)
	default:
		ok = d.buildSpans(data, int(width), n)
	}
	return ok && d.size+n*d.width()/8 < len(data)*worth/16
}

// worth is the part of the values' bytes that a dictionary and its indexes may
// take, of 16: what is left to compress is done at a tenth of the time.
const worth = 10

// poor tells, at a few points, whether n values will likely have too many
// entries, going by those among the values seen: drawn from N values, seen of
// them have N(1-exp(-seen/N)) different ones. (To compare entries with values
// seen would take ten thousand prices for all different, and leave a million
// of them to the compressor.)
func (d *dictionary) poor(seen, n int) bool {
	have := d.entries()
	if have > dictEntries || d.size > dictBytes {
		return true
	}
	if have > seen-seen/1024 { // next to no value twice: the estimate is of chance
		return true
	}
	if 2*have < seen { // most values that there are have been seen
		return false
	}
	lo, hi := float64(have), 1024*float64(seen)
	for range 40 {
		if mid := math.Sqrt(lo * hi); -mid*math.Expm1(-float64(seen)/mid) < float64(have) {
			lo = mid
		} else {
			hi = mid
		}
	}
	will := -hi * math.Expm1(-float64(n)/hi)
	each := float64(d.size) / float64(have)
	index := float64(bits.Len(uint(will))) / 8
	return will > dictEntries || will*each > dictBytes || will*each+float64(n)*index > float64(n)*each*worth/16
}

func (d *dictionary) buildFixed(data []byte, width, n int) bool {
	next := 1024
	for from := 0; from < n; {
		to := min(next, n)
		d.index = slices.Grow(d.index, to-from)[:to]
		if width == 8 {
			d.index64(data[8*from:8*to], d.index[from:to])
		} else {
			d.index32(data[4*from:4*to], d.index[from:to])
		}
		if to == next {
			if d.poor(next, n) {
				return false
			}
			next *= 2
		}
		from = to
	}
	return d.entries() <= dictEntries
}

// index64 finds the values of data. Most are where they are looked for first.
func (d *dictionary) index64(data []byte, index []uint32) {
	slots, fixed, shift := d.slots, d.fixed, d.shift&63
	for i := range index {
		if len(data) < 8 {
			return
		}
		v := binary.LittleEndian.Uint64(data)
		data = data[8:]
		at := slots[v*spread>>shift] - 1
		if at >= uint32(len(fixed)) || fixed[at] != v {
			at = d.findFixed(v, 8)
			slots, fixed, shift = d.slots, d.fixed, d.shift&63
		}
		index[i] = at
	}
}

// index32 is index64 of values of four bytes.
func (d *dictionary) index32(data []byte, index []uint32) {
	slots, fixed, shift := d.slots, d.fixed, d.shift&63
	for i := range index {
		if len(data) < 4 {
			return
		}
		v := uint64(binary.LittleEndian.Uint32(data))
		data = data[4:]
		at := slots[v*spread>>shift] - 1
		if at >= uint32(len(fixed)) || fixed[at] != v {
			at = d.findFixed(v, 4)
			slots, fixed, shift = d.slots, d.fixed, d.shift&63
		}
		index[i] = at
	}
}

// spread makes a hash of a number: its highest bits.
const spread = 0x9E3779B97F4A7C15

func (d *dictionary) findFixed(v uint64, width int) uint32 {
	h := v * spread >> d.shift
	mask := uint64(len(d.slots) - 1)
	for {
		s := d.slots[h]
		if s == 0 {
			break
		}
		if d.fixed[s-1] == v {
			return s - 1
		}
		h = (h + 1) & mask
	}
	d.fixed = append(d.fixed, v)
	d.size += width
	i := uint32(len(d.fixed))
	d.slots[h] = i
	if 2*len(d.fixed) > len(d.slots) {
		d.resize(4 * len(d.slots))
		for k, v := range d.fixed {
			d.place(v*spread, uint32(k+1))
		}
	}
	return i - 1
}

// place puts entry into the first free slot for hash.
func (d *dictionary) place(hash uint64, entry uint32) {
	h, mask := hash>>d.shift, uint64(len(d.slots)-1)
	for d.slots[h] != 0 {
		h = (h + 1) & mask
	}
	d.slots[h] = entry
}

func (d *dictionary) buildSpans(data []byte, width, n int) bool {
	at, next := 0, 1024
	var prev [2]int
	var prevIndex uint32
	for i := range n {
		size := width
		if width == 0 {
			size = 4 + int(binary.LittleEndian.Uint32(data[at:]))
		}
		if v := data[at : at+size]; i == 0 || string(v) != string(data[prev[0]:prev[1]]) {
			prev = [2]int{at, at + size}
			prevIndex = d.findSpan(data, prev)
		}
		d.index = append(d.index, prevIndex)
		at += size
		if i+1 == next {
			if d.poor(next, n) {
				return false
			}
			next *= 2
		}
	}
	return d.entries() <= dictEntries
}

func (d *dictionary) findSpan(data []byte, at [2]int) uint32 {
	v := data[at[0]:at[1]]
	h := maphash.Bytes(d.seed, v) >> d.shift
	mask := uint64(len(d.slots) - 1)
	for {
		s := d.slots[h]
		if s == 0 {
			break
		}
		if e := d.spans[s-1]; string(data[e[0]:e[1]]) == string(v) {
			return s - 1
		}
		h = (h + 1) & mask
	}
	d.spans = append(d.spans, at)
	d.size += len(v)
	i := uint32(len(d.spans))
	d.slots[h] = i
	if 2*len(d.spans) > len(d.slots) {
		d.resize(4 * len(d.slots))
		for k, e := range d.spans {
			d.place(maphash.Bytes(d.seed, data[e[0]:e[1]]), uint32(k+1))
		}
	}
	return i - 1
}

// appendEntries appends the entries in PLAIN.
func (d *dictionary) appendEntries(dst, data []byte, width uint8) []byte {
	for _, v := range d.fixed {
		if width == 8 {
			dst = binary.LittleEndian.AppendUint64(dst, v)
		} else {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(v))
		}
	}
	for _, e := range d.spans {
		dst = append(dst, data[e[0]:e[1]]...)
	}
	return dst
}
