package mask

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"sluice/topology"
)

// rule is a Rule with its paths read.
type rule struct {
	*Rule
	number  int // from 1
	targets []*target
}

// target is one path of a rule and what happens there.
type target struct {
	path Path
	spec Spec

	// For Unmatched: its topics were seen, a column has its name, and, for a
	// path into JSON, a value was found there.
	asked, column, value atomic.Bool
}

// set does not write what is so already: workers share the target.
func set(b *atomic.Bool) {
	if !b.Load() {
		b.Store(true)
	}
}

// compileRule reads the paths of r and refuses those that contradict.
func compileRule(number int, r *Rule) (*rule, error) {
	out := &rule{Rule: r, number: number}
	var errs []error
	add := func(format string, a ...any) {
		errs = append(errs, fmt.Errorf("%d:1: rule %d: %w", r.line, number, fmt.Errorf(format, a...)))
	}
	take := func(name string, s Spec) {
		p, err := ParsePath(name)
		if err != nil {
			add("%w", err)
			return
		}
		if s.by() != "" && len(p) > 1 {
			add("%q: by names a column, and an action inside of a JSON value sees none", name)
		}
		out.targets = append(out.targets, &target{path: p, spec: s})
	}
	for name, s := range r.Columns {
		take(name, s)
	}
	if r.Keep != nil {
		if strings.TrimSpace(r.Keep.Because) == "" {
			add("keep needs a reason, as `because: \"...\"`") // P4
		}
		for _, name := range r.Keep.Columns {
			take(name, Spec{Kind: Keep, Why: r.Keep.Because, line: r.line})
		}
	}
	if len(out.targets) == 0 && len(errs) == 0 {
		add("names no columns")
	}
	if !r.Headers.IsZero() {
		add("headers never pass the gate: there is nothing to say about them") // P3
	}
	slices.SortFunc(out.targets, func(a, b *target) int { return strings.Compare(a.path.String(), b.path.String()) })
	for i, a := range out.targets {
		for j, b := range out.targets {
			switch {
			case i == j || !b.path.within(a.path):
			case len(a.path) == len(b.path):
				if i < j {
					add("%q is given twice, as %v and as %v", a.path, a.spec.Kind, b.spec.Kind)
				}
			case a.spec.Kind != Keep:
				add("%q contradicts the action for all of %q", b.path, a.path)
			}
		}
	}
	return out, errors.Join(errs...)
}

func (r *rule) matches(topic string) bool {
	return len(r.Topics) == 0 || slices.ContainsFunc(r.Topics, func(g string) bool { return topology.Glob(g, topic) })
}

// literal reports that the rule names its topics one by one.
func (r *rule) literal() bool {
	return len(r.Topics) > 0 && !slices.ContainsFunc(r.Topics, func(t string) bool { return strings.Contains(t, "*") })
}

// of lists the targets for column name and what is inside of it.
func (r *rule) of(name string) (ts []*target) {
	for _, t := range r.targets {
		if t.path[0].Name == name {
			ts = append(ts, t)
		}
	}
	return ts
}
