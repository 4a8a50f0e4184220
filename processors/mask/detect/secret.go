package detect

import (
	"bytes"
	"encoding/base64"

	"sluice/schemas"
)

// tokens are secrets that say what they are by how they begin. Sources: the
// issuers' documentation of their token formats.
var tokens = []struct {
	prefix string
	length int // of what follows, at least
	class  uint8
}{
	{"AKIA", 16, charUpper | charDigit}, {"ASIA", 16, charUpper | charDigit},
	{"ghp_", 36, charLetter | charDigit}, {"gho_", 36, charLetter | charDigit}, {"ghu_", 36, charLetter | charDigit}, {"ghs_", 36, charLetter | charDigit}, {"ghr_", 36, charLetter | charDigit},
	{"github_pat_", 50, charWord}, {"glpat-", 20, charWord}, {"npm_", 36, charLetter | charDigit}, {"pypi-", 50, charWord},
	{"xapp-", 20, charWord}, {"xoxe-", 20, charWord}, {"xoxr-", 20, charWord}, {"xoxb-", 20, charWord}, {"xoxp-", 20, charWord}, {"xoxa-", 20, charWord}, {"xoxs-", 20, charWord},
	{"sk_live_", 16, charLetter | charDigit}, {"rk_live_", 16, charLetter | charDigit}, {"sk_test_", 16, charLetter | charDigit}, {"whsec_", 16, charWord},
	{"AIza", 35, charWord}, {"ya29", 20, charWord}, {"SG.", 40, charWord}, {"sk-ant-", 30, charWord}, {"sk-proj-", 30, charWord}, {"sk-", 40, charWord},
	{"dckr_pat_", 20, charWord}, {"hvs.", 24, charWord}, {"glsa_", 32, charWord}, {"lin_api_", 32, charLetter | charDigit}, {"PMAK-", 40, charWord}, {"sq0atp-", 20, charWord}, {"sq0csp-", 20, charWord},
	{"dapi", 32, charHex}, {"sbp_", 40, charHex}, {"xkeysib-", 40, charWord}, {"rubygems_", 40, charHex}, {"dop_v1_", 60, charHex}, {"hf_", 30, charLetter | charDigit}, {"shpat_", 32, charHex}, {"AGE-SECRET-KEY-1", 50, charUpper | charDigit},
}

// dotted are prefixes with a point; maxDotted is how far before a digit they are
// looked for.
var dotted = [][]byte{[]byte("SG."), []byte("hvs.")}

const maxDotted = 80

// How far words that signs join are looked at, in bytes: each of them may be asked
// about, and without an end a text of nothing else would take the square of its length.
const (
	bytesParts  = 128 // before the word at hand
	longest     = 256 // a secret
	longEncoded = 1 << 10
	mostEncoded = 8 // words of a longer one that are looked into
)

// secret looks at the word that begins at s, and returns the end of a secret.
func (d *Detector) secret(s int) int {
	p := d.p
	for from := s; from-s < bytesParts && s > 1 && p[s-1] == '-' && word(p[s-2]); { // parts before the word at hand
		k := s - 1
		for k > 0 && s-k <= 16 && word(p[k-1]) {
			k--
		}
		if s-k > 16 {
			break
		}
		s = k
	}
	if x := d.at(s - 1); x == '.' || x == '-' { // SG.abc.def1: the words before the point have no digit
		for _, prefix := range dotted {
			if k := bytes.LastIndex(p[max(0, s-maxDotted):s], prefix); k >= 0 {
				k += max(0, s-maxDotted)
				if !word(d.at(k-1)) && bytes.IndexFunc(p[k:s], func(r rune) bool { return r >= 0x80 || !word(byte(r)) && r != '.' && r != '-' }) < 0 {
					s = k
				}
			}
		}
	}
	if len(p)-s >= 20 {
		if bytes.HasPrefix(p[s:], []byte("eyJ")) {
			return d.jwt(s)
		}
		for i := range tokens {
			t := &tokens[i]
			if p[s] != t.prefix[0] || !bytes.HasPrefix(p[s:], []byte(t.prefix)) {
				continue
			}
			e := s + len(t.prefix)
			for e < len(p) && (chars[p[e]]&t.class != 0 && p[e] < 0x80 || t.class == charWord && (p[e] == '-' || p[e] == '.' && t.prefix == "SG.")) {
				e++
			}
			if e-s-len(t.prefix) >= t.length && !word(d.at(e)) {
				d.add(schemas.Secret, s, e, 0.95)
				return e
			}
		}
	}
	return 0
}

// generic looks at the word that begins at s for a secret that only the words
// before it name: api_key=..., password: ...
func (d *Detector) generic(s int) int {
	p := d.p
	e, upper, lower, digits := s, 0, 0, 0
	for e-s <= longest && s > 1 && (p[s-1] == '+' || p[s-1] == '/' || p[s-1] == '-') && word(p[s-2]) {
		s--
		for e-s <= longest && s > 0 && word(p[s-1]) {
			s--
		}
	}
	for e = s; e-s <= longest && e < len(p) && p[e] < 0x80 && (word(p[e]) || bytes.IndexByte([]byte("+/-.!#$%^&*"), p[e]) >= 0 && e+1 < len(p) && p[e+1] > ' ' && p[e+1] != '"' && p[e+1] != '\''); e++ {
		switch c := chars[p[e]]; {
		case c&charUpper != 0:
			upper++
		case c&charLower != 0:
			lower++
		case c&charDigit != 0:
			digits++
		}
	}
	if e-s < 6 || e-s > longest || digits == 0 || upper+lower == 0 {
		return 0
	}
	before := d.at(s - 1)
	assigned := before == '=' || before == ':' || (before == '"' || before == '\'' || before == ' ') && (d.at(s-2) == ':' || d.at(s-2) == '=' || d.at(s-3) == ':' || d.at(s-3) == '=')
	if e-s < 16 && !assigned { // a password is short, and stands behind its name
		return 0
	}
	c := d.context(s, e)
	switch {
	case c.near&aboutSecret == 0 || c.apart > 0:
		return 0
	case e-s < 16:
		d.add(schemas.Secret, s, e, 0.7)
	case digits < 2 && e-s < 32 || upper+lower < 3:
		return 0
	default:
		d.add(schemas.Secret, s, e, 0.8)
	}
	for e < len(p) && p[e] == '=' {
		e++
		d.spans[len(d.spans)-1].End = e
	}
	return e
}

// jwt looks for a token of three parts at s (RFC 7519, RFC 7515 section 7.1).
func (d *Detector) jwt(s int) int {
	p := d.p
	i, dots := s, 0
	for i < len(p) && (word(p[i]) && p[i] < 0x80 || p[i] == '-' || p[i] == '.' && dots < 2 && word(d.at(i+1))) {
		if p[i] == '.' {
			dots++
		}
		i++
	}
	if dots != 2 || !bytes.Contains(p[s:i], []byte(".eyJ")) {
		return 0
	}
	d.add(schemas.JWT, s, i, 0.97)
	return i
}

// iban looks for an IBAN whose country stands at s, in one word or in groups of
// four (ISO 13616; lengths from the SWIFT registry).
func (d *Detector) iban(s int) int {
	p := d.p
	if len(p)-s < 15 || p[s]-'A' >= 26 && p[s]-'a' >= 26 || p[s+1]|0x20-'a' >= 26 || !digit(p[s+2]) || !digit(p[s+3]) {
		return 0
	}
	want := look(ibanLengths, p[s:s+2])
	if want == 0 {
		return 0
	}
	mod, n, i := 0, 0, s
	var head [4]byte
	for i < len(p) && n < want {
		c := p[i]
		switch {
		case (c == ' ' || c == '-') && n > 0 && n%4 == 0 && word(d.at(i+1)):
			i++
			continue
		case c-'a' < 26:
			c -= 0x20
		}
		if !digit(c) && c-'A' >= 26 {
			return 0
		}
		if n < 4 {
			head[n] = c
		} else {
			mod = mod97(mod, c)
		}
		n++
		i++
	}
	if n < want || word(d.at(i)) {
		return 0
	}
	for _, c := range head {
		mod = mod97(mod, c)
	}
	if mod != 1 {
		return 0
	}
	d.add(schemas.IBAN, s, i, 0.97)
	return i
}

func mod97(mod int, c byte) int {
	if digit(c) {
		return (mod*10 + val(c)) % 97
	}
	return (mod*100 + int(c-'A') + 10) % 97
}

var ibanLengths = map[string]int{"ad": 24, "ae": 23, "al": 28, "at": 20, "az": 28, "ba": 20, "be": 16, "bg": 22, "bh": 22, "br": 29, "by": 28, "ch": 21, "cr": 22, "cy": 28,
	"cz": 24, "de": 22, "dk": 18, "do": 28, "ee": 20, "eg": 29, "es": 24, "fi": 18, "fo": 18, "fr": 27, "gb": 22, "ge": 22, "gi": 23, "gl": 18, "gr": 27, "gt": 28, "hr": 21,
	"hu": 28, "ie": 22, "il": 23, "iq": 23, "is": 26, "it": 27, "jo": 30, "kw": 30, "kz": 20, "lb": 28, "lc": 32, "li": 21, "lt": 20, "lu": 20, "lv": 21, "ly": 25, "mc": 27,
	"md": 24, "me": 22, "mk": 19, "mr": 27, "mt": 31, "mu": 30, "nl": 18, "no": 15, "pk": 24, "pl": 28, "ps": 29, "pt": 25, "qa": 29, "ro": 24, "rs": 22, "sa": 24, "sc": 31,
	"sd": 18, "se": 24, "si": 19, "sk": 24, "sm": 27, "st": 25, "sv": 28, "tl": 23, "tn": 24, "tr": 26, "ua": 29, "va": 22, "vg": 24, "xk": 20}

// minEncoded is how long a word must be that is looked into as base64: nine digits and two hyphens.
const minEncoded = 15

// padded looks into base64 without digits, which nothing else finds, by the
// padding at i.
func (d *Detector) padded(i int) {
	p, s := d.p, i
	if word(d.at(i + 1)) {
		return
	}
	for s > 0 && (chars[p[s-1]]&(charUpper|charLower) != 0 || p[s-1] == '+' || p[s-1] == '/' || p[s-1] == '-' || p[s-1] == '_') {
		s--
	}
	if i-s >= minEncoded-1 && !word(d.at(s-1)) {
		d.encoded(s)
	}
}

// encoded looks into the word at s if it is base64 of a text, one level deep: a
// finding in it is one of the whole word.
func (d *Detector) encoded(s int) int {
	if d.depth > 0 {
		return 0
	}
	if s < d.encode { // of a long one that had its chances
		if d.tries++; d.tries >= mostEncoded {
			return 0
		}
	}
	p := d.p
	e, lower, upper, hex := s, false, false, true
	for e < len(p) && (word(p[e]) && p[e] < 0x80 || p[e] == '+' || p[e] == '/' || p[e] == '-') {
		lower = lower || chars[p[e]]&charLower != 0
		upper = upper || chars[p[e]]&charUpper != 0
		hex = hex && chars[p[e]]&charHex != 0
		e++
	}
	if e-s > longEncoded && e > d.encode {
		d.encode, d.tries = e, 0
	}
	if e-s < minEncoded || !lower || !upper || hex {
		return 0
	}
	text := bytes.Trim(p[s:e], "-")
	enc := base64.RawStdEncoding
	if bytes.ContainsAny(text, "-_") {
		enc = base64.RawURLEncoding
	}
	n := enc.DecodedLen(len(text))
	if cap(d.plain) < n {
		d.plain = make([]byte, n+256)
	}
	n, err := enc.Decode(d.plain[:n], text)
	for e < len(p) && p[e] == '=' {
		e++
	}
	if err != nil || n < 8 {
		return 0
	}
	for _, c := range d.plain[:n] {
		if c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7f {
			return 0
		}
	}
	if d.inner == nil {
		d.inner = &Detector{min: d.min, depth: 1}
	}
	for _, x := range d.inner.Find(nil, d.plain[:n]) {
		d.add(x.Class, s, e, x.Confidence*0.9)
		return e
	}
	return 0
}
