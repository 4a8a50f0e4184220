package decode

import (
	"math"
	"math/rand/v2"
	"testing"

	"sluice/schemas"
)

// TestSuspectsAgree: the instructions that look at many cells find what the loop
// finds, and miss no placeholder and no integer that is too long.
func TestSuspectsAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 16))
	p := newPlaceholders(schemas.DefaultUnavailable)
	kinds := []schemas.Kind{schemas.Unknown, schemas.Int32, schemas.Int64, schemas.String, schemas.Float64, schemas.JSON}
	some := 0
	for run := range 3000 {
		n := 1 + run%64
		quick, cells := make([]quickly, n), make([]schemas.Cell, n)
		for i := range quick {
			pl := plan{kind: kinds[rng.IntN(len(kinds))], accept: uint16(rng.Uint32()) & uint16(rng.Uint32()>>8) >> rng.IntN(16), digits: rng.IntN(16) == 0}
			quick[i] = pl.quick()
			cells[i] = schemas.Cell{Off: rng.Uint32(), Len: uint32(rng.IntN(70)), Enc: schemas.Encoding(rng.IntN(12)), Flags: schemas.Flags(rng.Uint32())}
			if rng.IntN(20) == 0 {
				cells[i].Len = math.MaxUint32 - uint32(1+rng.IntN(70))
			}
			if f := p.forms[rng.IntN(len(p.forms))]; rng.IntN(20) == 0 {
				cells[i].Len, cells[i].Enc = uint32(len(f.Bytes)), f.Enc
			}
		}
		want := suspects(cells, quick, &p.lengths)
		for i, c := range cells {
			for _, f := range p.forms {
				if c.Enc == f.Enc && int(c.Len) == len(f.Bytes) && want>>i&1 == 0 {
					t.Fatalf("a placeholder of encoding %d and %d bytes goes by", c.Enc, c.Len)
				}
			}
		}
		if want != 0 && want != 1<<n-1 {
			some++
		}
		if !wide {
			continue
		}
		if got := suspectsWide(&cells[0], n, &screensOf(quick)[0], &p.halves); got != want {
			t.Fatalf("run %d: of %d cells %#x, want %#x", run, n, got, want)
		}
	}
	if some < 1000 {
		t.Errorf("%d rows with a choice", some)
	}
	if !wide {
		t.Log("no AVX-512: the loop alone")
	}
}
