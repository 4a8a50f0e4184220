package column

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
	"unsafe"
)

// parseInt reads a JSON integer literal of at most 18 digits. It reports
// false for anything longer or else, which is then somebody else's to judge.
func parseInt(p []byte) (int64, bool) {
	neg := len(p) > 0 && p[0] == '-'
	if neg {
		p = p[1:]
	}
	if len(p) == 0 || len(p) > 18 {
		return 0, false
	}
	var v int64
	for ; len(p) >= 8; p = p[8:] {
		d, ok := eightDigits(binary.LittleEndian.Uint64(p))
		if !ok {
			return 0, false
		}
		v = v*100_000_000 + d
	}
	for _, c := range p {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + int64(d)
	}
	if neg {
		v = -v
	}
	return v, true
}

// eightDigits reads eight digits at once: it joins neighbours to pairs, pairs
// to fours and fours to eight (Lemire, "Quickly parsing eight digits").
func eightDigits(v uint64) (int64, bool) {
	if v&0xF0F0F0F0F0F0F0F0|(v+0x0606060606060606)&0xF0F0F0F0F0F0F0F0>>4 != 0x3333333333333333 {
		return 0, false
	}
	v = v & 0x0F0F0F0F0F0F0F0F * (10<<8 + 1) >> 8
	v = v & 0x00FF00FF00FF00FF * (100<<16 + 1) >> 16
	v = v & 0x0000FFFF0000FFFF * (10_000<<32 + 1) >> 32
	return int64(v), true
}

// parseDecimal reads [-]digits[.digits] into an integer scaled by 10^scale. It
// reports false when that would lose a digit, overflow 18 digits, or is
// spelled in another way.
func parseDecimal(p []byte, scale uint8) (int64, bool) {
	neg := len(p) > 0 && p[0] == '-'
	if neg {
		p = p[1:]
	}
	var v int64
	digits, point := 0, -1
	for _, c := range p {
		d := c - '0'
		switch {
		case d <= 9:
			v = v*10 + int64(d)
			digits++
			if digits > 18 {
				return 0, false
			}
		case c == '.' && point < 0 && digits > 0:
			point = digits
		default:
			return 0, false
		}
	}
	if digits == 0 || point == digits {
		return 0, false
	}
	pad := int(scale)
	if point >= 0 {
		pad -= digits - point
	}
	if pad < 0 || digits+pad > 18 {
		return 0, false
	}
	for ; pad > 0; pad-- {
		v *= 10
	}
	if neg {
		v = -v
	}
	return v, true
}

// parseUnscaled reads base64 of a two's complement integer of at most 64 bits,
// big endian: Debezium's precise decimals.
func parseUnscaled(p []byte) (int64, bool) {
	if len(p) == 0 || len(p)%4 != 0 || len(p) > 12 {
		return 0, false
	}
	m := len(p)
	for m > len(p)-2 && p[m-1] == '=' {
		m--
	}
	size, extra := m*6/8, m*6%8 // extra: bits of the last digit that fill up
	if size > 8 {
		return 0, false
	}
	var v uint64
	bad := byte(0)
	for _, c := range p[:m-1] {
		d := base64Digits[c]
		bad |= d
		v = v<<6 | uint64(d&63)
	}
	d := base64Digits[p[m-1]]
	v = v<<(6-extra) | uint64(d&63)>>extra
	shift := 64 - 8*size
	return int64(v<<shift) >> shift, (bad|d)&0x80 == 0
}

// base64Digits are the values of the standard alphabet, 0x80 elsewhere.
var base64Digits = func() (t [256]byte) {
	for i := range t {
		t[i] = 0x80
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		t[c] = byte(i)
	}
	return t
}()

// The powers of ten that a float64 and a float32 hold exactly.
var (
	exact64 = [23]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
		1e17, 1e18, 1e19, 1e20, 1e21, 1e22}
	exact32 = [11]float32{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10}
)

// parseMantissa reads [-]digits[.digits] as v / 10^frac. It reports false
// for exponents and for more digits than bits of v allow.
func parseMantissa(p []byte, limit uint64) (v uint64, frac int, neg, ok bool) {
	if neg = len(p) > 0 && p[0] == '-'; neg {
		p = p[1:]
	}
	if len(p) == 0 || len(p) > 18 {
		return 0, 0, false, false
	}
	point := -1
	for i, c := range p {
		d := c - '0'
		if d <= 9 {
			v = v*10 + uint64(d)
		} else if c == '.' && point < 0 && i > 0 {
			point = i
		} else {
			return 0, 0, false, false
		}
	}
	if point >= 0 {
		frac = len(p) - 1 - point
	}
	return v, frac, neg, v <= limit && point != len(p)-1
}

// parseFloat64 reads a JSON number. The quick way is exact: an integer below
// 2^53 divided by a power of ten below 10^23 rounds once (Clinger 1990).
func parseFloat64(p []byte) (float64, bool) {
	if v, frac, neg, ok := parseMantissa(p, 1<<53); ok && frac < len(exact64) {
		f := float64(v) / exact64[frac]
		if neg {
			f = -f
		}
		return f, true
	}
	f, err := strconv.ParseFloat(text(p), 64)
	return f, err == nil
}

// parseFloat32 is parseFloat64 rounded once, to float32.
func parseFloat32(p []byte) (float32, bool) {
	if v, frac, neg, ok := parseMantissa(p, 1<<24); ok && frac < len(exact32) {
		f := float32(v) / exact32[frac]
		if neg {
			f = -f
		}
		return f, true
	}
	f, err := strconv.ParseFloat(text(p), 32)
	return float32(f), err == nil
}

// text is p as a string for the time of one call; nobody keeps it.
func text(p []byte) string { return unsafe.String(unsafe.SliceData(p), len(p)) }

// pow10 are 10^0..10^38 as 128-bit integers.
var pow10 = func() (t [39][2]uint64) {
	t[0][1] = 1
	for i := 1; i < len(t); i++ {
		hi, lo := bits.Mul64(t[i-1][1], 10)
		t[i] = [2]uint64{t[i-1][0]*10 + hi, lo}
	}
	return t
}()

// magnitude is the absolute value of a two's complement 128-bit integer.
func magnitude(hi int64, lo uint64) (uint64, uint64) {
	if hi >= 0 {
		return uint64(hi), lo
	}
	l, borrow := bits.Sub64(0, lo, 0)
	h, _ := bits.Sub64(0, uint64(hi), borrow)
	return h, l
}

// fitsPrecision reports whether the unscaled integer has at most so many digits.
func fitsPrecision(hi int64, lo uint64, precision uint8) bool {
	if precision > 38 {
		return false
	}
	h, l := magnitude(hi, lo)
	p := pow10[precision]
	return h < p[0] || h == p[0] && l < p[1]
}

// rescale multiplies or divides an unscaled integer so that it counts units of
// 10^-to instead of 10^-from. It reports false if that overflows 128 bits or
// loses a digit.
func rescale(hi int64, lo uint64, from, to uint8) (int64, uint64, bool) {
	neg := hi < 0
	h, l := magnitude(hi, lo)
	for ; from < to; from++ {
		var ok bool
		if h, l, ok = times10(h, l); !ok {
			return 0, 0, false
		}
	}
	for ; from > to; from-- {
		var rem uint64
		h, rem = h/10, h%10
		if l, rem = bits.Div64(rem, l, 10); rem != 0 {
			return 0, 0, false
		}
	}
	if neg {
		var borrow uint64
		l, borrow = bits.Sub64(0, l, 0)
		h, _ = bits.Sub64(0, h, borrow)
	}
	return int64(h), l, true
}

// floorDiv divides towards minus infinity; d is positive.
func floorDiv(v, d int64) int64 {
	q := v / d
	if v%d < 0 {
		q--
	}
	return q
}

// mulChecked multiplies by a positive factor and reports whether it fits.
func mulChecked(v, factor int64) (int64, bool) {
	r := v * factor
	return r, v == 0 || (r/factor == v && v != math.MinInt64)
}

// times10 multiplies and reports whether the result is below 2^127.
func times10(h, l uint64) (uint64, uint64, bool) {
	top, low := bits.Mul64(l, 10)
	over, mid := bits.Mul64(h, 10)
	h, carry := bits.Add64(mid, top, 0)
	return h, low, over+carry == 0 && h>>63 == 0
}
