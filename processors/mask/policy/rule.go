package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"sluice/schemas"
	"sluice/topology"
)

// rule is a Rule with its paths read.
type rule struct {
	*Rule
	number  int // from 1
	targets []*Target
	classes map[schemas.Class]*Spec
	tags    map[string]*Spec
}

// Target is one path of a rule and what happens there.
type Target struct {
	Path Path
	Spec Spec
	By   string // what of the rule named it: path, class email, tag gdpr
	seen *seen
}

// Found notes that a value was there, for Unmatched.
func (t *Target) Found() { set(&t.seen.value) }

// seen is what Unmatched has to know of a path: its topics were seen, a column
// has its name, and, for a path into JSON, a value was found there.
type seen struct{ asked, column, value atomic.Bool }

// set does not write what is so already: workers share it.
func set(b *atomic.Bool) {
	if !b.Load() {
		b.Store(true)
	}
}

// compileRule reads the paths of r and refuses those that contradict. scan is
// what scans do that say nothing.
func compileRule(number int, r *Rule, scan *Scanning) (*rule, error) {
	out := &rule{Rule: r, number: number, classes: map[schemas.Class]*Spec{}, tags: map[string]*Spec{}}
	var errs []error
	add := func(format string, a ...any) {
		errs = append(errs, fmt.Errorf("%d:1: rule %d: %w", r.line, number, fmt.Errorf(format, a...)))
	}
	take := func(name string, s Spec) {
		p, err := ParsePath(name)
		if err == nil && p[len(p)-1].Kind == Keys && s.Kind != Keep && s.Kind != Drop && !s.Injective() {
			err = fmt.Errorf("%q: %v would make names of members fall together: hash them, drop them or keep them with a reason", name, s.Kind)
		}
		if err != nil {
			add("%w", err)
			return
		}
		out.targets = append(out.targets, &Target{Path: p, Spec: s.scans(scan), By: "path", seen: &seen{}})
	}
	class := func(name string, s Spec) {
		c, err := schemas.ParseClass(name)
		if err != nil {
			add("%w", err)
		} else if out.classes[c] != nil {
			add("class %s is given twice", c)
		} else {
			s = s.scans(scan)
			out.classes[c] = &s
		}
	}
	tag := func(name string, s Spec) {
		if out.tags[name] != nil {
			add("tag %s is given twice", name)
		}
		s = s.scans(scan)
		out.tags[name] = &s
	}
	for name, s := range r.Columns {
		take(name, s)
	}
	for name, s := range r.Classes {
		class(name, s)
	}
	for name, s := range r.Tags {
		tag(name, s)
	}
	if k := r.Keep; k != nil {
		if strings.TrimSpace(k.Because) == "" {
			add("keep needs a reason, as `because: \"...\"`") // P4
		}
		kept := Spec{Kind: Keep, Why: k.Because, Line: r.line}
		for _, name := range k.Columns {
			take(name, kept)
		}
		for _, name := range k.Classes {
			class(name, kept)
		}
		for _, name := range k.Tags {
			tag(name, kept)
		}
	}
	if len(out.targets)+len(out.classes)+len(out.tags) == 0 && len(errs) == 0 {
		add("names no columns, classes or tags")
	}
	if !r.Headers.IsZero() {
		add("headers never pass the gate: there is nothing to say about them") // P3
	}
	out.contradictions(add)
	return out, errors.Join(errs...)
}

// contradictions sorts the targets and reports those that cannot both be.
func (r *rule) contradictions(add func(string, ...any)) {
	slices.SortFunc(r.targets, func(a, b *Target) int { return strings.Compare(a.Path.String(), b.Path.String()) })
	for i, a := range r.targets {
		for j, b := range r.targets {
			switch {
			case i == j || !b.Path.within(a.Path):
			case len(a.Path) == len(b.Path):
				if i < j {
					add("%q is given twice, as %v and as %v", a.Path, a.Spec.Kind, b.Spec.Kind)
				}
			case a.Spec.Kind != Keep:
				add("%q contradicts the action for all of %q", b.Path, a.Path)
			}
		}
	}
}

func (r *rule) matches(topic string) bool { return topics(r.Topics).match(topic) }

// topics are the globs of a rule; none is all topics.
type topics []string

func (t topics) match(topic string) bool {
	return len(t) == 0 || slices.ContainsFunc(t, func(g string) bool { return topology.Glob(g, topic) })
}

// literal reports that the topics are named one by one.
func (t topics) literal() bool {
	return len(t) > 0 && !slices.ContainsFunc(t, func(g string) bool { return strings.Contains(g, "*") })
}

// specs lists every action of the rule.
func (r *rule) specs() (all []*Spec) {
	for _, t := range r.targets {
		all = append(all, &t.Spec)
	}
	for _, s := range r.classes {
		all = append(all, s)
	}
	for _, s := range r.tags {
		all = append(all, s)
	}
	return all
}

// of lists the targets for column name and what is inside of it. A path of the
// rule decides before a class, a class before a tag, and of tags the first by
// name; what a path decides about all of a value no class inside undoes.
func (r *rule) of(name string, says []statement) (ts []*Target) {
	for _, t := range r.targets {
		if t.Path[0].Name == name {
			ts = append(ts, t)
		}
	}
	paths := len(ts)
	for _, x := range says { // shorter paths come first
		if len(x.path) == 1 && paths > 0 || slices.ContainsFunc(ts, func(t *Target) bool {
			return t.Path.within(x.path) || x.path.within(t.Path) && t.Spec.Kind != Keep
		}) {
			continue
		}
		if spec, by := r.about(x); spec != nil {
			ts = append(ts, &Target{Path: x.path, Spec: *spec, By: by, seen: x.seen})
		}
	}
	return ts
}

// about is what the rule does with what x says.
func (r *rule) about(x statement) (*Spec, string) {
	if s := r.classes[x.class]; s != nil && x.class != schemas.NoClass {
		return s, "class " + x.class.String()
	}
	for _, tag := range x.tags {
		if s := r.tags[tag]; s != nil {
			return s, "tag " + tag
		}
	}
	return nil, ""
}
