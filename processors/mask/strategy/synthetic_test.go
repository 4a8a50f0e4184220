package strategy

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sluice/processors/mask/synth"
	"sluice/schemas"
)

var sortForms = map[string]string{
	"name": `^\S+ .+$`, "given": `^\S+$`, "family": `^\S.*$`, "email": `^[a-z]+\.[a-z]+\d{3}@example\.(com|org|net)$`, "username": `^[a-z]+_[a-z]+\d{3}$`,
	"company": `^\S.* \S+`, "address": `\d`, "street": `\d`, "city": `^\S`, "zip": `^[A-Z]*\d+`, "phone": `^\+\d{11,13}$`, "card": `^\d{16}$`,
	"ssn": `^9\d\d-(0[1-9]|[1-4]\d)-\d{4}$`, "ip": `^(192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}$`, "iban": `^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$`,
}

// TestSynthetic: every kind in every locale looks like what it is, comes from
// ranges that belong to nobody, and is the same again.
func TestSynthetic(t *testing.T) {
	for sort, form := range sortForms {
		re := regexp.MustCompile(form)
		for _, locale := range synth.Names() {
			m, s := bound(t, fmt.Sprintf("{synthetic: {kind: %s, locale: %s}}", sort, locale))
			different := map[string]bool{}
			for i := range 300 {
				in := fmt.Appendf(nil, "Person %d", i)
				if sort == "ssn" {
					in = fmt.Appendf(nil, "219-09-%04d", i)
				}
				out, enc := m.Mask(s, nil, schemas.String, in)
				if enc != schemas.EncText || !re.Match(out) {
					t.Fatalf("%s in %s: %q", sort, locale, out)
				}
				if again, _ := m.Mask(s, nil, schemas.String, in); string(again) != string(out) {
					t.Fatalf("%s in %s: two values of one", sort, locale)
				}
				different[string(out)] = true
				switch sort {
				case "card":
					if luhn(numeralsOf(out)) != 0 {
						t.Fatalf("card %s", out)
					}
				case "iban":
					if !mod97(string(out)) || len(out) != ibanLength[string(out[:2])] {
						t.Fatalf("iban %s", out)
					}
				case "phone":
					if strings.HasPrefix(string(out), "+1") && string(out[5:10]) != "55501" {
						t.Fatalf("phone %s", out)
					}
				}
			}
			if least := map[string]int{"given": 30, "family": 30, "city": 10, "company": 80}[sort]; len(different) < max(least, 10) || least == 0 && len(different) < 150 {
				t.Errorf("%s in %s: %d different of 300", sort, locale, len(different))
			}
		}
	}
}

var ibanLength = map[string]int{"DE": 22, "GB": 22, "FR": 27, "ES": 24, "IT": 27, "BR": 29, "NL": 18, "PL": 28}

func mod97(iban string) bool {
	var digits strings.Builder
	for _, c := range iban[4:] + iban[:4] {
		if c >= 'A' {
			c -= 'A' - 10
			digits.WriteString(strconv.Itoa(int(c)))
		} else {
			digits.WriteRune(c)
		}
	}
	n, _ := new(big.Int).SetString(digits.String(), 10)
	return new(big.Int).Mod(n, big.NewInt(97)).Int64() == 1
}
