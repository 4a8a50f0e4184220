package mask

import (
	"fmt"
	"slices"
	"strings"

	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// plan is the policy compiled for one version of one topic.
type plan struct {
	table *stream.Table
	cols  []column
	err   error // the lane stops: a mistake only a person can mend
}

// column is one output column: where its cells come from and what is done.
type column struct {
	ord   int
	field *schemas.Field
	spec  *Spec
	inner *node // paths inside of a JSON value
}

// Decision says what happens to one column, and which rule of the policy
// decided: Rule counts from 1, 0 is the default.
type Decision struct {
	Column string
	Action string
	Rule   int
	Line   int
	Why    string
}

// compile works out what happens to every field of s. // P4
func (g *Gate) compile(s *schemas.Schema) *plan {
	p := &plan{table: &stream.Table{Topic: s.Topic, Database: s.Database, Namespace: s.Namespace, Table: s.Table, Version: s.Version}}
	for i := range s.Fields {
		f := &s.Fields[i]
		c, d := g.decide(s, f)
		c.ord = i
		if c.spec.Kind == Drop || c.spec.Kind == Withhold {
			if f.Key {
				p.refuse(s, f.Name, d.Action)
			}
			continue
		}
		if f.Key && (c.spec.Kind == Null || c.spec.Kind == Redact) {
			p.refuse(s, f.Name, d.Action) // rows would fall together
		}
		if f.Key {
			p.table.Key = append(p.table.Key, len(p.cols))
		}
		p.cols = append(p.cols, c)
		p.table.Columns = append(p.table.Columns, stream.Column{Field: c.output(), Action: d.Action, Bounds: c.spec.Kind == Keep && c.inner == nil})
	}
	g.check(s, p)
	return p
}

func (p *plan) refuse(s *schemas.Schema, name, action string) {
	p.err = &stream.StateError{State: stream.StateParked,
		Why:  fmt.Sprintf("mask: %s is the key of %s and its action is %s: rows would fall together", name, s.Topic, action),
		Todo: "keep it with a reason, hash it, or mask it partially"}
}

// decide is the action of one field.
func (g *Gate) decide(s *schemas.Schema, f *schemas.Field) (column, Decision) {
	for i := range g.cfg.Rules {
		r := &g.cfg.Rules[i]
		if !r.matches(s.Topic) {
			continue
		}
		d := Decision{Column: f.Name, Rule: i + 1, Line: r.line}
		if r.Keep != nil && slices.Contains(r.Keep.Columns, f.Name) {
			d.Action, d.Why = Keep.String(), r.Keep.Because
			return column{field: f, spec: &Spec{Kind: Keep, Why: r.Keep.Because}}, d
		}
		var inner *node
		for name, spec := range r.Columns {
			path, err := ParsePath(name)
			if err != nil || path[0].Name != f.Name {
				continue
			}
			if len(path) == 1 {
				d.Action, d.Why = spec.Kind.String(), spec.Why
				return column{field: f, spec: &spec}, d
			}
			if inner == nil {
				inner = &node{}
			}
			inner.add(path[1:], &spec)
		}
		if inner != nil {
			d.Action = "nested"
			return column{field: f, spec: &Spec{Kind: Keep}, inner: inner}, d
		}
	}
	spec := &Spec{Kind: Null}
	switch {
	case g.cfg.Default == "withhold":
		spec.Kind = Withhold
	case isText(f.Type.Kind), f.Key: // a key that is nulled would make rows fall together
		spec.Kind = Hash
	}
	return column{field: f, spec: spec}, Decision{Column: f.Name, Action: spec.Kind.String()}
}

func (r *Rule) matches(topic string) bool {
	return len(r.Topics) == 0 || slices.ContainsFunc(r.Topics, func(g string) bool { return topology.Glob(g, topic) })
}

// output is the field behind the gate.
func (c *column) output() schemas.Field {
	f := *c.field
	f.Nullable = true
	switch {
	case c.inner != nil:
		f.Type, f.Wire = schemas.Type{Kind: schemas.JSON}, schemas.WirePlain
	case c.spec.Kind == Keep, c.spec.Kind == Null, f.Type.Kind == schemas.Unknown:
	case c.spec.Kind == Redact && !isText(f.Type.Kind): // nulled
	default:
		f.Type, f.Wire = schemas.Type{Kind: schemas.String}, schemas.WirePlain
	}
	return f
}

// check wants every path of the policy to match a column. A rule for topics by
// name over a source table is wrong if a column is not there; a rule by glob
// or over plain events is noted until it matched once.
func (g *Gate) check(s *schemas.Schema, p *plan) {
	known := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		known[i] = f.Name
	}
	for i := range g.cfg.Rules {
		r := &g.cfg.Rules[i]
		if !r.matches(s.Topic) || r.Optional {
			continue
		}
		for _, name := range r.names() {
			id := fmt.Sprintf("rule %d: %s", i+1, name)
			if slices.Contains(known, name) {
				g.matched(id)
				continue
			}
			g.unmatched(id)
			if s.Closed && r.literal() && p.err == nil {
				p.err = &stream.StateError{State: stream.StateParked,
					Why:  fmt.Sprintf("mask: rule %d names column %q, which %s does not have%s", i+1, name, s.Topic, topology.Suggest(name, known)),
					Todo: "mend the policy, or say `optional: true` in the rule"}
			}
		}
	}
}

// names lists the columns the rule speaks of.
func (r *Rule) names() (names []string) {
	for n := range r.Columns {
		if p, err := ParsePath(n); err == nil {
			names = append(names, p[0].Name)
		}
	}
	if r.Keep != nil {
		names = append(names, r.Keep.Columns...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (r *Rule) literal() bool {
	return len(r.Topics) > 0 && !slices.ContainsFunc(r.Topics, func(t string) bool { return strings.Contains(t, "*") })
}
