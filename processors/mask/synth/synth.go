// Package synth makes up people: names, addresses, numbers that look right and
// belong to nobody, as they come from ranges that are kept for examples and
// tests wherever there are such:
//
//	e-mail   example.com, .org and .net (RFC 2606)
//	phone    +1 NPA 555 0100 to 0199 and what Ofcom, Bundesnetzagentur and ARCEP keep for drama
//	card     numbers of Stripe's and Adyen's test issuers, Luhn's check passes
//	ssn      900-01-0001 to 999-49-9999, never issued, and no ITIN
//	ip       192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24 (RFC 5737), 2001:db8::/32 (RFC 3849)
//	iban     bank 99999999 or XXXX, mod 97 passes
//
// All comes from a keyed tag, so that one tag is one person everywhere.
package synth

import (
	"encoding/binary"
	"math/bits"
	"strconv"

	"sluice/processors/mask/siv"
)

// Draw gives the attributes of one person. Each has numbers of its own, so that
// the e-mail address has the name of the name column. Keep none: it holds a
// worker's scratch.
type Draw struct {
	mac   *siv.CMAC
	s     *siv.Scratch
	tag   [16]byte
	block [16]byte
	have  int // the block, -1: none
}

// Of is the person that seed stands for under the key of mac.
func Of(mac *siv.CMAC, seed []byte, s *siv.Scratch) Draw {
	return Draw{mac: mac, s: s, tag: mac.Sum(seed, s), have: -1}
}

// Tag is the keyed tag itself.
func (d *Draw) Tag() [16]byte { return d.tag }

// attribute is a number of a person.
type attribute int

const (
	sex attribute = iota
	given
	family
	number
	where
	streetOf
	house
	town
	codeOf
	phoneOf
	cardOf
	ssnOf
	ipOf
	ip6Of
	ibanOf
	companyOf
	last = 32 // further numbers of an attribute are as far from it
)

// u64 is the number of an attribute.
func (d *Draw) u64(a attribute) uint64 {
	if i := int(a) / 2; d.have != i {
		d.block, d.have = d.mac.Expand(d.tag, uint64(i)+1, d.s), i
	}
	return binary.BigEndian.Uint64(d.block[8*(a&1):])
}

// n is the attribute as a number below n.
func (d *Draw) n(a attribute, n int) int {
	hi, _ := bits.Mul64(d.u64(a), uint64(n))
	return int(hi)
}

func (d *Draw) givenName(l *Locale) *word {
	names := l.female
	if d.u64(sex)&1 == 1 {
		names = l.male
	}
	return &names[d.n(given, len(names))]
}

func (d *Draw) familyName(l *Locale) *word { return &l.family[d.n(family, len(l.family))] }

// Given appends a given name.
func (d *Draw) Given(dst []byte, l *Locale) []byte { return append(dst, d.givenName(l).text...) }

// Family appends a family name.
func (d *Draw) Family(dst []byte, l *Locale) []byte { return append(dst, d.familyName(l).text...) }

// Name appends both, in the order of the locale.
func (d *Draw) Name(dst []byte, l *Locale) []byte {
	if l.familyFirst {
		return d.Given(append(d.Family(dst, l), ' '), l)
	}
	return d.Family(append(d.Given(dst, l), ' '), l)
}

// login appends given, sep, family and three digits, in a to z.
func (d *Draw) login(dst []byte, l *Locale, sep string) []byte {
	dst = append(dst, d.givenName(l).ascii...)
	dst = append(dst, sep...)
	dst = append(dst, d.familyName(l).ascii...)
	return strconv.AppendInt(dst, int64(d.n(number, 900)+100), 10)
}

// User appends a user name: the given and family name and three digits.
func (d *Draw) User(dst []byte, l *Locale, suffix []byte) []byte {
	dst = d.login(dst, l, "_")
	if len(suffix) > 0 {
		dst = append(append(dst, '_'), suffix...)
	}
	return dst
}

var mailDomains = [...]string{"@example.com", "@example.org", "@example.net"}

// Email appends an address of the same name.
func (d *Draw) Email(dst []byte, l *Locale, suffix []byte) []byte {
	dst = d.login(dst, l, ".")
	if len(suffix) > 0 {
		dst = append(append(dst, '.'), suffix...)
	}
	return append(dst, mailDomains[d.n(where, len(mailDomains))]...)
}

// Company appends the name of a company.
func (d *Draw) Company(dst []byte, l *Locale) []byte {
	dst = append(append(dst, l.family[d.n(companyOf, len(l.family))].text...), ' ')
	return append(dst, l.company[d.n(companyOf+last, len(l.company))]...)
}

// Street appends a street with a house number.
func (d *Draw) Street(dst []byte, l *Locale) []byte {
	form := "%s %n"
	if l.address[:2] == "%n" {
		form = "%n %s"
	}
	return d.fill(dst, l, form)
}

// City appends a town.
func (d *Draw) City(dst []byte, l *Locale) []byte { return d.fill(dst, l, "%c") }

// Zip appends a postal code of the town.
func (d *Draw) Zip(dst []byte, l *Locale) []byte { return d.fill(dst, l, "%z") }

// Address appends all of it in one line.
func (d *Draw) Address(dst []byte, l *Locale) []byte { return d.fill(dst, l, l.address) }

func (d *Draw) fill(dst []byte, l *Locale, form string) []byte {
	c := &l.city[d.n(town, len(l.city))]
	for i := 0; i < len(form); i++ {
		if form[i] != '%' {
			dst = append(dst, form[i])
			continue
		}
		i++
		switch form[i] {
		case 'n':
			dst = strconv.AppendInt(dst, int64(d.n(house, 199)+1), 10)
		case 's':
			dst = append(dst, l.street[d.n(streetOf, len(l.street))]...)
		case 'c':
			dst = append(dst, c.name...)
		case 'r':
			dst = append(dst, c.region...)
		case 'z':
			dst = d.pattern(dst, c.code, codeOf)
		}
	}
	return dst
}

// pattern appends form with a digit for each # and a letter for each @.
func (d *Draw) pattern(dst []byte, form string, a attribute) []byte {
	x := d.u64(a)
	for i := range len(form) {
		n := uint64(0)
		switch c := form[i]; c {
		case '#':
			n, x = bits.Mul64(x, 10)
			dst = append(dst, '0'+byte(n))
		case '@':
			n, x = bits.Mul64(x, uint64(len(letters)))
			dst = append(dst, letters[n])
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// letters are those of British and Dutch postal codes.
const letters = "ABDEFGHJLNPQRSTUWXYZ"

// Phone appends a number as E.164, +15550100.
func (d *Draw) Phone(dst []byte, l *Locale) []byte {
	return d.pattern(dst, l.phone[d.n(phoneOf, len(l.phone))], phoneOf+last)
}

var issuers = [...]string{"424242#########", "400005#########", "555555#########", "222300#########", "601111#########"}

// Card appends a card number of 16 digits.
func (d *Draw) Card(dst []byte) []byte {
	from := len(dst)
	dst = d.pattern(dst, issuers[d.n(cardOf, len(issuers))], cardOf+last)
	sum := 0
	for i, c := range dst[from:] {
		v := int(c - '0')
		if i&1 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return append(dst, '0'+byte((10-sum%10)%10))
}

// SSN appends a social security number, with or without hyphens.
func (d *Draw) SSN(dst []byte, plain bool) []byte {
	for i, v := range [...]int{900 + d.n(ssnOf, 100), 1 + d.n(ssnOf+last, 49), 1 + d.n(ssnOf+last+1, 9999)} {
		if i > 0 && !plain {
			dst = append(dst, '-')
		}
		for unit := [...]int{100, 10, 1000}[i]; unit > 0; unit /= 10 {
			dst = append(dst, byte('0'+v/unit%10))
		}
	}
	return dst
}

var nets = [...]string{"192.0.2.", "198.51.100.", "203.0.113."}

// IP appends an IPv4 or IPv6 address.
func (d *Draw) IP(dst []byte, v6 bool) []byte {
	if !v6 {
		x := d.n(ipOf, 3*254)
		return strconv.AppendInt(append(dst, nets[x/254]...), int64(x%254+1), 10)
	}
	dst = append(dst, "2001:db8"...)
	for i := range 6 {
		v := uint16(d.u64(ip6Of+last+attribute(i/4)) >> (16 * (i % 4)))
		dst = strconv.AppendUint(append(dst, ':'), uint64(v)|1<<12, 16) // four digits each: one spelling
	}
	return dst
}

// IBAN appends an account number that passes ISO 7064 mod 97-10.
func (d *Draw) IBAN(dst []byte, l *Locale) []byte {
	from := len(dst)
	dst = append(append(dst, l.country...), '0', '0')
	dst = d.pattern(dst, l.iban, ibanOf)
	rest := 0
	add := func(c byte) {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	for _, c := range dst[from+4:] {
		add(c)
	}
	for _, c := range dst[from : from+4] {
		add(c)
	}
	check := 98 - rest
	dst[from+2], dst[from+3] = byte('0'+check/10), byte('0'+check%10)
	return dst
}
