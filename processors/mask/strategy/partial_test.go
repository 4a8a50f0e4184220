package strategy

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"sluice/schemas"
)

// TestPartialBytes: texts of bytes only and others have one rule.
func TestPartialBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		p := &partial{KeepFirst: rng.IntN(4), KeepLast: rng.IntN(4), KeepDomain: rng.IntN(2) == 0, Char: []string{"*", "•"}[rng.IntN(2)]}
		if rng.IntN(2) == 0 {
			p.Length = 13 + rng.IntN(9)
		}
		text := make([]byte, rng.IntN(20))
		for i := range text {
			text[i] = "abc@1 "[rng.IntN(6)]
		}
		ascii, _ := p.Mask(nil, nil, schemas.String, text)
		wide, _ := p.Mask(nil, nil, schemas.String, bytes.ReplaceAll(text, []byte("a"), []byte("ä")))
		if want := bytes.ReplaceAll(wide, []byte("ä"), []byte("a")); !bytes.Equal(ascii, want) {
			t.Fatalf("%+v of %q: %q, want %q", p, text, ascii, want)
		}
	}
}
