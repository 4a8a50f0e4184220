package schemas

import "math/bits"

// Decimal128 is the value of a Decimal as a 128-bit two's complement integer
// hi<<64 | lo, unscaled: value = integer / 10^f.Type.Scale. It reads numbers,
// texts, WireBase64 and Debezium's {"scale","value"} (also where the wire does
// not say so). A value with more digits after the point than the type is
// ErrScale, one with more digits than its precision ErrRange, NaN and the
// infinities are ErrRange.
func Decimal128(f *Field, c Cell, p []byte) (hi int64, lo uint64, err error) {
	if !c.Has() {
		return 0, 0, ErrNull
	}
	var buf [64]byte
	c, p = unescaped(buf[:0], c, p)
	var d dec128
	switch {
	case c.Enc == EncInt, c.Enc == EncFloat:
		d, err = parseDecimal(p, int(f.Type.Scale))
	case c.Enc == EncJSON:
		d, err = structDecimal(p, int(f.Type.Scale))
	case c.Enc == EncBytes:
		d, err = unscaled(p)
	case c.Enc != EncText:
		err = ErrType
	case f.Wire == WireBase64:
		d, err = base64Decimal(p)
	default:
		if _, ok := nonFinite(p); ok {
			return 0, 0, ErrRange
		}
		d, err = parseDecimal(p, int(f.Type.Scale))
	}
	if err != nil {
		return 0, 0, err
	}
	if n := f.Type.Precision; n > 0 && n <= 38 && !d.less(pow10[n]) {
		return 0, 0, ErrRange
	}
	hi, lo = d.signed()
	return hi, lo, nil
}

// AppendDecimal appends the digits of hi<<64|lo / 10^scale, with exactly scale
// digits after the point and without an exponent.
func AppendDecimal(dst []byte, hi int64, lo uint64, scale int) []byte {
	d := dec128{hi: uint64(hi), lo: lo}
	if hi < 0 {
		d = dec128{hi: ^d.hi, lo: ^d.lo, neg: true}
		var carry uint64
		d.lo, carry = bits.Add64(d.lo, 1, 0)
		d.hi += carry
		dst = append(dst, '-')
	}
	var b [40]byte
	i := len(b)
	for ; d.hi|d.lo != 0; i-- {
		var r uint64
		d, r = d.div10()
		b[i-1] = byte('0' + r)
	}
	n := len(b) - i
	if n <= scale {
		dst = append(dst, '0', '.')
		for ; n < scale; scale-- {
			dst = append(dst, '0')
		}
		if dst[len(dst)-1] == '.' && scale == 0 {
			return dst[:len(dst)-1]
		}
		return append(dst, b[i:]...)
	}
	dst = append(dst, b[i:len(b)-scale]...)
	if scale > 0 {
		dst = append(append(dst, '.'), b[len(b)-scale:]...)
	}
	return dst
}

// dec128 is a sign and a magnitude below 2^127.
type dec128 struct {
	hi, lo uint64
	neg    bool
}

// pow10[n] is 10^n for n up to 38, the most digits a Decimal has.
var pow10 = func() (t [39]dec128) {
	t[0].lo = 1
	for i := 1; i < len(t); i++ {
		t[i], _ = t[i-1].mulAdd(10, 0)
	}
	return t
}()

func (d dec128) less(e dec128) bool { return d.hi < e.hi || d.hi == e.hi && d.lo < e.lo }

// mulAdd is d*m + a; not ok beyond 127 bits.
func (d dec128) mulAdd(m, a uint64) (dec128, bool) {
	h, l := bits.Mul64(d.lo, m)
	l, carry := bits.Add64(l, a, 0)
	over, hh := bits.Mul64(d.hi, m)
	hh, c2 := bits.Add64(hh, h, carry)
	return dec128{hh, l, d.neg}, over == 0 && c2 == 0 && hh < 1<<63
}

func (d dec128) div10() (dec128, uint64) {
	qh, r := d.hi/10, d.hi%10
	ql, r := bits.Div64(r, d.lo, 10)
	return dec128{qh, ql, d.neg}, r
}

func (d dec128) signed() (int64, uint64) {
	if !d.neg {
		return int64(d.hi), d.lo
	}
	lo, carry := bits.Add64(^d.lo, 1, 0)
	return int64(^d.hi + carry), lo
}

func (d dec128) int64() (int64, bool) {
	hi, lo := d.signed()
	return int64(lo), hi == int64(lo)>>63
}

// shift is d * 10^n, exact or an error.
func (d dec128) shift(n int) (dec128, error) {
	if d.hi|d.lo == 0 {
		return d, nil
	}
	for ; n > 0; n-- {
		var ok bool
		if d, ok = d.mulAdd(10, 0); !ok {
			return d, ErrRange
		}
	}
	for ; n < 0; n++ {
		q, r := d.div10()
		if r != 0 {
			return d, ErrScale
		}
		d = q
	}
	return d, nil
}

// parseDecimal reads [+-]digits[.digits][e[+-]digits] times 10^scale.
func parseDecimal(p []byte, scale int) (dec128, error) {
	var d dec128
	if len(p) > 0 && (p[0] == '-' || p[0] == '+') {
		d.neg = p[0] == '-'
		p = p[1:]
	}
	frac, zeros, seen, point := 0, 0, 0, false
	i := 0
	for ; i < len(p); i++ {
		ch := p[i]
		if ch == '.' && !point {
			point = true
			continue
		}
		if ch-'0' > 9 {
			break
		}
		seen++
		if point {
			frac++
		}
		if ch == '0' { // trailing zeros never overflow: they wait for a digit
			if d.hi|d.lo != 0 {
				zeros++
			}
			continue
		}
		for ; zeros >= 0; zeros-- {
			a := uint64(0)
			if zeros == 0 {
				a = uint64(ch - '0')
			}
			var ok bool
			if d, ok = d.mulAdd(10, a); !ok {
				return d, tooMany(p)
			}
		}
		zeros = 0
	}
	if seen == 0 {
		return d, ErrSyntax
	}
	exp := 0
	if i < len(p) {
		var ok bool
		if exp, ok = exponent(p[i:]); !ok {
			return d, ErrSyntax
		}
	}
	return d.shift(exp + zeros - frac + scale)
}

// tooMany tells a literal of too many digits from one that is no number.
func tooMany(p []byte) error {
	for _, ch := range p {
		if ch-'0' > 9 && ch != '.' && ch != '-' && ch != '+' && ch != 'e' && ch != 'E' {
			return ErrSyntax
		}
	}
	return ErrRange
}

// exponent reads all of p as e[+-]digits; beyond six digits it saturates.
func exponent(p []byte) (int, bool) {
	if p[0]|0x20 != 'e' {
		return 0, false
	}
	p = p[1:]
	neg := false
	if len(p) > 0 && (p[0] == '-' || p[0] == '+') {
		neg = p[0] == '-'
		p = p[1:]
	}
	if len(p) == 0 {
		return 0, false
	}
	v := 0
	for _, ch := range p {
		if ch-'0' > 9 {
			return 0, false
		}
		if v < 100_000 {
			v = v*10 + int(ch-'0')
		}
	}
	if neg {
		v = -v
	}
	return v, true
}

// unscaled reads a big endian two's complement integer, as java.math.BigInteger writes it.
func unscaled(p []byte) (dec128, error) {
	if len(p) == 0 {
		return dec128{}, ErrSyntax
	}
	var sign byte
	if p[0]&0x80 != 0 {
		sign = 0xFF
	}
	for len(p) > 16 {
		if p[0] != sign {
			return dec128{}, ErrRange
		}
		p = p[1:]
	}
	if (p[0]^sign)&0x80 != 0 {
		return dec128{}, ErrRange
	}
	d := dec128{hi: uint64(int64(int8(sign))), lo: uint64(int64(int8(sign)))}
	for _, b := range p {
		d.hi = d.hi<<8 | d.lo>>56
		d.lo = d.lo<<8 | uint64(b)
	}
	if sign != 0 {
		lo, carry := bits.Add64(^d.lo, 1, 0)
		d = dec128{hi: ^d.hi + carry, lo: lo, neg: true}
		if d.hi>>63 != 0 {
			return d, ErrRange
		}
	}
	return d, nil
}

// base64Decimal reads the base64 of an unscaled integer.
func base64Decimal(p []byte) (dec128, error) {
	if len(p) > 64 {
		return dec128{}, ErrRange
	}
	var b [64]byte
	raw, err := appendBase64(b[:0], p)
	if err != nil {
		return dec128{}, err
	}
	return unscaled(raw)
}

// structDecimal reads Debezium's VariableScaleDecimal, {"scale":n,"value":"base64"},
// times 10^scale. p is valid JSON.
func structDecimal(p []byte, scale int) (dec128, error) {
	n, raw, ok := varDecimal(p)
	if !ok {
		return dec128{}, ErrSyntax
	}
	d, err := base64Decimal(raw)
	if err != nil {
		return d, err
	}
	return d.shift(scale - n)
}
