package policy

import (
	"cmp"
	"slices"

	"sluice/processors/mask/detect"
	"sluice/schemas"
)

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

// Ruling is what happens to one field.
type Ruling struct {
	Spec      *Spec      // of all of it; with paths inside keep
	Inside    *Node      // paths into a JSON value, nil: none
	By        []*Target  // inside of it, whose actions go by a column of the row
	Decisions []Decision // the field's own, then those about paths inside of it

	targets []*Target // of the rule that decided
}

// Kept reports that values pass as they are.
func (x *Ruling) Kept() bool { return x.Spec.Kind == Keep && x.Inside == nil }

// Explain says what happens to every field of s, and to the paths inside of
// it, and what decided.
func (r *Rules) Explain(s *schemas.Schema) (all []Decision) {
	for i := range s.Fields {
		all = append(all, r.Decide(s, &s.Fields[i]).Decisions...)
	}
	return all
}

// Decide is what happens to one field of s: the first rule that names it, its
// class or a tag of it, else the default.
func (r *Rules) Decide(s *schemas.Schema, f *schemas.Field) Ruling {
	says := r.says(s.Topic, f)
	class := ""
	for _, x := range says {
		if len(x.path) == 1 && x.class != schemas.NoClass {
			class = x.class.String()
		}
	}
	x, ok := r.ruled(s.Topic, f, cmp.Or(f.Of, f.Name), class, says) // P3
	unread := ok && x.Kept() && becameText(s, f)
	if unread { // P4: a rule may name it by its own name
		x, ok = r.ruled(s.Topic, f, f.Name, class, nil)
	}
	if ok {
		return x
	}
	moot(says, nil)
	k := Fallback(r.Rest, f.Type.Kind)
	if f.Key && (k == Null || k == Scan) { // a key that is nulled would make rows fall together
		k = Hash
	}
	mayBeData := f.Loose && !r.identifier(f)
	if mayBeData {
		k = Withhold // P1 P4: the stores would have a value as the name of a column
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
	return Ruling{Spec: r.Unnamed(k), Decisions: []Decision{d}}
}

// becameText reports a column that goes on with texts, or values of any form,
// for one that had numbers, times or bools: who said that those may pass has not
// seen these.
func becameText(s *schemas.Schema, f *schemas.Field) bool {
	if f.Of == "" || !IsText(f.Type.Kind) {
		return false
	}
	i := s.Ordinal([]byte(f.Of))
	return i < 0 || !IsText(s.Fields[i].Type.Kind)
}

// ruled is what the first rule of topic that says anything of name, of its class
// or a tag does with f; false: none does.
func (r *Rules) ruled(topic string, f *schemas.Field, name, class string, says []statement) (Ruling, bool) {
	for _, rule := range r.rules {
		if !rule.matches(topic) {
			continue
		}
		ts := rule.of(name, says)
		if len(ts) == 0 {
			continue
		}
		moot(says, ts)
		x := Ruling{Spec: &Spec{Kind: Keep}, targets: ts}
		ds := []Decision{{Column: f.Name, Action: "nested", Rule: rule.number, Line: rule.line, By: "path"}}
		for _, t := range ts {
			d := Decision{Column: t.Path.String(), Action: t.Spec.Action(), Params: t.Spec.params, Rule: rule.number, Line: t.Spec.Line, By: t.By, Why: t.Spec.Why}
			if d.Line == 0 { // null has no line of its own
				d.Line = rule.line
			}
			switch {
			case len(t.Path) > 1:
				if ds = append(ds, d); t.Spec.By() != "" {
					x.By = append(x.By, t)
				}
				if id := t.Spec.keyID(); id != "" {
					ds[0].Action = "nested:" + id // P5
				}
			case len(ts) == 1:
				ds[0], x.Spec = d, &t.Spec
			default: // kept but for what is named inside
				ds[0].Why, ds[0].Line = d.Why, d.Line
			}
		}
		ds[0].Column, ds[0].Class = f.Name, class // the rule may name the column it goes on for
		if len(ds) > 1 {
			x.Inside = newNode(ts)
			ds = append(ds, r.within(x.Inside, f.Name, ds)...)
		}
		x.Decisions = ds
		return x, true
	}
	return Ruling{}, false
}

// identifier reports that the name of a column is one, and holds nothing personal. // P4
func (r *Rules) identifier(f *schemas.Field) bool {
	name := []byte(cmp.Or(f.Of, f.Name))
	plain, certain := Identifier(name, r.AnyWord())
	return plain && (certain || len(detect.New(r.Detector).Find(nil, name)) == 0)
}

const fewDigits = 4 // with less of them no detector of its own finds anything in an identifier

// Identifier reports whether name is one, as schemas.Identifier has it, and
// whether it is certain that a detector finds nothing in it. names: the detector
// knows words, so that any may be one of them, as AnyWord has it.
func Identifier(name []byte, words bool) (plain, certain bool) {
	plain, digits := schemas.Identifier(name)
	return plain, digits < fewDigits && !words
}

// AnyWord reports that the detector of the policy knows names, words or expressions of
// its user: any word may be one of them.
func (r *Rules) AnyWord() bool {
	return r.Detector.Names != nil || len(r.Detector.Words)+len(r.Detector.Patterns) > 0
}

// moot marks what is said of paths that nothing follows from: nobody will look
// whether there is a value.
func moot(says []statement, ts []*Target) {
	for _, x := range says {
		if len(x.path) > 1 && !slices.ContainsFunc(ts, func(t *Target) bool { return t.seen == x.seen }) {
			set(&x.seen.value)
		}
	}
}

// within tells what happens inside of a column to what no path names.
func (r *Rules) within(n *Node, name string, ds []Decision) (more []Decision) {
	said := func(column string) bool {
		return slices.ContainsFunc(ds, func(d Decision) bool { return d.Column == column })
	}
	rest := Decision{Column: name + ".*", By: "default", Action: r.Rest.String(), Why: "what no path names"}
	if r.Rest == Hash {
		rest.Why += ": text, objects and arrays; other values are nulled"
	}
	if n.At != nil {
		rest = Decision{Column: name + ".*", By: ds[0].By, Action: Keep.String(), Rule: ds[0].Rule, Line: ds[0].Line, Why: ds[0].Why}
	}
	if !said(rest.Column) {
		more = append(more, rest)
	}
	names := Decision{Column: name + ".{key}", By: "default", Action: Hash.String(), Why: "names that no path names and that are no plain identifiers; others stay"}
	switch {
	case n.At != nil:
		return more
	case r.Rest == Withhold:
		names.Action = Withhold.String()
	}
	if n.Object() && !said(names.Column) {
		more = append(more, names)
	}
	return more
}

// mayBeDataLabel stands for the name of such a column. // P1
const mayBeDataLabel = "(a name that may be data)"
