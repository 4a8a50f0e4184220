package policy

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/detect"
	"sluice/schemas"
	"sluice/topology"
)

// Scanning are the parameters of scan: what becomes of what is found in a text.
type Scanning struct {
	by   []*Spec // by class; nil: rest
	rest *Spec
}

// Of is what happens to a finding of class c.
func (x *Scanning) Of(c schemas.Class) *Spec {
	if int(c) < len(x.by) && x.by[c] != nil {
		return x.by[c]
	}
	return x.rest
}

// specs lists the actions within.
func (x *Scanning) specs() (all []*Spec) {
	for _, s := range x.by {
		if s != nil {
			all = append(all, s)
		}
	}
	return append(all, x.rest)
}

// plainScan replaces every finding by its class.
func plainScan() *Scanning { return &Scanning{rest: &Spec{Kind: Redact}} }

// scans is s with what scan says where s, a scan, says nothing.
func (s Spec) scans(scan *Scanning) Spec {
	if s.Kind == Scan && s.Scanning.rest == nil {
		s.Scanning = scan
	}
	return s
}

func readScan(s *Spec, y *yaml.Node) error {
	s.Scanning = new(Scanning)
	if y == nil {
		return nil // what the policy says of all scans
	}
	return s.Scanning.UnmarshalYAML(y)
}

// bind gives the actions within their keys.
func (x *Scanning) bind(b *binding) (*Scanning, error) {
	bound := func(s *Spec) (*Spec, error) {
		if s == nil {
			return nil, nil
		}
		c := *s
		return &c, c.bind(b)
	}
	out := &Scanning{by: make([]*Spec, len(x.by))}
	var err error
	for i := range x.by {
		if out.by[i], err = bound(x.by[i]); err != nil {
			return nil, err
		}
	}
	out.rest, err = bound(x.rest)
	return out, err
}

// UnmarshalYAML reads {classes: {email: hash}, else: redact}.
func (s *Scanning) UnmarshalYAML(y *yaml.Node) error {
	if y.Kind == yaml.SequenceNode || y.Kind == yaml.ScalarNode && y.Tag != "!!null" {
		return topology.At(y, errors.New("scan takes its parameters as {classes: {email: hash}, else: redact}"))
	}
	p := struct {
		Classes map[string]Spec `yaml:"classes"`
		Else    *Spec           `yaml:"else"`
	}{}
	if err := topology.Strict(y, &p); err != nil {
		return err
	}
	x := plainScan()
	if p.Else != nil {
		x.rest = p.Else
	}
	x.by = make([]*Spec, len(schemas.Classes())+1)
	var errs []error
	for name, spec := range p.Classes {
		c, err := schemas.ParseClass(name)
		if err != nil {
			errs = append(errs, topology.At(y, err))
			continue
		}
		x.by[c] = &spec
	}
	for _, in := range x.specs() {
		if in.By() != "" {
			errs = append(errs, topology.At(y, fmt.Errorf("scan: %s of a part of a text cannot go by column %s", in.Kind, in.By())))
		}
		if in.Kind == Scan || in.Kind == Drop {
			errs = append(errs, topology.At(y, fmt.Errorf("scan: %s is no action for a part of a text: use hash, partial, redact, null or keep", in.Kind)))
		}
	}
	*s = *x
	return errors.Join(errs...)
}

// Detection is what the detector of scans looks for beyond its own classes.
type Detection struct {
	Min      float64     `yaml:"min"`      // least confidence, 0 to 1; 0: 0.5
	Names    string      `yaml:"names"`    // file of names of persons, one word a line; "": none
	Words    []Listed    `yaml:"words"`    // dictionaries
	Patterns []Expressed `yaml:"patterns"` // RE2
}

// Expressed is a user's expression.
type Expressed struct {
	Class string `yaml:"class"` // default custom
	Regex string `yaml:"regex"`
}

// Listed is a user's dictionary.
type Listed struct {
	Class string `yaml:"class"` // default custom
	File  string `yaml:"file"`  // words and phrases, one a line
}

// dictionary reads it.
func (l *Listed) dictionary() (*detect.Dictionary, error) {
	c := schemas.Custom
	var err error
	if l.Class != "" {
		if c, err = schemas.ParseClass(l.Class); err != nil {
			return nil, err
		}
	}
	if l.File == "" {
		return nil, errors.New("want file, one of words and phrases, one a line")
	}
	p, err := os.ReadFile(l.File)
	if err != nil {
		return nil, err
	}
	entries := detect.Entries(p)
	if len(entries) == 0 {
		return nil, fmt.Errorf("%s has no words", l.File)
	}
	return detect.NewDictionary(c, entries), nil
}

// options reads and compiles them.
func (d *Detection) options() (o detect.Options, err error) {
	if !(d.Min >= 0 && d.Min <= 1) { // nor NaN
		return o, fmt.Errorf("detect: min %v is not between 0 and 1", d.Min)
	}
	o.Min = float32(d.Min)
	for i, p := range d.Patterns {
		x := detect.Pattern{Class: schemas.Custom, Confidence: 1}
		if p.Class != "" {
			if x.Class, err = schemas.ParseClass(p.Class); err != nil {
				return o, fmt.Errorf("detect: pattern %d: %w", i+1, err)
			}
		}
		if x.Expr, err = regexp.Compile(p.Regex); err != nil || p.Regex == "" {
			return o, fmt.Errorf("detect: pattern %d: want regex, an expression of RE2: %w", i+1, err)
		}
		o.Patterns = append(o.Patterns, x)
	}
	for i := range d.Words {
		x, err := d.Words[i].dictionary()
		if err != nil {
			return o, fmt.Errorf("detect: words %d: %w", i+1, err)
		}
		o.Words = append(o.Words, x)
	}
	if d.Names == "" {
		return o, nil
	}
	p, err := os.ReadFile(d.Names)
	if err != nil {
		return o, fmt.Errorf("detect: names: %w", err)
	}
	var words []string
	for w := range bytes.FieldsSeq(p) {
		words = append(words, string(w))
	}
	o.Names = detect.NewDictionary(schemas.Name, words)
	return o, nil
}

// scanDoes tells what a scan does to values of kind k.
func scanDoes(k schemas.Kind) string {
	switch k {
	case schemas.Unknown:
		return "only nulls so far"
	case schemas.String:
		return "findings are masked"
	case schemas.JSON:
		return "findings in its strings are masked, numbers with one nulled, names that may be data hashed"
	case schemas.UUID, schemas.Int32, schemas.Int64, schemas.Float32, schemas.Float64, schemas.Decimal:
		return "nulled if it is a finding"
	case schemas.Bool, schemas.Time:
		return "stays: no personal data by its type"
	}
	return "nulled: what it means nobody said"
}
