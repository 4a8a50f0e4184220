package strategy

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"sluice/schemas"
	"sluice/topology"
)

// general is generalize as the policy has it, with one of these:
//
//	{generalize: year}               # day, month, quarter, year or decade of dates and times
//	{generalize: {date: month, unit: millis}}  # of integers that count time
//	{generalize: {age: 5}}           # 37 is 35 (a text: 35-39); from 90 on all are 90
//	{generalize: zip3}               # 94105 is 941; 000 where few people live
//	{generalize: ip}                 # /24 and /48, or {ip: {v4: 16, v6: 32}}
//	{generalize: {round: 2}}         # decimals of numbers, of "lat,lon" too; -3: thousands
//	{generalize: {geohash: 5}}       # of "lat,lon" or a longer geohash; null if it is none
//	{generalize: {geohash: 5, with: lon}} # of a latitude, with the longitude in another column
//	{generalize: {bucket: 1000}}     # the multiple of 1000 below
//	{generalize: {buckets: [0, 18, 65]}} # the greatest edge that is not above; below the first: the first
//	{generalize: {prefix: 2}}        # the first characters; null if there are no more
//
// A column keeps its type, but a latitude becomes a text. A value that is none of its sort is refused, and so
// is one that the action would leave as it is whatever it is: an integer in
// buckets of 1, a text that is a date by day, a whole number above 180, which is
// no coordinate, with decimals to round.
type general struct {
	Date    string      `yaml:"date"`
	Unit    unit        `yaml:"unit"`
	Age     int         `yaml:"age"`
	Zip3    bool        `yaml:"zip3"`
	IP      *blocks     `yaml:"ip"`
	Round   *int        `yaml:"round"`
	Geohash int         `yaml:"geohash"`
	With    string      `yaml:"with"` // of geohash
	Bucket  yaml.Node   `yaml:"bucket"`
	Buckets []yaml.Node `yaml:"buckets"`
	Prefix  int         `yaml:"prefix"`
}

// ReadGeneralize reads the parameters of generalize, a name or a mapping.
func ReadGeneralize(y *yaml.Node) (Masker, error) {
	const want = "generalize: want one of year, month, quarter, decade, zip3, ip, {age: 5}, {round: 2}, {geohash: 5}, {geohash: 5, with: lon}, {bucket: 1000}, {buckets: [0, 18, 65]}, {prefix: 2}"
	if y == nil {
		return nil, errors.New(want)
	}
	if y.Kind == yaml.ScalarNode {
		switch y.Value {
		case "zip3":
			return zip3{}, nil
		case "ip":
			return blocks{24, 48}, nil
		}
		d := &floorDate{}
		if err := d.grain.read(y.Value); err != nil {
			return nil, fmt.Errorf("%s: got %q", want, y.Value)
		}
		return d, nil
	}
	if y.Kind != yaml.MappingNode {
		return nil, errors.New(want)
	}
	var g general
	if err := topology.Strict(y, &g); err != nil {
		return nil, err
	}
	if n := len(y.Content) / 2; n != 1 && !(n == 2 && (g.Date != "" && g.Unit != "" || g.Geohash != 0 && g.With != "")) {
		return nil, errors.New(want)
	}
	return g.strategy(y)
}

func (g *general) strategy(y *yaml.Node) (Masker, error) {
	switch {
	case g.Date != "":
		d := &floorDate{unit: g.Unit}
		if err := errors.Join(d.grain.read(g.Date), g.Unit.check()); err != nil {
			return nil, err
		}
		if d.grain == byDay && d.unit == "days" {
			return nil, errAsItIs
		}
		return d, nil
	case g.Zip3:
		return zip3{}, nil
	case g.IP != nil:
		return g.IP.checked()
	case g.Age != 0:
		if g.Age < 2 || g.Age > widestAge {
			return nil, errors.New("generalize: bands of age have 2 to 30 years")
		}
		return ageBand(g.Age), nil
	case g.Round != nil:
		if *g.Round < -15 || *g.Round > 8 {
			return nil, errors.New("generalize: round -15 to 8 decimals")
		}
		return rounding(*g.Round), nil
	case g.Geohash != 0:
		if g.Geohash < 1 || g.Geohash > 8 {
			return nil, errors.New("generalize: geohash 1 to 8 characters; 8 is 38 by 19 metres")
		}
		if g.With != "" {
			return &geopair{geohash(g.Geohash), g.With}, nil
		}
		return geohash(g.Geohash), nil
	case g.Prefix != 0:
		if g.Prefix < 1 || g.Prefix > 32 {
			return nil, errors.New("generalize: prefix 1 to 32 characters")
		}
		return prefix(g.Prefix), nil
	case !g.Bucket.IsZero():
		return newBuckets(&g.Bucket, nil)
	case len(g.Buckets) > 0:
		return newBuckets(nil, g.Buckets)
	}
	return nil, fmt.Errorf("generalize: %s says nothing", y.Content[0].Value)
}

// grain is how much of a date stays.
type grain uint8

const (
	byDay grain = iota
	byMonth
	byQuarter
	byYear
	byDecade
)

var grainNames = []string{"day", "month", "quarter", "year", "decade"}

func (g *grain) read(name string) error {
	for i, n := range grainNames {
		if n == name {
			*g = grain(i)
			return nil
		}
	}
	return fmt.Errorf("generalize: unknown part of a date %q%s", name, topology.Suggest(name, grainNames))
}

// floor is the first day of the day's month, quarter, year or decade.
func (g grain) floor(days int64) int64 {
	if g == byDay {
		return days
	}
	y, m := civil(days)
	switch g {
	case byQuarter:
		m = (m-1)/3*3 + 1
	case byYear:
		m = 1
	case byDecade:
		y, m = floorDiv(y, 10)*10, 1
	}
	return daysOf(y, m)
}

var errAsItIs = errors.New("a date by day is the date itself: take month, quarter, year or decade")

// floorDate gives the start of a part of time, in UTC.
type floorDate struct {
	grain grain
	unit  unit
}

func (d *floorDate) Bind(*Binder) (Masker, error) { return d, nil }
func (d *floorDate) Output(*schemas.Field)        {}
func (d *floorDate) Injective() bool              { return false }

func (d *floorDate) Fits(f *schemas.Field) error {
	if f.Type.Kind == schemas.Date && d.grain == byDay {
		return errAsItIs
	}
	return fitsMoment(f, d.unit)
}

func (d *floorDate) Mask(s *Scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	m, ok := s.when(k, text, d.unit)
	if !ok || d.grain == byDay && m.form == 'd' { // a text that is a date
		return dst, Refused
	}
	m.days, m.micros, m.nanos = d.grain.floor(m.days), 0, 0
	return m.append(dst)
}

// prefix gives the first characters of a text.
type prefix int

func (n prefix) Bind(*Binder) (Masker, error) { return n, nil }
func (n prefix) Fits(f *schemas.Field) error  { return fitsText(f, "prefix") }
func (n prefix) Output(f *schemas.Field)      { f.Nullable = true }
func (n prefix) Injective() bool              { return false }

func fitsText(f *schemas.Field, what string) error {
	if f.Type.Kind != schemas.String {
		return fmt.Errorf("%s is of texts, this is %v", what, f.Type)
	}
	return nil
}

func (n prefix) Mask(_ *Scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	if k != schemas.String {
		return dst, Refused
	}
	rest := text
	for range n {
		rest = rest[character(rest):]
	}
	if len(rest) == 0 { // all of it would stay
		return dst, AsNull
	}
	return append(dst, text[:len(text)-len(rest)]...), schemas.EncText
}
