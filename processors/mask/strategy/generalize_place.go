package strategy

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"sluice/schemas"
)

// zip3 gives the first three digits of a US ZIP or ZIP+4, 000 for those of less
// than 20,000 people (HIPAA Safe Harbor, 45 CFR 164.514(b)(2)(i)(B)). An integer
// stays one: 94105 is 94100.
type zip3 struct{}

// sparse are the three digits with 20,000 people or fewer by the census of
// 2000, as HHS's guidance on de-identification lists them.
var sparse = []int64{36, 59, 63, 102, 203, 556, 692, 790, 821, 823, 830, 831, 878, 879, 884, 890, 893}

func (zip3) Bind(*Binder) (Masker, error) { return zip3{}, nil }
func (zip3) Output(f *schemas.Field)      {}
func (zip3) Injective() bool              { return false }

func (zip3) Fits(f *schemas.Field) error {
	switch f.Type.Kind {
	case schemas.String, schemas.Int32, schemas.Int64:
		return nil
	}
	return fmt.Errorf("zip3 is of texts and integers, this is %v", f.Type)
}

func (zip3) Mask(_ *Scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	switch k {
	case schemas.Int32, schemas.Int64:
		v, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil || v < 0 || v > 999_999_999 {
			return dst, Refused
		}
		if v > 99_999 { // ZIP+4
			v /= 10_000
		}
		v /= 100
		if slices.Contains(sparse, v) {
			v = 0
		}
		return strconv.AppendInt(dst, 100*v, 10), schemas.EncInt
	case schemas.String:
	default:
		return dst, Refused
	}
	text = bytes.TrimSpace(text)
	for i, c := range text {
		if (c < '0' || c > '9') && !(i == 5 && len(text) == 10 && (c == '-' || c == ' ')) {
			return dst, Refused
		}
	}
	if n := len(text); n != 5 && n != 9 && n != 10 {
		return dst, Refused
	}
	v := int64(text[0]-'0')*100 + int64(text[1]-'0')*10 + int64(text[2]-'0')
	if slices.Contains(sparse, v) {
		return append(dst, "000"...), schemas.EncText
	}
	return append(dst, text[:3]...), schemas.EncText
}

// blocks gives the first address of an IP address's network.
type blocks struct {
	V4 int `yaml:"v4"`
	V6 int `yaml:"v6"`
}

func (b *blocks) checked() (Masker, error) {
	out := blocks{24, 48}
	if b.V4 != 0 {
		out.V4 = b.V4
	}
	if b.V6 != 0 {
		out.V6 = b.V6
	}
	if out.V4 < 1 || out.V4 > 28 || out.V6 < 1 || out.V6 > 64 {
		return nil, errors.New("generalize: ip: v4 1 to 28 bits, v6 1 to 64")
	}
	return out, nil
}

func (b blocks) Bind(*Binder) (Masker, error) { return b, nil }
func (b blocks) Fits(f *schemas.Field) error  { return fitsText(f, "ip") }
func (b blocks) Output(*schemas.Field)        {}
func (b blocks) Injective() bool              { return false }

func (b blocks) Mask(_ *Scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	if k != schemas.String || len(text) > 45 || bytes.IndexByte(text, '%') >= 0 { // a zone names a machine
		return dst, Refused
	}
	a, err := netip.ParseAddr(unsafe.String(unsafe.SliceData(text), len(text))) // only its error keeps it
	if err != nil {
		return dst, Refused
	}
	n := b.V6
	switch {
	case a.Is4():
		n = b.V4
	case a.Is4In6():
		n = 96 + b.V4
	}
	p, err := a.Prefix(n)
	if err != nil {
		return dst, Refused
	}
	return p.Addr().AppendTo(dst), schemas.EncText
}

// geohash gives so many characters of the geohash of "lat,lon" or of a geohash.
type geohash int

const geoDigits = "0123456789bcdefghjkmnpqrstuvwxyz"

func (n geohash) Bind(*Binder) (Masker, error) { return n, nil }
func (n geohash) Fits(f *schemas.Field) error  { return fitsText(f, "geohash") }
func (n geohash) Output(f *schemas.Field)      { f.Nullable = true }
func (n geohash) Injective() bool              { return false }

func (n geohash) Mask(_ *Scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	if k != schemas.String {
		return dst, Refused
	}
	lat, lon, ok := bytes.Cut(text, []byte(","))
	if !ok {
		for _, c := range text {
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			if strings.IndexByte(geoDigits, c) < 0 {
				return dst, Refused
			}
		}
		if len(text) == 0 || len(text) > 12 {
			return dst, Refused
		}
		if len(text) <= int(n) { // all of it would stay
			return dst, AsNull
		}
		return append(dst, text[:n]...), schemas.EncText
	}
	return n.of(dst, lat, lon)
}

// geopair is geohash of a latitude, with the longitude in another column of the row;
// null without one.
type geopair struct {
	n    geohash
	with string
}

func (g *geopair) Bind(*Binder) (Masker, error) { return g, nil }
func (g *geopair) Injective() bool              { return false }
func (g *geopair) column() string               { return g.with }

func (g *geopair) Fits(f *schemas.Field) error {
	switch f.Type.Kind {
	case schemas.String, schemas.Float32, schemas.Float64, schemas.Decimal:
		return nil
	}
	return fmt.Errorf("a latitude is a number with decimals or a text of one, this is %v", f.Type)
}

func (g *geopair) Output(f *schemas.Field) {
	AsText(f)
	f.Nullable = true
}

func (g *geopair) Mask(s *Scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	switch k {
	case schemas.String, schemas.Float32, schemas.Float64, schemas.Decimal, schemas.Int64: // 52 inside of JSON
	default:
		return dst, Refused
	}
	if s.By == nil {
		return dst, AsNull
	}
	return g.n.of(dst, text, s.By)
}

// of appends the geohash of a place.
func (n geohash) of(dst, lat, lon []byte) ([]byte, schemas.Encoding) {
	y, ok1 := number(bytes.TrimSpace(lat))
	x, ok2 := number(bytes.TrimSpace(lon))
	if !ok1 || !ok2 || y < -90 || y > 90 || x < -180 || x > 180 {
		return dst, Refused
	}
	loX, hiX, loY, hiY := -180.0, 180.0, -90.0, 90.0
	even := true
	for range n {
		d := 0
		for range 5 {
			d <<= 1
			if even {
				if mid := (loX + hiX) / 2; x >= mid {
					d, loX = d|1, mid
				} else {
					hiX = mid
				}
			} else if mid := (loY + hiY) / 2; y >= mid {
				d, loY = d|1, mid
			} else {
				hiY = mid
			}
			even = !even
		}
		dst = append(dst, geoDigits[d])
	}
	return dst, schemas.EncText
}
