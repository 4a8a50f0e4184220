package mask

import (
	"fmt"
	"slices"
	"strings"
)

// Step is one part of a path: a name, or all elements of an array.
type Step struct {
	Name string
	All  bool
}

// Path leads to a column or into a JSON value: a, a.b, a[*].b. The first step
// is a column name.
type Path []Step

// ParsePath reads a path. The characters . [ ] " and \ of a name are written
// with a backslash in front, or the name stands in ["..."] as it is.
func ParsePath(s string) (Path, error) {
	var p Path
	bad := func() (Path, error) {
		return nil, fmt.Errorf("%q is no path: want column, column.field, column[*].field; a name with dots is a\\.b or [\"a.b\"]", s)
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
			name, n := plainName(rest)
			if n <= 0 {
				return bad()
			}
			p, rest = append(p, Step{Name: name}), rest[n:]
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

const special = `.[]"\`

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
		case c == ']' || c == '"':
			return "", -1
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), len(s)
}

func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		if s.All {
			b.WriteString("[*]")
			continue
		}
		if i > 0 {
			b.WriteByte('.')
		}
		for j := range len(s.Name) {
			if strings.IndexByte(special, s.Name[j]) >= 0 {
				b.WriteByte('\\')
			}
			b.WriteByte(s.Name[j])
		}
	}
	return b.String()
}

// within reports whether p is q or leads to something inside of q.
func (p Path) within(q Path) bool { return len(p) >= len(q) && slices.Equal(p[:len(q)], q) }
