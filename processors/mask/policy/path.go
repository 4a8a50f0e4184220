package policy

import (
	"fmt"
	"slices"
	"strings"
)

// StepKind says what a step of a path leads to.
type StepKind uint8

// The kinds of steps.
const (
	Named    StepKind = iota // the member of that name; the first one: the column
	Elements                 // [*]: every element of an array
	Members                  // *: the value of every member of an object
	Keys                     // {key}: the names of an object's members; the last step
)

// Step is one part of a path.
type Step struct {
	Name string // of Named
	Kind StepKind
}

// Path leads to a column or into a JSON value: a, a.b, a[*].b, a.*, a.*.b,
// a.{key}. The first step is a column name.
type Path []Step

// ParsePath reads a path. The characters . [ ] { } * " and \ of a name are
// written with a backslash in front, or the name stands in ["..."] as it is.
func ParsePath(s string) (Path, error) {
	var p Path
	for rest := s; ; {
		step, n := oneStep(rest)
		if n <= 0 || len(p) == 0 && step.Kind != Named {
			return nil, noPath(s)
		}
		p, rest = append(p, step), rest[n:]
		switch {
		case rest == "":
			return p, nil
		case step.Kind == Keys: // a name has no inside
			return nil, noPath(s)
		case rest[0] == '.':
			if rest = rest[1:]; rest == "" || rest[0] == '[' && !strings.HasPrefix(rest, `["`) {
				return nil, noPath(s)
			}
		case rest[0] != '[':
			return nil, noPath(s)
		}
	}
}

func noPath(s string) error {
	return fmt.Errorf("%q is no path: want column, column.field, column[*].field, column.* or column.{key}; a name with dots is a\\.b or [\"a.b\"]", s)
}

// oneStep is the step at the front of s and how long it is as written, or -1.
func oneStep(s string) (Step, int) {
	switch {
	case strings.HasPrefix(s, `["`):
		if i := strings.Index(s, `"]`); i >= 3 {
			return Step{Name: s[2:i]}, i + 2
		}
		return Step{}, -1
	case strings.HasPrefix(s, "[*]"):
		return Step{Kind: Elements}, 3
	case strings.HasPrefix(s, "{key}"):
		return Step{Kind: Keys}, 5
	case s == "*", strings.HasPrefix(s, "*.") || strings.HasPrefix(s, "*["):
		return Step{Kind: Members}, 1
	}
	name, n := plainName(s)
	return Step{Name: name}, n
}

const special = `.[]{}*"\`

// plainName is the name at the front of s with its escapes undone and how long
// it is as written, or -1.
func plainName(s string) (string, int) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.' || c == '[':
			return b.String(), i
		case c == '\\':
			if i++; i == len(s) || strings.IndexByte(special, s[i]) < 0 {
				return "", -1
			}
			b.WriteByte(s[i])
		case strings.IndexByte(special, c) >= 0:
			return "", -1
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), len(s)
}

func (s Step) String() string {
	switch s.Kind {
	case Elements:
		return "[*]"
	case Members:
		return "*"
	case Keys:
		return "{key}"
	}
	var b strings.Builder
	for j := range len(s.Name) {
		if strings.IndexByte(special, s.Name[j]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s.Name[j])
	}
	return b.String()
}

func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		if i > 0 && s.Kind != Elements {
			b.WriteByte('.')
		}
		b.WriteString(s.String())
	}
	return b.String()
}

// within reports whether p is q or leads to something inside of q.
func (p Path) within(q Path) bool { return len(p) >= len(q) && slices.Equal(p[:len(q)], q) }
