package mask

import (
	"fmt"
	"strings"
)

// Step is one part of a path: a name, or all elements of an array.
type Step struct {
	Name string
	All  bool
}

// Path leads to a column or into a JSON value: a, a.b, a[*].b, ["a.b"].c.
// The first step is a column name.
type Path []Step

// ParsePath reads a path. A name with dots or brackets is written ["a.b"].
func ParsePath(s string) (Path, error) {
	var p Path
	bad := func() (Path, error) {
		return nil, fmt.Errorf("%q is no path: want column, column.field, column[*].field, or [\"name.with.dots\"]", s)
	}
	for rest := s; ; {
		switch {
		case strings.HasPrefix(rest, `["`):
			i := strings.Index(rest, `"]`)
			if i < 3 {
				return bad()
			}
			p, rest = append(p, Step{Name: rest[2:i]}), rest[i+2:]
		case strings.HasPrefix(rest, "[*]"):
			if len(p) == 0 {
				return bad()
			}
			p, rest = append(p, Step{All: true}), rest[3:]
		default:
			i := strings.IndexAny(rest, ".[")
			if i < 0 {
				i = len(rest)
			}
			if i == 0 || strings.ContainsAny(rest[:i], `]"`) {
				return bad()
			}
			p, rest = append(p, Step{Name: rest[:i]}), rest[i:]
		}
		switch {
		case rest == "":
			return p, nil
		case rest[0] == '.':
			if rest = rest[1:]; rest == "" || rest[0] == '[' && !strings.HasPrefix(rest, `["`) {
				return bad()
			}
		case rest[0] != '[':
			return bad()
		}
	}
}

func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.All:
			b.WriteString("[*]")
		case strings.ContainsAny(s.Name, ".["):
			fmt.Fprintf(&b, `["%s"]`, s.Name)
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.Name)
		}
	}
	return b.String()
}
