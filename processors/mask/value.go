package mask

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"sluice/processors/mask/policy"
	"sluice/schemas"
)

// literal is a cell of binary data as JSON has it, until the next call: all that
// looks at encodings knows those of JSON alone.
func (s *scratch) literal(c schemas.Cell, p []byte) (schemas.Cell, []byte) {
	if c.Enc < schemas.EncBytes || !c.Has() {
		return c, p
	}
	if c.Enc == schemas.EncBytes {
		s.spelled = schemas.AppendText(s.spelled[:0], c, p)
		return schemas.Cell{Len: uint32(len(s.spelled)), Enc: schemas.EncText, Flags: schemas.Present}, s.spelled
	}
	s.spelled = append(s.spelled[:0], make([]byte, 32)...)
	return schemas.Spelled(s.spelled[:0], c, p)
}

// value is the canonical text of a value and what kind it is: what actions
// see. It does not depend on how the source spelled the value, as far as that
// tells nothing: 5 has one text as an int, as a decimal 5.00, as a float 5.0
// and inside of JSON; times are ISO 8601 without zeros at the end of the
// fraction, UUIDs are lower case. Text is taken as it is, JSON as written. A
// value that does not spell its type is its own text. The result is p, or in
// s.text until the next call.
func (s *scratch) value(f *schemas.Field, c schemas.Cell, p []byte) (schemas.Kind, []byte) {
	k := f.Type.Kind
	if k == schemas.Unknown {
		k = literal(c.Enc)
	}
	if c.Enc == schemas.EncText && policy.IsText(k) && k != schemas.UUID && utf8.Valid(p) { // nearly always
		return k, p
	}
	done := false
	switch k {
	case schemas.Bool, schemas.Int32, schemas.Int64:
		if c.Enc == schemas.EncInt && k != schemas.Bool {
			return k, p
		}
		if v, err := schemas.Int(f, c, p); err == nil && k == schemas.Bool {
			s.text, done = strconv.AppendBool(s.text[:0], v == 1), true
		} else if err == nil {
			s.text, done = strconv.AppendInt(s.text[:0], v, 10), true
		}
	case schemas.Float32, schemas.Float64:
		if c.Enc == schemas.EncInt {
			return k, p
		}
		if v, err := schemas.Float(f, c, p); err == nil {
			s.text, done = appendFloat(s.text[:0], v, k), true
		}
	case schemas.Decimal:
		var code string
		if s.text, code = schemas.AppendJSON(s.text[:0], f.Type, f.Wire, c, p); code == "" {
			s.text, done = trimmed(s.text[1:len(s.text)-1]), true
		}
	case schemas.Date, schemas.Time, schemas.Timestamp, schemas.Instant:
		done = s.moment(f, c, p)
	}
	if !done {
		s.text = schemas.AppendText(s.text[:0], c, p)
	}
	if k == schemas.UUID && isUUID(s.text) { // D4: other texts may differ by case
		for i, ch := range s.text {
			if 'A' <= ch && ch <= 'Z' {
				s.text[i] = ch + 'a' - 'A'
			}
		}
	}
	return k, s.text
}

// isUUID reports 32 hex digits, with hyphens or without.
func isUUID(p []byte) bool {
	digits := 0
	for _, c := range p {
		switch {
		case c-'0' <= 9, c|0x20 >= 'a' && c|0x20 <= 'f':
			digits++
		case c != '-':
			return false
		}
	}
	return digits == 32
}

var replacement = []byte("\uFFFD")

// damaged reports a text that is not all of its value: an ill-formed byte or a
// lone surrogate became U+FFFD in it, as others would. // D4
func damaged(text, raw []byte) bool {
	n := bytes.Count(text, replacement)
	return n > 0 && n != bytes.Count(raw, replacement)+bytes.Count(bytes.ToLower(raw), []byte(`\ufffd`))
}

// literal is the kind of a value that only its encoding tells.
func literal(e schemas.Encoding) schemas.Kind {
	switch e {
	case schemas.EncInt:
		return schemas.Int64
	case schemas.EncFloat:
		return schemas.Float64
	case schemas.EncTrue, schemas.EncFalse:
		return schemas.Bool
	case schemas.EncJSON:
		return schemas.JSON
	}
	return schemas.String
}

func appendFloat(dst []byte, v float64, k schemas.Kind) []byte {
	bits := 64
	if k == schemas.Float32 {
		bits = 32
	}
	switch {
	case v == 0: // -0 too
		return append(dst, '0')
	case v > -1e15 && v < 1e15:
		return strconv.AppendFloat(dst, v, 'f', -1, bits)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, bits)
}

// moment puts a date or time into s.text. Text with more than microseconds
// stays as it is: rounding would make different values one.
func (s *scratch) moment(f *schemas.Field, c schemas.Cell, p []byte) bool {
	t, w := f.Type, f.Wire
	var buf [20]byte
	if c.Enc != schemas.EncInt {
		if i := bytes.IndexByte(p, '.'); i >= 0 && len(p)-i > 7 && p[i+7]-'0' <= 9 {
			return false
		}
		v, err := schemas.Int(f, c, p)
		if err != nil {
			return false
		}
		p, c, w = strconv.AppendInt(buf[:0], v, 10), schemas.Cell{Enc: schemas.EncInt, Flags: schemas.Present}, schemas.WirePlain
	}
	switch {
	case w != schemas.WirePlain:
	case t.Kind == schemas.Date:
		w = schemas.WireDays
	default:
		w = schemas.WireMicros
	}
	out, code := schemas.AppendJSON(s.text[:0], t, w, c, p)
	if s.text = out; code != "" {
		return false
	}
	out = out[1 : len(out)-1]
	if n := len(out) - 1; out[n] == 'Z' {
		out = append(trimmed(out[:n]), 'Z')
	} else {
		out = trimmed(out)
	}
	s.text = out
	return true
}

// trimmed is a number or time without zeros at the end of its fraction.
func trimmed(p []byte) []byte {
	if bytes.IndexByte(p, '.') < 0 {
		return p
	}
	return bytes.TrimSuffix(bytes.TrimRight(p, "0"), []byte{'.'})
}
