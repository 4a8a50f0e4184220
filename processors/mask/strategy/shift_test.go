package strategy

import (
	"strconv"
	"testing"

	"sluice/schemas"
)

// TestShift: as far as it says, each distance as often as another, and never by 0.
func TestShift(t *testing.T) {
	m, s := bound(t, "{shift: {days: 10}}")
	seen := map[int]int{}
	f := &schemas.Field{Type: schemas.Type{Kind: schemas.Date}, Wire: schemas.WireDays}
	for day := range 20_000 {
		in := strconv.AppendInt(nil, int64(day), 10)
		s.Field, s.Cell, s.Raw = f, schemas.Cell{Enc: schemas.EncInt, Flags: schemas.Present, Len: uint32(len(in))}, in
		out, enc := m.Mask(s, nil, schemas.Date, in)
		v, err := strconv.Atoi(string(out))
		if enc != schemas.EncInt || err != nil {
			t.Fatal(enc, err)
		}
		seen[v-day]++
	}
	if len(seen) != 20 || seen[0] != 0 {
		t.Fatalf("shifts %v", seen)
	}
	for off, n := range seen {
		if off < -10 || off > 10 || n < 800 || n > 1200 {
			t.Errorf("%d days: %d times", off, n)
		}
	}
}
