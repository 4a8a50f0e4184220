package mask

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"sluice/schemas"
	"sluice/topology"
)

// Kind is what happens to a column: the place of an action in the list below.
type Kind uint8

// The actions of this version.
const (
	Null     Kind = iota // the value is gone, the column stays
	Keep                 // as it is, with a reason
	Hash                 // keyed HMAC-SHA-256 token: equal values give equal tokens
	Partial              // first and last characters stay
	Redact               // [redacted]; what is no text is nulled
	Drop                 // no column at all
	Withhold             // no column: nobody classified it. Never written in a policy
)

func (k Kind) String() string { return actions[k].name }

// action is one way for values to leave the gate. Detection, reversible
// tokens, FF1, generalisation and synthetic values are further entries of
// actions, with their parameters in Spec; nothing else has to know them.
type action struct {
	name string

	// read reads the parameters from the policy; nil: there are none. want is
	// what the policy's author is told who leaves them out.
	read func(y *yaml.Node, s *Spec) error
	want string

	// output changes a column's field to what comes out; nil: as it is.
	output func(f *schemas.Field)

	// mask appends what becomes of a value of kind k, given as its canonical
	// text; false is a null. nil nulls everything, but for a constant. Keep is
	// never asked.
	mask func(s *scratch, dst []byte, spec *Spec, k schemas.Kind, text []byte) ([]byte, bool)

	// constant is what becomes of every text; what is no text is nulled.
	constant string

	gone      bool // there is no such column behind the gate
	keyed     bool // it needs the key // P5
	injective bool // different values stay different: a row's key may go through it // D4
	slow      bool // worth to look whether the same value was masked before
}

// actions lists all there are, by Kind.
var actions = [...]action{
	Null: {name: "null", output: nullable},
	Keep: {name: "keep", read: readKeep, want: wantReason, injective: true}, // P4
	Hash: {name: "hash", output: text, mask: maskHash, keyed: true, injective: true, slow: true},
	Partial: {name: "partial", read: readPartial, want: "partial says what stays: {partial: {keep_last: 4}}",
		output: text, mask: maskPartial},
	Redact:   {name: "redact", output: textOrNull, constant: "[redacted]"},
	Drop:     {name: "drop", gone: true},
	Withhold: {name: "withhold", gone: true},
}

// isText reports kinds whose values people write.
func isText(k schemas.Kind) bool {
	switch k {
	case schemas.String, schemas.UUID, schemas.JSON, schemas.Binary:
		return true
	}
	return false
}

func nullable(f *schemas.Field) { f.Nullable = true }

// text makes a field a String. An Unknown one holds only nulls and stays so:
// its column comes when its type does.
func text(f *schemas.Field) {
	if f.Type.Kind != schemas.Unknown {
		f.Type, f.Wire = schemas.Type{Kind: schemas.String}, schemas.WirePlain
	}
}

func textOrNull(f *schemas.Field) {
	if isText(f.Type.Kind) {
		text(f)
	} else {
		nullable(f)
	}
}

const wantReason = "keep needs a reason: {keep: \"why this is no personal data\"}"

func readKeep(y *yaml.Node, s *Spec) error {
	s.Why = strings.TrimSpace(y.Value)
	if s.Why == "" || y.Kind != yaml.ScalarNode || y.Tag == "!!null" {
		return topology.At(y, errors.New(wantReason))
	}
	return nil
}

func readPartial(y *yaml.Node, s *Spec) error {
	p := struct {
		KeepFirst int    `yaml:"keep_first"`
		KeepLast  int    `yaml:"keep_last"`
		Char      string `yaml:"char"`
	}{Char: "*"}
	if err := topology.Strict(y, &p); err != nil {
		return err
	}
	r := []rune(p.Char)
	if len(r) != 1 || r[0] == utf8.RuneError || p.KeepFirst < 0 || p.KeepLast < 0 || p.KeepFirst+p.KeepLast == 0 || p.KeepFirst+p.KeepLast > 16 {
		return topology.At(y, errors.New("partial: keep_first and keep_last together 1 to 16, char one character"))
	}
	s.KeepFirst, s.KeepLast, s.Char = p.KeepFirst, p.KeepLast, r[0]
	return nil
}

// maskHash appends KEYID_TOKEN, the token being 128 bits of the HMAC-SHA-256 of
// text in lower case base32 (RFC 4648, without padding). crypto/hmac keeps the
// states after its pads, so a short value costs two blocks and no memory. // P5
func maskHash(s *scratch, dst []byte, _ *Spec, _ schemas.Kind, text []byte) ([]byte, bool) {
	s.mac.Reset()
	s.mac.Write(text)
	s.sum = s.mac.Sum(s.sum[:0])
	dst = append(append(dst, s.keyID...), '_')
	return appendToken(dst, binary.BigEndian.Uint64(s.sum), binary.BigEndian.Uint64(s.sum[8:])), true
}

// appendToken appends hi and lo as 26 characters of 5 bits, from the top.
func appendToken(dst []byte, hi, lo uint64) []byte {
	const digits = "abcdefghijklmnopqrstuvwxyz234567"
	var b [26]byte
	for i := range 12 {
		b[i] = digits[hi>>(59-5*i)&31]
		b[13+i] = digits[lo>>(58-5*i)&31]
	}
	b[12] = digits[hi&15<<1|lo>>63]
	b[25] = digits[lo&7<<2]
	return append(dst, b[:]...)
}

// maskPartial keeps the first and last characters and writes one mark for each
// other. A text that would keep half of itself or more is marked whole: four
// of five digits are not masked. So is a bool, as long as the other one.
func maskPartial(_ *scratch, dst []byte, spec *Spec, k schemas.Kind, text []byte) ([]byte, bool) {
	n := utf8.RuneCount(text)
	first, last := spec.KeepFirst, spec.KeepLast
	switch {
	case k == schemas.Bool:
		text, first, last = []byte("true"), 0, 0
	case 2*(first+last) >= n:
		first, last = 0, 0
	}
	for i := 0; len(text) > 0; i++ {
		_, size := utf8.DecodeRune(text)
		if i < first || i >= n-last {
			dst = append(dst, text[:size]...)
		} else {
			dst = utf8.AppendRune(dst, spec.Char)
		}
		text = text[size:]
	}
	return dst, true
}
