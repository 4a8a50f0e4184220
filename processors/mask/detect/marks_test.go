package detect

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestMarks: what is marked ahead is what a look at each byte finds, wherever the
// text ends.
func TestMarks(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for n := range 400 {
		p := make([]byte, n)
		for i := range p {
			switch rng.IntN(6) {
			case 0:
				p[i] = byte(rng.Uint32())
			case 1:
				p[i] = "09:;<=>?@/%&\\'[]"[rng.IntN(16)]
			default:
				p[i] = byte('a' + rng.IntN(26))
			}
		}
		checkMarks(t, p)
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	checkMarks(t, all)
	checkMarks(t, bytes.Repeat([]byte("="), 130))
}

func FuzzMarks(f *testing.F) {
	f.Add([]byte("a=b, 1@2 %40 \\u0040 ä"))
	f.Fuzz(func(t *testing.T, p []byte) { checkMarks(t, p) })
}

func checkMarks(t *testing.T, p []byte) {
	t.Helper()
	own := append(make([]byte, 0, len(p)), p...) // nothing behind it
	for _, m := range everyMarks(own) {
		d := Detector{p: own, marks: m}
		for i := 0; i <= len(own); i++ {
			if got, want := d.next(i), next(own, i); got != want {
				t.Fatalf("%q: next from %d is %d, want %d", p, i, got, want)
			}
			if got, want := m.nextSuspect(own, i), nextSuspect(own, i); got != want {
				t.Fatalf("%q: the next to undo from %d is %d, want %d", p, i, got, want)
			}
		}
	}
}
