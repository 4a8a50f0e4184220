package policy

import (
	"sluice/processors/mask/anonymity"
	"sluice/processors/mask/strategy"
	"sluice/schemas"
)

// Identifying tells of one column of a topic whether the policy generalizes it,
// so that it may help to tell who a row is about, how it would be coarser, and the
// paths inside of it that are generalized, which nobody counts.
func (p *Rules) Identifying(topic string, f *schemas.Field) (c anonymity.Column, generalized bool, inside []string) {
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
	c.To, c.Coarser = strategy.Coarser(spec.Strategy, f)
	return c, spec.Kind == Generalize, inside
}
