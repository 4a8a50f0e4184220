package strategy

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/synth"
	"sluice/schemas"
	"sluice/topology"
)

// synthetic makes up a value, from ranges that belong to nobody (see synth):
//
//	{synthetic: email}
//	{synthetic: {kind: name, locale: de_DE, by: customer_id}}
//	{synthetic: {kind: email, unique: true}}
//	{synthetic: {kind: name, subject: {column: customer_id}}}
//
// It is the same for the same value of one domain, wherever it stands; with
// by, for the same value of that column in the same row: name and email by
// customer_id are those of one person. A row in which that column has no value
// goes by the value itself. With subject it is as with by, but under a key of that
// person's own, see draws; a row that does not say who it is about is refused. Another primary key makes other people of all. By
// default different values may become one; unique appends 80 bits of the
// value's own, for keys.
type synthetic struct {
	Sort      string  `yaml:"kind"`
	Locale    string  `yaml:"locale"`
	Domain    string  `yaml:"domain"`
	By        string  `yaml:"by"`
	Canonical *canon  `yaml:"canonical"` // of the value itself; default: by kind
	Unique    bool    `yaml:"unique"`
	Days      int     `yaml:"days"` // of birth_date: at most so far off
	Unit      unit    `yaml:"unit"` // of birth_date
	Subject   Subject `yaml:"subject"`

	sort   sort
	locale *synth.Locale
	from   draws
	tails  draws // of unique
}

type sort uint8

const (
	sortName sort = iota
	sortGiven
	sortFamily
	sortEmail
	sortUsername
	sortCompany
	sortAddress
	sortStreet
	sortCity
	sortZip // from here on there is no room for a suffix
	sortPhone
	sortCard
	sortSSN
	sortIP
	sortIBAN
	sortBirthDate
)

var sortNames = []string{"name", "given", "family", "email", "username", "company", "address", "street", "city", "zip", "phone", "card", "ssn", "ip", "iban", "birth_date"}

// ReadSynthetic reads the parameters of synthetic, the name of a kind or a mapping.
func ReadSynthetic(y *yaml.Node) (Masker, error) {
	z := &synthetic{Locale: "en_US", Days: 180}
	switch {
	case y == nil:
		return nil, fmt.Errorf("synthetic says what is made up, as {synthetic: email}: %v", sortNames)
	case y.Kind == yaml.ScalarNode:
		z.Sort = y.Value
	case y.Kind == yaml.MappingNode:
		if err := topology.Strict(y, z); err != nil {
			return nil, err
		}
	default:
		return nil, errors.New("synthetic takes its parameters as {kind: email, locale: en_US}")
	}
	found := false
	for i, n := range sortNames {
		if n == z.Sort {
			z.sort, found = sort(i), true
		}
	}
	if !found {
		return nil, fmt.Errorf("synthetic: unknown kind %q%s", z.Sort, topology.Suggest(z.Sort, sortNames))
	}
	if z.locale = synth.Find(z.Locale); z.locale == nil {
		return nil, fmt.Errorf("synthetic: unknown locale %q%s", z.Locale, topology.Suggest(z.Locale, synth.Names()))
	}
	if err := z.Subject.check("synthetic", z.By); err != nil {
		return nil, err
	}
	switch {
	case z.sort == sortBirthDate && !z.Unique:
		s := &shifting{Days: z.Days, By: z.By, Subject: z.Subject, Domain: z.Domain, Unit: z.Unit}
		return s, s.check()
	case z.Unit != "" || z.Days != 180:
		return nil, errors.New("synthetic: days and unit are of birth_date")
	case z.Unique && z.sort >= sortZip:
		return nil, fmt.Errorf("synthetic: %s has no room for what makes it unique: tokenize or hash a key", z.Sort)
	case z.Canonical == nil:
		z.Canonical = &canon{kind: canonLower}
		switch z.sort {
		case sortPhone:
			*z.Canonical = canon{kind: canonPhone, country: "1"}
		case sortCard, sortSSN:
			z.Canonical.kind = canonDigits
		}
	}
	return z, nil
}

func (z *synthetic) Bind(b *Binder) (Masker, error) {
	out := *z
	var err error
	if out.from, err = b.draws("synthetic", z.Domain, z.Subject); err != nil {
		return nil, err
	}
	out.tails, err = b.draws("synthetic unique", z.Domain, z.Subject)
	return &out, err
}

func (z *synthetic) column() string   { return cmp.Or(z.By, z.Subject.Column) }
func (z *synthetic) subject() Subject { return z.Subject }

func (z *synthetic) Fits(f *schemas.Field) error {
	switch k := f.Type.Kind; {
	case k == schemas.String:
		return nil
	case k == schemas.Int64 && (z.sort == sortPhone || z.sort == sortCard), (k == schemas.Int64 || k == schemas.Int32) && z.sort == sortSSN:
		return nil
	}
	return fmt.Errorf("a made-up %s is no %v", z.Sort, f.Type)
}

func (z *synthetic) Output(*schemas.Field) {}

// Injective: unique values are, but with by the row's key would not be what
// the row has, as it lacks that column.
func (z *synthetic) Injective() bool { return z.Unique && z.column() == "" }

func (z *synthetic) Mask(s *Scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	whole := k == schemas.Int64 || k == schemas.Int32
	if !whole && k != schemas.String || whole && !(z.sort == sortPhone || z.sort == sortCard || z.sort == sortSSN) {
		return dst, Refused
	}
	mac := z.from.of(s)
	if mac == nil {
		return dst, Refused // P2: nobody says who this is of
	}
	seed := s.seed(z.Subject, nil)
	if seed == nil {
		seed = z.Canonical.fold(s, text)
	}
	d := synth.Of(mac, seed, &s.siv)
	var tail []byte
	if z.Unique {
		tag := z.tails.of(s).Sum(text, &s.siv)
		s.plain = base32Form.append(s.plain[:0], tag[:keyBits/8])
		tail = s.plain
	}
	dst = z.append(dst, &d, text, tail, whole)
	if whole {
		return dst, schemas.EncInt
	}
	return dst, schemas.EncText
}

func (z *synthetic) append(dst []byte, d *synth.Draw, text, tail []byte, whole bool) []byte {
	l := z.locale
	switch z.sort {
	case sortEmail:
		return d.Email(dst, l, tail)
	case sortUsername:
		return d.User(dst, l, tail)
	case sortPhone:
		from := len(dst)
		dst = d.Phone(dst, l)
		if whole {
			dst = append(dst[:from], dst[from+1:]...) // no plus
		}
		return dst
	case sortCard:
		return d.Card(dst)
	case sortSSN:
		return d.SSN(dst, whole || bytes.IndexByte(text, '-') < 0 && len(text) == 9)
	case sortIP:
		return d.IP(dst, bytes.IndexByte(text, ':') >= 0)
	case sortIBAN:
		return d.IBAN(dst, l)
	case sortZip:
		return d.Zip(dst, l)
	case sortName:
		dst = d.Name(dst, l)
	case sortGiven:
		dst = d.Given(dst, l)
	case sortFamily:
		dst = d.Family(dst, l)
	case sortCompany:
		dst = d.Company(dst, l)
	case sortAddress:
		dst = d.Address(dst, l)
	case sortStreet:
		dst = d.Street(dst, l)
	case sortCity:
		dst = d.City(dst, l)
	}
	if len(tail) > 0 {
		dst = append(append(dst, ' '), tail...)
	}
	return dst
}
