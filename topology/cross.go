package topology

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// checkTopics reports topics of a sink that the source never reads, of which the
// sink would get nothing for ever.
func (r Registry) checkTopics(s *Spec, k *SinkSpec) (errs []error) {
	reads := said(decoded(r.Sources, s.Source), "topics")
	topics := member(k.own, "topics")
	if topics == nil || len(reads) == 0 || slices.ContainsFunc(reads, isExpression) {
		return nil
	}
	for _, n := range topics.Content {
		if !slices.ContainsFunc(reads, func(read string) bool { return Overlap(read, n.Value) }) {
			errs = append(errs, At(n, fmt.Errorf("topics: the source reads none like %q%s", n.Value, Suggest(n.Value, reads))))
		}
	}
	return errs
}

// way is how rows of topics leave by a sink of the source's cluster.
type way struct {
	sink     *SinkSpec
	template string
	takes    string // glob of topics: the source reads them and the sink gets them
	writes   string // glob of topics that their rows go to
}

// checkLoops reports sinks by which rows come back without end: whatever they
// write the source reads and one of them gets, and so on around. Where that hangs on
// names that nobody knows yet the sink looks at each.
func (r Registry) checkLoops(s *Spec) (errs []error) {
	source := decoded(r.Sources, s.Source)
	reads := said(source, "topics")
	var ways []way
	for i := range s.Sinks {
		k := &s.Sinks[i]
		sink := decoded(r.Sinks, k.Node)
		if !slices.ContainsFunc(said(sink, "brokers"), func(b string) bool { return slices.Contains(said(source, "brokers"), b) }) {
			continue
		}
		for _, template := range said(sink, "writes") {
			for _, takes := range narrower(reads, k.Topics) {
				if w := filled(template, takes); !excludes(said(source, "exclude"), w) {
					ways = append(ways, way{k, template, takes, w})
				}
			}
		}
	}
	var last *SinkSpec
	for i, w := range ways {
		if w.sink == last || !returns(ways, i, i, make([]bool, len(ways))) {
			continue
		}
		last = w.sink
		errs = append(errs, At(w.sink.Node.at, fmt.Errorf("it writes %s, which the source reads (%s): its rows would come back without end. Say exclude: [%q] in the source, or write other topics",
			w.writes, strings.Join(reads, ", "), filled(w.template, "*"))))
	}
	return errs
}

// returns reports whether what goes by ways[at] comes to ways[to].
func returns(ways []way, at, to int, been []bool) bool {
	for i := range ways {
		if !been[i] && covers(ways[i].takes, ways[at].writes) {
			been[i] = true
			if i == to || returns(ways, i, to, been) {
				return true
			}
		}
	}
	return false
}

// narrower are the globs of topics that match one of both lists, as far as they
// are globs; an empty list of gets is all.
func narrower(reads, gets []string) (both []string) {
	if len(gets) == 0 {
		gets = []string{"*"}
	}
	for _, read := range reads {
		for _, get := range gets {
			switch {
			case isExpression(read):
			case covers(get, read):
				both = append(both, read)
			case covers(read, get):
				both = append(both, get)
			}
		}
	}
	return both
}

func isExpression(topics string) bool { return strings.HasPrefix(topics, "/") }

// filled is the glob of what a template makes of the topics that takes matches.
func filled(template, takes string) string {
	return placeholder.ReplaceAllString(strings.ReplaceAll(template, "{topic}", takes), "*")
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// covers reports whether pattern matches whatever glob matches.
func covers(pattern, glob string) bool {
	return Glob(pattern, strings.ReplaceAll(glob, "*", "\x00")) // what no pattern matches but by a wildcard
}

// excludes reports whether one of patterns covers glob, or is an expression, of
// which nobody knows (one of letters was taken for too little): the sink looks at
// every name that it writes.
func excludes(patterns []string, glob string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return isExpression(p) || covers(p, glob) })
}

// decoded is the config of a component, defaults included: an invalid one too,
// of which the mistakes are said elsewhere.
func decoded[T any](fs []Factory[T], n Node) reflect.Value {
	if f, ok := find(fs, n.Type); ok && n.Config != nil {
		return reflect.ValueOf(f.decode(n.Config))
	}
	return reflect.Value{}
}

// Overlap reports whether one topic can match both globs.
func Overlap(a, b string) bool {
	// can[j]: what is left of a, from the i that the loop is at, overlaps b[j:]
	can := make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		was := slices.Clone(can)
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				can[j] = true
			case i < len(a) && a[i] == '*':
				can[j] = was[j] || j < len(b) && can[j+1]
			case j < len(b) && b[j] == '*':
				can[j] = can[j+1] || i < len(a) && was[j]
			default:
				can[j] = i < len(a) && j < len(b) && a[i] == b[j] && was[j+1]
			}
		}
	}
	return can[0]
}
