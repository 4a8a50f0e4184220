package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"sluice/processors/mask/strategy"
	"sluice/schemas"
)

// strategyCases are one value of each strategy.
var strategyCases = []struct {
	name, action string
	in           spelled
}{
	{"hash", "hash", str("john.suzuki429@outlook.example")},
	{"hash-domain-canonical", "{hash: {domain: email, canonical: email, encoding: hex}}", str("John.Suzuki429@outlook.example")},
	{"hash-phone", "{hash: {canonical: phone}}", str("(415) 555-0132")},
	{"tokenize-siv", "{tokenize: {domain: email}}", str("john.suzuki429@outlook.example")},
	{"tokenize-ff1-ssn", "{tokenize: {form: ff1, domain: ssn}}", str("219-09-9999")},
	{"tokenize-ff1-card", "{tokenize: {form: ff1, card: true}}", str("4111 1111 1111 1111")},
	{"tokenize-ff1-card-ends", "{tokenize: {form: ff1, card: true, keep_ends: true}}", str("4111 1111 1111 1111")},
	{"tokenize-ff1-int64", "{tokenize: {form: ff1}}", whole("12345678901")},
	{"tokenize-ff1-decimal", "{tokenize: {form: ff1}}", dec(38, 0, "12345678901234567890123456789012345678")},
	{"tokenize-ff1-uuid", "{tokenize: {form: ff1, alphabet: hex}}", of(schemas.UUID, 0, schemas.EncText, "b68a35a7-17ad-35b3-af2a-000000000abc")},
	{"tokenize-ff1-class", "{tokenize: {form: ff1, alphabet: class}}", str("AB-1234567.xyz")},
	{"partial", "{partial: {keep_last: 4}}", str("john.suzuki429@outlook.example")},
	{"partial-last4", "{partial: last4}", str("4111 1111 1111 1111")},
	{"partial-domain", "{partial: {keep_first: 1, keep_domain: true}}", str("jöhn.suzuki429@outlook.example")},
	{"generalize-year", "{generalize: year}", of(schemas.Date, schemas.WireDays, schemas.EncInt, "20484")},
	{"generalize-month-text", "{generalize: month}", str("2026-01-31T10:00:00.5Z")},
	{"generalize-age", "{generalize: {age: 5}}", whole("37")},
	{"generalize-zip3", "{generalize: zip3}", str("94105-1234")},
	{"generalize-ip", "{generalize: ip}", str("203.0.113.77")},
	{"generalize-ip6", "{generalize: ip}", str("2001:db8:1:2:3::4")},
	{"generalize-geohash", "{generalize: {geohash: 5}}", str("57.64911,10.40744")},
	{"generalize-round", "{generalize: {round: 2}}", of(schemas.Float64, 0, schemas.EncFloat, "37.774929")},
	{"generalize-bucket", "{generalize: {bucket: 0.25}}", dec(9, 2, "12.49")},
	{"generalize-prefix", "{generalize: {prefix: 2}}", str("Zoë Lee")},
	{"synthetic-name", "{synthetic: name}", str("Ann Lee")},
	{"synthetic-email", "{synthetic: {kind: email, unique: true}}", str("john.suzuki429@outlook.example")},
	{"synthetic-address", "{synthetic: {kind: address, locale: de_DE}}", str("12 Elm St, Springfield")},
	{"synthetic-phone", "{synthetic: phone}", str("(415) 555-0132")},
	{"synthetic-card", "{synthetic: card}", str("4111 1111 1111 1111")},
	{"synthetic-ssn", "{synthetic: ssn}", str("219-09-9999")},
	{"synthetic-iban", "{synthetic: {kind: iban, locale: fr_FR}}", str("DE89370400440532013000")},
	{"synthetic-ip6", "{synthetic: ip}", str("2001:db8:1:2:3::4")},
	{"shift", "{shift: {days: 30}}", of(schemas.Instant, schemas.WireMicros, schemas.EncInt, "1769853600123456")},
	{"noise", "{noise: {laplace: 5}}", dec(9, 2, "1234.56")},
}

// one is a strategy with a value at hand.
func one(t testing.TB, action string, in spelled) (mask func(), made func() string) {
	spec, s := specOf(t, action)
	f := &schemas.Field{Type: in.Type, Wire: in.Wire}
	c := in.Cell()
	raw := []byte(in.Text)
	dst := make([]byte, 0, 256)
	return func() {
		k, text := s.value(f, c, raw)
		s.Field, s.Cell, s.Raw = f, c, raw
		var enc schemas.Encoding
		if dst, enc = spec.Strategy.Mask(&s.Scratch, dst[:0], k, text); enc == strategy.Refused {
			t.Fatal("refused")
		}
	}, func() string { return string(dst) }
}

// TestStrategiesAllocateNothing a value.
func TestStrategiesAllocateNothing(t *testing.T) {
	for _, c := range strategyCases {
		mask, made := one(t, c.action, c.in)
		if n := testing.AllocsPerRun(200, mask); n != 0 {
			t.Errorf("%s: %.1f allocations", c.name, n)
		}
		if made() == c.in.Text {
			t.Errorf("%s changes nothing", c.name)
		}
	}
}

// BenchmarkStrategies is one value of each, and what one writes first in the
// same run: an HMAC made per value, a regular expression.
func BenchmarkStrategies(b *testing.B) {
	for _, c := range strategyCases {
		b.Run(c.name, func(b *testing.B) {
			mask, _ := one(b, c.action, c.in)
			b.ReportAllocs()
			for b.Loop() {
				mask()
			}
		})
	}
	b.Run("naive-hmac", func(b *testing.B) {
		key, in := []byte(strings.Repeat("k", 32)), []byte("john.suzuki429@outlook.example")
		b.ReportAllocs()
		for b.Loop() {
			h := hmac.New(sha256.New, key)
			h.Write(in)
			_ = hex.EncodeToString(h.Sum(nil))
		}
	})
	b.Run("naive-last4", func(b *testing.B) {
		re := regexp.MustCompile(`\d(\d{0,3}$)?`)
		b.ReportAllocs()
		for b.Loop() {
			_ = re.ReplaceAllString("4111111111111111", "*$1")
		}
	})
}
