package mask

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sluice/schemas"
	"sluice/topology/stream"
)

// spelled is a value of a type as a source writes it.
type spelled struct {
	typ  schemas.Type
	wire schemas.Wire
	enc  schemas.Encoding
	text string
}

func str(s string) spelled {
	return spelled{schemas.Type{Kind: schemas.String}, 0, schemas.EncText, s}
}
func whole(s string) spelled {
	return spelled{schemas.Type{Kind: schemas.Int64}, 0, schemas.EncInt, s}
}
func of(k schemas.Kind, w schemas.Wire, e schemas.Encoding, s string) spelled {
	return spelled{schemas.Type{Kind: k}, w, e, s}
}
func dec(p, s uint8, text string) spelled {
	return spelled{schemas.Type{Kind: schemas.Decimal, Precision: p, Scale: s}, 0, schemas.EncText, text}
}

// through passes one value of column v through a gate: its text behind it,
// "null", "REJECTED", or the error that stops the lane.
func through(g *Gate, v spelled) string { return throughNamed(g, "v", v) }

// throughNamed is through of a column of another name.
func throughNamed(g *Gate, name string, v spelled) string {
	s := schemas.NewSchema(schemas.Schema{Topic: lane.Topic, Version: 1, Fields: []schemas.Field{{Name: name, Type: v.typ, Wire: v.wire, Nullable: true}}})
	b := stream.NewBatch(lane, stream.Position{}, nil)
	b.Records = []stream.Record{{Schema: s, Full: true, Value: stream.ViewOf([]byte(v.text)),
		After: []schemas.Cell{{Len: uint32(len(v.text)), Enc: v.enc, Flags: schemas.Present}}}}
	b.To.Offset, b.In = 1, 1
	x, err := g.Pass(b)
	switch {
	case err != nil:
		return err.Error()
	case len(x.Rows()) == 0:
		return "REJECTED"
	}
	r := &x.Rows()[0]
	if len(r.Table.Columns) == 0 {
		return "dropped"
	}
	c := r.After[0]
	if c.IsNull() {
		return "null"
	}
	out, code := schemas.AppendJSON(nil, r.Table.Columns[0].Type, r.Table.Columns[0].Wire, c, r.Bytes(c))
	if code != "" {
		return "a cell that is no " + r.Table.Columns[0].Type.String() + ": " + code
	}
	return strings.Trim(string(out), `"`)
}

func acting(t testing.TB, action string) *Gate {
	t.Helper()
	return policy(t, "key: env:KEY\nrules:\n- columns:\n    v: "+action)
}

func TestGeneralize(t *testing.T) {
	const micros, millis, days = schemas.WireMicros, schemas.WireMillis, schemas.WireDays
	for _, c := range []struct {
		action string
		in     spelled
		want   string
	}{
		{"{generalize: year}", of(schemas.Date, days, schemas.EncInt, "20484"), "2026-01-01"},
		{"{generalize: year}", of(schemas.Date, schemas.WireISO, schemas.EncText, "2026-01-31"), "2026-01-01"},
		{"{generalize: month}", of(schemas.Date, days, schemas.EncInt, "-1"), "1969-12-01"},
		{"{generalize: quarter}", of(schemas.Date, schemas.WireISO, schemas.EncText, "2024-02-29"), "2024-01-01"},
		{"{generalize: quarter}", str("2024-12-31"), "2024-10-01"},
		{"{generalize: decade}", str("1985-04-12"), "1980-01-01"},
		{"{generalize: year}", of(schemas.Timestamp, micros, schemas.EncInt, "1769853600123456"), "2026-01-01T00:00:00.000000"},
		{"{generalize: year}", of(schemas.Timestamp, schemas.WireNanos, schemas.EncInt, "1769853600123456789"), "2026-01-01T00:00:00.000000000"},
		{"{generalize: month}", of(schemas.Instant, schemas.WireISO, schemas.EncText, "2026-01-31T23:30:00-05:00"), "2026-02-01T00:00:00Z"},
		{"{generalize: day}", of(schemas.Instant, millis, schemas.EncInt, "1769853600123"), "2026-01-31T00:00:00.000000Z"},
		{"{generalize: day}", str("2026-01-31 10:00:00"), "2026-01-31 00:00:00"},
		{"{generalize: day}", str("soon"), "REJECTED"},
		{"{generalize: year}", of(schemas.Instant, micros, schemas.EncInt, "9223372036825200000"), "ANY +294247-"}, // infinity
		{"{generalize: year}", of(schemas.Timestamp, schemas.WireISO, schemas.EncText, "-infinity"), "-infinity"},
		{"{generalize: {date: month, unit: millis}}", whole("1769853600123"), "1767225600000"},
		{"{generalize: {date: year, unit: days}}", whole("20484"), "20454"},
		{"{generalize: {date: year, unit: nanos}}", whole("1769853600123456789"), "1767225600000000000"},
		{"{generalize: {date: year, unit: seconds}}", whole("-1"), "-31536000"},
		{"{generalize: year}", whole("20484"), "ANY give unit"},
		{"{generalize: year}", of(schemas.Bool, 0, schemas.EncTrue, ""), "ANY line 4: v of shop.customers: generalize: bool holds no date"},
		{"{generalize: day}", of(schemas.Date, days, schemas.EncInt, "20484"), "ANY is the date itself"},

		{"{generalize: {age: 5}}", whole("37"), "35"},
		{"{generalize: {age: 10}}", str("37"), "30-39"},
		{"{generalize: {age: 7}}", str("89"), "84-89"},
		{"{generalize: {age: 5}}", whole("104"), "90"},
		{"{generalize: {age: 5}}", str("90"), "90+"},
		{"{generalize: {age: 5}}", dec(5, 2, "37.50"), "35.00"},
		{"{generalize: {age: 5}}", of(schemas.Float64, 0, schemas.EncFloat, "89.9"), "85"},
		{"{generalize: {age: 5}}", whole("-3"), "REJECTED"},
		{"{generalize: {age: 5}}", str("old"), "REJECTED"},

		{"{generalize: zip3}", str("94105"), "941"},
		{"{generalize: zip3}", str("94105-1234"), "941"},
		{"{generalize: zip3}", str("03601"), "000"},
		{"{generalize: zip3}", str("102010000"), "000"},
		{"{generalize: zip3}", whole("94105"), "94100"},
		{"{generalize: zip3}", whole("941051234"), "94100"},
		{"{generalize: zip3}", whole("2134"), "2100"},
		{"{generalize: zip3}", whole("5910"), "0"},
		{"{generalize: zip3}", str("SW1A 1AA"), "REJECTED"},
		{"{generalize: zip3}", str("9410"), "REJECTED"},

		{"{generalize: ip}", str("203.0.113.77"), "203.0.113.0"},
		{"{generalize: ip}", str("2001:db8:1:2:3::4"), "2001:db8:1::"},
		{"{generalize: ip}", str("::ffff:203.0.113.77"), "::ffff:203.0.113.0"},
		{"{generalize: {ip: {v4: 16}}}", str("203.0.113.77"), "203.0.0.0"},
		{"{generalize: ip}", str("fe80::1%eth0"), "REJECTED"},
		{"{generalize: ip}", str("203.0.113.777"), "REJECTED"},

		{"{generalize: {round: 2}}", of(schemas.Float64, 0, schemas.EncFloat, "37.774929"), "37.77"},
		{"{generalize: {round: 0}}", of(schemas.Float64, 0, schemas.EncFloat, "-0.4"), "0"},
		{"{generalize: {round: 1}}", str("37.7749, -122.4194"), "37.8, -122.4"},
		{"{generalize: {round: 1}}", dec(9, 4, "12.3789"), "12.3000"},
		{"{generalize: {round: -3}}", whole("123456"), "123000"},
		{"{generalize: {round: -3}}", whole("-9223372036854775808"), "-9223372036854775000"},
		{"{generalize: {round: -3}}", whole("999"), "0"},
		{"{generalize: {round: 2}}", whole("5"), "ANY leaves int64 as it is"},
		{"{generalize: {round: 2}}", str("north"), "REJECTED"},

		{"{generalize: {geohash: 5}}", str("57.64911,10.40744"), "u4pru"},
		{"{generalize: {geohash: 5}}", str("u4pruydqqvj"), "u4pru"},
		{"{generalize: {geohash: 5}}", str("91,0"), "REJECTED"},
		{"{generalize: {geohash: 5}}", str("alias"), "REJECTED"},

		{"{generalize: {bucket: 1000}}", whole("1999"), "1000"},
		{"{generalize: {bucket: 1000}}", whole("-1"), "-1000"},
		{"{generalize: {bucket: 0.5}}", of(schemas.Float64, 0, schemas.EncFloat, "1.99"), "1.5"},
		{"{generalize: {bucket: 0.25}}", dec(9, 2, "12.49"), "12.25"},
		{"{generalize: {bucket: 0.25}}", whole("3"), "ANY buckets of integers are integers"},
		{"{generalize: {buckets: [0, 18, 65]}}", whole("64"), "18"},
		{"{generalize: {buckets: [0, 18, 65]}}", whole("65"), "65"},
		{"{generalize: {buckets: [0, 18, 65]}}", whole("1000"), "65"},
		{"{generalize: {buckets: [0, 18, 65]}}", whole("-5"), "0"},
		{"{generalize: {buckets: [0, 18.5]}}", dec(9, 2, "18.49"), "0.00"},
		{"{generalize: {bucket: 10}}", str("42"), "40"},
		{"{generalize: {bucket: 10}}", of(schemas.Int32, 0, schemas.EncInt, "-2147483648"), "REJECTED"},

		{"{generalize: {prefix: 2}}", str("Zoë"), "Zo"},
		{"{generalize: {prefix: 3}}", str("Zoe\u0308 B"), "Zoe\u0308"},
		{"{generalize: {prefix: 3}}", str("Zoe\u0308"), "null"},
		{"{generalize: {prefix: 2}}", whole("123"), "ANY prefix is of texts"},
	} {
		got := through(acting(t, c.action), c.in)
		if any, is := strings.CutPrefix(c.want, "ANY "); is && strings.Contains(got, any) || got == c.want {
			continue
		}
		t.Errorf("%s of %v %q: %s, want %s", c.action, c.in.typ, c.in.text, got, c.want)
	}
}

// TestGeneralizeJSON: inside of JSON numbers stay numbers.
func TestGeneralizeJSON(t *testing.T) {
	g := policy(t, `{key: env:KEY, default: withhold, rules: [{columns: {v.age: {generalize: {age: 5}}, v.zip: {generalize: zip3}, v.pay: {generalize: {bucket: 0.5}},
  v.at: {generalize: {date: year, unit: millis}}, v.id: {tokenize: {form: ff1}}, v.mail: {synthetic: email}, v.n: {noise: {within: 3}}}}]}`)
	in := spelled{schemas.Type{Kind: schemas.JSON}, 0, schemas.EncJSON, `{"age":37,"zip":94105,"pay":10.75,"at":1769853600123,"id":12345678,"mail":"Ann \"x\"@y.example","n":50}`}
	got := strings.ReplaceAll(through(g, in), `\"`, `"`)
	if !regexp.MustCompile(`^{"age":35,"zip":94100,"pay":10.5,"at":1767225600000,"id":[1-9]\d{7},"mail":"[a-z.]+\d{3}@example\.(com|org|net)","n":(4[7-9]|5[0-3])}$`).MatchString(got) {
		t.Error(got)
	}
	in.text = `{"id":"ZIP 123"}`
	if got := through(g, in); got != "REJECTED" { // P2
		t.Error(got)
	}
}

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

// TestPartialBytes: texts of bytes only and others have one rule.
func TestPartialBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		p := &partial{KeepFirst: rng.IntN(4), KeepLast: rng.IntN(4), KeepDomain: rng.IntN(2) == 0, Char: []string{"*", "•"}[rng.IntN(2)]}
		if rng.IntN(2) == 0 {
			p.Length = 13 + rng.IntN(9)
		}
		text := make([]byte, rng.IntN(20))
		for i := range text {
			text[i] = "abc@1 "[rng.IntN(6)]
		}
		ascii, _ := p.mask(nil, nil, schemas.String, text)
		wide, _ := p.mask(nil, nil, schemas.String, bytes.ReplaceAll(text, []byte("a"), []byte("ä")))
		if want := bytes.ReplaceAll(wide, []byte("ä"), []byte("a")); !bytes.Equal(ascii, want) {
			t.Fatalf("%+v of %q: %q, want %q", p, text, ascii, want)
		}
	}
}

func TestCanonical(t *testing.T) {
	var s scratch
	phone, german, british := canon{canonPhone, "1"}, canon{canonPhone, "49"}, canon{canonPhone, "44"}
	for _, c := range []struct {
		c        canon
		in, want string
	}{
		{phone, "(415) 555-0132", "+14155550132"}, {phone, "+14155550132", "+14155550132"}, {phone, "1-415-555-0132", "+14155550132"},
		{phone, "+1 415.555.0132", "+14155550132"}, {phone, "tel:+1-415-555-0132", "+14155550132"}, {phone, "011 49 30 23125000", "+493023125000"},
		{phone, "（４１５）５５５−０１３２", "+14155550132"}, {phone, "415-555-0132 ext. 77", "+14155550132;ext=77"}, {phone, "415-555-0132x77", "+14155550132;ext=77"},
		{phone, "+14155550132;ext=77", "+14155550132;ext=77"}, {phone, "none", "none"}, {phone, "Call ME 415", "call me 415"}, {phone, "1-800-FLOWERS", "1-800-flowers"},
		{phone, "", ""}, {phone, "+", "+"}, {phone, "00", "00"},
		{german, "030 23125 000", "+493023125000"}, {german, "+49 (0)30 23125-000", "+493023125000"}, {german, "0049 30 23125000", "+493023125000"},
		{british, "(020) 7946 0018", "+442079460018"},
		{canon{kind: canonEmail}, "  Ann.LEE@Mail.Example ", "ann.lee@mail.example"}, {canon{kind: canonEmail}, "ÉMILE@x.example", "émile@x.example"},
		{canon{kind: canonLower}, " Ann \t  LEE", "ann lee"}, {canon{kind: canonDigits}, "219-09-9999", "219099999"[:3] + "099999"},
		{canon{kind: canonDigits}, "２１９ 09", "21909"}, {canon{kind: canonDigits}, "N/A", "n/a"}, {canon{}, " A ", " A "},
	} {
		if got := string(c.c.fold(&s, []byte(c.in))); got != c.want {
			t.Errorf("%s of %q: %q, want %q", canonNames[c.c.kind], c.in, got, c.want)
		}
	}
}

func FuzzCanonical(f *testing.F) {
	f.Add("+49 (0)30 23125-000 ext 5", uint8(3))
	f.Add("Ann.LEE@Mail.Example", uint8(2))
	f.Fuzz(func(t *testing.T, in string, kind uint8) {
		c := canon{kind: canonKind(kind % 5), country: "49"}
		var s scratch
		once := bytes.Clone(c.fold(&s, []byte(in)))
		if len(once) == 0 && strings.TrimSpace(in) != "" {
			t.Fatal("nothing is left")
		}
		if twice := c.fold(&s, once); !bytes.Equal(once, twice) && !strings.ContainsFunc(in, func(r rune) bool { return r > 0x7f }) { // Unicode has letters whose lower case has another
			t.Fatalf("%q is %q, and that %q", in, once, twice)
		}
	})
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
	}{{"bits: 64, encoding: hex", 16, "0123456789abcdef"}, {"bits: 256, encoding: base64url", 43, alphabets["base62"] + "-_"}, {"bits: 80", 16, base32Digits}, {"encoding: hex", 32, "0123456789abcdef"}} {
		if got := hash(c.params, "x"); len(got) != 3+c.length || !strings.HasPrefix(got, token) || strings.Trim(got[3:], c.chars) != "" {
			t.Errorf("%s: %s", c.params, got)
		}
	}
}

// TestRFC4231: the tokens are HMAC-SHA-256 as the RFC's test cases have it.
func TestRFC4231(t *testing.T) {
	rep := func(b byte, n int) string { return strings.Repeat(string([]byte{b}), n) }
	seq := make([]byte, 25)
	for i := range seq {
		seq[i] = byte(i + 1)
	}
	for i, c := range []struct{ key, data, want string }{
		{rep(0x0b, 20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{rep(0xaa, 20), rep(0xdd, 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		{string(seq), rep(0xcd, 50), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
		{rep(0xaa, 131), "Test Using Larger Than Block-Size Key - Hash Key First", "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
		{rep(0xaa, 131), "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
			"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	} {
		h := &hashing{Bits: 256, Encoding: hexForm, keyID: "k"}
		s := newScratch(&Gate{macs: []func() hash.Hash{newMAC([]byte(c.key))}})
		if got, _ := h.mask(s, nil, schemas.String, []byte(c.data)); string(got) != "k_"+c.want {
			t.Errorf("case %d: %s", i, got)
		}
	}
}

func TestForms(t *testing.T) {
	for n := range 40 {
		p := bytes.Repeat([]byte{0xA5, byte(n)}, n)[:n]
		for _, f := range []form{base32Form, hexForm, base64Form} {
			text := f.append(nil, p)
			if back, err := f.parse([]byte("x"), text); err != nil || string(back) != "x"+string(p) {
				t.Fatalf("%s of %d bytes: %v", formNames[f], n, err)
			}
		}
	}
	for f, bad := range map[form][]string{base32Form: {"a", "aab", "AA", "a1", "ab", "aaa=", "aaaaaa"}, hexForm: {"a", "AA", "g0"}, base64Form: {"a", "ab", "aa==", "a+==", "AA\nAA"}} {
		for _, s := range bad {
			if p, err := f.parse(nil, []byte(s)); err == nil {
				t.Errorf("%s reads %q as %x", formNames[f], s, p)
			}
		}
	}
}

func FuzzForms(f *testing.F) {
	f.Add([]byte("aaaa"), uint8(0))
	f.Fuzz(func(t *testing.T, text []byte, kind uint8) {
		form := form(kind % 3)
		if p, err := form.parse(nil, text); err == nil && !bytes.Equal(form.append(nil, p), text) {
			t.Fatalf("two texts of one value: %q", text)
		}
	})
}

// TestWrongParameters: what a policy's author is told, with the line.
func TestWrongParameters(t *testing.T) {
	for _, c := range []struct{ action, want string }{
		{"{hash: {bits: 60}}", "5:15: hash: bits 60: want 64 to 256"},
		{"{hash: {encoding: base58}}", "unknown encoding \"base58\""},
		{"{hash: {canonical: fone}}", `did you mean "phone"?`},
		{"{hash: {canonical: phone:0}}", "phone:44"},
		{"{hash: {domian: x}}", `unknown field "domian", did you mean "domain"?`},
		{"{tokenize: {form: ff3}}", `unknown form "ff3"`},
		{"{tokenize: {alphabet: hex}}", "are of form ff1"},
		{"{tokenize: {form: ff1, encoding: hex}}", "ff1 keeps the format"},
		{"{tokenize: {form: ff1, length: 5}}", "5:19: tokenize: 5 characters of 10 have less than 1,000,000 values"},
		{"{tokenize: {form: ff1, width: 5}}", "width 6 to 38"},
		{"{tokenize: {form: ff1, alphabet: aa}}", "different ASCII characters"},
		{"{tokenize: {form: ff1, alphabet: a}}", "less than two"},
		{"{tokenize: {form: ff1, luhn: true}}", "are of card: true"},
		{"{tokenize: {form: ff1, card: true, keep_ends: true, length: 15}}", "less than 16 digits"},
		{"{partial: {length: 3, keep_last: 2}}", "more than twice"},
		{"{partial: {length: 8, keep_separators: true}}", "take one"},
		{"generalize", "generalize: want one of"},
		{"{generalize: yaer}", "generalize: want one of"},
		{"{generalize: {age: 5, zip3: true}}", "generalize: want one of"},
		{"{generalize: {date: yaer}}", `did you mean "year"?`},
		{"{generalize: {date: year, unit: hours}}", `unit "hours"`},
		{"{generalize: {age: 1}}", "2 to 30 years"},
		{"{generalize: {ip: {v4: 32}}}", "1 to 28 bits"},
		{"{generalize: {round: 12}}", "decimals"},
		{"{generalize: {geohash: 12}}", "1 to 8 characters"},
		{"{generalize: {bucket: 0}}", "wider than 0"},
		{"{generalize: {bucket: 1e3}}", "without an exponent"},
		{"{generalize: {buckets: [2, 1]}}", "ascending"},
		{"{generalize: {prefix: -1}}", "prefix 1 to 32"},
		{"{generalize: {zip3: false}}", "says nothing"},
		{"synthetic", "says what is made up"},
		{"{synthetic: emial}", `did you mean "email"?`},
		{"{synthetic: {kind: name, locale: de}}", "unknown locale"},
		{"{synthetic: {kind: card, unique: true}}", "no room"},
		{"{synthetic: {kind: name, days: 3}}", "are of birth_date"},
		{"shift", "{shift: {days: 30}}"},
		{"{shift: {days: 0}}", "1 to 36525"},
		{"noise", "noise says how much"},
		{"{noise: {within: 1, percent: 3}}", "one of"},
		{"{noise: {within: -1}}", "positive"},
		{"{noise: {percent: 10, min: 5, max: 1}}", "min is above max"},
	} {
		_, err := open1("key: env:KEY\nrules:\n- columns:\n    ok: hash\n    v: " + c.action)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "5:") {
			t.Errorf("%s: %v, want %q", c.action, err, c.want)
		}
	}
	if _, err := open1(`{key: env:KEY, rules: [{columns: {a.b: {synthetic: {kind: name, by: id}}}}]}`); err == nil || !strings.Contains(err.Error(), "by names a column") {
		t.Errorf("by inside of JSON: %v", err)
	}
	for _, k := range []string{"tokenize", "{synthetic: name}", "{shift: {days: 3}}", "{noise: {within: 3}}", "{hash: {}}"} {
		if _, err := open1("default: withhold\nrules: [{columns: {v: " + k + "}}]"); err == nil || !strings.Contains(err.Error(), "needs a key") { // P5
			t.Errorf("%s without a key: %v", k, err)
		}
	}
}

// TestKeysOfRows: what may stand in a row's key and what may not. // D4
func TestKeysOfRows(t *testing.T) {
	for action, want := range map[string]bool{
		"hash": true, "{hash: {bits: 80}}": true, "{hash: {bits: 64}}": false, "{hash: {canonical: lower}}": false, "tokenize": true,
		"{tokenize: {form: ff1}}": true, "{synthetic: email}": false, "{synthetic: {kind: email, unique: true}}": true,
		"{synthetic: {kind: email, unique: true, by: name}}": false, "{shift: {days: 3}}": false, "{noise: {within: 3}}": false,
		"{generalize: {prefix: 3}}": false, "{partial: last4}": false,
	} {
		s := schemaOf(true, "v", `{"v":"123456789","name":"Ann"}`)
		_, err := policy(t, "key: env:KEY\nrules: [{columns: {v: "+action+"}}]").Pass(batch(s, change{after: `{"v":"123456789","name":"Ann"}`, key: `{"v":"123456789"}`}))
		if got := err == nil || !strings.Contains(err.Error(), "is in the key of"); got != want {
			t.Errorf("%s in a key: %v", action, err)
		}
	}
}

// TestActionNamesKey: an FF1 token has no room for a key id. // P5
func TestActionNamesKey(t *testing.T) {
	s := schemaOf(false, "", `{"v":"123456789","w":"x","y":{"z":"123456789"}}`)
	g := policy(t, "key: env:KEY\nrules: [{columns: {v: {tokenize: {form: ff1}}, w: hash, y.z: {tokenize: {form: ff1}}}}]")
	x, err := g.Pass(batch(s, change{after: `{"v":"123456789","w":"x","y":{"z":"123456789"}}`}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range x.Rows()[0].Table.Columns {
		got = append(got, c.Action)
	}
	if want := []string{"tokenize:k1", "hash", "nested:k1"}; !slices.Equal(got, want) || g.Explain(s)[0].Action != want[0] {
		t.Errorf("%q, want %q; %v", got, want, g.Explain(s))
	}
}

// TestStrategiesPrint: nothing of a key is printed with a policy. // P1 P5
func TestStrategiesPrint(t *testing.T) {
	g := policy(t, `{key: env:KEY, rules: [{columns: {a: tokenize, b: {tokenize: {form: ff1}}, c: {synthetic: name}, d: {noise: {within: 1}}, e: {hash: {domain: x}}}}]}`)
	for _, r := range g.rules {
		for _, target := range r.targets {
			for _, form := range []string{"%v", "%+v", "%#v"} {
				if out := fmt.Sprintf(form, target.spec.with); strings.Contains(out, "kkkk") || len(out) > 1000 {
					t.Errorf("%s prints %d bytes", target.path, len(out))
				}
			}
		}
	}
}

// TestP6CanaryStrategies: the canary test over the actions with parameters. // P1 P6
func TestP6CanaryStrategies(t *testing.T) {
	const p = `
key: env:KEY
rules:
- columns:
    id: {keep: "no personal data"}
    siv: tokenize
    class: {tokenize: {form: ff1, alphabet: class}}
    num: {tokenize: {form: ff1}}
    hashed: {hash: {canonical: lower, domain: d}}
    digits: {hash: {canonical: digits}}
    made: {synthetic: {kind: email, unique: true}}
    by: {synthetic: {kind: name, by: secret}}
    secret: drop
    head: {generalize: {prefix: 3}}
    length: {partial: {length: 5}}
    domain: {partial: {keep_domain: true}}
    bucket: {generalize: {bucket: 1000000000}}
    noise: {noise: {percent: 50}}
    "nest.a": tokenize
    "nest.b[*]": {synthetic: phone}
    "nest.c": {tokenize: {form: ff1, alphabet: class}}
    "nest.n": {tokenize: {form: ff1}}
`
	g := policy(t, p)
	for seed := range uint64(20) {
		m := &markers{rng: rand.New(rand.NewPCG(seed, 3))}
		row := func() string {
			p, err := json.Marshal(map[string]any{"id": 7, "siv": m.mark(), "class": m.mark(), "num": m.number(), "hashed": m.mark() + " A", "digits": m.mark(), "made": m.mark(), "by": m.mark(),
				"secret": m.mark(), "head": m.mark(), "length": m.mark(), "domain": m.mark() + "@x.example", "bucket": m.number(), "noise": m.number(),
				"nest": map[string]any{"a": m.mark(), "b": []string{m.mark(), m.mark()}, "c": m.mark(), "n": m.number()}})
			if err != nil {
				t.Fatal(err)
			}
			return string(p)
		}
		refused := strings.Replace(row(), `"class":"`, `"class":"é`, 1)
		s := schemaOf(false, "", row())
		search(t, g, batch(s, change{before: row(), after: row()}, change{after: row()}, change{after: refused}, change{before: row()}), 3, 1, m.list)
	}
}

// FuzzStrategies: whatever a source writes, no action panics, what comes out is
// a value of the column's type, and the same again.
func FuzzStrategies(f *testing.F) {
	var gates []*Gate
	for _, m := range matrix {
		gates = append(gates, acting(f, m.action))
	}
	for _, a := range []string{"{generalize: {geohash: 5}}", "{generalize: {date: decade, unit: nanos}}", "{generalize: {buckets: [-5, 0.5, 1000]}}", "{generalize: {bucket: 0.01}}",
		"{noise: {percent: 100, min: -10}}", "{noise: {laplace: 1000000000}}", "{shift: {days: 36525, unit: days}}", "{partial: {keep_domain: true, keep_first: 2}}", "{partial: last4}",
		"{synthetic: phone}", "{synthetic: ip}", "{tokenize: {form: ff1, card: true}}", "{hash: {canonical: phone}}"} {
		gates = append(gates, acting(f, a))
	}
	encs := []schemas.Encoding{schemas.EncText, schemas.EncJSONString, schemas.EncInt, schemas.EncFloat}
	for i, c := range matrixTypes {
		f.Add(uint8(i), uint8(i), uint8(0), c.spell[0].text)
	}
	f.Add(uint8(10), uint8(7), uint8(2), "-9223372036854775808")
	f.Add(uint8(14), uint8(4), uint8(0), "-0.00")
	f.Fuzz(func(t *testing.T, action, typ, enc uint8, text string) {
		c := matrixTypes[int(typ)%len(matrixTypes)]
		v := spelled{c.typ, c.wire, encs[enc%4], text}
		if enc%4 > 1 { // decoders give such cells for literals only
			if end, ok := scalarEnd([]byte(text + " ")); !ok || end != len(text) || text == "" || text[0] == '"' || text[0] > '9' || (enc%4 == 2) == strings.ContainsAny(text, ".eE") {
				return
			}
		}
		g := gates[int(action)%len(gates)]
		got := through(g, v)
		if strings.HasPrefix(got, "a cell that is no ") {
			// what the source wrote may be none either: such values stay what they are in text
			if _, code := schemas.AppendJSON(nil, c.typ, c.wire, schemas.Cell{Len: uint32(len(text)), Enc: v.enc, Flags: schemas.Present}, []byte(text)); code == "" {
				t.Fatalf("action %d of %v %q: %s", int(action)%len(gates), c.typ, text, got)
			}
		}
		if again := through(g, v); again != got {
			t.Fatalf("action %d of %v %q: %q, then %q", int(action)%len(gates), c.typ, text, got, again)
		}
	})
}
