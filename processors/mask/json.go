package mask

import (
	"bytes"
	"strings"

	"sluice/schemas"
)

// fieldOf is the field and cell of a JSON value that was checked.
func fieldOf(raw []byte) (f *schemas.Field, c schemas.Cell, p []byte) {
	c.Flags = schemas.Present
	switch raw[0] {
	case '"':
		raw = raw[1 : len(raw)-1]
		c.Enc = schemas.EncText
		if bytes.IndexByte(raw, '\\') >= 0 {
			c.Enc = schemas.EncJSONString
		}
	case '{', '[':
		c.Enc = schemas.EncJSON
	case 't':
		c.Enc = schemas.EncTrue
	case 'f':
		c.Enc = schemas.EncFalse
	default:
		c.Enc = schemas.EncInt
		if bytes.ContainsAny(raw, ".eE") {
			c.Enc = schemas.EncFloat
		}
	}
	return &fields[c.Enc], c, raw
}

// fields are those of JSON values by their encoding.
var fields = [...]schemas.Field{
	schemas.EncText:       {Type: schemas.Type{Kind: schemas.String}},
	schemas.EncJSONString: {Type: schemas.Type{Kind: schemas.String}},
	schemas.EncInt:        {Type: schemas.Type{Kind: schemas.Int64}},
	schemas.EncFloat:      {Type: schemas.Type{Kind: schemas.Float64}},
	schemas.EncTrue:       {Type: schemas.Type{Kind: schemas.Bool}},
	schemas.EncFalse:      {Type: schemas.Type{Kind: schemas.Bool}},
	schemas.EncJSON:       {Type: schemas.Type{Kind: schemas.JSON}},
}

// unescape is the text of a JSON string with its quotes, in s.text if it has escapes.
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
			if i >= len(p) || strings.IndexByte(`"\/bfnrtu`, p[i]) < 0 {
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
