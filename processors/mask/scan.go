package mask

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/detect"
	"sluice/processors/mask/strategy"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// A scan looks for personal data and secrets in a value and masks what it
// finds; the rest stays. What becomes of a value, by its type: // P4
//
//   - text: every finding goes through the action of its class, else [class].
//   - JSON: every string in it as text, every number as a number; the names of
//     members that are no plain identifiers, or that hold a finding, are hashed.
//   - a number: of 7 digits or more it is looked at as text, and nulled if the
//     detector finds anything; one of less than 9 also with zeros in front.
//   - UUID: as a number.
//   - date, timestamp, instant: nulled. One may be a date of birth, which its
//     value does not tell. Keep it with a reason.
//   - binary: nulled. bool and time: as they are.
//
// The name of the column or of the member stands before a short value when it
// is looked at, so that `phone` and 2025550143 make a phone: names are context
// that finds more, never a reason to keep.

// Scanning are the parameters of scan.
type Scanning struct {
	by   []*Spec // by class; nil: rest
	rest *Spec
}

// of is what happens to a finding of class c.
func (x *Scanning) of(c schemas.Class) *Spec {
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
	if s.Kind == Scan && s.scan.rest == nil {
		s.scan = scan
	}
	return s
}

func readScan(s *Spec, y *yaml.Node) error {
	s.scan = new(Scanning)
	if y == nil {
		return nil // see scans
	}
	return s.scan.UnmarshalYAML(y)
}

// bind gives the actions within their keys.
func (x *Scanning) bind(b *strategy.Binder) (*Scanning, error) {
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

func outputScanned(_ *Spec, f *schemas.Field) {
	f.Nullable = true
	if k := f.Type.Kind; k == schemas.String || k == schemas.JSON {
		f.Type, f.Wire = schemas.Type{Kind: k}, schemas.WirePlain
	}
}

// written is the text of parameters, on one line.
func written(params *yaml.Node) string {
	if params == nil {
		return ""
	}
	flow := *params
	flow.Style = yaml.FlowStyle
	p, err := yaml.Marshal(&flow)
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(string(p)), " ")
}

// UnmarshalYAML reads {classes: {email: hash}, else: redact}.
func (s *Scanning) UnmarshalYAML(y *yaml.Node) error {
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
		if in.by() != "" {
			errs = append(errs, topology.At(y, fmt.Errorf("scan: %s of a part of a text cannot go by column %s", in.Kind, in.by())))
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
	Patterns []Expressed `yaml:"patterns"` // RE2
}

// Expressed is a user's expression.
type Expressed struct {
	Class string `yaml:"class"` // default custom
	Regex string `yaml:"regex"`
}

// options reads and compiles them.
func (d *Detection) options() (o detect.Options, err error) {
	if d.Min < 0 || d.Min > 1 {
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
	out, found := s.scanText(s.more, text, c.spec.scan)
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
		return false
	case s.holds(digits):
		return true
	case n < ssnDigits:
		s.num = append(append(s.num[:0], "00"[:ssnDigits-n]...), digits[:n]...)
		return s.holds(s.num)
	}
	return false
}

// scanText appends text with its findings masked; found is false if there are none.
func (s *scratch) scanText(dst, text []byte, x *Scanning) (out []byte, found bool) {
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
	return s.part(dst, s.scan.of(f.Class), f.Class, value)
}

var textField = schemas.Field{Type: schemas.Type{Kind: schemas.String}}

// part appends what becomes of a finding: [class] where its action can do
// nothing with it.
func (s *scratch) part(dst []byte, spec *Spec, c schemas.Class, value []byte) []byte {
	act := &actions[spec.Kind]
	at := len(dst)
	switch {
	case spec.Kind == Keep:
		return append(dst, value...)
	case act.constant != "":
	case act.mask == nil: // null
		return dst
	default:
		s.Field, s.Cell, s.Raw, s.By = &textField, schemas.Cell{Enc: schemas.EncText, Flags: schemas.Present, Len: uint32(len(value))}, value, nil
		switch out, enc := act.mask(s, dst, spec, schemas.String, value); enc {
		case strategy.AsNull, strategy.Refused: // a part that is not what its action takes is still found
		default:
			return out
		}
	}
	return append(append(append(dst[:at], '['), c.String()...), ']')
}

// scanJSON appends the JSON value at the start of src, which was checked and
// has no white space, with its findings masked.
func (s *scratch) scanJSON(dst, src []byte, spec *Spec) (out, tail []byte, ok bool) {
	switch src[0] {
	case '{', '[':
		return s.scanInside(dst, src, spec)
	case '"':
		end, _ := stringEnd(src)
		at := len(s.more)
		more, found := s.scanText(s.more, s.unescape(src[:end]), spec.scan)
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

func (s *scratch) scanInside(dst, src []byte, spec *Spec) (out, tail []byte, ok bool) {
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
				if dst, ok = s.masked(dst, &bare[Hash], f, c, inside); !ok {
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

const fewDigits = 4 // with less of them no detector finds anything in an identifier

// identifier reports whether the name of a member is one, as schemas.Identifier
// has it, and holds nothing personal. // P4
func (s *scratch) identifier(name []byte) bool {
	ok, digits := schemas.Identifier(name)
	if !ok {
		return false
	}
	if digits < fewDigits && !s.names {
		return true
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
