package schemas

import (
	"testing"
	"unicode/utf8"
)

func FuzzValid(f *testing.F) {
	for _, s := range []string{"", "a", "Größer-123456", "ä", "\xc3", "\xc0\xaf", "\xc1\xbf", "aaaaaaaä", "aaaaaaa\xc3", "日本語", "äöüäöüä日", "\xed\xa0\x80", "\xf4\x90\x80\x80", "ÿ\x80", "12345678\x80", "\xc2a"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if valid(p) != utf8.Valid(p) {
			t.Fatalf("%q: %v", p, valid(p))
		}
	})
}

// TestValid has every pair of bytes, alone and behind others.
func TestValid(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			for _, p := range [][]byte{{byte(a), byte(b)}, {'x', byte(a), byte(b), 'y', 'z', 1, 2, 3, 4, 5}, {1, 2, 3, 4, 5, 6, 7, byte(a), byte(b)}} {
				if valid(p) != utf8.Valid(p) {
					t.Fatalf("%q: %v", p, valid(p))
				}
			}
		}
	}
}
