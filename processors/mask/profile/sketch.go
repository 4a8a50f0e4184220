package profile

import (
	"math"
	"math/bits"
	"strings"
	"unicode"
)

// registers is how many a sketch has: 2^12 give a standard error of 1.6 percent.
const registers = 1 << 12

// sketch estimates how many different values there were (HyperLogLog: Flajolet,
// Fusy, Gandouet, Meunier, 2007). It keeps no value.
type sketch struct{ max []uint8 }

func (s *sketch) add(p []byte) {
	if s.max == nil {
		s.max = make([]uint8, registers)
	}
	h := uint64(14695981039346656037) // FNV-1a, and a finish that spreads it: splitmix64's
	for _, c := range p {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	i := h >> 52
	s.max[i] = max(s.max[i], uint8(bits.LeadingZeros64(h<<12|1<<11)+1))
}

func (s *sketch) estimate() int64 {
	if s.max == nil {
		return 0
	}
	sum, zeros := 0.0, 0
	for _, m := range s.max {
		sum += math.Ldexp(1, -int(m))
		if m == 0 {
			zeros++
		}
	}
	const alpha = 0.7213 / (1 + 1.079/registers)
	e := alpha * registers * registers / sum
	if e <= 2.5*registers && zeros > 0 {
		e = registers * math.Log(float64(registers)/float64(zeros))
	}
	return int64(math.Round(e))
}

// Shape is a value's form: letters are x and X, digits 9, the rest as it is, and
// no more than the first characters.
func Shape(v string) string {
	var b strings.Builder
	n := 0
	for _, r := range v {
		if n++; n > maxShape {
			b.WriteString("…")
			break
		}
		switch {
		case unicode.IsUpper(r):
			b.WriteByte('X')
		case unicode.IsLetter(r):
			b.WriteByte('x')
		case unicode.IsNumber(r):
			b.WriteByte('9')
		case r > unicode.MaxASCII || r < ' ':
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
