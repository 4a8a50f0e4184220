package policy

import (
	"bytes"
	"slices"
)

// Node is a set of paths into a JSON value, as a tree. A node with a target and with
// paths below it is kept but for those.
type Node struct {
	names map[string]*Node // members by name
	any   *Node            // the other members
	fold  []folded         // names, in any case

	All *Node   // elements of an array
	Key *Target // the names of the members
	At  *Target // all of the value, or what nothing below names
}

// folded is a name of a node's members.
type folded struct {
	name []byte
	kid  *Node
}

// newNode joins the targets of one column.
func newNode(ts []*Target) *Node {
	n := &Node{}
	for _, t := range ts {
		n.add(t.Path[1:], t)
	}
	n.settle()
	return n
}

func (n *Node) add(p Path, t *Target) {
	for _, step := range p {
		next := &n.All
		switch step.Kind {
		case Keys:
			n.Key = t
			return
		case Members:
			next = &n.any
		case Named:
			if n.names == nil {
				n.names = map[string]*Node{}
			}
			if n.names[step.Name] == nil {
				n.names[step.Name] = &Node{}
			}
			n = n.names[step.Name]
			continue
		}
		if *next == nil {
			*next = &Node{}
		}
		n = *next
	}
	n.At = t
}

// settle gives members that have a name what is said of all members: a.*.b
// holds for a.x too where a.x.c is named. What says nothing more than `*` about
// a member is its own: the nearer path decides.
func (n *Node) settle() {
	for name, kid := range n.names {
		if n.any != nil {
			kid.inherit(n.any)
		}
		kid.settle()
		n.fold = append(n.fold, folded{[]byte(name), kid})
	}
	slices.SortFunc(n.fold, func(a, b folded) int { return bytes.Compare(a.name, b.name) })
	for _, kid := range []*Node{n.any, n.All} {
		if kid != nil {
			kid.settle()
		}
	}
}

func (n *Node) inherit(w *Node) {
	if n.Leaf() && n.At != nil && n.At != w.At && n.At.Spec.Kind != Keep {
		return // all of it is decided
	}
	if n.At == nil && w.At != nil && w.At.Spec.Kind == Keep {
		n.At = w.At
	}
	if n.Key == nil {
		n.Key = w.Key
	}
	for name, from := range w.names {
		if n.names == nil {
			n.names = map[string]*Node{}
		}
		if n.names[name] == nil {
			n.names[name] = &Node{At: from.At} // a copy: it may inherit more from others
		}
		n.names[name].inherit(from)
	}
	for _, x := range []struct {
		to   **Node
		from *Node
	}{{&n.any, w.any}, {&n.All, w.All}} {
		if x.from == nil {
			continue
		}
		if *x.to == nil {
			*x.to = &Node{At: x.from.At}
		}
		(*x.to).inherit(x.from)
	}
}

// Leaf reports that no path leads further inside.
func (n *Node) Leaf() bool { return !n.Object() && n.All == nil }

// Object reports that paths lead to members.
func (n *Node) Object() bool { return n.names != nil || n.any != nil || n.Key != nil }

// Member is the node of the member with that name, its escapes undone, nil for
// none, and whether a path names it. Where the rest is kept a member whose name is
// one of a path but for its case is that one: Email beside email would stay in
// clear, and readers that ignore case take the one for the other. // P1
func (n *Node) Member(name []byte, rest Kind) (kid *Node, named bool) {
	if kid = n.names[string(name)]; kid != nil { // does not allocate
		return kid, true
	}
	kept := rest == Keep
	if n.any != nil {
		kept = n.any.At != nil && n.any.At.Spec.Kind == Keep
	}
	if kept {
		for i := range n.fold {
			if bytes.EqualFold(n.fold[i].name, name) {
				return n.fold[i].kid, true
			}
		}
	}
	return n.any, false
}

// Whole is the node of a value of which all goes through one action.
func Whole(s Spec) *Node { return &Node{At: &Target{Spec: s, seen: &seen{}}} }

// step is the node that a step leads to, nil for none.
func (n *Node) step(s Step) *Node {
	switch s.Kind {
	case Elements:
		return n.All
	case Members:
		return n.any
	case Keys:
		if n.Key == nil {
			return nil
		}
		return &Node{At: n.Key}
	}
	if kid := n.names[s.Name]; kid != nil {
		return kid
	}
	return n.any
}
