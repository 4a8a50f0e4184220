package mask

import (
	"bytes"

	"sluice/schemas"
)

// node is a set of paths into a JSON value.
type node struct {
	names map[string]*node
	all   *node
	spec  *Spec
}

func (n *node) add(p Path, s *Spec) {
	for _, step := range p {
		if step.All {
			if n.all == nil {
				n.all = &node{}
			}
			n = n.all
			continue
		}
		if n.names == nil {
			n.names = map[string]*node{}
		}
		if n.names[step.Name] == nil {
			n.names[step.Name] = &node{}
		}
		n = n.names[step.Name]
	}
	n.spec = s
}

const maxDepth = 64

// json copies the JSON value at the start of src to dst with the paths of n
// masked, and returns what follows it. ok is false when src is no JSON value
// as RFC 8259 has it, or n leads into a value that is not there to be led into.
func (s *scratch) json(dst, src []byte, n *node, depth int) (out, rest []byte, ok bool) {
	src = skipSpace(src)
	if len(src) == 0 || depth > maxDepth {
		return dst, src, false
	}
	if n != nil && n.spec != nil {
		return s.jsonLeaf(dst, src, n.spec)
	}
	switch {
	case src[0] == '{' && (n == nil || n.all == nil):
		return s.jsonObject(dst, src, n, depth)
	case src[0] == '[' && (n == nil || n.names == nil):
		return s.jsonArray(dst, src, n, depth)
	case n != nil && src[0] != 'n': // a path leads into a scalar, or an object is an array: refuse, never guess // P2
		return dst, src, false
	}
	end, ok := scalarEnd(src)
	if !ok {
		return dst, src, false
	}
	return append(dst, src[:end]...), src[end:], true
}

func (s *scratch) jsonObject(dst, src []byte, n *node, depth int) (out, rest []byte, ok bool) {
	dst, src = append(dst, '{'), skipSpace(src[1:])
	first := true
	for {
		if len(src) > 0 && src[0] == '}' && first {
			return append(dst, '}'), src[1:], true
		}
		end, ok := stringEnd(src)
		if !ok {
			return dst, src, false
		}
		key := src[:end]
		src = skipSpace(src[end:])
		if len(src) == 0 || src[0] != ':' {
			return dst, src, false
		}
		var kid *node
		if n != nil && n.names != nil {
			kid = n.names[string(s.unescape(key))]
		}
		mark := len(dst)
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(append(dst, key...), ':')
		if dst, src, ok = s.json(dst, src[1:], kid, depth+1); !ok {
			return dst, src, false
		}
		if kid != nil && kid.spec != nil && (kid.spec.Kind == Drop || kid.spec.Kind == Withhold) {
			dst = dst[:mark]
		}
		first = false
		src = skipSpace(src)
		switch {
		case len(src) > 0 && src[0] == ',':
			src = skipSpace(src[1:])
		case len(src) > 0 && src[0] == '}':
			return append(dst, '}'), src[1:], true
		default:
			return dst, src, false
		}
	}
}

func (s *scratch) jsonArray(dst, src []byte, n *node, depth int) (out, rest []byte, ok bool) {
	dst, src = append(dst, '['), skipSpace(src[1:])
	if len(src) > 0 && src[0] == ']' {
		return append(dst, ']'), src[1:], true
	}
	var kid *node
	if n != nil {
		kid = n.all
	}
	for {
		if dst, src, ok = s.json(dst, src, kid, depth+1); !ok {
			return dst, src, false
		}
		src = skipSpace(src)
		switch {
		case len(src) > 0 && src[0] == ',':
			dst, src = append(dst, ','), src[1:]
		case len(src) > 0 && src[0] == ']':
			return append(dst, ']'), src[1:], true
		default:
			return dst, src, false
		}
	}
}

// jsonLeaf masks one whole value, scalar or not.
func (s *scratch) jsonLeaf(dst, src []byte, spec *Spec) (out, rest []byte, ok bool) {
	mark := len(s.more)
	s.more, rest, ok = s.json(s.more, src, nil, 0) // checks and measures it
	raw := s.more[mark:]
	defer func() { s.more = s.more[:mark] }()
	if !ok {
		return dst, src, false
	}
	if spec.Kind == Keep {
		return append(dst, raw...), rest, true
	}
	if bytes.Equal(raw, []byte("null")) {
		return append(dst, "null"...), rest, true
	}
	text := raw
	if raw[0] == '"' {
		text = s.unescape(raw)
	}
	at := len(dst)
	dst = append(dst, '"')
	masked, has := s.apply(s.more, spec, text)
	if !has {
		return append(dst[:at], "null"...), rest, true
	}
	dst = schemas.AppendEscaped(dst, masked[len(s.more):])
	s.more = masked[:len(s.more)]
	return append(dst, '"'), rest, true
}

// unescape is the text of a JSON string with its quotes.
func (s *scratch) unescape(q []byte) []byte {
	in := q[1 : len(q)-1]
	if bytes.IndexByte(in, '\\') < 0 {
		return in
	}
	s.text = schemas.AppendText(s.text[:0], schemas.Cell{Enc: schemas.EncJSONString, Flags: schemas.Present}, in)
	return s.text
}

func skipSpace(p []byte) []byte {
	for len(p) > 0 && (p[0] == ' ' || p[0] == '\n' || p[0] == '\t' || p[0] == '\r') {
		p = p[1:]
	}
	return p
}

// stringEnd is the length of the JSON string at the start of p.
func stringEnd(p []byte) (int, bool) {
	if len(p) == 0 || p[0] != '"' {
		return 0, false
	}
	for i := 1; i < len(p); i++ {
		switch {
		case p[i] == '"':
			return i + 1, true
		case p[i] < ' ':
			return 0, false
		case p[i] == '\\':
			i++
			if i >= len(p) || bytes.IndexByte([]byte(`"\/bfnrtu`), p[i]) < 0 {
				return 0, false
			}
			if p[i] == 'u' {
				if i+4 >= len(p) {
					return 0, false
				}
				for _, c := range p[i+1 : i+5] {
					if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
						return 0, false
					}
				}
				i += 4
			}
		}
	}
	return 0, false
}

// scalarEnd is the length of the string, number, true, false or null at the start of p.
func scalarEnd(p []byte) (int, bool) {
	for _, w := range []string{"null", "true", "false"} {
		if len(p) >= len(w) && string(p[:len(w)]) == w {
			return len(w), true
		}
	}
	if p[0] == '"' {
		return stringEnd(p)
	}
	i := 0
	digits := func() bool {
		from := i
		for i < len(p) && p[i] >= '0' && p[i] <= '9' {
			i++
		}
		return i > from
	}
	if p[i] == '-' {
		i++
	}
	zero := i < len(p) && p[i] == '0'
	from := i
	if !digits() || zero && i > from+1 {
		return 0, false
	}
	if i < len(p) && p[i] == '.' {
		if i++; !digits() {
			return 0, false
		}
	}
	if i < len(p) && (p[i] == 'e' || p[i] == 'E') {
		if i++; i < len(p) && (p[i] == '+' || p[i] == '-') {
			i++
		}
		if !digits() {
			return 0, false
		}
	}
	return i, true
}
