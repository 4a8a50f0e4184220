package strategy

import (
	"bytes"
	"strings"
	"testing"

	"sluice/processors/mask/mac"
	"sluice/schemas"
)

func TestCanonical(t *testing.T) {
	var s Scratch
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
		var s Scratch
		once := bytes.Clone(c.fold(&s, []byte(in)))
		if len(once) == 0 && strings.TrimSpace(in) != "" {
			t.Fatal("nothing is left")
		}
		if twice := c.fold(&s, once); !bytes.Equal(once, twice) && !strings.ContainsFunc(in, func(r rune) bool { return r > 0x7f }) { // Unicode has letters whose lower case has another
			t.Fatalf("%q is %q, and that %q", in, once, twice)
		}
	})
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
		h := &Hasher{Bits: 256, Encoding: hexForm, keyID: "k", mac: mac.New([]byte(c.key))}
		s := new(Scratch)
		if got, _ := h.Mask(s, nil, schemas.String, []byte(c.data)); string(got) != "k_"+c.want {
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
