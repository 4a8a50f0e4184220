package contract

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"sluice/schemas"
)

// Limits of the texts that are kept to compare with the members of an enum.
const (
	maxTexts = 1000
	maxText  = 256
)

// logical is what a column's cells say of its logical type.
type logical struct {
	texts map[string]struct{}
	many  bool // not all texts were kept

	objects, others int // geometries, and what is none
	srid            int // of all geometries, if they agree
	sridsDiffer     bool

	least, most int64 // of integers
	integers    bool

	arrays  int
	numbers int // in every array, if they agree
	differ  bool
}

func (l *logical) see(c schemas.Cell, p []byte) {
	switch {
	case !c.Has():
	case c.Enc == schemas.EncInt || c.Enc == schemas.EncVarint:
		if n, err := schemas.Int(&schemas.Field{Type: schemas.Type{Kind: schemas.Int64}}, c, p); err == nil {
			if !l.integers {
				l.least, l.most, l.integers = n, n, true
			}
			l.least, l.most = min(l.least, n), max(l.most, n)
		}
	case c.Enc == schemas.EncText || c.Enc == schemas.EncJSONString:
		if l.many = l.many || len(p) > maxText || len(l.texts) >= maxTexts; l.many {
			return
		}
		if l.texts == nil {
			l.texts = map[string]struct{}{}
		}
		l.texts[string(schemas.AppendText(nil, c, p))] = struct{}{}
	case c.Enc == schemas.EncJSON && p[0] == '{':
		srid, ok := schemas.GeometrySRID(p)
		switch {
		case !ok:
			l.others++
			return
		case l.objects > 0 && srid != l.srid:
			l.sridsDiffer = true
		}
		l.objects, l.srid = l.objects+1, srid
	case c.Enc == schemas.EncJSON && p[0] == '[':
		n := bytes.Count(p, []byte(",")) + 1 // of numbers, which have none in them
		if l.arrays > 0 && n != l.numbers {
			l.differ = true
		}
		l.arrays, l.numbers = l.arrays+1, n
	}
}

// of is the logical type of f as its writer or source says, with the SRID or the
// dimension that all values have, "" where the column cannot have its values; and
// what of it the values keep: "" where integers are beyond it, an enum without the
// members where values are none of them (connectors write ? for some characters).
func (l *logical) of(f *Field) (said, kept string) {
	rule, err := schemas.ParseRule(f.Logical)
	if f.Logical == "" || err != nil {
		return "", ""
	}
	if f.Type != "" {
		t, _, _, err := schemas.ParseColumn(f.Type)
		if err != nil || rule.Suits(t) != nil {
			return "", ""
		}
	}
	name, args, _ := strings.Cut(f.Logical, "(")
	if l.integers && args == "" {
		for _, n := range []int64{l.least, l.most} {
			p := strconv.AppendInt(nil, n, 10)
			c := schemas.Cell{Len: uint32(len(p)), Enc: schemas.EncInt, Flags: schemas.Present}
			if rule.Breach(&schemas.Field{Type: schemas.Type{Kind: schemas.Int64}}, c, p) == schemas.BreachRange {
				return f.Logical, "" // bigint.unsigned.handling.mode=long wraps
			}
		}
	}
	switch name {
	case "enum", "set":
		for text := range l.texts {
			c := schemas.Cell{Len: uint32(len(text)), Enc: schemas.EncText, Flags: schemas.Present}
			if rule.Breach(&schemas.Field{}, c, []byte(text)) != schemas.Holds {
				return f.Logical, name
			}
		}
		if l.many && args != "" {
			return f.Logical, name
		}
	case "point", "line", "circle", "geometry", "geography":
		if l.objects > 0 && l.others == 0 && !l.sridsDiffer && l.srid != schemas.NoSRID && args == "" {
			said = fmt.Sprintf("%s(%d)", name, l.srid)
			return said, said
		}
	case "vector":
		if of, _, sized := strings.Cut(strings.TrimSuffix(args, ")"), ","); l.arrays > 0 && !l.differ && !sized {
			said = fmt.Sprintf("vector(%s,%d)", of, l.numbers)
			return said, said
		}
	}
	return f.Logical, f.Logical
}
