package strategy

import (
	"fmt"
	"strconv"
	"strings"

	"sluice/schemas"
)

// coarsens is a strategy that has a next coarser one: what that makes of a value
// follows from what this made of it.
type coarsens interface {
	// coarser is the next Masker and how a policy writes it; nil: there is none.
	coarser() (next Masker, written string)
}

// Coarser is the action of one step more than m, as a policy writes it, and what
// that makes of a value that m made, given as the text that stores show of it; ""
// and nil: there is none. f is the column behind the gate.
func Coarser(m Masker, f *schemas.Field) (written string, of func(value string) (string, bool)) {
	c, ok := m.(coarsens)
	if !ok {
		return "", nil
	}
	next, written := c.coarser()
	if next == nil {
		return "", nil
	}
	k := f.Type.Kind
	if z, is := c.(zip3); is && (k == schemas.Int32 || k == schemas.Int64) {
		next, written = z.coarserInteger()
	}
	var x Scratch
	return "{generalize: " + written + "}", func(value string) (string, bool) {
		x.Field, x.Cell, x.Raw = f, schemas.Cell{Enc: schemas.EncText, Flags: schemas.Present, Len: uint32(len(value))}, []byte(value)
		kind, text := shown(c, k, value)
		out, enc := next.Mask(&x, nil, kind, []byte(text))
		if enc == AsNull || enc == Refused {
			return "", false
		}
		return string(out), true
	}
}

// shown is a value that c made as the next Masker has to read it.
func shown(c coarsens, k schemas.Kind, value string) (schemas.Kind, string) {
	number := isNumber(k)
	switch c := c.(type) {
	case ageBand: // 35-39 or 35
		if from, _, band := strings.Cut(value, "-"); band {
			return schemas.String, from
		}
		return map[bool]schemas.Kind{true: schemas.Int64, false: schemas.String}[number], strings.TrimSuffix(value, "+")
	case *floorDate:
		if number && c.unit != "" {
			return schemas.Int64, value
		}
		return schemas.String, value // stores show dates and times in ISO 8601
	case rounding, *buckets, zip3:
		if number && strings.IndexByte(value, '.') >= 0 {
			return schemas.Float64, value
		}
		if number {
			return schemas.Int64, value
		}
	}
	return schemas.String, value
}

func (d *floorDate) coarser() (Masker, string) {
	if d.grain == byDecade {
		return nil, ""
	}
	next := &floorDate{grain: d.grain + 1, unit: d.unit}
	if d.unit != "" {
		return next, fmt.Sprintf("{date: %s, unit: %s}", grainNames[next.grain], d.unit)
	}
	return next, grainNames[next.grain]
}

func (n ageBand) coarser() (Masker, string) {
	if next := 2 * n; next <= widestAge {
		return next, fmt.Sprintf("{age: %d}", next)
	}
	return nil, "" // other bands do not consist of these
}

func (n rounding) coarser() (Masker, string) {
	if n <= -15 {
		return nil, ""
	}
	return n - 1, fmt.Sprintf("{round: %d}", n-1)
}

func (zip3) coarser() (Masker, string)        { return prefix(2), "{prefix: 2}" }
func (zip3) coarserInteger() (Masker, string) { return newWidth(10_000, 0), "{bucket: 10000}" }

func (b blocks) coarser() (Masker, string) {
	next := blocks{b.V4, b.V6}
	if b.V4 > 8 {
		next.V4 = (b.V4 - 1) / 8 * 8
	}
	if b.V6 > 16 {
		next.V6 = (b.V6 - 1) / 16 * 16
	}
	if next == b {
		return nil, ""
	}
	return next, fmt.Sprintf("{ip: {v4: %d, v6: %d}}", next.V4, next.V6)
}

func (n geohash) coarser() (Masker, string) {
	if n == 1 {
		return nil, ""
	}
	return n - 1, fmt.Sprintf("{geohash: %d}", n-1)
}

func (g *geopair) coarser() (Masker, string) { // of what it made, a text
	if g.n == 1 {
		return nil, ""
	}
	return g.n - 1, fmt.Sprintf("{geohash: %d, with: %s}", g.n-1, g.with)
}

func (n prefix) coarser() (Masker, string) {
	if n == 1 {
		return nil, ""
	}
	return n - 1, fmt.Sprintf("{prefix: %d}", n-1)
}

func (b *buckets) coarser() (Masker, string) {
	text := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	if b.width > 0 {
		if b.width >= 1e14 {
			return nil, ""
		}
		return newWidth(2*b.width, b.frac), fmt.Sprintf("{bucket: %s}", text(2*b.width))
	}
	next := &buckets{frac: b.frac}
	var texts []string
	for i := 0; i < len(b.edges); i += 2 {
		next.edges = append(next.edges, b.edges[i])
		texts = append(texts, text(b.edges[i]))
	}
	if len(next.edges) == len(b.edges) {
		return nil, ""
	}
	next.scale(next.edges)
	return next, fmt.Sprintf("{buckets: [%s]}", strings.Join(texts, ", "))
}

// newWidth is buckets of a width with so many decimals.
func newWidth(width float64, frac int) *buckets {
	b := &buckets{width: width, frac: frac}
	b.scale([]float64{width})
	return b
}
