package strategy

import (
	"strconv"
	"strings"
	"testing"

	"sluice/schemas"
)

// TestNoise: as much as it says, and the same again.
func TestNoise(t *testing.T) {
	for _, c := range []struct {
		action string
		typ    schemas.Type
		lo, hi float64
		mean   float64 // of the distance
	}{
		{"{noise: {within: 50}}", schemas.Type{Kind: schemas.Int64}, -50, 50, 25},
		{"{noise: {percent: 10}}", schemas.Type{Kind: schemas.Float64}, -120, 120, 52.5}, // of 1000 to 1099.9
		{"{noise: {laplace: 20}}", schemas.Type{Kind: schemas.Decimal, Precision: 9, Scale: 2}, -900, 900, 20},
		{"{noise: {laplace: 20, min: 1000, max: 1100}}", schemas.Type{Kind: schemas.Int32}, -100, 100, 0},
	} {
		m, s := bound(t, c.action)
		f := &schemas.Field{Type: c.typ}
		sum, n := 0.0, 20_000
		for i := range n {
			v := 1000 + float64(i%1000)/10
			if c.typ.Kind == schemas.Int64 || c.typ.Kind == schemas.Int32 {
				v = float64(1000 + i%100)
			}
			in := strconv.AppendFloat(nil, v, 'f', -1, 64)
			s.Field, s.Cell, s.Raw = f, schemas.Cell{Enc: schemas.EncText, Flags: schemas.Present, Len: uint32(len(in))}, in
			out, enc := m.Mask(s, nil, c.typ.Kind, in)
			got, err := strconv.ParseFloat(string(out), 64)
			if err != nil || enc == Refused || got-v < c.lo || got-v > c.hi {
				t.Fatalf("%s: %v becomes %s", c.action, v, out)
			}
			if again, _ := m.Mask(s, nil, c.typ.Kind, in); string(again) != string(out) {
				t.Fatalf("%s: not the same again", c.action)
			}
			if strings.Contains(c.action, "min") && (got < 1000 || got > 1100) {
				t.Fatalf("%s: %v", c.action, got)
			}
			sum += max(got-v, v-got)
		}
		if mean := sum / float64(n); c.mean > 0 && (mean < c.mean*0.75 || mean > c.mean*1.25) { // a thousand different values only
			t.Errorf("%s: the mean distance is %.2f, want %.2f", c.action, mean, c.mean)
		}
	}
}
