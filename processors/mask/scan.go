package mask

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"sluice/processors/mask/detect"
	"sluice/processors/mask/policy"
	"sluice/processors/mask/strategy"
	"sluice/schemas"
	"sluice/topology/stream"
)

// A scan looks for personal data and secrets in a value and masks what it
// finds; the rest stays. What becomes of a value, by its type: // P4
//
//   - text: every finding goes through the action of its class, else [class].
//   - JSON: every string in it as text, every number as a number; the names of
//     members that are no plain identifiers, or that hold a finding, are hashed.
//   - a number: of 7 digits or more it is looked at as text, and nulled if the
//     detector finds anything; one of less than 9 also with zeros in front. One with four
//     decimals or more is nulled if it is a latitude or a longitude by its name.
//   - UUID: as a number.
//   - date, timestamp, instant: nulled. One may be a date of birth, which its
//     value does not tell. Keep it with a reason.
//   - binary: nulled. bool and time: as they are.
//
// The name of the column or of the member stands before a short value when it
// is looked at, so that `phone` and 2025550143 make a phone: names are context
// that finds more, never a reason to keep.

// Numbers shorter than these hold nothing: a card has 12 digits, a phone 7 with
// its context; an SSN as a number loses the zeros in front.
const (
	minDigits = 7
	ssnDigits = 9
)

// maxContext is how long a value may be for its name to stand before it.
const maxContext = 256

// scanned is scan, once for values that come again: cities, states, currencies.
// In a slot the zero cell says that the value stays as it is.
func (x *pass) scanned(c *column, r *stream.Record, in schemas.Cell) (schemas.Cell, bool) {
	if !x.s.memo.worth(c.ord) {
		return x.scan(c, r, in)
	}
	slot, out, ok := x.remembered(c, r, in, x.bytes(r, in))
	switch {
	case !ok:
	case out == (schemas.Cell{}):
		return in, true
	default:
		return out, true
	}
	if out, ok = x.scan(c, r, in); !ok {
		return out, false
	}
	made := out
	if out == in {
		made = schemas.Cell{}
	}
	slot.fill(x, c, in, made)
	return out, true
}

// scan looks for personal data in one cell. Where there is none the cell stays
// as it is. false: the value is not what its column says. // P2
func (x *pass) scan(c *column, r *stream.Record, in schemas.Cell) (schemas.Cell, bool) {
	s := x.s
	k := c.kind(in)
	switch k {
	case schemas.Bool, schemas.Time:
		return in, true
	case schemas.String, schemas.UUID, schemas.Int32, schemas.Int64, schemas.Float32, schemas.Float64, schemas.Decimal:
	case schemas.JSON:
		s.under = c.context
		return x.nested(c.scanned, r, in)
	default: // dates, binary, and kinds to come
		return nulled, true
	}
	raw := x.bytes(r, in)
	if in.Enc == schemas.EncText && !utf8.Valid(raw) {
		return in, false
	}
	s.under = c.context
	cell, raw := s.literal(in, raw)
	_, text := s.value(c.field, cell, raw)
	if k != schemas.String {
		if k == schemas.UUID && s.holds(text) || k != schemas.UUID && s.numberHolds(text) {
			return nulled, true
		}
		return in, true
	}
	s.more = s.more[:0]
	out, found := s.scanText(s.more, text, c.spec.Scanning)
	s.more = out
	if !found && c.field.Wire == schemas.WirePlain {
		return in, true
	}
	from := len(x.arena)
	x.arena = append(x.arena, out...)
	return x.made(from, schemas.EncText)
}

// look puts text where the detector sees it, behind the name it stands under,
// and returns how long that is. It is a copy: actions use s.text.
func (s *scratch) look(text []byte) (name int) {
	s.seen = s.seen[:0]
	if len(s.under) > 0 && len(text) <= maxContext {
		s.seen = append(appendWords(s.seen, s.plainName()), ": "...)
	}
	name = len(s.seen)
	s.seen = append(s.seen, text...)
	return name
}

// plainName is s.under with its escapes undone.
func (s *scratch) plainName() []byte {
	if bytes.IndexByte(s.under, '\\') < 0 {
		return s.under
	}
	s.context = schemas.AppendText(s.context[:0], schemas.Cell{Enc: schemas.EncJSONString, Flags: schemas.Present}, s.under)
	return s.context
}

// holds reports a finding in text.
func (s *scratch) holds(text []byte) bool {
	name := s.look(text)
	s.spans = s.det.Find(s.spans[:0], s.seen)
	return len(s.spans) > 0 && s.spans[len(s.spans)-1].End > name
}

// numberHolds does that with the digits of a number.
func (s *scratch) numberHolds(text []byte) bool {
	digits := bytes.TrimPrefix(text, []byte{'-'})
	if !bytes.ContainsAny(digits, "eE") {
		digits = trimmed(digits) // 536228726.0
	}
	n := 0
	for n < len(digits) && digits[n]-'0' <= 9 {
		n++
	}
	switch {
	case bytes.ContainsAny(digits, "eE"): // 4.111111111111111e+15
		if v, err := strconv.ParseFloat(string(digits), 64); err == nil && v >= 1e6 && v < 1e20 {
			return s.holds(strconv.AppendFloat(s.num[:0], v, 'f', 0, 64))
		}
		return false
	case n < minDigits:
		return n <= 3 && len(digits)-n > 4 && s.holds(digits) && s.spans[len(s.spans)-1].Class == schemas.Coordinates
	case s.holds(digits):
		return true
	case n < ssnDigits:
		s.num = append(append(s.num[:0], "00"[:ssnDigits-n]...), digits[:n]...)
		return s.holds(s.num)
	}
	return false
}

// scanText appends text with its findings masked; found is false if there are none.
func (s *scratch) scanText(dst, text []byte, x *policy.Scanning) (out []byte, found bool) {
	from, name := len(dst), s.look(text)
	s.scan, s.name, s.hits = x, name, 0
	dst = s.det.Replace(dst, s.seen, s.replace)
	return append(dst[:from], dst[from+name:]...), s.hits > 0
}

// replaced appends what becomes of a finding in s.seen. The name before the
// text stays whole.
func (s *scratch) replaced(dst []byte, f detect.Span, value []byte) []byte {
	if f.End <= s.name {
		return append(dst, s.seen[f.Start:f.End]...)
	}
	if f.Start < s.name {
		dst = append(dst, s.seen[f.Start:s.name]...)
	}
	s.hits++
	return s.part(dst, s.scan.Of(f.Class), f.Class, value)
}

var textField = schemas.Field{Type: schemas.Type{Kind: schemas.String}}

// part appends what becomes of a finding: [class] where its action can do
// nothing with it.
func (s *scratch) part(dst []byte, spec *policy.Spec, c schemas.Class, value []byte) []byte {
	at := len(dst)
	switch {
	case spec.Kind == policy.Keep:
		return append(dst, value...)
	case spec.Kind.Constant() != "":
	case spec.Strategy == nil: // null
		return dst
	default:
		s.Field, s.Cell, s.Raw, s.By = &textField, schemas.Cell{Enc: schemas.EncText, Flags: schemas.Present, Len: uint32(len(value))}, value, nil
		switch out, enc := spec.Strategy.Mask(&s.Scratch, dst, schemas.String, value); enc {
		case strategy.AsNull, strategy.Refused: // a part that is not what its action takes is still found
		default:
			return out
		}
	}
	return append(append(append(dst[:at], '['), c.String()...), ']')
}

// scanJSON appends the JSON value at the start of src, which was checked and
// has no white space, with its findings masked.
func (s *scratch) scanJSON(dst, src []byte, spec *policy.Spec) (out, tail []byte, ok bool) {
	switch src[0] {
	case '{', '[':
		return s.scanInside(dst, src, spec)
	case '"':
		end, _ := stringEnd(src)
		at := len(s.more)
		more, found := s.scanText(s.more, s.unescape(src[:end]), spec.Scanning)
		s.more = more[:at]
		if !found {
			return append(dst, src[:end]...), src[end:], true
		}
		return append(schemas.AppendEscaped(append(dst, '"'), more[at:]), '"'), src[end:], true
	}
	end, _ := scalarEnd(src)
	if c := src[0]; (c == '-' || c-'0' <= 9) && s.numberHolds(src[:end]) {
		return append(dst, "null"...), src[end:], true
	}
	return append(dst, src[:end]...), src[end:], true
}

func (s *scratch) scanInside(dst, src []byte, spec *policy.Spec) (out, tail []byte, ok bool) {
	object, above := src[0] == '{', s.under
	dst, src = append(dst, src[0]), src[1:]
	for src[0] != ']' && src[0] != '}' {
		if src[0] == ',' {
			dst, src = append(dst, ','), src[1:]
		}
		if object {
			end, _ := stringEnd(src)
			key := src[:end]
			if s.identifier(s.unescape(key)) {
				dst = append(dst, key...)
			} else {
				f, c, inside := fieldOf(key)
				if dst, ok = s.masked(dst, s.rules.Unnamed(policy.Hash), f, c, inside); !ok {
					return dst, src, false
				}
			}
			dst, src, s.under = append(dst, ':'), src[end+1:], key[1:end-1]
		}
		if dst, src, ok = s.scanJSON(dst, src, spec); !ok {
			return dst, src, false
		}
	}
	s.under = above
	return append(dst, src[0]), src[1:], true
}

// identifier reports whether the name of a member is one and holds nothing
// personal. // P4
func (s *scratch) identifier(name []byte) bool {
	plain, certain := policy.Identifier(name, s.names)
	if !plain || certain {
		return plain
	}
	under := s.under
	s.under = nil
	found := s.holds(name)
	s.under = under
	return !found
}

// appendWords appends a name as words: birthDate and birth_date are "birth date".
func appendWords(dst, name []byte) []byte {
	for i, c := range name {
		switch {
		case c == '_' || c == '-' || c == '.' || c == '@' || c == '\\':
			c = ' '
		case c >= 'A' && c <= 'Z':
			if i > 0 && name[i-1] >= 'a' && name[i-1] <= 'z' {
				dst = append(dst, ' ')
			}
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
