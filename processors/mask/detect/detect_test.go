package detect

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"sluice/schemas"
)

// find describes what is found in text as class=value.
func find(text string) string {
	var out []string
	for _, s := range New(Options{}).Find(nil, []byte(text)) {
		out = append(out, fmt.Sprintf("%v=%s", s.Class, text[s.Start:s.End]))
	}
	return strings.Join(out, " | ")
}

func TestFind(t *testing.T) {
	for text, want := range map[string]string{
		// e-mail
		"write to jane.doe+news@mail.example.com today.": "email=jane.doe+news@mail.example.com",
		"<o'brien@sub.domain.co.uk>, 'x@y.org'":          "email=o'brien@sub.domain.co.uk | email=x@y.org",
		"mailto:info@firma.de?subject=hi":                "email=info@firma.de",
		"用户@例子.中国 and jörg@müller.de":                    "email=用户@例子.中国 | email=jörg@müller.de",
		`{"e":"a\u0040b.com"}`:                           `email=a\u0040b.com`,
		`{"e":"{\"f\":\"a\\u0040b.com\"}"}`:              `email=a\\u0040b.com`,
		`a\\\\u0040b.com`:                                `email=a\\\\u0040b.com`,
		"user%40host.org":                                "email=user%40host.org",
		"a＠b.com":                                        "email=a＠b.com",
		`"john doe"@example.org wrote`:                   `email="john doe"@example.org`,
		"john.doe1985@gmail.com":                         "email=john.doe1985@gmail.com",
		"https://x.com/?email=jane@x.com&b=1":            "email=jane@x.com",
		"aGVsbG8gamFuZS5kb2VAZXhhbXBsZS5jb20gYnll":       "email=aGVsbG8gamFuZS5kb2VAZXhhbXBsZS5jb20gYnll",
		"user@host":                                   "",
		"@handle and @scope/pkg@1.2.3":                "",
		"icon@2x.png logo@3x.jpg":                     "",
		"git@github.com:org/repo.git":                 "",
		"postgres://app:secret@db.example.com:5432/x": "secret=secret",
		"a@b@c.com":                                   "email=b@c.com",
		"x..y@z.com":                                  "",
		"foo@bar..com":                                "",

		// phone
		"call (202) 555-0143 now":                     "phone=(202) 555-0143",
		"202-555-0143 or 202.555.0143":                "phone=202-555-0143 | phone=202.555.0143",
		"+1 202 555 0143":                             "phone=+1 202 555 0143",
		"+12025550143":                                "phone=+12025550143",
		"phone: 2025550143":                           "phone=2025550143",
		"tel +44 20 7946 0958, fax +49 (0)30 1234567": "phone=+44 20 7946 0958 | phone=+49 (0)30 1234567",
		"020 7946 0958":                               "phone=020 7946 0958",
		"07700 900123":                                "phone=07700 900123",
		"01 23 45 67 89":                              "phone=01 23 45 67 89",
		"0171/1234567":                                "phone=0171/1234567",
		"03-1234-5678":                                "phone=03-1234-5678",
		"(11) 91234-5678":                             "phone=(11) 91234-5678",
		"8 (495) 123-45-67":                           "phone=8 (495) 123-45-67",
		"1-800-555-0199 ext. 12":                      "phone=1-800-555-0199 ext. 12",
		"my cell is 467 3395":                         "phone=467 3395",
		"電話番号は03-1234-5678です":                         "phone=03-1234-5678",
		"ＴＥＬ：０３−１２３４−５６７８": "phone=０３−１２３４−５６７８",
		"2025550143":                                          "",
		"order 2025550143":                                    "",
		"order number 202-555-0143":                           "",
		"call me any time at 202-555-0143":                    "phone=202-555-0143",
		"2024-01-31 10:00:00 and 31.01.2024 12:30":            "",
		"ISBN 978-0-306-40615-7, 0-306-40615-2":               "",
		"1795468841522 ts_ms=1795468841522076":                "",
		"52.520008, 13.404954":                                "coordinates=52.520008, 13.404954",
		"v10.15.7.1234 192.168.100.200":                       "ip=192.168.100.200",
		"total 1 234 567.89 and $2,025,550.14":                "",
		"550e8400-e29b-41d4-a716-446655440000":                "",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca49": "",
		"ORD-202-555-0143":                                    "",

		// SSN
		"SSN 457-55-5462":         "ssn=457-55-5462",
		"457-55-5462":             "ssn=457-55-5462",
		"ssn: 457555462":          "ssn=457555462",
		"457 55 5462":             "ssn=457 55 5462",
		"457–55–5462":             "ssn=457–55–5462",
		"000-12-3456 666-12-3456": "",
		"457-00-5462 457-55-0000": "",
		"078-05-1120":             "",
		"912-71-1234":             "itin=912-71-1234",
		"912-12-1234":             "",
		"part no. 457-55-5462":    "",
		"457555462":               "",

		// card
		"4111 1111 1111 1111":                     "card=4111 1111 1111 1111",
		"4111-1111-1111-1111 exp 12/27":           "card=4111-1111-1111-1111",
		"5555555555554444":                        "card=5555555555554444",
		"378282246310005 and 3782 822463 10005":   "card=378282246310005 | card=3782 822463 10005",
		"4111111111111112":                        "",
		"order 4111111111111111":                  "",
		"card 4222222222222":                      "card=4222222222222",
		"4１１１ 1111 1111 1111":                     "card=4１１１ 1111 1111 1111",
		"{\"card\":\"4111111111111111\",\"n\":1}": "card=4111111111111111",

		// others
		"DE89 3704 0044 0532 0130 00.":                  "iban=DE89 3704 0044 0532 0130 00",
		"GB82WEST12345698765432":                        "iban=GB82WEST12345698765432",
		"00:1A:2B:3C:4D:5E":                             "mac=00:1A:2B:3C:4D:5E",
		"2001:db8::8a2e:370:7334 at 10:30:45":           "ip=2001:db8::8a2e:370:7334",
		"born 31/01/1980":                               "birth_date=31/01/1980",
		"529.982.247-25 e 11.222.333/0001-81":           "br_cpf=529.982.247-25 | br_cnpj=11.222.333/0001-81",
		"NINO AB123456C":                                "uk_nino=AB123456C",
		"PAN ABCPE1234F":                                "in_pan=ABCPE1234F",
		"RSSMRA85T10A562S":                              "it_codice_fiscale=RSSMRA85T10A562S",
		"DNI 12345678Z, NIE X1234567L":                  "es_dni=12345678Z | es_dni=X1234567L",
		"passport no. C01X00T47":                        "passport=C01X00T47",
		"key AKIAIOSFODNN7EXAMPLE":                      "secret=AKIAIOSFODNN7EXAMPLE",
		"ghp_0123456789abcdefghijABCDEFGHIJ012345":      "secret=ghp_0123456789abcdefghijABCDEFGHIJ012345",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_123": "jwt=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_123",
		"x -----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- y": "private_key=-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
	} {
		if got := find(text); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

// TestReplaceOverlap: of findings that overlap nothing stays, and Find reports the better one.
func TestReplaceOverlap(t *testing.T) {
	pattern := func(c schemas.Class, expr string, confidence float32) Pattern {
		return Pattern{Class: c, Expr: regexp.MustCompile(expr), Confidence: confidence}
	}
	text := []byte("x abcdefghi y")
	for _, c := range []struct {
		a, b       Pattern
		only       []schemas.Class
		want, find string
	}{
		{pattern(schemas.Phone, "abcdef", 0.9), pattern(schemas.Card, "defghi", 0.6), nil, "x <phone:abcdefghi> y", "abcdef"},
		{pattern(schemas.Phone, "abcdef", 0.6), pattern(schemas.Card, "defghi", 0.9), nil, "x <card:abcdefghi> y", "defghi"},
		{pattern(schemas.Phone, "abcdefghi", 0.6), pattern(schemas.Card, "def", 0.9), nil, "x <card:abcdefghi> y", "def"},
		{pattern(schemas.Phone, "abcdef", 0.6), pattern(schemas.Card, "defghi", 0.9), []schemas.Class{schemas.Phone}, "x <phone:abcdefghi> y", ""},
		{pattern(schemas.Phone, "abcdefghi", 0.6), pattern(schemas.Card, "def", 0.9), []schemas.Class{schemas.Phone}, "x <phone:abcdefghi> y", ""},
		{pattern(schemas.Phone, "def", 0.6), pattern(schemas.Card, "abcdefghi", 0.9), []schemas.Class{schemas.Phone}, "x abcdefghi y", ""},
	} {
		d := New(Options{Patterns: []Pattern{c.a, c.b}, Classes: c.only})
		got := d.Replace(nil, text, func(dst []byte, s Span, value []byte) []byte {
			return fmt.Appendf(dst, "<%v:%s>", s.Class, value)
		})
		if string(got) != c.want {
			t.Errorf("%v, %v: %q, want %q", c.a, c.b, got, c.want)
		}
		found := ""
		for _, s := range d.Find(nil, text) {
			found += string(text[s.Start:s.End])
		}
		if found != c.find {
			t.Errorf("%v, %v: found %q, want %q", c.a, c.b, found, c.find)
		}
	}
}

// TestFields: the name of a field, a column or an element says what its value is.
func TestFields(t *testing.T) {
	d := New(Options{})
	for text, want := range map[string]string{
		"name,phone,order_id\nBo,4155550132,2125550143\nAl,3125550132,6465550143\n":                                                 "phone=4155550132 phone=3125550132",
		"\"who\";\"Tel.\";\"SSN\"\n\"Bo\";\"4155550132\";\"512456789\"\n":                                                           "phone=4155550132 ssn=512456789",
		"id,phone,born,sku\n1,4155550132,\"May 2, 1980\",6465550143\n":                                                              "phone=4155550132 birth_date=May 2, 1980",
		"| who | phone |\n|---|---|\n| Bo | 4155550132 |\n":                                                                         "phone=4155550132",
		"Dear support, hello\n2125550143, is the order\n":                                                                           "",
		"INSERT INTO t (no, phone, ssn) VALUES (2125550143, '4155550132', '512456789'),\n(6465550143,'(312) 555-0132','512456788')": "phone=4155550132 ssn=512456789 phone=(312) 555-0132 ssn=512456788",
		`{"phone":"4155550132","shippedAt":2125550143,"v":"115.0.5790.849"}`:                                                        "phone=4155550132",
		`{"type":"phone","value":"4155550132"}`:                                                                                     "phone=4155550132",
		`{"phoneNumber": 4155550132, "homeNumber": "3125550132", "customerNo": 2125550143}`:                                         "phone=4155550132 phone=3125550132",
		"to phone=4155550132 rows=2125550143":                                                                                       "phone=4155550132",
		`{"phone_verified_at":1605919117,"birth_date":"1980-01-02"}`:                                                                "birth_date=1980-01-02",
		"Call center: 4155550132 calls, 2125550143 seconds":                                                                         "",
		"dial-in 604-705-0842, PIN 7372996861":                                                                                      "phone=604-705-0842",
		"call 4155550132 or 3125550132, or home 6465550132":                                                                         "phone=4155550132 phone=3125550132 phone=6465550132",
		"Rx line: 602-555-0143. Caller ID showed 408 257 9349.":                                                                     "phone=602-555-0143 phone=408 257 9349",
		"Sent from my iPhone\n> On 20071112, Lisa wrote":                                                                            "",
		"wa: New Natalie, WA 71247-8055":                                                                                            "",
		"tel 1 234 698,35 kr, fax p. 1127-1134, sms v 115.0.5790.849":                                                               "",
		"Message-ID: <9c49e.1524@mail.sunside.com>":                                                                                 "",
		"x MTYyLTczLTkyOTc= y":                                                                                                      "ssn=MTYyLTczLTkyOTc=",
		"Harris\t(512) 390-5531\tm.chung@b.net":                                                                                     "phone=(512) 390-5531 email=m.chung@b.net",
		"here - 5487-4439-8531-9998 3155 12/27":                                                                                     "card=5487-4439-8531-9998",
		"<Tel>4155550132</Tel><Stamp>2125550143</Stamp>":                                                                            "phone=4155550132",
		"Tel 1-907-610-1622\nReceipt 5067000807\n19550224002047":                                                                    "phone=1-907-610-1622",
		"Fax (919) 555-0167. Follow up 19800625, lab 2024-35538, 2008-2012":                                                         "phone=(919) 555-0167",
	} {
		got := ""
		for _, s := range d.Find(nil, []byte(text)) {
			got += fmt.Sprintf(" %v=%s", s.Class, text[s.Start:s.End])
		}
		if strings.TrimPrefix(got, " ") != want {
			t.Errorf("%s\n got%s\nwant %s", text, got, want)
		}
	}
}

// TestReplace: the rest of a text stays, and values come plain.
func TestReplace(t *testing.T) {
	d := New(Options{})
	for text, want := range map[string]string{
		"":                                  "",
		"nothing here, \\u0040 or so 12345": "nothing here, \\u0040 or so 12345",
		"a@b.com":                           "<email:a@b.com>",
		"mail jörg@müller.de, call +49 30 901820!":     "mail <email:jörg@müller.de>, call <phone:+49 30 901820>!",
		`{"e":"a\u0040b.com","ü":"\"5\""}`:             `{"e":"<email:a@b.com>","ü":"\"5\""}`,
		"SSN: ５１２－４５－６７８９。":                            "SSN: <ssn:512-45-6789>。",
		"x aGVsbG8gamFuZS5kb2VAZXhhbXBsZS5jb20gYnll y": "x <email:aGVsbG8gamFuZS5kb2VAZXhhbXBsZS5jb20gYnll> y",
	} {
		got := d.Replace([]byte(">"), []byte(text), func(dst []byte, s Span, value []byte) []byte {
			return fmt.Appendf(dst, "<%v:%s>", s.Class, value)
		})
		if string(got) != ">"+want {
			t.Errorf("%q: %q", text, got)
		}
	}
	text, dst := []byte("to jane@example.com or 202-555-0143, \\u0040"), make([]byte, 0, 256)
	f := func(dst []byte, _ Span, _ []byte) []byte { return append(dst, '*') }
	if n := testing.AllocsPerRun(100, func() { dst = d.Replace(dst[:0], text, f) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
