package column

import (
	"errors"
	"io"
)

// Pieces are the bytes of a file in the order they were written, in pieces of
// memory that others had before and will have again: nothing is copied to grow.
// The zero value is empty.
type Pieces struct {
	all  []piece
	kept bool // somebody may read them for ever
}

type piece struct {
	p    []byte
	lent bool // somebody else gives it back
}

// The first piece is small, as most tables are; each is twice the one before.
const (
	leastPiece = 1 << spareMin
	mostPiece  = 1 << 20
)

// Write appends p. It does not fail.
func (ps *Pieces) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		last := len(ps.all) - 1
		if last < 0 || ps.all[last].lent || len(ps.all[last].p) == cap(ps.all[last].p) {
			size := leastPiece
			if last >= 0 && !ps.all[last].lent {
				size = min(2*cap(ps.all[last].p), mostPiece)
			}
			ps.all = append(ps.all, piece{p: grown(nil, size, 0)})
			last++
		}
		x := &ps.all[last]
		k := min(len(p), cap(x.p)-len(x.p))
		x.p = append(x.p, p[:k]...)
		p = p[k:]
	}
	return n, nil
}

// lend appends the bytes of o, which are not copied: o must not be freed before ps.
func (ps *Pieces) lend(o *Pieces) {
	for _, x := range o.all {
		ps.all = append(ps.all, piece{x.p, true})
	}
}

// Len is the number of bytes.
func (ps *Pieces) Len() (n int64) {
	for _, x := range ps.all {
		n += int64(len(x.p))
	}
	return n
}

// Size is the memory held, in bytes, without what is lent.
func (ps *Pieces) Size() (n int64) {
	for _, x := range ps.all {
		if !x.lent {
			n += int64(cap(x.p))
		}
	}
	return n
}

// WriteTo is part of io.WriterTo.
func (ps *Pieces) WriteTo(w io.Writer) (n int64, err error) {
	for _, x := range ps.all {
		k, err := w.Write(x.p)
		if n += int64(k); err != nil {
			return n, err
		}
	}
	return n, nil
}

// Bytes are all bytes in one piece of their own.
func (ps *Pieces) Bytes() []byte {
	p := make([]byte, 0, ps.Len())
	for _, x := range ps.all {
		p = append(p, x.p...)
	}
	return p
}

// Free gives the memory to others; what was written is gone.
func (ps *Pieces) Free() {
	for _, x := range ps.all {
		if !x.lent && !ps.kept {
			giveBack(x.p)
		}
	}
	ps.all, ps.kept = nil, false
}

// keep leaves the memory to whoever still reads it: Free will not give it to others.
func (ps *Pieces) keep() { ps.kept = true }

// Reader reads ps from the start. It may be read again after Seek, and nobody
// may write or free ps meanwhile.
func (ps *Pieces) Reader() io.ReadSeeker { return &pieceReader{pieces: ps.all, size: ps.Len()} }

type pieceReader struct {
	pieces   []piece
	at, size int64
	piece    int   // that at is in, or behind
	begin    int64 // of piece
}

// Read is part of io.Reader.
func (r *pieceReader) Read(p []byte) (n int, err error) {
	for n < len(p) && r.at < r.size {
		for r.at >= r.begin+int64(len(r.pieces[r.piece].p)) {
			r.begin += int64(len(r.pieces[r.piece].p))
			r.piece++
		}
		k := copy(p[n:], r.pieces[r.piece].p[r.at-r.begin:])
		n, r.at = n+k, r.at+int64(k)
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Seek is part of io.Seeker.
func (r *pieceReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return r.at, errors.New("column: a place before the start of a file")
	}
	r.at, r.piece, r.begin = offset, 0, 0
	return offset, nil
}
