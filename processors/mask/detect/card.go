package detect

import (
	"bytes"

	"sluice/schemas"
)

// card looks for a payment card number: its length and first digits are an
// issuer's and its check digit is right (ISO/IEC 7812-1, annex B).
func (v *view) card() int {
	n := len(v.digits)
	if n < 12 || n > 19 || v.plus || v.paren || !luhn(v.digits) {
		return 0
	}
	if !issued(v.digits) && !v.named() {
		return 0
	}
	confidence, form := float32(0.85), true
	if !v.bare() {
		s := v.sep()
		if s != ' ' && s != '-' && s != '.' {
			return 0
		}
		confidence = 0.7
		switch {
		case v.shape(4, 4, 4, 4), v.shape(4, 6, 5), v.shape(4, 6, 4), v.shape(4, 4, 4, 4, 3), v.shape(4, 4, 4, 4, 2), v.shape(4, 4, 5), v.shape(4, 4, 4):
			confidence = 0.95
		default:
			form = false
		}
		for i := range v.groups {
			if g := v.groups[i].len(); g > 8 || g < 3 && i < len(v.groups)-1 {
				return 0
			}
		}
	}
	c := v.context()
	if n < 14 && v.bare() && c.near&weakly != 0 && !bytes.HasSuffix(v.d.p[:v.start], with) { // a payment's number
		return 0
	}
	switch {
	case c.near&aboutCard != 0, c.any&aboutCard != 0 && c.near&against == 0:
		confidence = 0.99
	case !form: // order numbers are grouped, too
		return 0
	case v.within, v.account(): // a longer code's
		return 0
	case n == 12 || n == 13: // as long as article numbers and Aadhaar
		if c.any != 0 || !v.mentioned() && !(n == 13 && v.digits[0] == '4' && len(v.d.p) == n && !article13(v.digits)) {
			return 0
		}
		confidence = 0.55
	case v.bare() && n > 16 && v.digits[0] != '4' && string(v.digits[:2]) != "62":
		// As long as made-up keys of records, of which the ranges of Maestro, JCB, Discover
		// and Mir with a right check digit take one in a hundred; those networks issue next
		// to none of that length, and texts that hold one say what it is.
		return 0
	case v.bare() && v.inner: // what is said is said of the number before it
	case c.near&against != 0 && confidence < 0.95:
		confidence -= 0.4
	case n == 14 && v.bare():
		confidence = 0.6
	}
	if confidence < v.d.min {
		return 0
	}
	v.d.add(schemas.Card, v.start, v.end, confidence)
	return v.end
}

// account reports that an IBAN's country and check digits stand before, of one that
// is so long: one that fails its check is mistyped, and no card.
func (v *view) account() bool {
	at := func(i int) byte { return v.d.at(v.start - i) }
	return at(1) == ' ' && digit(at(2)) && digit(at(3)) && chars[at(4)]&chars[at(5)]&charUpper != 0 && !word(at(6)) &&
		look(ibanLengths, v.d.p[v.start-5:v.start-3]) >= 4+len(v.digits)
}

// issued reports a length and first digits that an issuer has. Sources: the
// card networks' published ranges.
func issued(d []byte) bool {
	n := len(d)
	p2 := int(d[0]-'0')*10 + int(d[1]-'0')
	p4 := p2*100 + int(d[2]-'0')*10 + int(d[3]-'0')
	switch {
	case d[0] == '4': // Visa
		return n == 13 || n == 16 || n == 19
	case p2 >= 51 && p2 <= 55, p4 >= 2221 && p4 <= 2720: // Mastercard
		return n == 16
	case p2 == 34 || p2 == 37: // American Express
		return n == 15
	case p2 == 36: // Diners Club
		return n >= 14
	case p2 == 38 || p2 == 39 || p4 >= 3000 && p4 <= 3059 || p4 == 3095:
		return n == 14 || n == 16 || n == 19
	case p2 == 35: // JCB
		return n >= 16
	case p4 == 2131 || p4 == 1800: // JCB of old, and what test data is made of
		return n >= 15
	case p4 == 6011 || p2 == 65 || p4 >= 6440 && p4 <= 6499: // Discover
		return n >= 16
	case p2 == 62: // UnionPay
		return n >= 16
	case p4 == 8171 || p4 >= 8100 && p4 <= 8171:
		return n >= 16
	case p4 >= 2200 && p4 <= 2204: // Mir
		return n >= 16
	case p2 == 50 || p2 >= 56 && p2 <= 58 || p4 == 6304 || p4 == 6390 || p4 == 6759 || p4 >= 6761 && p4 <= 6763 || p2 == 67: // Maestro
		return true
	case p4 == 604:
		return n == 12
	case p2 == 60 || p2 == 61 || p2 == 63 || p2 == 64 || p2 == 66 || p2 == 68 || p2 == 69:
		return n == 16 // RuPay, Hipercard, Maestro of old
	}
	return false
}

// named reports digits that no issuer is known for and that the nearest word says are a
// card: small networks and test data have them. Of 15 digits an airline's, too. What
// is shorter, or a Visa of 17 or 18, lacks a digit.
func (v *view) named() bool {
	d, c := v.digits, v.context()
	if c.near&aboutCard == 0 {
		return false
	}
	return len(d) == 15 && retired(d) || len(d) > 15 && d[0] >= '2' && d[0] <= '6' && d[0] != '4' && c.near&weakly == 0 // ISO/IEC 7812-1: banking, travel, trade
}

// retired reports first digits that few cards of 15 digits still have, and many
// other numbers: UATP of airlines, enRoute.
func retired(d []byte) bool {
	return d[0] == '1' || string(d[:4]) == "2014" || string(d[:4]) == "2149"
}

// luhn reports a right check digit (ISO/IEC 7812-1).
func luhn(d []byte) bool {
	sum, same := 0, true
	for i := range d {
		n := int(d[len(d)-1-i] - '0')
		same = same && d[i] == d[0]
		if i&1 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0 && !same
}

// with says that what is paid with follows.
var with = []byte(" with ")

// bytesMentioned is how far before a value the word card is looked for.
const bytesMentioned = 160

// mentioned reports that the text speaks of a card before, and then says what its
// number is: ... the credit card of 12 Main St? The number is 676246719915.
func (v *view) mentioned() bool {
	p := v.d.p[max(0, v.start-bytesMentioned):v.start]
	return (bytes.HasSuffix(p, []byte("umber is ")) || bytes.HasSuffix(p, []byte("umber: "))) && (bytes.Contains(p, []byte(" card ")) || bytes.Contains(p, []byte(" Card ")))
}

// article13 reports a right check digit of an EAN-13 (GS1 General Specifications, section 7.9).
func article13(d []byte) bool {
	sum := 0
	for i, c := range d {
		sum += val(c) * (1 + 2*(i&1))
	}
	return sum%10 == 0
}
