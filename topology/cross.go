package topology

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// checkTopics reports topics of a sink that the source never reads, of which the
// sink would get nothing for ever, and topics that the sink writes and the source
// reads: those would come back without end.
func (r Registry) checkTopics(s *Spec, k *SinkSpec) (errs []error) {
	source := decoded(r.Sources, s.Source)
	reads := said(source, "topics")
	if len(reads) == 0 || slices.ContainsFunc(reads, func(p string) bool { return strings.HasPrefix(p, "/") }) {
		return nil
	}
	takes := reads
	if topics := member(k.own, "topics"); topics != nil && len(topics.Content) > 0 {
		takes = nil
		for _, n := range topics.Content {
			takes = append(takes, n.Value)
			if !slices.ContainsFunc(reads, func(read string) bool { return Overlap(read, n.Value) }) {
				errs = append(errs, At(n, fmt.Errorf("topics: the source reads none like %q%s", n.Value, Suggest(n.Value, reads))))
			}
		}
	}
	sink := decoded(r.Sinks, k.Node)
	if !slices.ContainsFunc(said(sink, "brokers"), func(b string) bool { return slices.Contains(said(source, "brokers"), b) }) {
		return errs
	}
	for _, template := range said(sink, "writes") {
		for _, take := range takes {
			writes := placeholder.ReplaceAllString(strings.ReplaceAll(template, "{topic}", take), "*")
			if slices.ContainsFunc(reads, func(read string) bool { return Overlap(read, writes) }) && !excludes(said(source, "exclude"), writes) {
				return append(errs, At(k.Node.at, fmt.Errorf("it writes %s, which the source reads (%s): its rows would come back without end. Say exclude: [%q] in the source, or write other topics",
					writes, strings.Join(reads, ", "), placeholder.ReplaceAllString(strings.ReplaceAll(template, "{topic}", "*"), "*"))))
			}
		}
	}
	return errs
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// excludes reports whether one of patterns matches whatever glob matches, or is an
// expression, of which nobody knows (one of letters was taken for too little): the
// sink looks at every name that it writes.
func excludes(patterns []string, glob string) bool {
	any := strings.ReplaceAll(glob, "*", "\x00") // what no pattern matches but by a wildcard
	return slices.ContainsFunc(patterns, func(p string) bool { return strings.HasPrefix(p, "/") || Glob(p, any) })
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
