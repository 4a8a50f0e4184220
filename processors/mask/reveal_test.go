package mask

import (
	"bytes"
	"strings"
	"testing"

	"sluice/processors/mask/keys"
	"sluice/processors/mask/policy"
	"sluice/processors/mask/strategy"
	"sluice/schemas"
)

// specOf is the action of column v, bound as in the gate.
func specOf(t testing.TB, action string) (*policy.Spec, *scratch) {
	t.Helper()
	g := acting(t, action)
	return rulingOf(g, "v").Spec, newScratch(g)
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
		r, err := spec.Revealer(ringOf(t))
		if err != nil {
			t.Fatal(err)
		}
		siv := spec.Strategy.(*strategy.Tokenizer).Form == "siv"
		for _, in := range c.in {
			out := through(acting(t, c.action), in)
			f := &schemas.Field{Type: in.Type, Wire: in.Wire}
			_, want := s.value(f, in.Cell(), []byte(in.Text))
			want = bytes.Clone(want)
			if out == string(want) || siv && !strings.HasPrefix(out, token) {
				t.Errorf("%s of %v: %s", c.action, in.Type, out)
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
			got, err := r.Reveal(strategy.Token{Text: []byte(out), Type: in.Type, KeyID: id})
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s of %q: revealed as %q, %v", c.action, want, got, err)
			}
			if primary, err := r.Reveal(strategy.Token{Text: []byte(out), Type: in.Type}); err != nil || !bytes.Equal(primary, want) {
				t.Errorf("%s: %q, %v", c.action, primary, err)
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
			f == 'x' && strings.IndexByte("0123456789abcdef", c) >= 0:
			out[i] = f
		}
	}
	return string(out)
}

// TestRevealRefuses what it did not make, and says nothing of it. // P1
func TestRevealRefuses(t *testing.T) {
	spec, _ := specOf(t, "{tokenize: {domain: email}}")
	tok := through(acting(t, "{tokenize: {domain: email}}"), str("ann@x.example"))
	other := through(acting(t, "{tokenize: {domain: phone}}"), str("ann@x.example"))
	ff1, _ := specOf(t, "{tokenize: {form: ff1, card: true}}")
	hash, _ := specOf(t, "hash")
	for _, c := range []struct {
		spec *policy.Spec
		tok  strategy.Token
		want error
	}{
		{spec, strategy.Token{Text: []byte(other)}, strategy.ErrNoToken}, {spec, strategy.Token{Text: []byte("k2" + tok[2:])}, strategy.ErrUnknownKey},
		{spec, strategy.Token{Text: []byte(tok[:len(tok)-1])}, strategy.ErrNoToken}, {spec, strategy.Token{Text: []byte("ann@x.example")}, strategy.ErrNoToken},
		{spec, strategy.Token{Text: []byte("Ann_" + tok[3:])}, strategy.ErrNoToken}, {spec, strategy.Token{Text: []byte("")}, strategy.ErrNoToken},
		{spec, strategy.Token{Text: []byte(tok[:20] + "a" + tok[21:])}, strategy.ErrNoToken},
		{ff1, strategy.Token{Text: []byte("4111111111111111")}, strategy.ErrNoToken}, // passes Luhn: no token does
		{ff1, strategy.Token{Text: []byte("4111"), KeyID: "k1"}, strategy.ErrNoToken}, {ff1, strategy.Token{Text: []byte("x"), KeyID: "k9"}, strategy.ErrUnknownKey},
		{hash, strategy.Token{Text: []byte(tok)}, strategy.ErrIrreversible},
	} {
		r, err := c.spec.Revealer(ringOf(t))
		var got []byte
		if err == nil {
			got, err = r.Reveal(c.tok)
		}
		if err != c.want || got != nil {
			t.Errorf("%q: %q, %v, want %v", c.tok.Text, got, err, c.want)
		}
	}
	if spec.Reversible() != true || hash.Reversible() {
		t.Error("Reversible")
	}
}
