package contract

import (
	"cmp"

	"sluice/schemas"
)

// Change is one difference between two contracts of a topic.
type Change struct {
	Topic  string `json:"topic"`
	What   string `json:"what"` // added, dropped, respelled, widened, narrowed, retyped, meaning, nullable, not_null, key, pii, topic_added, topic_dropped
	Column string `json:"column,omitempty"`
	Old    string `json:"old,omitempty"`
	New    string `json:"new,omitempty"`

	// Follows tells that tables take the change as it is and readers of the old
	// contract still read the new rows.
	Follows bool `json:"follows"`
}

// Diff is what becomes different from old to new, topic by topic, column by
// column in the order of new. Two topics alone are compared whatever their names.
func Diff(old, new Set) []Change {
	out := []Change{}
	if len(old) == 1 && len(new) == 1 {
		return append(out, diff(old[0], new[0])...)
	}
	for _, n := range new {
		if o := old.exact(n.Topic); o != nil {
			out = append(out, diff(o, n)...)
		} else {
			out = append(out, Change{Topic: n.Topic, What: "topic_added", Follows: true})
		}
	}
	for _, o := range old {
		if new.exact(o.Topic) == nil {
			out = append(out, Change{Topic: o.Topic, What: "topic_dropped"})
		}
	}
	return out
}

func (s Set) exact(topic string) *Contract {
	for _, c := range s {
		if c.Topic == topic {
			return c
		}
	}
	return nil
}

func diff(old, new *Contract) (out []Change) {
	add := func(c Change) {
		c.Topic = new.Topic
		out = append(out, c)
	}
	for i := range new.Fields {
		n := &new.Fields[i]
		o := old.Field(n.Name)
		if o == nil {
			add(Change{What: "added", Column: n.Name, New: n.Type, Follows: !n.NotNull})
			continue
		}
		if o.Type != n.Type {
			what, follows := retyped(o.Type, n.Type)
			add(Change{What: what, Column: n.Name, Old: o.Type, New: n.Type, Follows: follows})
		}
		if o.Logical != n.Logical && o.Logical != "" && n.Logical != "" { // an enum has another member: its column is as it was
			add(Change{What: "meaning", Column: n.Name, Old: o.Logical, New: n.Logical, Follows: true})
		}
		switch {
		case o.NotNull && !n.NotNull:
			add(Change{What: "nullable", Column: n.Name, Follows: false}) // old readers count on a value
		case !o.NotNull && n.NotNull:
			add(Change{What: "not_null", Column: n.Name, Follows: true})
		}
		if o.PII != n.PII {
			add(Change{What: "pii", Column: n.Name, Old: cmp.Or(o.PII, "none"), New: cmp.Or(n.PII, "none"), Follows: o.PII == ""})
		}
	}
	for i := range old.Fields {
		if o := &old.Fields[i]; new.Field(o.Name) == nil {
			add(Change{What: "dropped", Column: o.Name, Old: o.Type, Follows: !o.NotNull})
		}
	}
	if !sameNames(old.Key, new.Key) {
		add(Change{What: "key", Old: list(old.Key), New: list(new.Key)})
	}
	return out
}

// retyped says what a change of type is; the wire of a type is no part of it.
func retyped(old, new string) (what string, follows bool) {
	o, _, _, bad := schemas.ParseColumn(old)
	n, _, _, worse := schemas.ParseColumn(new)
	switch {
	case bad == nil && worse == nil && o == n:
		return "respelled", true // in milliseconds instead of microseconds
	case bad != nil && worse == nil:
		return "widened", true // from any
	case worse != nil:
		return "retyped", false
	}
	wide, ok := schemas.Widen(o, n)
	switch {
	case ok && wide == n:
		return "widened", true
	case ok:
		return "narrowed", true
	}
	return "retyped", false
}

func list(names []string) string {
	out := ""
	for i, n := range names {
		if i > 0 {
			out += ","
		}
		out += n
	}
	return cmp.Or(out, "none")
}
