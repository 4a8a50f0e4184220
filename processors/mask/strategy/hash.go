package strategy

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/mac"
	"sluice/schemas"
	"sluice/topology"
)

// PlainHash is hash without parameters: KEYID_TOKEN, the token being 128 bits of
// the HMAC-SHA-256 of the value's text in lower case base32 (RFC 4648, without
// padding). // P5
func PlainHash(keyID string, key []byte) *Hasher {
	return (&Hasher{Bits: 128, Encoding: base32Form, keyID: keyID, mac: mac.New(key)}).ready()
}

const base32Digits = mac.Digits

// keyBits is how much of a keyed function keeps values apart: with 80 bits one
// of 2.4 million tables of 10^9 keys has two that fall together. // D4
const keyBits = 80

// Hasher is hash with parameters:
//
//	{hash: {domain: email, canonical: email, bits: 128, encoding: base32}}
//	{hash: {subject: {column: customer_id}}}    # under a key of that customer's own, see SubjectHasher
//
// Values of one domain join, the default domain "" being that of a plain
// hash. canonical has spellings of one value join, see canon.
type Hasher struct {
	Domain    string  `yaml:"domain"`
	Canonical canon   `yaml:"canonical"`
	Bits      int     `yaml:"bits"`     // 64 to 256, a multiple of 8
	Encoding  form    `yaml:"encoding"` // base32, hex or base64url
	Subject   Subject `yaml:"subject"`

	mac   *mac.Key
	keyID string
	blank []byte // a token of underscores
}

// ReadHash reads the parameters of hash; nil for none: hash is PlainHash then.
func ReadHash(y *yaml.Node) (Masker, error) {
	if y == nil {
		return nil, nil
	}
	if y.Kind != yaml.MappingNode {
		return nil, errors.New("hash takes its parameters as {domain: email, canonical: email, bits: 128, encoding: base32}")
	}
	h := &Hasher{Bits: 128, Encoding: base32Form}
	if err := topology.Strict(y, h); err != nil {
		return nil, err
	}
	if h.Bits < 64 || h.Bits > 256 || h.Bits%8 != 0 {
		return nil, fmt.Errorf("hash: bits %d: want 64 to 256 in eights", h.Bits)
	}
	if h.Subject.Column != "" {
		return &SubjectHasher{Hasher: *h}, nil
	}
	return h, h.Subject.check("hash", "")
}

func (h *Hasher) Bind(b *Binder) (Masker, error) {
	out := *h
	out.keyID = b.Key.ID()
	key := b.Key.Derive("hash", h.Domain)
	defer clear(key)
	out.mac = mac.New(key)
	return out.ready(), nil
}

func (h *Hasher) Fits(*schemas.Field) error { return nil }
func (h *Hasher) Output(f *schemas.Field)   { AsText(f) }

// Injective: folded spellings fall together, and so may few bits.
func (h *Hasher) Injective() bool { return h.Bits >= keyBits && h.Canonical.kind == asWritten }

func (h *Hasher) Mask(s *Scratch, dst []byte, _ schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	h.mac.Of(&s.sum, h.Canonical.fold(s, text))
	return h.token(append(append(dst, h.keyID...), '_'), &s.sum), schemas.EncText
}

// token appends what of a code is in the token.
func (h *Hasher) token(dst []byte, sum *mac.Sum) []byte {
	if h.plain() {
		return mac.AppendBase32(dst, sum)
	}
	return h.Encoding.append(dst, sum[:h.Bits/8])
}

// plain reports a code in the form that a plain hash has.
func (h *Hasher) plain() bool { return h.Bits == 128 && h.Encoding == base32Form }

// size is how long the token of n bytes is.
func (f form) size(n int) int {
	switch f {
	case hexForm:
		return hex.EncodedLen(n)
	case base64Form:
		return base64.RawURLEncoding.EncodedLen(n)
	}
	return (8*n + 4) / 5
}

// Waiting are values to be hashed of which the tokens' places in an arena are
// taken: a group of them is hashed at a time, of whichever rows they are.
type Waiting struct {
	group mac.Group
	of    [mac.Lanes]*Hasher
	at    [mac.Lanes]int // where the code begins
	forms bool           // some are not plain
}

// Append appends a value's token, which stands there after Flush at the latest:
// until then its place holds an underscore for every character. arena is the same
// one until Flush, though it may grow; text is canonical.
func (w *Waiting) Append(s *Scratch, arena []byte, h *Hasher, text []byte) []byte {
	if h.Canonical.kind != asWritten {
		text = h.Canonical.fold(s, text)
	}
	if n := w.group.Len(); w.group.Add(h.mac, text) {
		w.of[n], w.at[n] = h, len(arena)+len(h.keyID)+1
		w.forms = w.forms || !h.plain()
		if arena = append(arena, h.blank...); n == mac.Lanes-1 {
			w.Flush(arena)
		}
		return arena
	}
	h.mac.Of(&s.sum, text)
	return h.token(append(append(arena, h.keyID...), '_'), &s.sum)
}

// Flush makes the tokens that are not there yet.
func (w *Waiting) Flush(arena []byte) {
	sums := w.group.Sums()
	if !w.forms {
		mac.Base32(arena, w.at[:], sums)
		return
	}
	for i := range sums {
		w.of[i].token(arena[:w.at[i]], &sums[i])
	}
	w.forms = false
}

// Forget clears what is left of values.
func (w *Waiting) Forget() { w.group.Forget() }

// ready prepares h, of a key and all parameters, for many values.
func (h *Hasher) ready() *Hasher {
	h.blank = append([]byte(h.keyID), '_')
	for range h.Encoding.size(h.Bits / 8) {
		h.blank = append(h.blank, '_') // of what was not hashed yet nothing shows // P1
	}
	return h
}

// form is how bytes are spelled in a token.
type form uint8

const (
	base32Form form = iota // RFC 4648, lower case, no padding: goes through what ignores case
	hexForm
	base64Form // RFC 4648 section 5, no padding
)

var formNames = []string{"base32", "hex", "base64url"}

// UnmarshalYAML reads a name.
func (f *form) UnmarshalYAML(y *yaml.Node) error {
	for i, n := range formNames {
		if y.Value == n {
			*f = form(i)
			return nil
		}
	}
	return topology.At(y, fmt.Errorf("unknown encoding %q%s", y.Value, topology.Suggest(y.Value, formNames)))
}

func (f form) append(dst, p []byte) []byte {
	switch f {
	case hexForm:
		return hex.AppendEncode(dst, p)
	case base64Form:
		return base64.RawURLEncoding.AppendEncode(dst, p)
	}
	var acc uint64
	n := 0
	for _, b := range p {
		acc, n = acc<<8|uint64(b), n+8
		for ; n >= 5; n -= 5 {
			dst = append(dst, base32Digits[acc>>(n-5)&31])
		}
	}
	if n > 0 {
		dst = append(dst, base32Digits[acc<<(5-n)&31])
	}
	return dst
}

var errForm = errors.New("no text of its encoding")

// parse undoes append: only what append writes is read.
func (f form) parse(dst, p []byte) ([]byte, error) {
	switch f {
	case hexForm:
		for _, c := range p {
			if c >= 'A' && c <= 'F' {
				return dst, errForm
			}
		}
		out, err := hex.AppendDecode(dst, p)
		if err != nil {
			return dst, errForm
		}
		return out, nil
	case base64Form:
		for _, c := range p {
			if c == '\n' || c == '\r' {
				return dst, errForm
			}
		}
		out, err := base64.RawURLEncoding.Strict().AppendDecode(dst, p)
		if err != nil {
			return dst, errForm
		}
		return out, nil
	}
	from := len(dst)
	var acc uint64
	n := 0
	for _, c := range p {
		switch {
		case c >= 'a' && c <= 'z':
			c -= 'a'
		case c >= '2' && c <= '7':
			c -= '2' - 26
		default:
			return dst[:from], errForm
		}
		if acc, n = acc<<5|uint64(c), n+5; n >= 8 {
			n -= 8
			dst = append(dst, byte(acc>>n))
		}
	}
	if n >= 5 || acc&(1<<n-1) != 0 {
		return dst[:from], errForm
	}
	return dst, nil
}
