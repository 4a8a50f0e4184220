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
// for optional ones and those that Match says stop its lanes. in is what values of its columns had inside, nil: nobody looked,
// and paths into values are not judged.
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
			m.Why = "no column" + topology.Suggest(name, Known(s))
		case len(c.path) > 1 && in != nil:
			if m.Why = in.of(name, c.path[1:]); m.Why == "" {
				continue
			}
		default:
			continue
		}
		all = append(all, m)
	}
	return all
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
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return
	}
	if x.columns == nil {
		x.columns = map[string]*inside{}
	}
	if x.columns[column] == nil {
		x.columns[column] = &inside{}
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

// of tells what of a path is nowhere in the values of a column, "": it is there, or
// no value was seen, or too many were to say so.
func (x *Inside) of(column string, p Path) string {
	at := x.columns[column]
	if at == nil || x.nodes > maxInside {
		return ""
	}
	return at.lacks(column, p)
}

func (n *inside) lacks(under string, p Path) string {
	if len(p) == 0 {
		return ""
	}
	var kids []*inside
	why := ""
	switch step := p[0]; step.Kind {
	case Elements:
		if why = under + " is no array"; n.elements != nil {
			kids = []*inside{n.elements}
		}
		under += "[*]"
	case Keys:
		if n.members == nil {
			return under + " is no object"
		}
		return ""
	case Members:
		why = under + " is no object"
		for _, kid := range n.members {
			kids = append(kids, kid)
		}
		under += ".*"
	default:
		var known []string
		for name, kid := range n.members {
			if strings.EqualFold(name, step.Name) { // as Node.Member takes it where the rest is kept
				kids = append(kids, kid)
			}
			if plain, certain := Identifier([]byte(name), false); plain && certain { // P1: others may be data
				known = append(known, name)
			}
		}
		why = fmt.Sprintf("%s has no %q in any value%s", under, step.Name, topology.Suggest(step.Name, slices.Sorted(slices.Values(known))))
		under += "." + Path{step}.String()
	}
	for _, kid := range kids {
		if w := kid.lacks(under, p[1:]); w == "" {
			return ""
		} else if len(w) >= len(why) || len(kids) == 1 { // of many the one that goes furthest
			why = w
		}
	}
	return why
}
