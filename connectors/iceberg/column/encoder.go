package column

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/maphash"
	"io"
	"math"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Codec compresses pages.
type Codec uint8

// The codecs.
const (
	Zstd Codec = iota
	Snappy
	None
)

func (c Codec) String() string { return [...]string{"zstd", "snappy", "none"}[c] }

// id is the codec's number in parquet.thrift.
func (c Codec) id() int { return [...]int{6, 1, 0}[c] }

// Options of an Encoder. The zero value is zstd at its fastest with the
// default sizes.
type Options struct {
	Codec Codec
	Level int // of zstd, 1..22, mapped to the four speeds of the Go implementation; 0 is 1

	RowGroupRows  int // at most; default 1,048,576
	RowGroupBytes int // about, in memory; default 128 MiB
	PageBytes     int // about, before compression; default 1 MiB

	Properties []Property // key-value metadata of the file
}

// Property is one pair of a file's key-value metadata.
type Property struct{ Key, Value string }

// Encoder writes buffers as Parquet files, one at a time. It holds the
// compressor and scratch memory (about 8 MB with zstd and the default pages), so one of them serves
// all tables of a flush; drop it afterwards.
type Encoder struct {
	opt  Options
	zstd *zstd.Encoder
	dict dictionary
	page []byte
	stride
	strider strider
	sample  []byte // scratch of strided
	out     []byte
	head    thrift
	w       io.Writer
	at      int64
	fault   error
}

// NewEncoder returns an encoder. It fails on options that make no sense.
func NewEncoder(opt Options) (*Encoder, error) {
	if opt.Level < 0 || opt.Level > 22 || opt.Codec > None || opt.RowGroupRows < 0 || opt.RowGroupBytes < 0 || opt.PageBytes < 0 {
		return nil, errors.New("column: parquet options out of range: codec is zstd, snappy or none, level 0 to 22, sizes not negative")
	}
	opt.RowGroupRows = orDefault(opt.RowGroupRows, 1<<20)
	opt.RowGroupBytes = orDefault(opt.RowGroupBytes, 128<<20)
	opt.PageBytes = min(orDefault(opt.PageBytes, 1<<20), 64<<20)
	e := &Encoder{opt: opt, dict: dictionary{seed: maphash.MakeSeed()}}
	if opt.Codec == Zstd {
		var err error
		e.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true),
			zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(max(1, opt.Level))))
		if err != nil {
			return nil, fmt.Errorf("column: zstd: %w", err)
		}
	}
	return e, nil
}

func orDefault(v, def int) int {
	if v == 0 {
		return def
	}
	return v
}

// Flush writes b as one Parquet file with an encoder of its own; to write
// several buffers, share an [Encoder].
func (b *Buffer) Flush(w io.Writer, opt Options) (Stats, error) {
	e, err := NewEncoder(opt)
	if err != nil {
		return Stats{}, err
	}
	return e.Flush(w, File{Buffers: []*Buffer{b}})
}

const magic = "PAR1"

// Flush writes the rows of f as one Parquet file, which is complete only if it
// returns no error: each part is one row group or more. The parts stay as they
// are: an error of w can be tried again. A row begun and not ended is taken
// back.
func (e *Encoder) Flush(w io.Writer, f File) (Stats, error) {
	columns, err := f.columns()
	if err != nil {
		return Stats{}, err
	}
	e.begin(w, 0)
	defer e.end()
	e.write([]byte(magic))
	groups := f.write(e)
	var t thrift
	e.fileMeta(&t, columns, groups)
	e.write(t.b)
	e.write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(t.b))), magic...))
	if e.fault != nil {
		return Stats{}, e.fault
	}
	return newStats(columns, groups, e.at), nil
}

func (e *Encoder) begin(w io.Writer, at int64) { e.w, e.at, e.fault = w, at, nil }

func (e *Encoder) end() { e.w = nil }

// group is a row group that was written.
type group struct {
	chunks []chunk // one a field
	rows   int
}

// rowGroups writes the rows of b and appends what the footer says of them.
func (e *Encoder) rowGroups(b *Buffer, groups []group) []group {
	cursors := make([]int, len(b.cols)) // where the next value of each column starts in its data
	step := e.groupRows(b)
	for from := 0; from < b.rows && e.fault == nil; from += step {
		to := min(from+step, b.rows)
		chunks := make([]chunk, len(b.cols))
		for i := range b.cols {
			cursors[i] += e.column(&b.fields[i], &b.cols[i], cursors[i], from, to, &chunks[i])
		}
		groups = append(groups, group{chunks, to - from})
	}
	return groups
}

// groupRows is the number of rows of a row group, a multiple of pageAlign.
func (e *Encoder) groupRows(b *Buffer) int {
	n, bytes := e.opt.RowGroupRows, 1
	for i := range b.cols {
		bytes += len(b.cols[i].data)
	}
	if perRow := bytes/max(1, b.rows) + 1; perRow < e.opt.RowGroupBytes {
		n = min(n, e.opt.RowGroupBytes/perRow)
	} else {
		n = 1
	}
	n = (n + pageAlign - 1) / pageAlign * pageAlign
	return max(n, (b.rows/math.MaxInt16+pageAlign)/pageAlign*pageAlign) // a row group's ordinal has 15 bits
}

// column writes rows [from, to) of one column, whose values start at data[at],
// and returns how many bytes of data they took.
func (e *Encoder) column(f *Field, c *vector, at, from, to int, out *chunk) int {
	nulls := c.nullsIn(from, to)
	n := to - from - nulls
	size := c.extent(at, n, to == c.rows)
	data := c.data[at : at+size]
	out.values, out.nulls = int64(to-from), int64(nulls)
	if c.phys != physBool && e.dict.build(data, c.width, n) {
		e.dictPages(f, c, data, from, to, out)
	} else {
		e.plainPages(f, c, data, from, to, out)
	}
	return size
}

// extent is the bytes that n values take from data[at] on.
func (c *vector) extent(at, n int, rest bool) int {
	if rest {
		return len(c.data) - at
	}
	if c.width > 0 {
		return n * int(c.width)
	}
	p := at
	for range n {
		p += 4 + int(binary.LittleEndian.Uint32(c.data[p:]))
	}
	return p - at
}

// plainPages writes pages of about PageBytes each.
func (e *Encoder) plainPages(f *Field, c *vector, data []byte, from, to int, out *chunk) {
	out.dataAt = e.at
	for a := from; a < to; {
		b, n, size := c.pageEnd(data, a, to, e.opt.PageBytes)
		if !c.closed { // P1
			out.stats.scan(data, c, n)
		}
		e.beginPage(f, c, a, b)
		switch {
		case c.phys == physBool:
			e.page = appendBools(e.page, data[:size])
		case c.phys == physBytes && e.opt.Codec == Zstd:
			if s := strideOf(data[:size], n); s.size > 0 && e.strided(data[:size], s) {
				e.stride, e.stride.at = s, len(e.page)
			}
			e.page = append(e.page, data[:size]...)
		case c.phys == physInt64 && e.opt.Codec == Zstd:
			if s := risingOf(data[:size]); s.rising && e.strided(data[:size], s) {
				e.stride, e.stride.at = s, len(e.page)
			}
			e.page = append(e.page, data[:size]...)
		default:
			e.page = append(e.page, data[:size]...)
		}
		e.writePage(pageData, encPlain, b-a, out)
		e.stride = stride{}
		out.pages++
		data, a = data[size:], b
	}
}

// strided tells from a sample of data whether its stride is about as small as
// what the compressor makes of it: an eighth more is worth the third of the
// time. Of tokens it is less, of times in no order a few hundredths more. Of
// rising numbers a quarter more, of a byte a value, is worth a twentieth of it.
func (e *Encoder) strided(data []byte, s stride) bool {
	const sample = 16 << 10
	from := len(data) / 2 / s.size * s.size
	p := data[from : from+sample/s.size*s.size]
	e.sample = e.strider.appendFrame(e.sample[:0], p, s)
	n := len(e.sample)
	e.sample = e.zstd.EncodeAll(p, e.sample[:0])
	if s.rising {
		return n <= len(e.sample)+len(e.sample)/4
	}
	return n <= len(e.sample)+len(e.sample)/8
}

// pageEnd returns the row where a page that starts at row a ends, the number
// of its values and their bytes. It goes in steps of pageAlign rows until
// limit is reached.
func (c *vector) pageEnd(data []byte, a, to, limit int) (end, n, size int) {
	if c.null == 0 && c.width > 0 {
		rows := max(limit/int(c.width)/pageAlign, 1) * pageAlign
		end = min(a+rows, to)
		return end, end - a, (end - a) * int(c.width)
	}
	for end = a; end < to && size < limit; {
		next := min(end+pageAlign, to)
		k := next - end - c.nullsIn(end, next)
		if c.width > 0 {
			size += k * int(c.width)
		} else {
			for range k {
				size += 4 + int(binary.LittleEndian.Uint32(data[size:]))
			}
		}
		n, end = n+k, next
		if n == 0 && end-a >= 1<<20 { // nothing but nulls
			break
		}
	}
	return end, n, size
}

// dictPages writes the dictionary that was built and pages of indexes.
func (e *Encoder) dictPages(f *Field, c *vector, data []byte, from, to int, out *chunk) {
	d := &e.dict
	out.dictAt = e.at
	e.page = d.appendEntries(e.page[:0], data, c.width)
	if !c.closed { // P1
		if c.phys == physFloat || c.phys == physDouble {
			out.stats.scan(data, c, len(d.index)) // counts NaN
		} else {
			out.stats.scan(e.page, c, d.entries())
			if c.phys == physBytes || c.phys == physFixed {
				out.stats.own() // they point into the page, which is scratch
			}
		}
	}
	e.writePage(pageDict, encPlain, d.entries(), out)
	out.dataAt = e.at
	width := d.width()
	rows := min(max(e.opt.PageBytes*8/width/pageAlign, 1)*pageAlign, 1<<18)
	index := d.index
	for a := from; a < to; a += rows {
		b := min(a+rows, to)
		n := b - a - c.nullsIn(a, b)
		e.beginPage(f, c, a, b)
		e.page = append(e.page, byte(width))
		e.page = appendIndexes(e.page, index[:n], width)
		e.writePage(pageData, encDict, b-a, out)
		out.pages++
		index = index[n:]
	}
}

// own copies bounds out of memory that is about to be reused.
func (b *bounds) own() {
	b.minB, b.maxB = bytes.Clone(b.minB), bytes.Clone(b.maxB)
}

// beginPage starts a data page of rows [a, b) with its definition levels.
func (e *Encoder) beginPage(f *Field, c *vector, a, b int) {
	e.page = e.page[:0]
	if !f.Required {
		e.page = c.appendLevels(e.page, a, b)
	}
}

// headRoom is kept free in front of a compressed page for its header, which
// is known only afterwards: one write a page.
const headRoom = 64

func (e *Encoder) writePage(typ, encoding int32, rows int, out *chunk) {
	if e.fault != nil {
		return
	}
	if cap(e.out) < headRoom {
		e.out = make([]byte, headRoom, e.opt.PageBytes+headRoom)
	}
	e.out = e.out[:headRoom]
	switch e.opt.Codec {
	case Zstd:
		if e.stride.size > 0 {
			e.out = e.strider.appendFrame(e.out, e.page, e.stride)
		} else {
			e.out = e.zstd.EncodeAll(e.page, e.out)
		}
	case Snappy:
		n := s2.MaxEncodedLen(len(e.page))
		if n < 0 {
			e.fault = fmt.Errorf("column: a page of %d bytes is too large for snappy: lower the size of records", len(e.page))
			return
		}
		if cap(e.out) < headRoom+n {
			e.out = make([]byte, headRoom, headRoom+n)
		}
		e.out = e.out[:headRoom+len(s2.EncodeSnappy(e.out[headRoom:headRoom+n], e.page))]
	default:
		e.out = append(e.out, e.page...)
	}
	body := e.out[headRoom:]
	if len(e.page) > math.MaxInt32 || len(body) > math.MaxInt32 {
		e.fault = fmt.Errorf("column: a page of %d bytes does not fit Parquet's 2 GiB: lower the size of records", len(e.page))
		return
	}
	pageHeader(&e.head, typ, encoding, rows, len(e.page), len(body), crc32.ChecksumIEEE(body))
	start := headRoom - len(e.head.b)
	copy(e.out[start:], e.head.b)
	out.packed += int64(len(e.head.b) + len(body))
	out.plain += int64(len(e.head.b) + len(e.page))
	e.write(e.out[start:])
}

func (e *Encoder) write(p []byte) {
	if e.fault != nil {
		return
	}
	n, err := e.w.Write(p)
	e.at += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		e.fault = fmt.Errorf("column: writing a Parquet file: %w", err)
	}
}

// writePieces writes what is encoded already; into Pieces it is lent.
func (e *Encoder) writePieces(ps *Pieces) {
	if to, ok := e.w.(*Pieces); ok && e.fault == nil {
		to.lend(ps)
		e.at += ps.Len()
		return
	}
	for _, x := range ps.all {
		e.write(x.p)
	}
}
