package strategy

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/ff1"
	"sluice/processors/mask/siv"
	"sluice/schemas"
	"sluice/topology"
)

// Tokenizer is tokenize: who has the key gets the value back, see Reveal.
//
//	tokenize                                     # AES-SIV of any value: KEYID_TOKEN, a text
//	{tokenize: {domain: email, encoding: base64url}}
//	{tokenize: {form: ff1, domain: ssn}}         # 219-09-9999 stays three, two and four digits
//	{tokenize: {form: ff1, alphabet: class}}     # digits, capitals and small letters stay such
//	{tokenize: {form: ff1, width: 9}}            # integers below 10^9, short ones too
//	{tokenize: {form: ff1, card: true}}          # a card number that no network takes
//	{tokenize: {subject: {column: customer_id}}} # under a key of that customer's own
//
// Values of one domain join. FF1 keeps type, length and format, so its tokens
// have no room for a key id: the column's action names it, as tokenize:k1. // P5
// It takes no values of a domain below 1,000,000 (SP 800-38G r1): the policy is
// refused where that shows, else the record.
type Tokenizer struct {
	Form     string  `yaml:"form"` // siv or ff1
	Domain   string  `yaml:"domain"`
	Encoding form    `yaml:"encoding"` // of siv
	Alphabet string  `yaml:"alphabet"` // of ff1: digits, hex, base36, base62, class or the characters themselves
	Length   int     `yaml:"length"`   // characters of the alphabet that every value has; 0: any
	Width    int     `yaml:"width"`    // of integers: all below 10^width, whatever their length
	Card     bool    `yaml:"card"`     // payment cards: tokens fail the Luhn check
	Luhn     bool    `yaml:"luhn"`     // of card: tokens pass it
	KeepEnds bool    `yaml:"keep_ends"`
	Subject  Subject `yaml:"subject"` // of siv

	alpha *alphabet // nil: by class
	keyID string
	siv   *siv.Cipher
	ff1   *ff1.Cipher
	place int // of its domain in the keys of subjects
}

// ReadTokenize reads the parameters of tokenize, nil for none.
func ReadTokenize(y *yaml.Node) (Masker, error) {
	t := &Tokenizer{Form: "siv", Alphabet: "digits"}
	if y == nil {
		return t, nil
	}
	if y.Kind != yaml.MappingNode {
		return nil, errors.New("tokenize takes its parameters as {form: ff1, domain: ssn}")
	}
	if err := topology.Strict(y, t); err != nil {
		return nil, err
	}
	return t, t.check()
}

func (t *Tokenizer) check() error {
	const only = "tokenize: alphabet, length, width, card, luhn and keep_ends are of form ff1"
	switch t.Form {
	case "siv":
		if t.Alphabet != "digits" || t.Length+t.Width != 0 || t.Card || t.Luhn || t.KeepEnds {
			return errors.New(only)
		}
		return t.Subject.check("tokenize", "")
	case "ff1":
		if t.Subject != (Subject{}) {
			return errors.New("tokenize: subject is of form siv: a token of ff1 has no room for the id of its key, so that one of a key that was destroyed would lead back to a wrong value, and nobody could tell")
		}
	default:
		return fmt.Errorf("tokenize: unknown form %q%s", t.Form, topology.Suggest(t.Form, []string{"siv", "ff1"}))
	}
	if t.Encoding != base32Form {
		return errors.New("tokenize: encoding is of form siv: ff1 keeps the format")
	}
	radix := 62 // of class, at best
	if t.Alphabet != "class" {
		var err error
		if t.alpha, err = newAlphabet(t.Alphabet); err != nil {
			return err
		}
		radix = len(t.alpha.chars)
	}
	least := ff1.MinLen(radix)
	switch {
	case t.Length < 0 || t.Length > ff1.MaxLen:
		return fmt.Errorf("tokenize: length 0 to %d", ff1.MaxLen)
	case t.Length > 0 && t.Length < least:
		return fmt.Errorf("tokenize: %d characters of %d have less than 1,000,000 values, so that FF1 hides nothing: hash or generalize them", t.Length, radix)
	case t.Width != 0 && (t.Width < 6 || t.Width > 38):
		return errors.New("tokenize: width 6 to 38: fewer digits have less than 1,000,000 values, so that FF1 hides nothing")
	case t.Width != 0 && (t.Card || t.Length != 0 || t.Alphabet != "digits"):
		return errors.New("tokenize: width is of integers, without card, length and alphabet")
	case t.Card && (t.Alphabet != "digits" || t.Length != 0 && (t.Length < 12 || t.Length > 19)):
		return errors.New("tokenize: cards are 12 to 19 digits")
	case !t.Card && (t.Luhn || t.KeepEnds):
		return errors.New("tokenize: luhn and keep_ends are of card: true")
	case t.KeepEnds && t.Length != 0 && t.Length < 16:
		return errors.New("tokenize: between the first six and the last four of a card of less than 16 digits are less than 1,000,000 values")
	}
	return nil
}

func (t *Tokenizer) Bind(b *Binder) (Masker, error) {
	out := *t
	out.keyID = b.Key.ID()
	var err error
	if t.Subject.Column != "" {
		out.keyID = "subject" // P5: tokens name the very key
		if b.Domains != nil {
			out.place = b.Domains.place(t.Domain)
		}
		return &out, nil
	}
	if t.Form == "siv" {
		var key [64]byte
		defer clear(key[:])
		copy(key[:32], b.Key.Derive("siv mac", t.Domain))
		copy(key[32:], b.Key.Derive("siv ctr", t.Domain))
		out.siv, err = siv.New(key[:], []byte(t.Domain))
		return &out, err
	}
	radix := 2 // by class: numbers of bits, walked until they are in the domain
	if t.alpha != nil {
		radix = len(t.alpha.chars)
	}
	if len(t.Domain) > ff1.MaxTweak {
		return nil, errors.New("the domain is too long")
	}
	key := b.Key.Derive("ff1", t.Domain)
	defer clear(key)
	out.ff1, err = ff1.New(key, []byte(t.Domain), radix)
	return &out, err
}

func (t *Tokenizer) Fits(f *schemas.Field) error {
	k := f.Type.Kind
	if t.Form == "siv" {
		if k == schemas.Bool {
			return errors.New("a bool has two values, which tokens do not hide: redact or keep it")
		}
		return nil
	}
	whole := k == schemas.Int32 || k == schemas.Int64 || k == schemas.Decimal && f.Type.Scale == 0
	most := map[schemas.Kind]int{schemas.Int32: 9, schemas.Int64: 18, schemas.Decimal: int(f.Type.Precision)}[k]
	switch {
	case whole && t.Alphabet != "digits":
		return fmt.Errorf("integers are of the alphabet digits, not of %q", t.Alphabet)
	case whole && t.Width > most:
		return fmt.Errorf("width %d: tokens of that many digits do not fit %v, at most %d do", t.Width, f.Type, most)
	case k == schemas.Decimal && whole && most < 6:
		return fmt.Errorf("FF1 of %v: it has less than 1,000,000 values, which tokens do not hide: hash or generalize it", f.Type)
	case whole:
		return nil
	case t.Width > 0:
		return fmt.Errorf("width is of integers, this is %v", f.Type)
	case k == schemas.UUID && t.Alphabet != "hex":
		return errors.New("UUIDs are of the alphabet hex")
	case k == schemas.String || k == schemas.UUID:
		return nil
	}
	return fmt.Errorf("FF1 keeps the format of texts, integers and UUIDs, this is %v: take form siv, hash or generalize", f.Type)
}

func (t *Tokenizer) Output(f *schemas.Field) {
	switch {
	case t.Form == "siv":
		AsText(f)
	case f.Type.Kind == schemas.Decimal:
		f.Wire = schemas.WirePlain
	}
}

// Injective: one value of two subjects has two tokens, and a row's key may lack
// the column that tells whose it is.
func (t *Tokenizer) Injective() bool { return t.Subject.Column == "" }

// KeyID is the id of the key that tokens are made under, "subject" for keys of data
// subjects; "" before Bind.
func (t *Tokenizer) KeyID() string { return t.keyID }

func (t *Tokenizer) column() string   { return t.Subject.Column }
func (t *Tokenizer) subject() Subject { return t.Subject }

func (t *Tokenizer) Mask(s *Scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	if t.Form == "siv" {
		id, c := t.keyID, t.siv
		if t.Subject.Column != "" {
			h := s.subjectKey(t.Subject.Kind)
			if h == nil {
				return dst, Refused // P2: nobody says whose it is
			}
			id, c = h.id, h.cipher(t.place, t.Domain)
		}
		s.plain = c.Seal(s.plain[:0], text, &s.siv)
		dst = append(append(dst, id...), '_')
		return t.Encoding.append(dst, s.plain), schemas.EncText
	}
	typ := schemas.Type{Kind: k}
	if k == schemas.Decimal {
		typ = s.Field.Type
	}
	dst, ok := t.turn(s, dst, typ, text, true)
	switch {
	case !ok:
		return dst, Refused
	case k == schemas.String || k == schemas.UUID:
		return dst, schemas.EncText
	}
	return dst, schemas.EncInt
}

// turn appends the FF1 token of text, or the text of a token.
func (t *Tokenizer) turn(s *Scratch, dst []byte, typ schemas.Type, text []byte, encrypt bool) ([]byte, bool) {
	switch typ.Kind {
	case schemas.Int32, schemas.Int64, schemas.Decimal:
		if typ.Scale != 0 || t.Alphabet != "digits" { // inside of JSON nobody looked before
			return dst, false
		}
		return t.integer(s, dst, typ.Kind, text, encrypt)
	case schemas.String, schemas.UUID:
	default:
		return dst, false
	}
	if t.Width > 0 {
		return dst, false
	}
	if t.alpha == nil {
		return t.byClass(s, dst, text, encrypt)
	}
	if !t.numerals(s, text) {
		return dst, false
	}
	if t.Card {
		if !t.card(s, s.nums, false, encrypt) {
			return dst, false
		}
	} else if t.cipher(s, s.nums, encrypt) != nil {
		return dst, false
	}
	i := 0
	for _, c := range text {
		if t.alpha.num[c] >= 0 {
			c = t.alpha.chars[s.nums[i]]
			i++
		}
		dst = append(dst, c)
	}
	return dst, true
}

func (t *Tokenizer) cipher(s *Scratch, x []byte, encrypt bool) error {
	if encrypt {
		return t.ff1.Encrypt(x, &s.ff1)
	}
	return t.ff1.Decrypt(x, &s.ff1)
}

// alphabet is a set of ASCII characters and their order.
type alphabet struct {
	chars string
	num   [256]int16 // -1: not of it
}

var alphabets = map[string]string{
	"digits": "0123456789", "hex": "0123456789abcdef", "base36": "0123456789abcdefghijklmnopqrstuvwxyz",
	"base62": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
}

func newAlphabet(s string) (*alphabet, error) {
	if named, ok := alphabets[s]; ok {
		s = named
	}
	a := &alphabet{chars: s}
	for i := range a.num {
		a.num[i] = -1
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || a.num[s[i]] >= 0 {
			return nil, fmt.Errorf("tokenize: alphabet %q: want digits, hex, base36, base62, class, or different ASCII characters", s)
		}
		a.num[s[i]] = int16(i)
	}
	if len(s) < 2 {
		return nil, errors.New("tokenize: an alphabet of less than two characters")
	}
	return a, nil
}
