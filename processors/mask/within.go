package mask

import (
	"slices"

	"sluice/processors/mask/policy"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// goesBy is a column of the row that an action goes by, be it of a whole value or
// inside of a JSON value, and the kind of the subject whose key it takes.
type goesBy struct {
	name    string
	by      int   // ordinal, -1: the topic has no such column
	also    []int // of those that go on for it with another type
	subject bool
	kind    string
}

// goes notes what columns the actions of c go by; one that a table does not have
// stops its lanes.
func (p *plan) goes(c *column, s *schemas.Schema, x *policy.Ruling, r *policy.Rules) {
	if name := c.spec.By(); name != "" {
		c.people = append(c.people, p.person(c, s, c.spec, name, r))
		c.by, c.byAlso = c.people[0].by, c.people[0].also
		return
	}
	for _, t := range x.By {
		g := p.person(c, s, &t.Spec, t.Spec.By(), r)
		if !slices.ContainsFunc(c.people, func(have goesBy) bool { return have.name == g.name && have.subject == g.subject && have.kind == g.kind }) {
			c.people = append(c.people, g)
		}
		c.by = max(c.by, g.by) // one value of two people is not one value
	}
}

func (p *plan) person(c *column, s *schemas.Schema, spec *policy.Spec, name string, r *policy.Rules) goesBy {
	g := goesBy{name: name, by: s.Ordinal([]byte(name)), subject: spec.Subjects(), kind: spec.Subject().Kind}
	if g.by < 0 {
		if s.Closed {
			p.park("mend `by` in the policy", "line %d: %s goes by column %q, which %s does not have%s", spec.Line, c.field.Name, name, s.Topic, topology.Suggest(name, r.Known(s)))
		}
		return g
	}
	for also := range s.Fields {
		if s.Fields[also].Of == name {
			g.also = append(g.also, also)
		}
	}
	return g
}

// someone is the text of a column that actions inside of a JSON value go by, in the
// row at hand: where it stands in scratch.whose.
type someone struct {
	name     string
	from, to int // from < 0: the row says nobody
}

// inside takes down who the row at hand is about for actions inside of column c.
func (x *pass) inside(c *column, r *stream.Record) {
	s := x.s
	s.people, s.whose = s.people[:0], s.whose[:0]
	for i := range c.people {
		g := &c.people[i]
		one := someone{name: g.name, from: -1}
		if who := x.personBy(g.by, g.also, r); who != nil {
			one.from = len(s.whose)
			s.whose = append(s.whose, who...)
			one.to = len(s.whose)
		}
		s.people = append(s.people, one)
	}
}

// goesBy is the text that an action inside of a JSON value goes by, nil if there is none.
func (s *scratch) goesBy(spec *policy.Spec) []byte {
	if len(s.people) == 0 {
		return nil
	}
	name := spec.By()
	for i := range s.people {
		if p := &s.people[i]; p.name == name && p.from >= 0 {
			return s.whose[p.from:p.to:p.to]
		}
	}
	return nil
}
