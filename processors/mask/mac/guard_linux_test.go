package mac

import (
	"bytes"
	"syscall"
	"testing"
)

// guarded is a page between two that nobody may touch.
func guarded(t *testing.T) []byte {
	t.Helper()
	size := syscall.Getpagesize()
	p, err := syscall.Mmap(-1, 0, 3*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skip("no memory to guard:", err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(p) })
	for _, side := range [][]byte{p[:size], p[2*size:]} {
		if err := syscall.Mprotect(side, syscall.PROT_NONE); err != nil {
			t.Skip("no memory to guard:", err)
		}
	}
	return p[size : 2*size : 2*size]
}

// TestGuard: texts are read and tokens written at both ends of memory that is
// there, of every length, and nothing beside them is touched.
func TestGuard(t *testing.T) {
	page, key := guarded(t), []byte("a key of a size")
	k := New(key)
	ends := func(n int) [2][]byte { return [2][]byte{page[:n], page[len(page)-n:]} }
	for n := range 301 {
		for _, text := range ends(n) {
			for i := range text {
				text[i] = byte(n + 7*i)
			}
			for _, got := range all(k, text) {
				if got != want(key, text) {
					t.Fatalf("a text of %d bytes", n)
				}
			}
		}
	}
	var sums [1]Sum
	k.Of(&sums[0], key)
	for n := Base32Size; n < 3*Base32Size; n++ {
		for _, dst := range ends(n) {
			for from := range n - Base32Size + 1 {
				expect := bytes.Repeat([]byte{'.'}, n)
				copy(dst, expect)
				Base32(dst, []int{from}, sums[:])
				if base32(expect[from:from+Base32Size], &sums[0]); !bytes.Equal(dst, expect) {
					t.Fatalf("from %d of %d: %s", from, n, dst)
				}
			}
		}
	}
}
