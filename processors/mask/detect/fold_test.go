package detect

import (
	"fmt"
	"testing"
)

// TestUndo: every printable character in every spelling is undone to itself, and
// its place is that of its spelling.
func TestUndo(t *testing.T) {
	for r := rune(' '); r < 0x7f; r++ {
		spellings := []string{fmt.Sprintf(`\u%04x`, r), fmt.Sprintf(`\u%04X`, r), fmt.Sprintf("%%%02x", r), fmt.Sprintf("%%%02X", r), fmt.Sprintf("&#%d;", r), fmt.Sprintf("&#x%X;", r)}
		if r > ' ' {
			spellings = append(spellings, string(r+0xfee0)) // full width
		}
		for _, s := range spellings {
			var f folded
			text := "ab" + s + "cd" + s
			if !foldText(&f, []byte(text)) || string(f.text) != "ab"+string(r)+"cd"+string(r) {
				t.Errorf("%s: %q, want %q twice", s, f.text, r)
				continue
			}
			for i, want := range [][2]int{{0, 1}, {1, 2}, {2, 2 + len(s)}, {2 + len(s), 3 + len(s)}, {3 + len(s), 4 + len(s)}, {4 + len(s), len(text)}} {
				if start, end := f.place(i); start != want[0] || end != want[1] {
					t.Errorf("%s: byte %d is of [%d, %d), want %v", s, i, start, end, want)
				}
			}
		}
	}
	for text, want := range map[string]string{"٠١٢٣": "0123", "１２": "12", "a\u00a0b\u2013c": "a b-c", "4\u200b5\u00ad6": "456", `\ud83d\ude00x`: "😀x", `\ud83dx`: "\ufffdx", `\u00zz%zz&#zz;&amp;`: `\u00zz%zz&#zz;&amp;`} {
		var f folded
		got := text
		if foldText(&f, []byte(text)) {
			got = string(f.text)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func foldText(f *folded, text []byte) bool {
	var m marks
	m.set(text)
	return f.make(text, &m)
}
