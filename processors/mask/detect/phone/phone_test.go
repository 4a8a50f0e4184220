package phone

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

// TestAgainstLibrary: numbers of every country, assigned ones and others, are
// valid where libphonenumber says so.
func TestAgainstLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	valid, all := 0, 0
	for region := range phonenumbers.GetSupportedRegions() {
		example := phonenumbers.GetExampleNumber(region)
		if example == nil {
			continue
		}
		for i := range 60 {
			national := []byte(phonenumbers.GetNationalSignificantNumber(example))
			for range i / 12 { // the further, the more digits are others
				national[r.IntN(len(national))] = byte('0' + r.IntN(10))
			}
			if i%7 == 6 {
				national = append(national, byte('0'+r.IntN(10)))
			}
			n, err := phonenumbers.Parse(fmt.Sprintf("+%d%s", example.GetCountryCode(), national), "ZZ")
			if err != nil || phonenumbers.GetNationalSignificantNumber(n) != string(national) {
				continue // it reads another number out of these digits
			}
			want := phonenumbers.IsValidNumber(n)
			p, rest := Split(fmt.Appendf(nil, "%d%s", example.GetCountryCode(), national))
			if p == nil || string(rest) != string(national) {
				t.Fatalf("+%d %s: another code", example.GetCountryCode(), national)
			}
			if got := p.Valid(rest); got != want {
				t.Errorf("+%d %s: %t, libphonenumber %t", p.Code, national, got, want)
			}
			all++
			if want {
				valid++
			}
		}
	}
	if all < 9000 || valid < 3000 || all-valid < 3000 {
		t.Errorf("%d numbers, %d of them valid", all, valid)
	}
	t.Logf("%d numbers, %d of them valid", all, valid)
}

func BenchmarkValid(b *testing.B) {
	p, n := Split([]byte("12025550143"))
	b.Run("automaton", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !p.Valid(n) {
				b.Fatal()
			}
		}
	})
	b.Run("baseline=libphonenumber", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x, err := phonenumbers.Parse("+12025550143", "ZZ")
			if err != nil || !phonenumbers.IsValidNumber(x) {
				b.Fatal(err)
			}
		}
	})
}
