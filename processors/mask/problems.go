package mask

import (
	"fmt"
	"slices"

	"sluice/processors/mask/policy"
	"sluice/schemas"
	"sluice/topology/stream"
)

// Problems lists why the lanes of a topic with the columns of s would stop at the
// gate of r, all of them, each with what to do. It needs no key.
func Problems(r *policy.Rules, s *schemas.Schema) (all []string) {
	for _, e := range (&Gate{rules: r}).compile(s).problems {
		all = append(all, fmt.Sprintf("%s: %s", e.Why, e.Todo))
	}
	return all
}

// park notes a mistake of the policy that shows with the schema. The lane stops for
// the first; Problems tells all.
func (p *plan) park(todo, why string, a ...any) {
	e := &stream.StateError{State: stream.StateParked, Why: "mask: " + fmt.Sprintf(why, a...), Todo: todo}
	if p.problems = append(p.problems, e); p.err == nil {
		p.err = e
	}
}

// unfit notes why what the policy says of a field cannot be done.
func (p *plan) unfit(c *column, f *schemas.Field, x *policy.Ruling, topic string) {
	d := &x.Decisions[0]
	if f.Key && (!c.spec.Injective() || c.inner != nil) { // D4
		p.park("keep it with a reason, or hash it", "%s is in the key of %s and its action is %s: rows would fall together", d.Column, topic, d.Action)
	}
	if err := c.spec.Fits(f); err != nil {
		p.park("take another action or other parameters for this column", "line %d: %s of %s: %v", c.spec.Line, f.Name, topic, err)
	}
}

// lateRows are after how many rows of the gate paths that matched nothing are told:
// one that leads into values shows in no schema.
var lateRows = [...]int64{1_000, 100_000}

// late warns of paths that matched nothing so far, when n more rows make it late.
func (g *Gate) late(n int) {
	rows := g.rows.Add(int64(n))
	if g.log == nil || !slices.ContainsFunc(lateRows[:], func(at int64) bool { return rows >= at && rows-int64(n) < at }) {
		return
	}
	for _, path := range g.Unmatched() {
		g.log.Warn("a path of the policy matched nothing so far: what it was to mask goes by the rest", "path", path, "rows", rows, "todo", "sluice mask explain FILE TOPIC")
	}
}
