package column

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

func TestPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, leastPiece, leastPiece + 1, 3_000_000} {
		want := make([]byte, n)
		for i := range want {
			want[i] = byte(r.Uint32())
		}
		var ps Pieces
		for p := want; len(p) > 0; {
			k := min(len(p), 1+r.IntN(200_000))
			if m, err := ps.Write(p[:k]); m != k || err != nil {
				t.Fatal(m, err)
			}
			p = p[k:]
		}
		if ps.Len() != int64(n) || !bytes.Equal(ps.Bytes(), want) {
			t.Fatalf("%d bytes became %d", n, ps.Len())
		}
		if ps.Size() > int64(2*n+leastPiece) {
			t.Errorf("%d bytes take %d", n, ps.Size())
		}
		var file Pieces
		_, _ = file.Write([]byte("head"))
		file.lend(&ps)
		_, _ = file.Write([]byte("foot"))
		if got := file.Bytes(); !bytes.Equal(got, append(append([]byte("head"), want...), "foot"...)) {
			t.Fatalf("%d bytes lent read as %d", n, len(got))
		}
		var copied bytes.Buffer
		if m, err := file.WriteTo(&copied); err != nil || m != file.Len() || !bytes.Equal(copied.Bytes(), file.Bytes()) {
			t.Fatal(m, err)
		}
		file.Free()
		in := ps.Reader()
		if n <= leastPiece+1 {
			if err := iotest.TestReader(in, want); err != nil {
				t.Fatalf("%d bytes: %v", n, err)
			}
		}
		for range 2 { // a request that is tried again
			if _, err := in.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(in); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes read as %d, %v", n, len(got), err)
			}
		}
		ps.Free()
		if ps.Len() != 0 {
			t.Error("not freed")
		}
	}
}

// TestPiecesKept: what somebody may still read is not given to others, and is as
// large as before: the next try makes the same files of it.
func TestPiecesKept(t *testing.T) {
	want := bytes.Repeat([]byte("kept"), leastPiece)
	var ps, next Pieces
	_, _ = ps.Write(want)
	size, in := ps.Size(), ps.Reader()
	ps.keep()
	if ps.Size() != size {
		t.Errorf("%d bytes, and %d once they are kept", size, ps.Size())
	}
	ps.Free()
	_, _ = next.Write(make([]byte, len(want))) // others
	if got, err := io.ReadAll(in); err != nil || !bytes.Equal(got, want) {
		t.Errorf("kept bytes were given to others: %v", err)
	}
}
