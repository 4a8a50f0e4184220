package strategy_test

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"sluice/schemas"
)

func TestPartial(t *testing.T) {
	for _, c := range []struct{ action, in, want string }{
		{"{partial: last4}", "219-09-9999", "***-**-9999"},
		{"{partial: last4}", "4111 1111 1111 1234", "**** **** **** 1234"},
		{"{partial: last4}", "12-34", "**-**"},
		{"{partial: last4}", "- -", "***"},
		{"{partial: {keep_domain: true}}", "ann@mail.example", "***@mail.example"},
		{"{partial: {keep_first: 1, keep_domain: true}}", "a@b@mail.example", "a**@mail.example"},
		{"{partial: {keep_first: 1, keep_domain: true}}", "al@mail.example", "**@mail.example"},
		{"{partial: {keep_domain: true}}", "no address", "**********"},
		{"{partial: {keep_domain: true}}", "@handle", "*******"},
		{"{partial: {length: 6}}", "x", "******"},
		{"{partial: {length: 6}}", "a long text", "******"},
		{"{partial: {keep_first: 1, keep_last: 1, length: 8}}", "a long text", "a******t"},
		{"{partial: {keep_first: 1, keep_last: 1, length: 8}}", "abc", "********"},
		{"{partial: {keep_first: 1, length: 8, keep_domain: true}}", "anne@x.example", "a*******@x.example"},
		{"{partial: {length: 3}}", "", "***"},
		{"{partial: {keep_first: 2}}", "Zoë Lee", "Zo*****"},
		{"{partial: {keep_first: 3}}", "Zoe\u0308 Lee!", "Zoe\u0308*****"},
		{"{partial: {keep_last: 1}}", "ab👨‍👩‍👧", "**👨‍👩‍👧"},
		{"{partial: {keep_last: 1}}", "abc👍🏽", "***👍🏽"},
		{"{partial: {keep_first: 1}}", "🇩🇪🇫🇷🇪🇸", "🇩🇪**"},
		{"{partial: {keep_first: 1}}", "नमस्ते", "न***"}, // 4 clusters: na, ma, s+virama, te
		{"{partial: {keep_first: 1, char: \"•\"}}", "abc", "a••"},
	} {
		if got := through(acting(t, c.action), str(c.in)); got != c.want {
			t.Errorf("%s of %q: %q, want %q", c.action, c.in, got, c.want)
		}
	}
}

// TestHashForms: domains part, spellings join, lengths and encodings.
func TestHashForms(t *testing.T) {
	hash := func(params, in string) string { return through(acting(t, "{hash: {"+params+"}}"), str(in)) }
	plain := through(acting(t, "hash"), str("Ann@x.example"))
	if got := hash("", "Ann@x.example"); got != plain {
		t.Errorf("without parameters %s, with none %s", plain, got)
	}
	if got := hash("domain: email", "Ann@x.example"); got == plain {
		t.Error("a domain changes nothing")
	}
	if hash("canonical: phone", "(415) 555-0132") != hash("canonical: phone", "+14155550132") || hash("canonical: phone", "+14155550132") != plain[:3]+hash("", "+14155550132")[3:] {
		t.Error("spellings of a phone do not join")
	}
	if hash("canonical: email, domain: e", "Ann@x.example ") != hash("domain: e", "ann@x.example") {
		t.Error("spellings of an address do not join")
	}
	for _, c := range []struct {
		params string
		length int
		chars  string
	}{{"bits: 64, encoding: hex", 16, "0123456789abcdef"}, {"bits: 256, encoding: base64url", 43, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"}, {"bits: 80", 16, "abcdefghijklmnopqrstuvwxyz234567"}, {"encoding: hex", 32, "0123456789abcdef"}} {
		if got := hash(c.params, "x"); len(got) != 3+c.length || !strings.HasPrefix(got, "k1_") || strings.Trim(got[3:], c.chars) != "" {
			t.Errorf("%s: %s", c.params, got)
		}
	}
}

// TestSyntheticTypes: integers stay integers, an IPv6 address one.
func TestSyntheticTypes(t *testing.T) {
	for _, c := range []struct {
		action string
		in     spelled
		want   string
	}{
		{"{synthetic: card}", whole("4111111111111111"), `^[2-6]\d{15}$`},
		{"{synthetic: phone}", whole("14155550132"), `^1\d{3}55501\d\d$`},
		{"{synthetic: ssn}", of(schemas.Int32, 0, schemas.EncInt, "219099999"), `^9\d\d(0[1-9]|[1-4]\d)\d{4}$`},
		{"{synthetic: ssn}", str("219099999"), `^9\d{8}$`},
		{"{synthetic: ip}", str("2600:1700::1"), `^2001:db8(:[0-9a-f]{4}){6}$`},
		{"{synthetic: {kind: email, unique: true}}", str("ann@x.example"), `^[a-z]+\.[a-z]+\d{3}\.[a-z2-7]{16}@example\.(com|org|net)$`},
		{"{synthetic: {kind: name, unique: true}}", str("Ann"), `^\S+ \S+ [a-z2-7]{16}$`},
		{"{synthetic: {kind: birth_date, days: 30}}", of(schemas.Date, schemas.WireDays, schemas.EncInt, "5580"), `^1985-0[3-5]-\d\d$`},
		{"{synthetic: card}", of(schemas.Int32, 0, schemas.EncInt, "5"), "a made-up card is no int32"},
		{"{synthetic: name}", whole("5"), "a made-up name is no int64"},
		{"{synthetic: email}", of(schemas.JSON, 0, schemas.EncJSON, `{"a":1}`), "is no json"},
	} {
		got := through(acting(t, c.action), c.in)
		if !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%s of %v: %s", c.action, c.in.Type, got)
		}
		if c.in.Text == "2600:1700::1" {
			if a, err := netip.ParseAddr(got); err != nil || a.String() != got {
				t.Errorf("%s is spelled %v, %v", got, a, err)
			}
		}
	}
}

// TestSyntheticCanonical: spellings of one value are one person, domains are not.
func TestSyntheticCanonical(t *testing.T) {
	is := func(action, in string) string { return through(acting(t, "{synthetic: {"+action+"}}"), str(in)) }
	for _, c := range [][2]string{{"kind: phone", "(415) 555-0132|+14155550132"}, {"kind: email", "Ann@x.example|ann@X.example "}, {"kind: name", "ann  LEE|Ann Lee"}, {"kind: card", "4111 1111 1111 1111|4111-1111-1111-1111"}} {
		a, b, _ := strings.Cut(c[1], "|")
		if is(c[0], a) != is(c[0], b) {
			t.Errorf("%s: %q and %q are two", c[0], a, b)
		}
	}
	if is("kind: email", "ann@x.example") == is("kind: email, domain: b", "ann@x.example") {
		t.Error("two domains have one person")
	}
}

// TestShiftForms: what is moved is written as it was.
func TestShiftForms(t *testing.T) {
	for _, c := range []struct {
		in   spelled
		want string
	}{
		{of(schemas.Timestamp, schemas.WireNanos, schemas.EncInt, "1769853600123456789"), `^2026-0\d-\d\dT10:00:00.123456789$`},
		{of(schemas.Instant, schemas.WireISO, schemas.EncText, "2026-01-31T10:00:00.5Z"), `^2026-0\d-\d\dT10:00:00.5Z$`},
		{str("2026-01-31 10:00:00"), `^2026-0\d-\d\d 10:00:00$`}, {str("31.1.2026"), "REJECTED"},
		{of(schemas.Date, schemas.WireMillis, schemas.EncInt, "1769817600000"), `^2026-0\d-\d\dT?`},
		{whole("5"), "give unit"}, {of(schemas.Time, schemas.WireMicros, schemas.EncInt, "5"), "time holds no date"},
	} {
		if got := through(acting(t, "{shift: {days: 10}}"), c.in); !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%v %q: %s", c.in.Type, c.in.Text, got)
		}
	}
}

// TestNoiseForms: what is no number has none, and none leaves its type.
func TestNoiseForms(t *testing.T) {
	for _, in := range []spelled{str("none"), whole("99999999999999999999"), of(schemas.Float64, 0, schemas.EncText, "NaN")} {
		if got := through(acting(t, "{noise: {within: 5}}"), in); got != "REJECTED" {
			t.Errorf("%q: %s", in.Text, got)
		}
	}
	for _, in := range []spelled{whole("9223372036854775807"), whole("-9223372036854775808"), of(schemas.Int32, 0, schemas.EncInt, "2147483647"), dec(4, 2, "99.99"), dec(18, 0, "999999999999999999")} {
		if got := through(acting(t, "{noise: {percent: 100}}"), in); got == "REJECTED" || strings.Contains(got, "no ") {
			t.Errorf("%s of %v: %s", in.Text, in.Type, got)
		}
	}
}

// TestFF1Refuses what has too few values, or would leave something in clear. // P2
func TestFF1Refuses(t *testing.T) {
	for _, c := range []struct {
		action string
		in     spelled
		want   string
	}{
		{"{tokenize: {form: ff1}}", str("94105"), "REJECTED"},
		{"{tokenize: {form: ff1}}", whole("99999"), "REJECTED"},
		{"{tokenize: {form: ff1}}", whole("-9223372036854775808"), "REJECTED"},
		{"{tokenize: {form: ff1}}", str("A1234567"), "REJECTED"},
		{"{tokenize: {form: ff1}}", str("1234567 Ünsal"), "REJECTED"},
		{"{tokenize: {form: ff1}}", str("１２３４５６７"), "REJECTED"},
		{"{tokenize: {form: ff1, length: 9}}", str("1234567"), "REJECTED"},
		{"{tokenize: {form: ff1, width: 6}}", whole("1000000"), "REJECTED"},
		{"{tokenize: {form: ff1, alphabet: class}}", str("AB12"), "REJECTED"}, // 67,600 values
		{"{tokenize: {form: ff1, alphabet: class}}", str("12345é6789"), "REJECTED"},
		{"{tokenize: {form: ff1, card: true}}", str("4111111111111112"), "REJECTED"},
		{"{tokenize: {form: ff1, card: true, keep_ends: true}}", str("378282246310005"), "REJECTED"},
		{"{tokenize: {form: ff1}}", of(schemas.Bool, 0, schemas.EncTrue, ""), "this is bool"},
		{"tokenize", of(schemas.Bool, 0, schemas.EncTrue, ""), "a bool has two values"},
		{"{tokenize: {form: ff1}}", of(schemas.Float64, 0, schemas.EncFloat, "1.5"), "this is float64"},
		{"{tokenize: {form: ff1}}", dec(12, 2, "1234567.00"), "this is decimal(12,2)"},
		{"{tokenize: {form: ff1}}", dec(5, 0, "12345"), "less than 1,000,000 values"},
		{"{tokenize: {form: ff1}}", of(schemas.Date, schemas.WireDays, schemas.EncInt, "20484"), "this is date"},
		{"{tokenize: {form: ff1}}", of(schemas.UUID, 0, schemas.EncText, "b68a35a7-17ad-35b3-af2a-000000000abc"), "UUIDs are of the alphabet hex"},
		{"{tokenize: {form: ff1, alphabet: hex}}", whole("1234567"), "integers are of the alphabet digits"},
		{"{tokenize: {form: ff1, width: 10}}", of(schemas.Int32, 0, schemas.EncInt, "5"), "at most 9"},
		{"{tokenize: {form: ff1, width: 9}}", str("123456789"), "width is of integers"},
	} {
		if got := through(acting(t, c.action), c.in); !strings.Contains(got, c.want) {
			t.Errorf("%s of %v %q: %s, want %s", c.action, c.in.Type, c.in.Text, got, c.want)
		}
	}
}
