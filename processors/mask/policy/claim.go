package policy

import (
	"fmt"
	"log/slog"

	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// claim is a path that the policy names, of a rule or of what it says columns hold.
type claim struct {
	what     string // rule 2, class 1
	rule     int    // 0: a class
	topics   topics
	optional bool
	path     Path
	seen     *seen
}

func (r *Rules) claims() (all []claim) {
	for _, x := range r.rules {
		for _, t := range x.targets {
			all = append(all, claim{fmt.Sprintf("rule %d", x.number), x.number, x.Topics, x.Optional, t.Path, t.seen})
		}
	}
	for _, c := range r.classed {
		for _, x := range c.says {
			all = append(all, claim{fmt.Sprintf("class %d", c.number), 0, c.Topics, c.Optional, x.path, x.seen})
		}
	}
	return all
}

// Unmatched lists the paths of the policy whose topics were seen and that
// nothing matched so far, as "rule 2: path" or "class 1: path".
func (r *Rules) Unmatched() (paths []string) {
	for _, c := range r.claims() {
		if c.seen.asked.Load() && (!c.seen.column.Load() || len(c.path) > 1 && !c.seen.value.Load()) {
			paths = append(paths, fmt.Sprintf("%s: %v", c.what, c.path))
		}
	}
	return paths
}

// Match wants every path of the policy to match a column of s. A rule for topics by
// name over a source table is wrong if a column is not there;
// one by glob, or over plain events, may match later: Unmatched lists it until it
// does, and log, which may be nil, is told once.
func (r *Rules) Match(s *schemas.Schema, log *slog.Logger) (wrong []*stream.StateError) {
	known := r.Known(s)
	for _, c := range r.claims() {
		if !c.topics.match(s.Topic) || c.optional {
			continue
		}
		name := c.path[0].Name
		if s.Ordinal([]byte(name)) >= 0 {
			set(&c.seen.column)
			set(&c.seen.asked)
			continue
		}
		if s.Closed && c.topics.literal() {
			wrong = append(wrong, &stream.StateError{State: stream.StateParked,
				Why:  fmt.Sprintf("%s names column %q, which %s does not have%s", c.what, name, s.Topic, topology.Suggest(name, known)),
				Todo: "mend the policy, or say `optional: true` there"})
		}
		if !c.seen.asked.Swap(true) && log != nil {
			log.Warn("a path of the policy matches no column so far"+topology.Suggest(name, known), "of", c.what, "path", c.path.String(), "topic", s.Topic)
		}
	}
	return wrong
}

// Known are the names of columns that a message may show: those that the gate would
// withhold are none of them. // P1 P4
func (r *Rules) Known(s *schemas.Schema) (names []string) {
	for i := range s.Fields {
		if f := &s.Fields[i]; !f.Loose || r.identifier(f) {
			names = append(names, f.Name)
		}
	}
	return names
}
