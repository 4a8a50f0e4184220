package dev

import (
	"math/rand/v2"
	"strings"
)

var (
	firstNames = []string{"Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Frances", "John", "Margaret", "Niklaus", "Radia", "Tony", "Zoë", "Søren"}
	lastNames  = []string{"Lovelace", "Hopper", "Turing", "Liskov", "Knuth", "Allen", "Backus", "Hamilton", "Wirth", "Perlman", "Hoare", "Müller", "O'Neil"}
	cities     = []string{"Springfield", "Riverside", "Franklin", "Greenville", "Bristol", "Clinton", "Fairview", "Salem"}
)

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

func lower(s string) string { return strings.ToLower(strings.ReplaceAll(s, "'", "")) }

// card is a number of a test range with a valid check digit (ISO/IEC 7812-1 Luhn).
func card(r *rand.Rand) string {
	d := []byte("411111")
	for len(d) < 15 {
		d = append(d, byte('0'+r.IntN(10)))
	}
	sum := 0
	for i := range d {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return string(append(d, byte('0'+(10-sum%10)%10)))
}
