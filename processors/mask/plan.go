package mask

import (
	"cmp"
	"slices"

	"sluice/processors/mask/policy"
	"sluice/processors/mask/strategy"
	"sluice/schemas"
	"sluice/topology/stream"
)

// plan is the policy compiled for one version of one topic.
type plan struct {
	table *stream.Table
	cols  []column
	err   error // the lane stops: a mistake only a person can mend, the first of problems

	problems []*stream.StateError

	// cols once more, for the work a record: those that are kept, as stretches
	// that lie alike in a record's rows and behind the gate, and the others.
	kept     []stretch
	constant []fixed
	made     []int // the rest
	makers   int   // how many of them make bytes
	subjects []int // those that take keys of data subjects
	keyWidth int   // cells of a key's row
	moved    bool  // a column is not where it was, or goes by another: rows are copied
}

// fixed are output columns whose every value becomes the constant of an
// action, but for nulls.
type fixed struct {
	kind policy.Kind
	cols []placed
}

// placed is an output column and the ordinal of its field.
type placed struct{ at, ord int }

// stretch is n columns that are kept, from ordinal ord of the schema to
// output columns from at.
type stretch struct{ at, ord, n int }

// inPlace reports that the cells of a row of n become those behind the gate where
// they are.
func (p *plan) inPlace(n int) bool { return !p.moved && n == len(p.cols) }

// holds adds an output column to those that become the constant of an action.
func (p *plan) holds(k policy.Kind, c placed) {
	i := slices.IndexFunc(p.constant, func(f fixed) bool { return f.kind == k })
	if i < 0 {
		i = len(p.constant)
		p.constant = append(p.constant, fixed{kind: k})
	}
	p.constant[i].cols = append(p.constant[i].cols, c)
}

// copy carries the cells of a row that are kept.
func (p *plan) copy(out, in []schemas.Cell) {
	for _, k := range p.kept {
		if k.ord < len(in) { // shorter rows lack the later fields
			copy(out[k.at:k.at+k.n], in[k.ord:])
		}
	}
}

// column is one output column: where its cells come from and what is done.
type column struct {
	ord     int
	field   *schemas.Field
	spec    *policy.Spec
	inner   *policy.Node // paths inside of a JSON value
	scanned *policy.Node // of a scan: what all of a JSON value goes through
	context []byte       // the column's name, for scans
	keep    bool         // cells pass as they are

	// What follows from spec.
	with     strategy.Masker // nil: nothing but nulls and a constant
	constant string          // what every text becomes
	slow     bool            // worth to look whether the same value was masked before

	hash    *strategy.Hasher // of hash: values are hashed many at a time
	written bool             // a text is hashed as it stands
	plain   bool             // and that is all that is done

	by     int   // ordinal of the column that the action goes by, or -1
	byAlso []int // of those that go on for it with another type
	people []goesBy
}

// makes reports that every value makes bytes of its own.
func (c *column) makes() bool { return c.with != nil || c.inner != nil || c.scanned != nil }

// kind is the type of a value of the column; where only nulls were seen so far
// the value itself tells.
func (c *column) kind(v schemas.Cell) schemas.Kind {
	if k := c.field.Type.Kind; k != schemas.Unknown {
		return k
	}
	return literal(v.Enc)
}

func newPlan(s *schemas.Schema) *plan {
	return &plan{table: &stream.Table{Topic: s.Topic, Database: s.Database, Namespace: s.Namespace, Table: s.Table, Version: s.Version}}
}

// add appends an output column.
func (p *plan) add(c column, out schemas.Field, action string) {
	if out.Key {
		p.table.Key = append(p.table.Key, len(p.cols))
		p.keyWidth = len(p.cols) + 1
	}
	at := len(p.cols)
	p.moved = p.moved || c.ord != at || !c.keep && c.by >= 0
	if last := len(p.kept) - 1; !c.keep {
		if c.constant != "" && c.inner == nil && policy.IsText(c.field.Type.Kind) {
			p.holds(c.spec.Kind, placed{at, c.ord})
		} else {
			p.made = append(p.made, at)
		}
		if slices.ContainsFunc(c.people, func(g goesBy) bool { return g.subject }) {
			p.subjects = append(p.subjects, at)
		}
		if c.makes() {
			p.makers++
		}
	} else if last >= 0 && p.kept[last].at+p.kept[last].n == at && p.kept[last].ord+p.kept[last].n == c.ord {
		p.kept[last].n++
	} else {
		p.kept = append(p.kept, stretch{at: at, ord: c.ord, n: 1})
	}
	p.cols = append(p.cols, c)
	p.table.Columns = append(p.table.Columns, stream.Column{Field: out, Action: action, Bounds: c.keep}) // P1
}

// keepAll is the plan of `privacy: none`.
func keepAll(s *schemas.Schema) *plan {
	p := newPlan(s)
	for i := range s.Fields {
		f := &s.Fields[i]
		p.add(column{ord: i, field: f, spec: &policy.Spec{Kind: policy.Keep}, keep: true}, *f, policy.Keep.String())
	}
	return p
}

// compile works out what happens to every field of s: what nobody classified
// goes by the default. // P4
func (g *Gate) compile(s *schemas.Schema) *plan {
	p := newPlan(s)
	for i := range s.Fields {
		f := &s.Fields[i]
		x := g.rules.Decide(s, f)
		c, ds := newColumn(i, f, &x), x.Decisions
		p.unfit(&c, f, &x, s.Topic)
		p.goes(&c, s, &x, g.rules)
		if c.spec.Kind.Gone() {
			continue
		}
		out := c.output()
		if ds[0].Class != "" { // what the policy says counts beside what a contract does
			out.Class, _ = schemas.ParseClass(ds[0].Class)
		}
		p.add(c, out, ds[0].Action)
	}
	for _, e := range g.rules.Match(s, g.log) {
		p.park(e.Todo, "%s", e.Why)
	}
	return p
}

// newColumn is field f of ordinal ord as x has it.
func newColumn(ord int, f *schemas.Field, x *policy.Ruling) column {
	c := column{ord: ord, field: f, spec: x.Spec, inner: x.Inside, by: -1, keep: x.Kept(), context: []byte(cmp.Or(f.Of, f.Name)),
		with: x.Spec.Strategy, constant: x.Spec.Kind.Constant(), slow: x.Spec.Kind.Slow(),
		written: policy.IsText(f.Type.Kind) && f.Type.Kind != schemas.UUID && !f.Key}
	c.hash, _ = c.with.(*strategy.Hasher)
	c.plain = c.hash != nil && c.written && c.inner == nil && c.spec.Kind == policy.Hash
	if c.spec.Kind == policy.Scan {
		c.scanned = policy.Whole(*c.spec)
	}
	return c
}

// output is the field behind the gate.
func (c *column) output() schemas.Field {
	f := *c.field
	if c.inner != nil {
		f.Type, f.Wire = schemas.Type{Kind: schemas.JSON}, schemas.WirePlain
	} else {
		c.spec.Output(&f)
	}
	return f
}
