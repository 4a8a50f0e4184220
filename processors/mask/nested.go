package mask

import (
	"sluice/processors/mask/policy"
	"sluice/processors/mask/strategy"
	"sluice/schemas"
)

const maxDepth = 64

// json copies the JSON value at the start of src to dst, without white space,
// with the paths of n masked, and returns what follows it. What n does not
// name goes by rest: Keep copies it, Withhold leaves it out, Hash hashes text,
// objects and arrays and nulls other scalars, Scan looks for personal data in
// it (P4). ok is false when src is no JSON value as RFC 8259 has it, nests too
// deep, or a path leads into a value that has no inside: that is refused, never
// guessed at. // P2
func (s *scratch) json(dst, src []byte, n *policy.Node, rest policy.Kind, depth int) (out, tail []byte, ok bool) {
	src = skipSpace(src)
	if len(src) == 0 || depth > maxDepth {
		return dst, src, false
	}
	switch {
	case n == nil && rest == policy.Keep:
	case n == nil:
		return s.leaf(dst, src, nil, rest)
	case n.At != nil:
		n.At.Found()
		if n.Leaf() {
			return s.leaf(dst, src, &n.At.Spec, rest)
		}
		rest = policy.Keep // the rest of what is kept
	}
	switch {
	case src[0] == '{' && (n == nil || n.Object()):
		return s.object(dst, src, n, rest, depth)
	case src[0] == '[' && (n == nil || n.All != nil):
		return s.array(dst, src, n, rest, depth)
	case n != nil && src[0] != 'n':
		return dst, src, false
	}
	end, ok := scalarEnd(src)
	if !ok {
		return dst, src, false
	}
	return append(dst, src[:end]...), src[end:], true
}

func (s *scratch) object(dst, src []byte, n *policy.Node, rest policy.Kind, depth int) (out, tail []byte, ok bool) {
	dst, src = append(dst, '{'), skipSpace(src[1:])
	if len(src) > 0 && src[0] == '}' {
		return append(dst, '}'), src[1:], true
	}
	above := s.under
	empty := true
	for {
		end, ok := stringEnd(src)
		if !ok {
			return dst, src, false
		}
		key := src[:end]
		src = skipSpace(src[end:])
		if len(src) == 0 || src[0] != ':' {
			return dst, src, false
		}
		var kid *policy.Node
		named := false
		if n != nil {
			kid, named = n.Member(s.unescape(key), rest)
		}
		mark := len(dst)
		if !empty {
			dst = append(dst, ',')
		}
		stays := true
		if dst, stays, ok = s.memberName(dst, key, n, named, rest); !ok {
			return dst, src, false
		} else if !stays {
			kid = cut
		}
		s.under = key[1 : len(key)-1]
		if dst, src, ok = s.json(append(dst, ':'), src[1:], kid, rest, depth+1); !ok {
			return dst, src, false
		}
		if gone(n, kid, rest) {
			dst = dst[:mark]
		} else {
			empty = false
		}
		src = skipSpace(src)
		switch {
		case len(src) > 0 && src[0] == ',':
			src = skipSpace(src[1:])
		case len(src) > 0 && src[0] == '}':
			s.under = above // after a failure nobody asks
			return append(dst, '}'), src[1:], true
		default:
			return dst, src, false
		}
	}
}

// memberName appends the name of a member of an object that n is about. One
// that a path names stays: so does what looks like the name of a column, unless
// paths say what to do with names. Others may be data: a map by e-mail address.
// What is kept keeps its names. stays is false when the member goes. // P4
func (s *scratch) memberName(dst, key []byte, n *policy.Node, named bool, rest policy.Kind) (out []byte, stays, ok bool) {
	spec := s.rules.Unnamed(policy.Hash)
	switch {
	case n == nil || named:
		return append(dst, key...), true, true
	case n.Key != nil:
		n.Key.Found()
		if spec = &n.Key.Spec; spec.Kind.Gone() {
			return dst, false, true
		} else if spec.Kind == policy.Keep {
			return append(dst, key...), true, true
		}
	case rest == policy.Keep, s.identifier(s.unescape(key)):
		return append(dst, key...), true, true
	case rest == policy.Withhold:
		return dst, false, true
	}
	f, c, inside := fieldOf(key)
	at := len(dst)
	dst, ok = s.masked(dst, spec, f, c, inside)
	return dst, true, ok && len(dst) > at && dst[at] == '"' // P2: a name that is null is none
}

// cut is the node of a member that goes with its name.
var cut = policy.Whole(policy.Spec{Kind: policy.Drop})

// gone reports that kid, found under n, leaves nothing behind.
func gone(n, kid *policy.Node, rest policy.Kind) bool {
	switch {
	case kid != nil:
		return kid.At != nil && kid.Leaf() && kid.At.Spec.Kind.Gone()
	case n != nil:
		return rest.Gone()
	}
	return false
}

func (s *scratch) array(dst, src []byte, n *policy.Node, rest policy.Kind, depth int) (out, tail []byte, ok bool) {
	dst, src = append(dst, '['), skipSpace(src[1:])
	if len(src) > 0 && src[0] == ']' {
		return append(dst, ']'), src[1:], true
	}
	var kid *policy.Node
	if n != nil {
		kid = n.All
	}
	empty := true
	for {
		mark := len(dst)
		if !empty {
			dst = append(dst, ',')
		}
		if dst, src, ok = s.json(dst, src, kid, rest, depth+1); !ok {
			return dst, src, false
		}
		if gone(n, kid, rest) {
			dst = dst[:mark]
		} else {
			empty = false
		}
		src = skipSpace(src)
		switch {
		case len(src) > 0 && src[0] == ',':
			src = src[1:]
		case len(src) > 0 && src[0] == ']':
			return append(dst, ']'), src[1:], true
		default:
			return dst, src, false
		}
	}
}

// leaf masks one whole value, scalar or not; spec nil is what nobody named.
func (s *scratch) leaf(dst, src []byte, spec *policy.Spec, rest policy.Kind) (out, tail []byte, ok bool) {
	mark := len(s.more)
	s.more, tail, ok = s.json(s.more, src, nil, policy.Keep, 0) // checks and measures it
	raw := s.more[mark:]
	switch {
	case !ok:
	case spec != nil && spec.Kind == policy.Keep, string(raw) == "null":
		dst = append(dst, raw...)
	default:
		f, c, inside := fieldOf(raw)
		if spec == nil {
			spec = s.rules.Unnamed(policy.Fallback(rest, f.Type.Kind))
		}
		if spec.Kind == policy.Scan {
			dst, _, ok = s.scanJSON(dst, raw, spec)
		} else {
			dst, ok = s.masked(dst, spec, f, c, inside)
		}
	}
	s.more = s.more[:mark]
	return dst, tail, ok
}

// masked appends what becomes of a value, as JSON; false: it cannot go through
// its action. // P2
func (s *scratch) masked(dst []byte, spec *policy.Spec, f *schemas.Field, c schemas.Cell, p []byte) ([]byte, bool) {
	switch constant := spec.Kind.Constant(); {
	case constant != "" && policy.IsText(f.Type.Kind):
		return append(schemas.AppendEscaped(append(dst, '"'), []byte(constant)), '"'), true
	case spec.Strategy == nil: // gone ones are cut out by the caller
		return append(dst, "null"...), true
	}
	k, text := s.value(f, c, p)
	s.Field, s.Cell, s.Raw, s.By = f, c, p, s.goesBy(spec)
	at := len(s.more)
	out, enc := spec.Strategy.Mask(&s.Scratch, s.more, k, text)
	s.more = out[:at]
	switch enc {
	case strategy.Refused:
		return dst, false
	case strategy.AsNull:
		return append(dst, "null"...), true
	case schemas.EncInt, schemas.EncFloat:
		return append(dst, out[at:]...), true
	}
	return append(schemas.AppendEscaped(append(dst, '"'), out[at:]), '"'), true
}
