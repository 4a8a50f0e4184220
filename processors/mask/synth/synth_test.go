package synth

import (
	"slices"
	"strings"
	"testing"

	"sluice/processors/mask/siv"
)

// TestLocales: names spell addresses of e-mail, no word is there twice, and
// numbers are of one plan.
func TestLocales(t *testing.T) {
	for _, name := range Names() {
		l := Find(name)
		for what, ws := range map[string][]word{"female": l.female, "male": l.male, "family": l.family} {
			seen := map[string]bool{}
			for _, w := range ws {
				if w.ascii == "" || strings.Trim(w.ascii, "abcdefghijklmnopqrstuvwxyz") != "" || strings.TrimSpace(w.text) != w.text || seen[w.text] {
					t.Errorf("%s, %s: %q is %q in addresses, or is there twice", name, what, w.text, w.ascii)
				}
				seen[w.text] = true
			}
			if len(ws) < 20 {
				t.Errorf("%s, %s: %d words", name, what, len(ws))
			}
		}
		for _, p := range l.phone {
			if p[0] != '+' || !strings.HasSuffix(p, "##") || strings.Trim(p[1:], "0123456789#") != "" {
				t.Errorf("%s: phone %s", name, p)
			}
		}
		for _, c := range l.city {
			if c.name == "" || c.region == "" || !strings.Contains(c.code, "#") {
				t.Errorf("%s: city %+v", name, c)
			}
		}
		for _, part := range []string{"%n", "%s", "%z", "%c"} {
			if !strings.Contains(l.address, part) {
				t.Errorf("%s: addresses lack %s", name, part)
			}
		}
	}
	if Find("xx_XX") != nil || !slices.Contains(Names(), "en_US") {
		t.Error("Find")
	}
}

// TestAttributes have numbers of their own, and allocate nothing.
func TestAttributes(t *testing.T) {
	mac, err := siv.NewCMAC(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	var s siv.Scratch
	d := Of(mac, []byte("customer 7"), &s)
	seen := map[uint64]attribute{}
	for a := range attribute(2 * last) {
		x := d.u64(a)
		if b, is := seen[x]; is {
			t.Errorf("attributes %d and %d are one", a, b)
		}
		seen[x] = a
		if x != d.u64(a) {
			t.Errorf("attribute %d changes", a)
		}
	}
	dst, l := make([]byte, 0, 256), Find("ja_JP")
	if n := testing.AllocsPerRun(100, func() {
		d := Of(mac, []byte("customer 7"), &s)
		dst = d.IBAN(d.Email(d.Address(d.Name(dst[:0], l), l), l, nil), l)
	}); n != 0 {
		t.Errorf("%.1f allocations", n)
	}
}
