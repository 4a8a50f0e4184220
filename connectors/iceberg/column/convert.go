package column

import (
	"encoding/base64"
	"errors"
	"unicode/utf8"

	"sluice/schemas"
)

// The conversions of one cell to a column's type. Each has a quick way for the
// spelling that nearly all values have and leaves the rest to the codecs of
// package schemas. They allocate nothing, and errors are codes. // P1

// fail makes a CellError of what a codec said.
func (s *Source) fail(err error) error {
	var v *schemas.ValueError
	if errors.As(err, &v) {
		return &CellError{s.column, v.Code}
	}
	return &CellError{s.column, schemas.ErrSyntax.Code}
}

// int reads an integer, a date in days or a time in microseconds.
func (s *Source) int(c schemas.Cell, p []byte) (int64, error) {
	v, ok := int64(0), false
	if c.Enc == schemas.EncInt && s.unit != 0 {
		if v, ok = parseInt(p); ok {
			v, ok = inUnit(v, s.unit)
		}
	}
	if !ok {
		var err error
		if v, err = schemas.Int(&s.field, c, p); err != nil {
			return 0, s.fail(err)
		}
	}
	if s.op == opInt32 && v != int64(int32(v)) {
		return 0, s.fail(schemas.ErrRange)
	}
	return v, nil
}

// inUnit multiplies by unit, or divides by its negation.
func inUnit(v, unit int64) (int64, bool) {
	if unit < 0 {
		return floorDiv(v, -unit), true
	}
	return mulChecked(v, unit)
}

func (s *Source) float(c schemas.Cell, p []byte) (float64, error) {
	if c.Enc == schemas.EncFloat || c.Enc == schemas.EncInt {
		if v, ok := parseFloat64(p); ok {
			return v, nil
		}
	}
	v, err := schemas.Float(&s.field, c, p)
	if err != nil {
		return 0, s.fail(err)
	}
	return v, nil
}

func (s *Source) float32(c schemas.Cell, p []byte) (float32, error) {
	if c.Enc == schemas.EncFloat || c.Enc == schemas.EncInt {
		if v, ok := parseFloat32(p); ok {
			return v, nil
		}
	}
	v, err := schemas.Float(&s.field, c, p)
	if err != nil {
		return 0, s.fail(err)
	}
	return float32(v), nil
}

// decimal reads an unscaled integer of the column's scale.
func (s *Source) decimal(c schemas.Cell, p []byte) (int64, uint64, error) {
	if c.Enc == schemas.EncFloat || c.Enc == schemas.EncInt || c.Enc == schemas.EncText && s.field.Wire == schemas.WirePlain {
		if v, ok := parseDecimal(p, s.to.Scale); ok {
			return v >> 63, uint64(v), nil
		}
	}
	var hi int64
	var lo uint64
	var err error
	if v, ok := parseUnscaled(p); ok && c.Enc == schemas.EncText && s.field.Wire == schemas.WireBase64 {
		hi, lo = v>>63, uint64(v)
	} else {
		hi, lo, err = schemas.Decimal128(&s.field, c, p)
	}
	if err == nil && s.field.Type.Scale != s.to.Scale {
		var ok bool
		if hi, lo, ok = rescale(hi, lo, s.field.Type.Scale, s.to.Scale); !ok {
			err = schemas.ErrScale
		}
	}
	if err != nil {
		return 0, 0, s.fail(err)
	}
	return hi, lo, nil
}

func (s *Source) bool(c schemas.Cell, p []byte) (bool, error) {
	if c.Enc == schemas.EncTrue || c.Enc == schemas.EncFalse {
		return c.Enc == schemas.EncTrue, nil
	}
	v, err := schemas.Int(&s.field, c, p)
	if err != nil {
		return false, s.fail(err)
	}
	return v != 0, nil
}

// uuid reads 8-4-4-4-12 hexadecimal digits, or 16 raw bytes.
func (s *Source) uuid(c schemas.Cell, p []byte) (u [16]byte, err error) {
	if c.Enc == schemas.EncBytes && len(p) == 16 {
		return [16]byte(p), nil
	}
	if c.Enc != schemas.EncText || len(p) != 36 || p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-' {
		return u, s.fail(schemas.ErrSyntax)
	}
	at := 0
	for i := range u {
		if p[at] == '-' {
			at++
		}
		h, ok1 := hexDigit(p[at])
		l, ok2 := hexDigit(p[at+1])
		if !ok1 || !ok2 {
			return u, s.fail(schemas.ErrSyntax)
		}
		u[i] = h<<4 | l
		at += 2
	}
	return u, nil
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c-'0' <= 9:
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// verbatim reports whether the bytes of c are the text to store. Text must be
// UTF-8: readers refuse a whole file for one string that is not.
func (s *Source) verbatim(c schemas.Cell, p []byte) bool {
	switch c.Enc {
	case schemas.EncText, schemas.EncJSON:
		return s.asText && utf8.Valid(p)
	case schemas.EncInt, schemas.EncFloat:
		return s.asText
	}
	return false
}

// appendText appends the text of a value: in a JSON column a JSON text, in a
// string column the value as a person writes it, without quotes.
func (s *Source) appendText(dst []byte, c schemas.Cell, p []byte) ([]byte, error) {
	if s.asText {
		return schemas.AppendText(dst, c, p), nil
	}
	at := len(dst)
	dst, code := schemas.AppendJSON(dst, s.field.Type, s.field.Wire, c, p)
	if code != "" {
		return dst, &CellError{s.column, code}
	}
	// Dates, times, decimals and base64 have nothing to escape.
	if n := len(dst); s.to.Kind != schemas.JSON && dst[at] == '"' {
		copy(dst[at:], dst[at+1:n-1])
		dst = dst[:n-2]
	}
	return dst, nil
}

func (s *Source) appendBinary(dst []byte, c schemas.Cell, p []byte) ([]byte, error) {
	if c.Enc == schemas.EncText && s.field.Wire == schemas.WireBase64 {
		if out, err := base64.StdEncoding.AppendDecode(dst, p); err == nil {
			return out, nil
		}
	}
	dst, err := schemas.AppendBinary(dst, &s.field, c, p)
	if err != nil {
		return dst, s.fail(err)
	}
	return dst, nil
}
