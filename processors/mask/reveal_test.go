package mask

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"sluice/processors/mask/keys"
	"sluice/schemas"
)

var tenMillion = flag.Bool("ten-million", false, "collisions among 10^7 values, not 10^6")

// specOf is the action of column v, bound as in the gate.
func specOf(t testing.TB, action string) (*Spec, *scratch) {
	t.Helper()
	g := acting(t, action)
	return &g.rules[0].targets[0].spec, newScratch(g)
}

func ringOf(t testing.TB) *keys.Ring {
	t.Helper()
	ring, err := keys.New("k1", strings.Repeat("k", 32))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// TestReveal: every form over every type, there and back.
func TestReveal(t *testing.T) {
	for _, c := range []struct {
		action string
		in     []spelled
		form   string // of the token: 0 a digit, a and A letters, the rest as it is; "" for AES-SIV
	}{
		{"tokenize", []spelled{str("Ann@x.example"), str("Zoë O'Neil"), str(""), str(strings.Repeat("long ", 200)), whole("42"), dec(12, 2, "12.5"),
			of(schemas.Date, schemas.WireDays, schemas.EncInt, "20484"), of(schemas.JSON, 0, schemas.EncJSON, `{"a":1}`), of(schemas.Float64, 0, schemas.EncFloat, "1.5"),
			of(schemas.UUID, 0, schemas.EncText, "B68A35A7-17AD-35B3-AF2A-000000000ABC")}, ""},
		{"{tokenize: {domain: email, encoding: base64url}}", []spelled{str("Ann@x.example")}, ""},
		{"{tokenize: {encoding: hex}}", []spelled{str("Ann@x.example")}, ""},
		{"{tokenize: {form: ff1, domain: ssn, length: 9}}", []spelled{str("219-09-9999")}, "000-00-0000"},
		{"{tokenize: {form: ff1}}", []spelled{str("+1 (415) 555-0132")}, "+0 (000) 000-0000"},
		{"{tokenize: {form: ff1}}", []spelled{whole("123456"), whole("-1000000"), whole("9223372036854775807"), of(schemas.Int32, 0, schemas.EncInt, "2147483647"), dec(38, 0, strings.Repeat("9", 38))}, "N"},
		{"{tokenize: {form: ff1, width: 9}}", []spelled{whole("0"), whole("7"), whole("-7"), whole("999999999"), of(schemas.Int32, 0, schemas.EncInt, "12"), dec(9, 0, "55")}, "W"},
		{"{tokenize: {form: ff1, alphabet: hex}}", []spelled{of(schemas.UUID, 0, schemas.EncText, "b68a35a7-17ad-35b3-af2a-000000000abc")}, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"},
		{"{tokenize: {form: ff1, alphabet: class}}", []spelled{str("AB-1234.xyz")}, "AA-0000.aaa"},
		{"{tokenize: {form: ff1, alphabet: class}}", []spelled{str("Ann Lee of Springfield 99, and a longer name than 126 bits")}, "Aaa Aaa aa Aaaaaaaaaaa 00, aaa a aaaaaa aaaa aaaa 000 aaaa"},
		{"{tokenize: {form: ff1, alphabet: base62}}", []spelled{str("Key-AbCd9"), str(strings.Repeat("Z", 300))}, ""},
		{"{tokenize: {form: ff1, alphabet: \"abcdef.\"}}", []spelled{str("abc.fed.a-b")}, ""},
		{"{tokenize: {form: ff1, card: true}}", []spelled{str("4111 1111 1111 1111")}, "0000 0000 0000 0000"},
		{"{tokenize: {form: ff1, card: true}}", []spelled{whole("378282246310005")}, "N"},
		{"{tokenize: {form: ff1, card: true, luhn: true}}", []spelled{str("4111-1111-1111-1111"), str("6205500000000000004")}, ""},
		{"{tokenize: {form: ff1, card: true, keep_ends: true}}", []spelled{str("4242 4242 4242 4242")}, "4242 4200 0000 4242"},
		{"{tokenize: {form: ff1, card: true, keep_ends: true, luhn: true}}", []spelled{whole("4242424242424242")}, "N"},
	} {
		spec, s := specOf(t, c.action)
		r, err := NewRevealer(ringOf(t), spec)
		if err != nil {
			t.Fatal(err)
		}
		siv := spec.with.(*tokenizing).Form == "siv"
		for _, in := range c.in {
			out := through(acting(t, c.action), in)
			f := &schemas.Field{Type: in.typ, Wire: in.wire}
			_, want := s.value(f, schemas.Cell{Len: uint32(len(in.text)), Enc: in.enc, Flags: schemas.Present}, []byte(in.text))
			want = bytes.Clone(want)
			if out == string(want) || siv && !strings.HasPrefix(out, token) {
				t.Errorf("%s of %v: %s", c.action, in.typ, out)
			}
			if got := shape(out, c.form); c.form != "" && c.form != "N" && c.form != "W" && got != c.form {
				t.Errorf("%s: the token looks like %q, want %q", c.action, got, c.form)
			}
			if c.form == "N" && (len(out) != len(want) || out[0] == '-' != (want[0] == '-') || strings.TrimLeft(out, "-")[0] == '0') {
				t.Errorf("%s of %s: %s", c.action, want, out)
			}
			id := "k1"
			if siv {
				id = "" // it is in the token
			}
			got, err := r.Reveal(Token{Text: []byte(out), Type: in.typ, KeyID: id})
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s of %q: revealed as %q, %v", c.action, want, got, err)
			}
			if once, err := Reveal(ringOf(t), spec, Token{Text: []byte(out), Type: in.typ}); err != nil || !bytes.Equal(once, want) {
				t.Errorf("%s: %q, %v", c.action, once, err)
			}
		}
	}
}

// shape is text with each character that form has as 0, a, A or x written so,
// if it is of that sort.
func shape(text, form string) string {
	out := []byte(text)
	for i, c := range out {
		if i >= len(form) {
			break
		}
		switch f := form[i]; {
		case f == '0' && c >= '0' && c <= '9', f == 'a' && c >= 'a' && c <= 'z', f == 'A' && c >= 'A' && c <= 'Z',
			f == 'x' && strings.IndexByte(alphabets["hex"], c) >= 0:
			out[i] = f
		}
	}
	return string(out)
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
			t.Errorf("%s of %v %q: %s, want %s", c.action, c.in.typ, c.in.text, got, c.want)
		}
	}
}

// TestRevealRefuses what it did not make, and says nothing of it. // P1
func TestRevealRefuses(t *testing.T) {
	spec, _ := specOf(t, "{tokenize: {domain: email}}")
	tok := through(acting(t, "{tokenize: {domain: email}}"), str("ann@x.example"))
	other := through(acting(t, "{tokenize: {domain: phone}}"), str("ann@x.example"))
	ff1, _ := specOf(t, "{tokenize: {form: ff1, card: true}}")
	hash, _ := specOf(t, "hash")
	for _, c := range []struct {
		spec *Spec
		tok  Token
		want error
	}{
		{spec, Token{Text: []byte(other)}, ErrNoToken}, {spec, Token{Text: []byte("k2" + tok[2:])}, ErrUnknownKey},
		{spec, Token{Text: []byte(tok[:len(tok)-1])}, ErrNoToken}, {spec, Token{Text: []byte("ann@x.example")}, ErrNoToken},
		{spec, Token{Text: []byte("Ann_" + tok[3:])}, ErrNoToken}, {spec, Token{Text: []byte("")}, ErrNoToken},
		{spec, Token{Text: []byte(tok[:20] + "a" + tok[21:])}, ErrNoToken},
		{ff1, Token{Text: []byte("4111111111111111")}, ErrNoToken}, // passes Luhn: no token does
		{ff1, Token{Text: []byte("4111"), KeyID: "k1"}, ErrNoToken}, {ff1, Token{Text: []byte("x"), KeyID: "k9"}, ErrUnknownKey},
		{hash, Token{Text: []byte(tok)}, ErrIrreversible},
	} {
		if got, err := Reveal(ringOf(t), c.spec, c.tok); err != c.want || got != nil {
			t.Errorf("%q: %q, %v, want %v", c.tok.Text, got, err, c.want)
		}
	}
	if spec.Reversible() != true || hash.Reversible() {
		t.Error("Reversible")
	}
}

// TestRevealMillion: 10^6 values of each form, there and back.
func TestRevealMillion(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 10_000
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for action, make := range map[string]func(i int) []byte{
		"{tokenize: {domain: email}}":              func(i int) []byte { return fmt.Appendf(nil, "user.%d@mail%d.example", rng.Uint64(), i%99) },
		"{tokenize: {form: ff1, domain: ssn}}":     func(i int) []byte { return fmt.Appendf(nil, "%03d-%02d-%04d", i/1000, i%100, rng.IntN(10000)) },
		"{tokenize: {form: ff1, card: true}}":      func(i int) []byte { return luhned(fmt.Appendf(nil, "4111%011d", rng.IntN(1e11))) },
		"{tokenize: {form: ff1, width: 7}}":        func(i int) []byte { return strconv.AppendInt(nil, int64(i), 10) },
		"{tokenize: {form: ff1, alphabet: class}}": func(i int) []byte { return fmt.Appendf(nil, "AB-%07d-xy", i) },
	} {
		t.Run(action, func(t *testing.T) {
			spec, s := specOf(t, action)
			r, _ := NewRevealer(ringOf(t), spec)
			k := schemas.String
			if strings.Contains(action, "width") {
				k = schemas.Int64
			}
			seen := map[string]bool{}
			var out []byte
			for i := range n {
				in := make(i)
				var enc schemas.Encoding
				if out, enc = spec.with.mask(s, out[:0], k, in); enc == refused {
					t.Fatalf("value %d is refused", i)
				}
				if k == schemas.Int64 { // a permutation: no token twice
					if seen[string(out)] {
						t.Fatalf("value %d: a token twice", i)
					}
					seen[string(out)] = true
				}
				if strings.Contains(action, "card") && luhn(numeralsOf(out)) == 0 {
					t.Fatalf("value %d: a token passes Luhn's check", i)
				}
				back, err := r.Reveal(Token{Text: out, Type: schemas.Type{Kind: k}, KeyID: "k1"})
				if err != nil || !bytes.Equal(back, in) {
					t.Fatalf("value %d: %v", i, err)
				}
			}
		})
	}
}

func luhned(p []byte) []byte {
	p = append(p, '0')
	p[len(p)-1] += (10 - luhn(numeralsOf(p))) % 10
	return p
}

func numeralsOf(p []byte) []byte {
	out := bytes.Clone(p)
	for i := range out {
		out[i] -= '0'
	}
	return out
}

// TestCardPermutation: cards with kept ends, all 10^5 middles that pass Luhn:
// every token once, none valid, or with luhn all valid.
func TestCardPermutation(t *testing.T) {
	for action, valid := range map[string]bool{"{tokenize: {form: ff1, card: true, keep_ends: true}}": false, "{tokenize: {form: ff1, card: true, keep_ends: true, luhn: true}}": true} {
		spec, s := specOf(t, action)
		seen := map[string]bool{}
		for m := range 1_000_000 {
			in := fmt.Appendf(nil, "424242%06d4242", m)
			if luhn(numeralsOf(in)) != 0 {
				continue
			}
			out, enc := spec.with.mask(s, nil, schemas.String, in)
			if enc != schemas.EncText || seen[string(out)] || (luhn(numeralsOf(out)) == 0) != valid || string(out[:6]) != "424242" || string(out[12:]) != "4242" {
				t.Fatalf("%s: %s", in, out)
			}
			seen[string(out)] = true
		}
		if len(seen) != 100_000 {
			t.Fatalf("%d middles", len(seen))
		}
	}
}

// TestNoCollision: no two of 10^6 values, or 10^7 with -ten-million, have one
// token, also where only 80 bits are left for keys.
func TestNoCollision(t *testing.T) {
	n := 1_000_000
	switch {
	case *tenMillion:
		n = 10_000_000
	case testing.Short():
		n = 100_000
	}
	for _, action := range []string{"hash", "{hash: {bits: 80}}", "tokenize", "{synthetic: {kind: email, unique: true}}"} {
		spec, s := specOf(t, action)
		seen := make(map[[16]byte]struct{}, n)
		var out, in []byte
		var digits [32]int
		for i := range n {
			in = strconv.AppendInt(append(in[:0], "user"...), int64(i), 10)
			out, _ = actions[spec.Kind].mask(s, out[:0], spec, schemas.String, in)
			tail := out
			if spec.Kind == Synthetic { // what makes it unique
				at := bytes.IndexByte(out, '@')
				tail = out[at-16 : at]
			}
			var key [16]byte
			copy(key[:], tail[len(tail)-16:]) // 80 bits of it
			if _, is := seen[key]; is {
				t.Fatalf("%s: two of %d values have one token", action, i)
			}
			seen[key] = struct{}{}
			if c := tail[len(tail)-16]; true {
				digits[strings.IndexByte(base32Digits, c)]++
			}
		}
		chi := 0.0
		for _, c := range digits {
			d := float64(c) - float64(n)/32
			chi += d * d / (float64(n) / 32)
		}
		if chi > 100 { // 31 degrees: p = 4e-9
			t.Errorf("%s: chi-square of a character %.1f", action, chi)
		}
	}
}

func FuzzTokenize(f *testing.F) {
	actions := []string{"tokenize", "{tokenize: {form: ff1}}", "{tokenize: {form: ff1, alphabet: class}}", "{tokenize: {form: ff1, card: true}}", "{tokenize: {form: ff1, alphabet: base62}}",
		"{tokenize: {form: ff1, width: 9}}", "{tokenize: {form: ff1, card: true, keep_ends: true}}"}
	type one struct {
		spec *Spec
		s    *scratch
		r    *Revealer
	}
	var all []one
	for _, a := range actions {
		spec, s := specOf(f, a)
		r, _ := NewRevealer(ringOf(f), spec)
		all = append(all, one{spec, s, r})
	}
	f.Add("219-09-9999", uint8(1), uint8(0))
	f.Add("4111 1111 1111 1111", uint8(3), uint8(0))
	f.Add("AB-1234.xyz", uint8(2), uint8(0))
	f.Add("-123", uint8(5), uint8(1))
	f.Fuzz(func(t *testing.T, in string, which, kind uint8) {
		x := all[int(which)%len(all)]
		typ := schemas.Type{Kind: []schemas.Kind{schemas.String, schemas.Int64, schemas.Int32, schemas.UUID}[kind%4]}
		if typ.Kind == schemas.Int64 || typ.Kind == schemas.Int32 { // gates see integers in one spelling
			v, err := strconv.ParseInt(in, 10, 64)
			if err != nil || typ.Kind == schemas.Int32 && v != int64(int32(v)) {
				return
			}
			in = strconv.FormatInt(v, 10)
		}
		out, enc := x.spec.with.mask(x.s, nil, typ.Kind, []byte(in))
		if enc == refused {
			return
		}
		if enc == schemas.EncInt {
			v, err := strconv.ParseInt(string(out), 10, 64)
			if err != nil || typ.Kind == schemas.Int32 && v != int64(int32(v)) || strconv.FormatInt(v, 10) != string(out) {
				t.Fatalf("%q is no %v", out, typ)
			}
		}
		back, err := x.r.Reveal(Token{Text: out, Type: typ, KeyID: "k1"})
		if err != nil || string(back) != in {
			t.Fatalf("%q becomes %q and that %q, %v", in, out, back, err)
		}
		x.r.Reveal(Token{Text: []byte(in), Type: typ}) // no panic
	})
}
