package schemas

import (
	"encoding/binary"
	"unicode/utf8"
	"unsafe"
)

// Records of one topic resemble each other: a branch of a union, the length of a
// text and the size of a number are mostly what they were in the record before.
// A step compares sixteen bytes with what it saw the last time, under a mask
// that leaves out what may differ. Where they agree, all else is known: how long
// the field is and what its cell says. The place of the next field then waits
// for nothing that is in the data. Fields that seldom agree are read one by one.

// avroGuess is the shape of a field.
type avroGuess struct {
	mask, expect [2]uint64 // of the 16 bytes where the field begins, little-endian
	like         Cell      // its cell but for Off
	total        uint32    // how many bytes it has
	text         uint32    // so many of its value have to be UTF-8
	skip         uint8     // bytes before the value
}

const (
	avroMargin  = 40      // bytes that are read from where a field begins: 16, or the first 32 of a text behind 3 bytes
	avroTail    = 64      // of the last bytes of a record a copy is read, with as many zeros behind it
	avroNoShape = 1 << 31 // a total that no record has room for
	avroForgets = 4096    // after so many records every field is guessed again
	avroNear    = 8       // wrong guesses within so many records,
	avroWrong   = 4       // so often in a row, are too many
)

// forget leaves a step without a guess.
func (e *avroStep) forget() {
	e.avroGuess = avroGuess{total: avroNoShape}
}

// learn takes the shape of a field, p, that began at from and whose cell is c,
// unless guesses are wrong too often.
func (e *avroStep) learn(scan uint32, p []byte, c Cell, from int) {
	if e.total != avroNoShape {
		if e.near++; scan-e.since >= avroNear {
			e.near = 0
		}
		if e.since = scan; e.near >= avroWrong && e.do&^optional <= doBoolean {
			e.read = true
			e.forget()
			return
		}
	}
	e.forget()
	var mask, expect [16]byte
	g := avroGuess{like: c, total: uint32(len(p))}
	if e.do&optional != 0 {
		mask[0], expect[0], g.skip = 0xFF, p[0], 1
	}
	rest := p[g.skip:]
	exactly := func(n int) {
		for i := range int(g.skip) + n {
			mask[i], expect[i] = 0xFF, p[i]
		}
	}
	do := e.do &^ optional
	switch {
	case c.IsNull():
	case do == doText, do == doBytes:
		size := len(rest) - int(c.Len) // that of the length
		if size > 2 {
			return
		}
		exactly(size)
		g.skip += uint8(size)
		if do == doText {
			g.text = c.Len
		}
	case do == doVarint || do == doInt:
		if len(rest) > 9 || do == doInt && len(rest) > 4 { // what is in the last byte counts
			return
		}
		for i := range rest {
			mask[int(g.skip)+i], expect[int(g.skip)+i] = 0x80, rest[i]&0x80
		}
	case do == doBoolean:
		exactly(1)
	case do == doDouble, do == doFloat, do == doFixed:
	default:
		return
	}
	if len(p) >= avroNoShape {
		return
	}
	for i := range g.mask {
		g.mask[i], g.expect[i] = binary.LittleEndian.Uint64(mask[8*i:]), binary.LittleEndian.Uint64(expect[8*i:])
	}
	e.avroGuess = g
}

// runAvro reads fields at i for as long as they have the shape that steps guess.
// It returns the place behind them and how many they are; ok is false for a text
// that is none. What is not guessed it leaves to the caller. cells has all that
// steps name. No field ends behind limit. Its bytes are those from text-from on,
// avroMargin more than limit.
func runAvro(text unsafe.Pointer, from, limit int, steps []avroStep, cells []Cell, i int) (at, n int, ok bool) {
	base := unsafe.Pointer(unsafe.SliceData(cells))
	for k := range steps {
		e := &steps[k]
		j := i - from
		end := i + int(e.total)
		if (load64(text, j)^e.expect[0])&e.mask[0]|(load64(text, j+8)^e.expect[1])&e.mask[1] != 0 || end > limit {
			return i, k, true
		}
		if e.text > 0 && !isText(text, j+int(e.skip), int(e.text)) {
			return i, k, false
		}
		c := (*Cell)(unsafe.Add(base, e.cell))
		*c = e.like
		c.Off = uint32(i + int(e.skip))
		i = end
	}
	return i, len(steps), true
}

// isText reports whether the n bytes at v of text, which has 16 at least, are UTF-8.
func isText(text unsafe.Pointer, v, n int) bool {
	high := load64(text, v)
	switch {
	case n < 8:
		high &= 1<<uint(8*n) - 1
	case n <= 16:
		high |= load64(text, v+n-8)
	default:
		for j := 8; j < n-8; j += 8 {
			high |= load64(text, v+j)
		}
		high |= load64(text, v+n-8)
	}
	return high&highs == 0 || utf8.Valid(unsafe.Slice((*byte)(unsafe.Add(text, v)), n))
}

// avroWindow is where bytes of a record may be read, avroMargin of them from any
// place up to limit: in the record, or in the copy of its end.
type avroWindow struct {
	text        unsafe.Pointer
	from, limit int // text is that of place from
	last        bool
}

func (s *avroScan) window(i int) avroWindow {
	if i < len(s.p)-avroTail {
		return avroWindow{unsafe.Pointer(unsafe.SliceData(s.p)), 0, len(s.p) - avroMargin, false}
	}
	return avroWindow{unsafe.Pointer(&s.x.tail), len(s.p) - avroTail, len(s.p), true}
}

// portable runs runAvro in one window after the other.
func (s *avroScan) portable(steps []avroStep, cells []Cell, i int) (at, n int, ok bool) {
	for {
		w := s.window(i)
		at, k, ok := runAvro(w.text, w.from, w.limit, steps[n:], cells, i)
		if i, n = at, n+k; !ok || n == len(steps) || w.last || i < len(s.p)-avroTail {
			return i, n, ok
		}
	}
}
