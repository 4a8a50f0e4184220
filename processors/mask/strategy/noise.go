package strategy

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"

	"go.yaml.in/yaml/v3"

	"sluice/schemas"
	"sluice/topology"
)

// noisy adds to a number what the key says for the number, so that equal
// numbers stay equal:
//
//	{noise: {laplace: 10}}              # of scale 10
//	{noise: {within: 5}}                # evenly from -5 to 5
//	{noise: {percent: 10, min: 0}}      # evenly from -10 to 10 percent of the number
//	{noise: {percent: 10, subject: {column: employee_id}}}
//
// The type and the decimals stay; what comes out is at least min and at most
// max. Noise that is too small for the number's last digit is made one that may
// change it: 10 percent of 3 would leave every 3 a 3. Noise by value is no differential privacy: who knows the number knows
// its noise, if he has the key; with subject the noise is under a key of that person's own,
// see draws, and equal numbers of two people become two.
type noisy struct {
	Laplace float64  `yaml:"laplace"`
	Within  float64  `yaml:"within"`
	Percent float64  `yaml:"percent"`
	Min     *float64 `yaml:"min"`
	Max     *float64 `yaml:"max"`
	Domain  string   `yaml:"domain"`
	Subject Subject  `yaml:"subject"`

	from draws
}

// ReadNoise reads the parameters of noise.
func ReadNoise(y *yaml.Node) (Masker, error) {
	if y == nil || y.Kind != yaml.MappingNode {
		return nil, errors.New("noise says how much: {noise: {percent: 10}}, {noise: {within: 5}} or {noise: {laplace: 10}}")
	}
	var n noisy
	if err := topology.Strict(y, &n); err != nil {
		return nil, err
	}
	given := 0
	for _, v := range []float64{n.Laplace, n.Within, n.Percent} {
		if v != 0 {
			given++
		}
		if !(v >= 0 && v <= 1e12) {
			return nil, errors.New("noise: laplace, within and percent are positive, at most 1e12")
		}
	}
	if given != 1 || n.Percent > 100 {
		return nil, errors.New("noise: one of laplace, within and percent, which is at most 100")
	}
	if n.Min != nil && n.Max != nil && *n.Min > *n.Max {
		return nil, errors.New("noise: min is above max")
	}
	return &n, n.Subject.check("noise", "")
}

func (n *noisy) Bind(b *Binder) (Masker, error) {
	out := *n
	var err error
	out.from, err = b.draws("noise", n.Domain, n.Subject)
	return &out, err
}

func (n *noisy) column() string   { return n.Subject.Column }
func (n *noisy) subject() Subject { return n.Subject }

func (n *noisy) Fits(f *schemas.Field) error { return fitsNumber(f, "noise") }
func (n *noisy) Output(f *schemas.Field)     { plainDecimal(f) }
func (n *noisy) Injective() bool             { return false }

// least is how far, in units of a number's last digit, noise goes that is
// too small for it: a third stays, a third is one more, a third one less.
const least = 1.5

// of is the noise of number v, whose last digit counts unit, by chance u in (0, 1).
func (n *noisy) of(u, v, unit float64) float64 {
	unit *= least
	switch {
	case n.Within > 0:
		return (2*u - 1) * max(n.Within, unit)
	case n.Percent > 0:
		return (2*u - 1) * max(n.Percent/100*math.Abs(v), unit)
	case u < 0.5:
		return max(n.Laplace, unit) * math.Log(2*u)
	}
	return -max(n.Laplace, unit) * math.Log(2*(1-u))
}

func (n *noisy) clamp(v float64) float64 {
	if n.Min != nil {
		v = max(v, *n.Min)
	}
	if n.Max != nil {
		v = min(v, *n.Max)
	}
	return v
}

func (n *noisy) Mask(s *Scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	mac := n.from.of(s)
	if mac == nil {
		return dst, Refused // P2: nobody says who this is of
	}
	tag := mac.Sum(text, &s.siv)
	u := (float64(binary.BigEndian.Uint64(tag[:])>>11) + 0.5) / (1 << 53)
	switch k {
	case schemas.Int32, schemas.Int64:
		v, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			return dst, Refused
		}
		lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
		if k == schemas.Int32 {
			lo, hi = math.MinInt32, math.MaxInt32
		}
		return strconv.AppendInt(dst, n.whole(u, v, 1, lo, hi), 10), schemas.EncInt
	case schemas.Decimal:
		h, l, err := schemas.Decimal128(s.Field, s.Cell, s.Raw)
		t := s.Field.Type
		if err != nil || h != int64(l)>>63 || t.Scale > 18 {
			return dst, Refused
		}
		most := int64(math.MaxInt64)
		if t.Precision > 0 && t.Precision <= 18 {
			most = int64(math.Pow10(int(t.Precision))) - 1
		}
		v := n.whole(u, int64(l), math.Pow10(int(t.Scale)), -most, most)
		return schemas.AppendDecimal(dst, v>>63, uint64(v), int(t.Scale)), schemas.EncText
	case schemas.Float32, schemas.Float64, schemas.String:
	default:
		return dst, Refused
	}
	v, ok := number(text)
	if !ok {
		return dst, Refused
	}
	decimals := decimalsOf(text)
	unit := math.Pow10(-decimals)
	if k == schemas.Float32 {
		unit = max(unit, math.Abs(v)/(1<<22)) // its last bit
	} else {
		unit = max(unit, math.Abs(v)/(1<<51))
	}
	v = n.clamp(v + n.of(u, v, unit))
	if math.IsInf(v, 0) {
		return dst, Refused
	}
	if k == schemas.Float32 {
		v = max(min(v, math.MaxFloat32), -math.MaxFloat32)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', decimals, 64)
	return dst, literalOf(k, dst[from:])
}

// whole is v of so many units a one with noise, within lo and hi.
func (n *noisy) whole(u float64, v int64, unit float64, lo, hi int64) int64 {
	x := float64(v) / unit
	off := math.Round(n.of(u, x, 1/unit) * unit)
	out := v
	switch {
	case off >= float64(math.MaxInt64)/2 || off > 0 && v > hi-int64(off):
		out = hi
	case off <= -float64(math.MaxInt64)/2 || off < 0 && v < lo-int64(off):
		out = lo
	default:
		out += int64(off)
	}
	if n.Min != nil && float64(out)/unit < *n.Min {
		out = int64(math.Ceil(*n.Min * unit))
	}
	if n.Max != nil && float64(out)/unit > *n.Max {
		out = int64(math.Floor(*n.Max * unit))
	}
	return min(max(out, lo), hi)
}
