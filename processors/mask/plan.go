package mask

import (
	"cmp"
	"fmt"
	"slices"

	"sluice/processors/mask/strategy"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// plan is the policy compiled for one version of one topic.
type plan struct {
	table *stream.Table
	cols  []column
	err   error // the lane stops: a mistake only a person can mend

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

// fixed are output columns whose every value becomes the constant of act, but for
// nulls.
type fixed struct {
	act  *action
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

// holds adds an output column to those that become the constant of act.
func (p *plan) holds(act *action, c placed) {
	i := slices.IndexFunc(p.constant, func(f fixed) bool { return f.act == act })
	if i < 0 {
		i = len(p.constant)
		p.constant = append(p.constant, fixed{act: act})
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
	spec    *Spec
	act     *action
	inner   *node  // paths inside of a JSON value
	scanned *node  // of a scan: what all of a JSON value goes through
	context []byte // the column's name, for scans
	keep    bool   // cells pass as they are

	hash    *strategy.Hasher // of hash: values are hashed two at a time
	written bool             // a text is hashed as it stands

	by     int   // ordinal of the column that the action goes by, or -1
	byAlso []int // of those that go on for it with another type

	blind *target // inside of it, whose action goes by a column, nil for none
}

// makes reports that every value makes bytes of its own.
func (c *column) makes() bool { return c.act.mask != nil || c.inner != nil || c.scanned != nil }

// kind is the type of a value of the column; where only nulls were seen so far
// the value itself tells.
func (c *column) kind(v schemas.Cell) schemas.Kind {
	if k := c.field.Type.Kind; k != schemas.Unknown {
		return k
	}
	return literal(v.Enc)
}

// Decision says what happens to one column, or to a path inside of one, and
// what decided: Rule counts from 1, 0 is the default; Line is the rule's or the
// action's in the policy file.
type Decision struct {
	Column string `json:"column"`
	Action string `json:"action"`
	Params string `json:"params,omitempty"` // of the action, as the policy has them
	Rule   int    `json:"rule"`
	Line   int    `json:"line,omitempty"`
	By     string `json:"by"` // path, class email, tag gdpr, default
	Class  string `json:"class,omitempty"`
	Why    string `json:"why,omitempty"`
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
		if c.act.constant != "" && c.inner == nil && c.spec.Kind != Scan && isText(c.field.Type.Kind) {
			p.holds(c.act, placed{at, c.ord})
		} else {
			p.made = append(p.made, at)
		}
		if c.spec.Subjects() {
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
		p.add(column{ord: i, field: f, spec: &Spec{Kind: Keep}, act: &actions[Keep], keep: true}, *f, Keep.String())
	}
	return p
}

// compile works out what happens to every field of s: what nobody classified
// goes by the default. // P4
func (g *Gate) compile(s *schemas.Schema) *plan {
	p := newPlan(s)
	for i := range s.Fields {
		f := &s.Fields[i]
		c, ds := g.decide(s, f)
		c.ord, c.by, c.hash = i, -1, g.hashes(c.spec)
		c.written = isText(f.Type.Kind) && f.Type.Kind != schemas.UUID && !f.Key
		if f.Key && (!c.spec.injective() || c.inner != nil) && p.err == nil { // D4
			p.err = &stream.StateError{State: stream.StateParked,
				Why:  fmt.Sprintf("mask: %s is in the key of %s and its action is %s: rows would fall together", ds[0].Column, s.Topic, ds[0].Action),
				Todo: "keep it with a reason, or hash it"}
		}
		if err := c.spec.fits(f); err != nil && p.err == nil {
			p.err = &stream.StateError{State: stream.StateParked, Why: fmt.Sprintf("mask: line %d: %s of %s: %v", c.spec.line, f.Name, s.Topic, err),
				Todo: "take another action or other parameters for this column"}
		}
		if name := c.spec.by(); name != "" {
			if c.by = s.Ordinal([]byte(name)); c.by >= 0 {
				for also := range s.Fields {
					if s.Fields[also].Of == name {
						c.byAlso = append(c.byAlso, also)
					}
				}
			} else if s.Closed && p.err == nil {
				p.err = &stream.StateError{State: stream.StateParked, Todo: "mend `by` in the policy",
					Why: fmt.Sprintf("mask: line %d: %s goes by column %q, which %s does not have%s", c.spec.line, f.Name, name, s.Topic, topology.Suggest(name, known(s)))}
			}
		}
		if b := c.blind; b != nil && p.err == nil {
			p.err = &stream.StateError{State: stream.StateParked, Todo: "name another action for that path, or for the column",
				Why: fmt.Sprintf("mask: line %d: %v of %s (%s) goes by column %q, and inside of a JSON value it sees none", b.spec.line, b.path, s.Topic, b.by, b.spec.by())}
		}
		if c.act.gone {
			continue
		}
		out := c.output()
		if ds[0].Class != "" { // what the policy says counts beside what a contract does
			out.Class, _ = schemas.ParseClass(ds[0].Class)
		}
		p.add(c, out, ds[0].Action)
	}
	g.check(s, p)
	return p
}

// decide is what happens to one field: the first rule that names it, its class
// or a tag of it, else the default. Decisions about paths inside of it follow
// the field's own.
func (g *Gate) decide(s *schemas.Schema, f *schemas.Field) (column, []Decision) {
	says := g.says(s.Topic, f)
	class := ""
	for _, x := range says {
		if len(x.path) == 1 && x.class != schemas.NoClass {
			class = x.class.String()
		}
	}
	c, ds, ok := g.ruled(s.Topic, f, cmp.Or(f.Of, f.Name), class, says) // P3
	unread := ok && c.keep && becameText(s, f)
	if unread { // P4: a rule may name it by its own name
		c, ds, ok = g.ruled(s.Topic, f, f.Name, class, nil)
	}
	if ok {
		return c, ds
	}
	moot(says, nil)
	k := g.fallback(f.Type.Kind)
	if f.Key && (k == Null || k == Scan) { // a key that is nulled would make rows fall together
		k = Hash
	}
	mayBeData := f.Loose && !g.identifier(f)
	if mayBeData {
		k = Withhold // P1 P4: the stores would have a value as the name of a column
	}
	c = column{field: f, spec: &Spec{Kind: k}}
	if k == Scan {
		c.spec = g.restScan
	}
	d := Decision{Column: f.Name, Action: k.String(), By: "default", Class: class}
	if k == Scan {
		d.Why = scanDoes(f.Type.Kind)
	}
	switch {
	case mayBeData:
		d.Column = mayBeDataLabel
		d.Why = "it comes from records and is no plain identifier: a rule that names it has the column"
	case unread:
		d.Why = f.Of + " is kept for what it was, and that was no text: a rule that names this column keeps it"
	}
	return c.ready(), []Decision{d}
}

// becameText reports a column that goes on with texts, or values of any form,
// for one that had numbers, times or bools: who said that those may pass has not
// seen these.
func becameText(s *schemas.Schema, f *schemas.Field) bool {
	if f.Of == "" || !isText(f.Type.Kind) {
		return false
	}
	i := s.Ordinal([]byte(f.Of))
	return i < 0 || !isText(s.Fields[i].Type.Kind)
}

// ruled is what the first rule of topic that says anything of name, of its class
// or a tag does with f.
func (g *Gate) ruled(topic string, f *schemas.Field, name, class string, says []statement) (column, []Decision, bool) {
	for _, r := range g.rules {
		if !r.matches(topic) {
			continue
		}
		ts := r.of(name, says)
		if len(ts) == 0 {
			continue
		}
		moot(says, ts)
		c := column{field: f, spec: &Spec{Kind: Keep}}
		ds := []Decision{{Column: f.Name, Action: "nested", Rule: r.number, Line: r.line, By: "path"}}
		for _, t := range ts {
			d := Decision{Column: t.path.String(), Action: t.spec.action(), Params: t.spec.params, Rule: r.number, Line: t.spec.line, By: t.by, Why: t.spec.Why}
			if d.Line == 0 { // null has no line of its own
				d.Line = r.line
			}
			switch {
			case len(t.path) > 1:
				if ds = append(ds, d); t.spec.by() != "" {
					c.blind = t
				}
				if id := t.spec.keyID(); id != "" {
					ds[0].Action = "nested:" + id // P5
				}
			case len(ts) == 1:
				ds[0], c.spec = d, &t.spec
			default: // kept but for what is named inside
				ds[0].Why, ds[0].Line = d.Why, d.Line
			}
		}
		ds[0].Column, ds[0].Class = f.Name, class // the rule may name the column it goes on for
		if len(ds) > 1 {
			c.inner = newNode(ts)
			ds = append(ds, g.within(c.inner, f.Name, ds)...)
		}
		return c.ready(), ds, true
	}
	return column{}, nil, false
}

// identifier reports that the name of a column is one, and holds nothing personal.
func (g *Gate) identifier(f *schemas.Field) bool {
	return newScratch(g).identifier([]byte(cmp.Or(f.Of, f.Name)))
}

// moot marks what is said of paths that nothing follows from: nobody will look
// whether there is a value.
func moot(says []statement, ts []*target) {
	for _, x := range says {
		if len(x.path) > 1 && !slices.ContainsFunc(ts, func(t *target) bool { return t.seen == x.seen }) {
			set(&x.seen.value)
		}
	}
}

// ready fills in what follows from the spec.
func (c column) ready() column {
	c.act, c.keep = &actions[c.spec.Kind], c.spec.Kind == Keep && c.inner == nil
	c.context = []byte(cmp.Or(c.field.Of, c.field.Name))
	if c.spec.Kind == Scan {
		c.scanned = &node{at: &target{spec: *c.spec, seen: &seen{}}}
	}
	return c
}

// within tells what happens inside of a column to what no path names.
func (g *Gate) within(n *node, name string, ds []Decision) (more []Decision) {
	said := func(column string) bool {
		return slices.ContainsFunc(ds, func(d Decision) bool { return d.Column == column })
	}
	rest := Decision{Column: name + ".*", By: "default", Action: g.rest.String(), Why: "what no path names"}
	if g.rest == Hash {
		rest.Why += ": text, objects and arrays; other values are nulled"
	}
	if n.at != nil {
		rest = Decision{Column: name + ".*", By: ds[0].By, Action: Keep.String(), Rule: ds[0].Rule, Line: ds[0].Line, Why: ds[0].Why}
	}
	if !said(rest.Column) {
		more = append(more, rest)
	}
	names := Decision{Column: name + ".{key}", By: "default", Action: Hash.String(), Why: "names that no path names and that are no plain identifiers; others stay"}
	switch {
	case n.at != nil:
		return more
	case g.rest == Withhold:
		names.Action = Withhold.String()
	}
	if n.object() && !said(names.Column) {
		more = append(more, names)
	}
	return more
}

// hashes is what does the hashing of a spec, nil for all else.
func (g *Gate) hashes(spec *Spec) *strategy.Hasher {
	if spec.with == nil && spec.Kind == Hash {
		return g.hash
	}
	h, _ := spec.with.(*strategy.Hasher)
	return h
}

// fallback is the action of a value of kind k that nobody classified. // P4
func (g *Gate) fallback(k schemas.Kind) Kind { return fallback(g.rest, k) }

func fallback(rest Kind, k schemas.Kind) Kind {
	if rest == Hash && !isText(k) {
		return Null
	}
	return rest
}

// output is the field behind the gate.
func (c *column) output() schemas.Field {
	f := *c.field
	switch {
	case c.inner != nil:
		f.Type, f.Wire = schemas.Type{Kind: schemas.JSON}, schemas.WirePlain
	case c.act.output != nil:
		c.act.output(c.spec, &f)
	}
	return f
}

// claim is a path that the policy names, of a rule or of what it says columns hold.
type claim struct {
	what     string // rule 2, class 1
	topics   topics
	optional bool
	path     Path
	seen     *seen
}

func (g *Gate) claims() (all []claim) {
	for _, r := range g.rules {
		for _, t := range r.targets {
			all = append(all, claim{fmt.Sprintf("rule %d", r.number), r.Topics, r.Optional, t.path, t.seen})
		}
	}
	for _, c := range g.classed {
		for _, x := range c.says {
			all = append(all, claim{fmt.Sprintf("class %d", c.number), c.Topics, c.Optional, x.path, x.seen})
		}
	}
	return all
}

// check wants every path of the policy to match a column. A rule for topics by
// name over a source table is wrong if a column is not there; one by glob, or
// over plain events, may match later: Unmatched lists it until it does.
func (g *Gate) check(s *schemas.Schema, p *plan) {
	known := known(s)
	for _, c := range g.claims() {
		if !c.topics.match(s.Topic) || c.optional {
			continue
		}
		name := c.path[0].Name
		if s.Ordinal([]byte(name)) >= 0 {
			set(&c.seen.column)
			set(&c.seen.asked)
			continue
		}
		if s.Closed && c.topics.literal() && p.err == nil {
			p.err = &stream.StateError{State: stream.StateParked,
				Why:  fmt.Sprintf("mask: %s names column %q, which %s does not have%s", c.what, name, s.Topic, topology.Suggest(name, known)),
				Todo: "mend the policy, or say `optional: true` there"}
		}
		if !c.seen.asked.Swap(true) && g.log != nil {
			g.log.Warn("a path of the policy matches no column so far", "of", c.what, "path", c.path.String(), "topic", s.Topic)
		}
	}
}

// known are the names of columns that a message may show. // P1
func known(s *schemas.Schema) (names []string) {
	for i := range s.Fields {
		if f := &s.Fields[i]; !f.MayBeData() {
			names = append(names, f.Name)
		}
	}
	return names
}

// mayBeDataLabel stands for the name of such a column. // P1
const mayBeDataLabel = "(a name that may be data)"
