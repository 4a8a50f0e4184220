package mask

import (
	"fmt"
	"strconv"
	"strings"

	"sluice/processors/mask/anonymity"
	"sluice/schemas"
)

// coarsens is a strategy that has a next coarser one: what that makes of a value
// follows from what this made of it.
type coarsens interface {
	// coarser is the next strategy and how a policy writes it; nil: there is none.
	coarser() (next strategy, written string)
}

// Coarser is the action of one step more, as a policy writes it, and what that
// makes of a value that this one made, given as the text that stores show of it;
// "" and nil: there is none. f is the column behind the gate.
func (s *Spec) Coarser(f *schemas.Field) (written string, of func(value string) (string, bool)) {
	c, ok := s.with.(coarsens)
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
	x := newScratch(&Gate{rest: Withhold})
	return "{generalize: " + written + "}", func(value string) (string, bool) {
		x.field, x.cell, x.raw = f, schemas.Cell{Enc: schemas.EncText, Flags: schemas.Present, Len: uint32(len(value))}, []byte(value)
		kind, text := shown(c, k, value)
		out, enc := next.mask(x, nil, kind, []byte(text))
		if enc == asNull || enc == refused {
			return "", false
		}
		return string(out), true
	}
}

// shown is a value that c made as the next strategy has to read it.
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

func (d *floorDate) coarser() (strategy, string) {
	if d.grain == byDecade {
		return nil, ""
	}
	next := &floorDate{grain: d.grain + 1, unit: d.unit}
	if d.unit != "" {
		return next, fmt.Sprintf("{date: %s, unit: %s}", grainNames[next.grain], d.unit)
	}
	return next, grainNames[next.grain]
}

func (n ageBand) coarser() (strategy, string) {
	if next := 2 * n; next <= widestAge {
		return next, fmt.Sprintf("{age: %d}", next)
	}
	return nil, "" // other bands do not consist of these
}

func (n rounding) coarser() (strategy, string) {
	if n <= -15 {
		return nil, ""
	}
	return n - 1, fmt.Sprintf("{round: %d}", n-1)
}

func (zip3) coarser() (strategy, string)        { return prefix(2), "{prefix: 2}" }
func (zip3) coarserInteger() (strategy, string) { return newWidth(10_000, 0), "{bucket: 10000}" }

func (b blocks) coarser() (strategy, string) {
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

func (n geohash) coarser() (strategy, string) {
	if n == 1 {
		return nil, ""
	}
	return n - 1, fmt.Sprintf("{geohash: %d}", n-1)
}

func (n prefix) coarser() (strategy, string) {
	if n == 1 {
		return nil, ""
	}
	return n - 1, fmt.Sprintf("{prefix: %d}", n-1)
}

func (b *buckets) coarser() (strategy, string) {
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

// Identifying tells of one column of a topic whether the policy generalizes it,
// so that it may help to tell who a row is about, how it would be coarser, and the
// paths inside of it that are generalized, which nobody counts.
func (p *Policy) Identifying(topic string, f *schemas.Field) (c anonymity.Column, generalized bool, inside []string) {
	c = anonymity.Column{Name: f.Name}
	for _, d := range p.Explain(&schemas.Schema{Topic: topic, Fields: []schemas.Field{*f}}) {
		if d.Action == Generalize.String() && d.Column != f.Name {
			inside = append(inside, d.Column)
		}
	}
	spec, d, err := p.At(topic, f, Path{{Name: f.Name}})
	if err != nil {
		return c, false, inside
	}
	// What no rule names may be no column of the topic at all, and never was masked. // P1
	c.Shown = d.Rule > 0 && spec.Kind != Keep && spec.Kind != Scan
	c.To, c.Coarser = spec.Coarser(f)
	return c, spec.Kind == Generalize, inside
}
