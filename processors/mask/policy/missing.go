package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sluice/schemas"
	"sluice/topology"
)

// Missing is a path of the policy that leads to nothing in one topic.
type Missing struct {
	Of   string `json:"of"`   // rule 2, class 1
	Path string `json:"path"` // as the policy writes it
	Why  string `json:"why"`  // with what may have been meant
	Only bool   `json:"only"` // its topics are named one by one: no other one explains it
}

// Missing lists the paths of the policy that lead to nothing in the topic of s, but
// for optional ones and those that Match says stop its lanes, and the actions that go
// by a column which is not there. in is what values of its columns had inside, nil:
// nobody looked, and paths into values are not judged.
func (r *Rules) Missing(s *schemas.Schema, in *Inside) (all []Missing) {
	for _, c := range r.claims() {
		if !c.topics.match(s.Topic) || c.optional {
			continue
		}
		m := Missing{Of: c.what, Path: c.path.String(), Only: c.topics.literal()}
		name := c.path[0].Name
		switch {
		case s.Ordinal([]byte(name)) < 0:
			if m.Only && s.Closed {
				continue
			}
			m.Why = "no column" + topology.Suggest(name, r.Known(s))
		case len(c.path) > 1 && in != nil:
			if m.Why = r.lacks(s, &c, in); m.Why == "" {
				continue
			}
		default:
			continue
		}
		all = append(all, m)
	}
	if s.Closed { // it stops the lanes
		return all
	}
	for i := range s.Fields {
		x := r.Decide(s, &s.Fields[i])
		of := x.By
		if x.Inside == nil {
			of = []*Target{{Path: Path{{Name: x.Decisions[0].Column}}, Spec: *x.Spec}}
		}
		for _, t := range of {
			if by := t.Spec.By(); by != "" && s.Ordinal([]byte(by)) < 0 {
				n := x.Decisions[0].Rule
				all = append(all, Missing{Of: fmt.Sprintf("rule %d", n), Path: t.Path.String(), Only: topics(r.rules[n-1].Topics).literal(),
					Why: fmt.Sprintf("it goes by column %q, which is not there%s", by, topology.Suggest(by, r.Known(s)))})
			}
		}
	}
	return all
}

// lacks tells why the gate finds nothing at a path into a column that is there, going
// down as it does; "": it does, or no value was seen, or too many names to say so.
func (r *Rules) lacks(s *schemas.Schema, c *claim, in *Inside) string {
	name := c.path[0].Name
	at := in.columns[name]
	if at == nil || in.nodes > maxInside {
		return ""
	}
	x := r.Decide(s, &s.Fields[s.Ordinal([]byte(name))])
	switch {
	case slices.ContainsFunc(x.targets, func(t *Target) bool { return t.seen == c.seen }):
		return at.lacks(name, c.path[1:], x.Inside, way{r.Rest, c.seen, r.AnyWord()})
	case c.rule == 0:
		return "" // nothing follows from what it holds
	}
	return fmt.Sprintf("rule %d says what happens to %s here, and inside of it", x.Decisions[0].Rule, name)
}

// way is how a path is gone down.
type way struct {
	rest  Kind  // of what no path names
	seen  *seen // of the path
	words bool  // any word may be one of the detector
}

// Inside is what JSON values of a topic's columns have inside, as far as they were
// seen: names of members and that there are elements, no values. It is for one
// goroutine; the zero value has seen nothing.
type Inside struct {
	columns map[string]*inside
	nodes   int
}

type inside struct {
	members  map[string]*inside
	elements *inside
}

// Limits of what Inside remembers: maps whose keys are data do not grow without end.
const (
	maxInside      = 10_000
	maxInsideDepth = 32
)

// Into reports that the policy has paths into the values of a column of topic.
func (r *Rules) Into(topic, column string) bool {
	for _, c := range r.claims() {
		if len(c.path) > 1 && c.path[0].Name == column && c.topics.match(topic) {
			return true
		}
	}
	return false
}

// Add looks at a value of a column: JSON, else it is nothing with an inside.
func (x *Inside) Add(column string, value []byte) {
	if x.columns == nil {
		x.columns = map[string]*inside{}
	}
	if x.columns[column] == nil {
		x.columns[column] = &inside{}
	}
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return
	}
	x.add(x.columns[column], v, 0)
}

func (x *Inside) add(at *inside, v any, depth int) {
	if depth > maxInsideDepth || x.nodes > maxInside {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		if at.members == nil {
			at.members = map[string]*inside{}
		}
		for name, member := range v {
			if at.members[name] == nil {
				at.members[name] = &inside{}
				x.nodes++
			}
			x.add(at.members[name], member, depth+1)
		}
	case []any:
		if at.elements == nil {
			at.elements = &inside{}
		}
		for _, e := range v {
			x.add(at.elements, e, depth+1)
		}
	}
}

// stays reports that a member that no path names is not gone with its name.
func (w way) stays(at *Node, name string) bool {
	if at.Key != nil {
		return !at.Key.Spec.Kind.Gone()
	}
	plain, _ := Identifier([]byte(name), w.words)
	return plain || w.rest != Withhold
}

// lacks tells what of a path is nowhere in the values that n saw, at being what the
// policy says of them; "": it is there.
func (n *inside) lacks(under string, p Path, at *Node, w way) string {
	whole := at.At != nil && at.At.seen == w.seen
	switch {
	case len(p) == 0 && whole:
		return ""
	case len(p) == 0 || at.Leaf():
		return "a nearer path says what happens to " + under
	case at.At != nil:
		w.rest = Keep // the rest of what is kept
	}
	type step struct {
		kid *inside
		at  *Node
	}
	var kids []step
	why := ""
	switch next := p[0]; next.Kind {
	case Elements:
		if why = under + " is no array"; n.elements != nil && at.All != nil {
			kids = []step{{n.elements, at.All}}
		}
		under += "[*]"
	case Keys:
		if n.members == nil {
			return under + " is no object"
		}
		for name := range n.members {
			if _, named := at.Member([]byte(name), w.rest); !named && at.Key != nil && at.Key.seen == w.seen {
				return ""
			}
		}
		return "paths name all members of " + under
	case Members:
		why = under + " is no object"
		for name, kid := range n.members {
			if to, named := at.Member([]byte(name), w.rest); to != nil && (named || w.stays(at, name)) {
				kids = append(kids, step{kid, to})
			}
		}
		under += ".*"
	default:
		var known []string
		for name, kid := range n.members {
			if to, named := at.Member([]byte(name), w.rest); named && to == at.names[next.Name] {
				kids = append(kids, step{kid, to})
			}
			if plain, certain := Identifier([]byte(name), w.words); plain && certain { // P1: others may be data
				known = append(known, name)
			}
		}
		why = fmt.Sprintf("%s has no %q in any value%s", under, next.Name, meant(next.Name, known))
		under += "." + Path{next}.String()
	}
	for _, k := range kids {
		if w := k.kid.lacks(under, p[1:], k.at, w); w == "" {
			return ""
		} else if len(w) >= len(why) || len(kids) == 1 { // of many the one that goes furthest
			why = w
		}
	}
	return why
}

// meant is the name that may have been meant. Names of members are not listed: they
// may be those of customers. // P1
func meant(name string, known []string) string {
	slices.Sort(known)
	if hint := topology.Suggest(name, known); strings.HasPrefix(hint, ", did") {
		return hint
	}
	return ""
}
