package strategy

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/schemas"
)

func isNumber(k schemas.Kind) bool {
	switch k {
	case schemas.Int32, schemas.Int64, schemas.Float32, schemas.Float64, schemas.Decimal:
		return true
	}
	return false
}

func fitsNumber(f *schemas.Field, what string) error {
	if !isNumber(f.Type.Kind) && f.Type.Kind != schemas.String {
		return fmt.Errorf("%s is of numbers and texts of them, this is %v", what, f.Type)
	}
	return nil
}

// plainDecimal makes decimals of a field plain, as number actions write them.
func plainDecimal(f *schemas.Field) {
	if f.Type.Kind == schemas.Decimal {
		f.Wire = schemas.WirePlain
	}
}

// number reads a decimal literal and nothing else that ParseFloat knows.
func number(p []byte) (float64, bool) {
	for _, c := range p {
		if (c < '0' || c > '9') && c != '-' && c != '.' && c != 'e' && c != 'E' && c != '+' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(p), 64) // does not escape: no allocation
	return v, err == nil
}

// decimalsOf is how many digits stand behind the point of a literal without an
// exponent.
func decimalsOf(p []byte) int {
	if i := bytes.IndexByte(p, '.'); i >= 0 && !bytes.ContainsAny(p, "eE") {
		return len(p) - i - 1
	}
	return 0
}

// literalOf is how a literal is written in a column of kind k.
func literalOf(k schemas.Kind, p []byte) schemas.Encoding {
	switch {
	case k == schemas.String:
		return schemas.EncText
	case bytes.IndexByte(p, '.') >= 0:
		return schemas.EncFloat
	}
	return schemas.EncInt
}

// ageBand gives the first year of a band of ages; ages from 90 on are one
// (HIPAA Safe Harbor, 45 CFR 164.514(b)(2)(i)(C)).
type ageBand int64

const (
	oldest    = 90
	widestAge = 30
)

func (n ageBand) Bind(*Binder) (Masker, error) { return n, nil }
func (n ageBand) Fits(f *schemas.Field) error  { return fitsNumber(f, "age") }
func (n ageBand) Output(f *schemas.Field)      { plainDecimal(f) }
func (n ageBand) Injective() bool              { return false }

func (n ageBand) Mask(_ *Scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	v, ok := number(text)
	if !ok || v < 0 || v > 200 || !isNumber(k) && k != schemas.String {
		return dst, Refused
	}
	band := min(int64(v)/int64(n)*int64(n), oldest)
	if v >= oldest {
		band = oldest
	}
	dst = strconv.AppendInt(dst, band, 10)
	switch {
	case k != schemas.String:
		return dst, schemas.EncInt
	case band == oldest:
		dst = append(dst, '+')
	default:
		dst = strconv.AppendInt(append(dst, '-'), min(band+int64(n), oldest)-1, 10)
	}
	return dst, schemas.EncText
}

// rounding gives numbers with so many decimals, to the nearest; negative ones
// count in front of the point. Decimals are cut, not rounded.
type rounding int

func (n rounding) Bind(*Binder) (Masker, error) { return n, nil }
func (n rounding) Output(f *schemas.Field)      { plainDecimal(f) }
func (n rounding) Injective() bool              { return false }

func (n rounding) Fits(f *schemas.Field) error {
	if k := f.Type.Kind; n >= 0 && (k == schemas.Int32 || k == schemas.Int64 || k == schemas.Decimal && int(f.Type.Scale) <= int(n)) {
		return fmt.Errorf("round: %d leaves %v as it is", n, f.Type)
	}
	return fitsNumber(f, "round")
}

func (n rounding) Mask(_ *Scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	from := len(dst)
	switch {
	case k == schemas.String: // numbers with blanks, commas and brackets between them
		found := 0
		for i := 0; i < len(text); {
			end := i
			for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '.' || text[end] == '-') {
				end++
			}
			if end == i {
				if strings.IndexByte(" ,;()[]", text[i]) < 0 {
					return dst[:from], Refused
				}
				dst = append(dst, text[i])
				i++
				continue
			}
			var ok bool
			if dst, ok = n.round(dst, text[i:end]); !ok || n.stays(text[i:end]) {
				return dst[:from], Refused
			}
			i, found = end, found+1
		}
		if found == 0 || n >= 0 && found > 2 { // "lat,lon" has two
			return dst[:from], Refused
		}
		return dst, schemas.EncText
	case k == schemas.Decimal && n >= 0:
		if _, ok := number(text); !ok {
			return dst, Refused
		}
		if i := bytes.IndexByte(text, '.'); i >= 0 {
			text = text[:min(len(text), i+1+int(n))]
		}
		dst = append(dst, bytes.TrimSuffix(text, []byte("."))...)
		return dst, literalOf(k, dst[from:])
	case !isNumber(k):
		return dst, Refused
	}
	if k == schemas.Int32 || k == schemas.Int64 || k == schemas.Decimal { // exact, where floats are not
		if n < 0 && bytes.IndexByte(text, '.') < 0 {
			return n.tens(dst, k, text)
		}
	}
	dst, ok := n.round(dst, text)
	if !ok || (k == schemas.Int32 || k == schemas.Int64) && n.stays(text) { // inside of JSON nobody looked before
		return dst[:from], Refused
	}
	return dst, literalOf(k, dst[from:])
}

// stays reports a whole number that rounding leaves as it is and that is no
// coordinate: it is an identifier or a telephone number in the wrong column. // P1
func (n rounding) stays(text []byte) bool {
	const degrees = 180
	v, ok := number(text)
	return n >= 0 && bytes.IndexByte(text, '.') < 0 && !(ok && v >= -degrees && v <= degrees)
}

// tens cuts the last digits of an integer to zeros.
func (n rounding) tens(dst []byte, _ schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	digits := text
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) <= -int(n) {
		return append(dst, '0'), schemas.EncInt
	}
	dst = append(dst, text[:len(text)+int(n)]...)
	for range -n {
		dst = append(dst, '0')
	}
	return dst, schemas.EncInt
}

func (n rounding) round(dst, text []byte) ([]byte, bool) {
	v, ok := number(text)
	if !ok {
		return dst, false
	}
	if n < 0 {
		p := math.Pow10(-int(n))
		v = math.Round(v/p) * p
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', max(int(n), 0), 64)
	if dst[from] == '-' && len(bytes.Trim(dst[from+1:], "0.")) == 0 {
		dst = append(dst[:from], dst[from+1:]...) // no -0
	}
	return dst, true
}

// buckets gives the edge below a number: the multiple of width, or one of a list.
type buckets struct {
	width float64   // 0: edges
	edges []float64 // ascending
	frac  int       // decimals of all of them

	// The same as integers of so many decimals, nil where they do not fit.
	scaled [19][]int64
}

func newBuckets(width *yaml.Node, edges []yaml.Node) (Masker, error) {
	b := &buckets{}
	bad := errors.New("generalize: buckets are numbers without an exponent, ascending; a bucket is wider than 0")
	read := func(y *yaml.Node) (float64, bool) {
		v, ok := number([]byte(y.Value))
		if i := bytes.IndexByte([]byte(y.Value), '.'); i >= 0 {
			b.frac = max(b.frac, len(y.Value)-i-1)
		}
		return v, ok && y.Kind == yaml.ScalarNode && !strings.ContainsAny(y.Value, "eE") && math.Abs(v) < 1e15
	}
	list := b.edges
	if width != nil {
		v, ok := read(width)
		if !ok || v <= 0 {
			return nil, bad
		}
		b.width = v
		list = []float64{v}
	}
	for i := range edges {
		v, ok := read(&edges[i])
		if !ok || len(b.edges) > 0 && v <= b.edges[len(b.edges)-1] {
			return nil, bad
		}
		b.edges = append(b.edges, v)
		list = b.edges
	}
	if b.frac > 9 || len(list) > 1000 {
		return nil, errors.New("generalize: buckets have at most 9 decimals and 1000 edges")
	}
	b.scale(list)
	return b, nil
}

// scale works out list, the width or the edges, as integers of so many decimals.
func (b *buckets) scale(list []float64) {
	for scale := b.frac; scale < len(b.scaled); scale++ {
		for _, v := range list {
			x := math.Round(v * math.Pow10(scale))
			if math.Abs(x) >= 1<<53 {
				b.scaled[scale] = nil
				break
			}
			b.scaled[scale] = append(b.scaled[scale], int64(x))
		}
	}
}

func (b *buckets) Bind(*Binder) (Masker, error) { return b, nil }
func (b *buckets) Output(f *schemas.Field)      { plainDecimal(f) }
func (b *buckets) Injective() bool              { return false }

func (b *buckets) Fits(f *schemas.Field) error {
	switch k := f.Type.Kind; {
	case k == schemas.Int32 || k == schemas.Int64:
		if b.scaled[0] == nil {
			return errors.New("buckets of integers are integers")
		}
		if b.identity(0) {
			return errOne
		}
	case k == schemas.Decimal:
		if int(f.Type.Scale) >= len(b.scaled) || b.scaled[f.Type.Scale] == nil {
			return fmt.Errorf("buckets do not fit %v: they have more decimals or digits", f.Type)
		}
	}
	if f.Type.Kind == schemas.Decimal && b.identity(int(f.Type.Scale)) {
		return errOne
	}
	return fitsNumber(f, "bucket")
}

var errOne = errors.New("each value has a bucket of its own: take wider ones")

// identity reports that every number of so many decimals has its own bucket.
func (b *buckets) identity(scale int) bool {
	return b.width > 0 && scale < len(b.scaled) && (b.scaled[scale] == nil && scale < b.frac || b.scaled[scale] != nil && b.scaled[scale][0] <= 1)
}

func (b *buckets) Mask(s *Scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	switch k {
	case schemas.Int32, schemas.Int64:
		v, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil || b.scaled[0] == nil || b.identity(0) {
			return dst, Refused
		}
		v, ok := b.edge(v, 0)
		if !ok || k == schemas.Int32 && v != int64(int32(v)) {
			return dst, Refused
		}
		return strconv.AppendInt(dst, v, 10), schemas.EncInt
	case schemas.Decimal:
		hi, lo, err := schemas.Decimal128(s.Field, s.Cell, s.Raw)
		scale := int(s.Field.Type.Scale)
		if err != nil || hi != int64(lo)>>63 || b.scaled[scale] == nil {
			return dst, Refused
		}
		v, ok := b.edge(int64(lo), scale)
		if !ok {
			return dst, Refused
		}
		return schemas.AppendDecimal(dst, v>>63, uint64(v), scale), schemas.EncText
	case schemas.Float32, schemas.Float64, schemas.String:
	default:
		return dst, Refused
	}
	v, ok := number(text)
	if !ok || k == schemas.String && b.identity(decimalsOf(text)) {
		return dst, Refused
	}
	if b.width > 0 {
		if !(math.Abs(v/b.width) < 1<<53) { // floats of that size have no buckets
			return dst, Refused
		}
		v = math.Floor(v/b.width) * b.width
	} else {
		i, exact := slices.BinarySearch(b.edges, v)
		if !exact {
			i = max(i-1, 0)
		}
		v = b.edges[i]
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', b.frac, 64)
	return dst, literalOf(k, dst[from:])
}

// edge is the edge below v, both with so many decimals.
func (b *buckets) edge(v int64, scale int) (int64, bool) {
	e := b.scaled[scale]
	if b.width > 0 {
		q := floorDiv(v, e[0])
		out := q * e[0]
		return out, out/e[0] == q && out <= v
	}
	i, exact := slices.BinarySearch(e, v)
	if !exact {
		i = max(i-1, 0)
	}
	return e[i], true
}
