package detect

import (
	"sluice/schemas"
)

// documents looks for the numbers of persons and companies that other countries
// write in groups of digits. Each has a check digit; those that chance passes
// often need a word that says so.
func (v *view) documents() int {
	d := v.digits
	if v.plus || v.paren {
		return 0
	}
	found := func(c schemas.Class, confidence float32) int {
		v.d.add(c, v.start, v.end, confidence)
		return v.end
	}
	any := func() about { return v.context().any }
	switch len(d) {
	case 6: // AB 12 34 56 C
		p, s, e := v.d.p, v.start, v.end
		if v.shape(2, 2, 2) && v.sep() == ' ' && s >= 3 && p[s-1] == ' ' && !word(v.d.at(s-4)) && e+1 < len(p) && p[e] == ' ' && p[e+1]-'A' < 4 && !word(v.d.at(e+2)) &&
			p[s-2]-'A' < 26 && p[s-3]-'A' < 26 && nino(p[s-3:s-1]) {
			v.d.add(schemas.NINO, s-3, e+2, 0.85)
			return e + 2
		}
	case 8: // 12345678-Z
		if x := v.d.at(v.end + 1); v.bare() && v.d.at(v.end) == '-' && x-'A' < 26 && !word(v.d.at(v.end+2)) && dni(d, x) {
			v.d.add(schemas.DNI, v.start, v.end+2, 0.8)
			return v.end + 2
		}
	case 9:
		if luhn(d) && (v.bare() || v.shape(3, 3, 3)) && any()&aboutTax != 0 && any()&aboutPhone == 0 {
			return found(schemas.SIN, 0.8)
		}
	case 11:
		switch {
		case cpf(d) && v.shape(3, 3, 3, 2) && v.groups[3].sep == '-':
			return found(schemas.CPF, 0.95)
		case cpf(d) && v.bare() && any()&aboutTax != 0:
			return found(schemas.CPF, 0.85)
		case steuerID(d) && any()&aboutTax != 0:
			return found(schemas.SteuerID, 0.85)
		}
	case 12:
		switch {
		case v.shape(4, 4, 4) && d[0] >= '2' && verhoeff(d) && (any()&aboutIdentity != 0 || v.context().near&against == 0 && v.sep() == ' '):
			return found(schemas.Aadhaar, 0.8)
		case v.bare() && d[0] >= '2' && verhoeff(d) && any()&aboutIdentity != 0:
			return found(schemas.Aadhaar, 0.8)
		case (v.bare() || v.shape(4, 4, 4)) && myNumber(d) && any()&aboutIdentity != 0:
			return found(schemas.MyNumber, 0.8)
		}
	case 13, 15:
		if nir(d) && (any()&(aboutSSN|aboutTax) != 0 || !v.bare() && len(d) == 15) {
			return found(schemas.NIR, 0.85)
		}
	case 14:
		switch {
		case cnpj(d) && v.shape(2, 3, 3, 4, 2) && v.groups[3].sep == '/':
			return found(schemas.CNPJ, 0.95)
		case cnpj(d) && v.bare() && any()&aboutTax != 0:
			return found(schemas.CNPJ, 0.85)
		}
	}
	if v.bare() && len(d) >= 6 && len(d) <= 10 {
		switch near := v.context().near; {
		case near&aboutPassport != 0:
			return found(schemas.Passport, 0.75)
		case near&aboutDriver != 0:
			return found(schemas.DriverID, 0.7)
		}
	}
	return 0
}

// birth reports a date that words say is one of birth.
func (v *view) birth() (confidence float32, ok bool) {
	if n := len(v.digits); n != 8 && n != 6 || v.context().any&aboutBirth == 0 {
		return 0, false
	}
	return 0.85, v.shape(8) || len(v.groups) == 3 && !v.plus && !v.paren
}

func val(c byte) int { return int(c - '0') }

// mod11 is the check digit of CPF and CNPJ: weights from 2 up, from the right,
// up to most and then from 2 again (Receita Federal).
func mod11(d []byte, most int) int {
	sum, w := 0, 2
	for i := len(d) - 1; i >= 0; i-- {
		sum += val(d[i]) * w
		if w++; w > most {
			w = 2
		}
	}
	if r := sum % 11; r >= 2 {
		return 11 - r
	}
	return 0
}

func same(d []byte) bool {
	for _, c := range d {
		if c != d[0] {
			return false
		}
	}
	return true
}

func cpf(d []byte) bool {
	return !same(d) && mod11(d[:9], 12) == val(d[9]) && mod11(d[:10], 12) == val(d[10])
}

func cnpj(d []byte) bool {
	return !same(d) && mod11(d[:12], 9) == val(d[12]) && mod11(d[:13], 9) == val(d[13])
}

// steuerID checks a German tax number: ISO/IEC 7064 MOD 11,10, first digit not
// 0, and one digit of the first ten twice or thrice (Bundeszentralamt für Steuern).
func steuerID(d []byte) bool {
	if d[0] == '0' {
		return false
	}
	var seen [10]int
	p := 10
	for _, c := range d[:10] {
		seen[val(c)]++
		s := (val(c) + p) % 10
		if s == 0 {
			s = 10
		}
		p = s * 2 % 11
	}
	repeated := 0
	for _, n := range seen {
		if n > 3 {
			return false
		}
		if n > 1 {
			repeated++
		}
	}
	return repeated == 1 && (11-p)%10 == val(d[10])
}

// myNumber checks a Japanese individual number (MIC ordinance 85, article 5).
func myNumber(d []byte) bool {
	sum := 0
	for n := 1; n <= 11; n++ {
		q := n + 1
		if n > 6 {
			q = n - 5
		}
		sum += val(d[11-n]) * q
	}
	r := sum % 11
	if r <= 1 {
		return val(d[11]) == 0
	}
	return val(d[11]) == 11-r
}

// nir checks a French social security number, 13 digits with or without its
// key of two: 97 less the number modulo 97.
func nir(d []byte) bool {
	if d[0] != '1' && d[0] != '2' && d[0] != '7' && d[0] != '8' {
		return false
	}
	if m := val(d[3])*10 + val(d[4]); m == 0 || m > 12 && m < 20 || m > 42 && m < 50 {
		return false
	}
	n := 0
	for _, c := range d[:13] {
		n = (n*10 + val(c)) % 97
	}
	return len(d) == 13 || 97-n == val(d[13])*10+val(d[14])
}

// Verhoeff's tables: multiplication in the dihedral group of order 10, and the
// permutation (UIDAI's check digit of Aadhaar numbers).
var (
	verhoeffD = [10][10]uint8{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5}, {2, 3, 4, 0, 1, 7, 8, 9, 5, 6}, {3, 4, 0, 1, 2, 8, 9, 5, 6, 7}, {4, 0, 1, 2, 3, 9, 5, 6, 7, 8},
		{5, 9, 8, 7, 6, 0, 4, 3, 2, 1}, {6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3}, {8, 7, 6, 5, 9, 3, 2, 1, 0, 4}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}}
	verhoeffP = [8][10]uint8{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4}, {5, 8, 0, 3, 7, 9, 6, 1, 4, 2}, {8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
		{9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1}, {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8}}
)

func verhoeff(d []byte) bool {
	c := uint8(0)
	for i := range d {
		c = verhoeffD[c][verhoeffP[i%8][val(d[len(d)-1-i])]]
	}
	return c == 0
}

// identity looks at the word of letters and digits [s, e) and returns the end of
// what it is, or 0.
func (d *Detector) identity(s, e int) int {
	w := d.p[s:e]
	found := func(c schemas.Class, confidence float32) int {
		d.add(c, s, e, confidence)
		return e
	}
	switch {
	case like(w, "AA999999A") && w[8] <= 'D' && nino(w):
		return found(schemas.NINO, 0.85)
	case like(w, "AAAAA9999A") && indexOf("ABCFGHLJPTK", w[3]):
		return found(schemas.PAN, 0.9)
	case len(w) == 16 && codiceFiscale(w):
		return found(schemas.CodiceFisc, 0.95)
	case like(w, "99999999A") && dni(w[:8], w[8]), like(w, "A9999999A") && indexOf("XYZ", w[0]) && nie(w):
		return found(schemas.DNI, 0.8)
	}
	digits := 0
	for _, c := range w {
		if digit(c) {
			digits++
		}
	}
	if len(w) == 14 && cnpjLetters(w) && d.context(s, e).any&aboutTax != 0 {
		return found(schemas.CNPJ, 0.85)
	}
	if britishDriver(w) {
		return found(schemas.DriverID, 0.8)
	}
	if n := len(w); n >= 6 && n <= 18 && digits >= 4 {
		switch c := d.context(s, e); {
		case c.near&aboutPassport != 0 && n <= 9:
			return found(schemas.Passport, 0.8)
		case c.near&aboutDriver != 0:
			return found(schemas.DriverID, 0.75)
		}
	}
	return 0
}

// company looks for a CNPJ with letters in its groups of which a part begins at i:
// 12.ABC.345/01DE-35.
func (d *Detector) company(i int) int {
	const length = 18
	s := i
	for s > 0 && i-s < length && (word(d.p[s-1]) || d.p[s-1] == '.' || d.p[s-1] == '/' || d.p[s-1] == '-') {
		s--
	}
	e := s + length
	if i-s == length || e > len(d.p) || word(d.at(e)) {
		return 0
	}
	p := d.p[s:e]
	if p[2] != '.' || p[6] != '.' || p[10] != '/' || p[15] != '-' {
		return 0
	}
	var w [14]byte
	n := 0
	for _, c := range p {
		if word(c) && n < len(w) {
			w[n] = c
			n++
		}
	}
	if n != len(w) || !cnpjLetters(w[:]) {
		return 0
	}
	d.add(schemas.CNPJ, s, e, 0.95)
	return e
}

// cnpjLetters checks a CNPJ of letters and digits, as they are given since July 2026
// (Instrução Normativa RFB 2.229/2024): a character counts its code less that of 0.
func cnpjLetters(w []byte) bool {
	for i, c := range w {
		if !digit(c) && (i >= 12 || c-'A' >= 26) {
			return false
		}
	}
	return !same(w) && mod11(w[:12], 9) == val(w[12]) && mod11(w[:13], 9) == val(w[13])
}

// britishDriver reports a number of a British driving licence: five of the family name,
// filled with nines, the digits of a birth date, month plus 50 for women, two initials,
// and three more (DVLA).
func britishDriver(w []byte) bool {
	if len(w) != 16 || digit(w[0]) {
		return false
	}
	nines := false
	for _, c := range w[:5] {
		if nines = nines || c == '9'; c != '9' && (nines || c-'A' >= 26) {
			return false
		}
	}
	for _, c := range w[5:11] {
		if !digit(c) {
			return false
		}
	}
	letters := func(p []byte, or byte) bool {
		for _, c := range p {
			if c-'A' >= 26 && c != or {
				return false
			}
		}
		return true
	}
	month, day := val(w[6])%5*10+val(w[7]), val(w[8])*10+val(w[9])
	return (w[6] <= '1' || w[6] == '5' || w[6] == '6') && month >= 1 && month <= 12 && day >= 1 && day <= 31 &&
		letters(w[11:12], 'A') && letters(w[12:13], '9') && (digit(w[13]) || w[13]-'A' < 26) && letters(w[14:], 'A')
}

// like holds w against a form: A is a capital, 9 a digit.
func like(w []byte, form string) bool {
	if len(w) != len(form) {
		return false
	}
	for i, c := range w {
		switch form[i] {
		case 'A':
			if c-'A' >= 26 {
				return false
			}
		case '9':
			if !digit(c) {
				return false
			}
		}
	}
	return true
}

func indexOf(s string, c byte) bool {
	for i := range len(s) {
		if s[i] == c {
			return true
		}
	}
	return false
}

// nino checks a prefix of UK national insurance numbers (HMRC, NIM39110).
func nino(w []byte) bool {
	if indexOf("DFIQUV", w[0]) || indexOf("DFIQUVO", w[1]) {
		return false
	}
	switch string(w[:2]) {
	case "BG", "GB", "NK", "KN", "TN", "NT", "ZZ":
		return false
	}
	return true
}

const dniLetters = "TRWAGMYFPDXBNJZSQVHLCKE"

func dni(digits []byte, letter byte) bool {
	n := 0
	for _, c := range digits {
		n = n*10 + val(c)
	}
	return dniLetters[n%23] == letter
}

func nie(w []byte) bool {
	var d [8]byte
	copy(d[:], w[:8])
	d[0] = w[0] - 'X' + '0'
	return dni(d[:], w[8])
}

// codiceFiscale checks form and check letter (DM 23 December 1976).
func codiceFiscale(w []byte) bool {
	if !like(w[:6], "AAAAAA") || !indexOf("ABCDEHLMPRST", w[8]) || w[11]-'A' >= 26 || w[15]-'A' >= 26 || !digit(w[6]) || !digit(w[7]) {
		return false
	}
	odd := [...]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}
	sum := 0
	for i, c := range w[:15] {
		n := 0
		switch {
		case digit(c):
			n = val(c)
		case c-'A' < 26:
			n = int(c - 'A')
		default:
			return false
		}
		if i%2 == 0 {
			n = odd[n]
		}
		sum += n
	}
	return byte('A'+sum%26) == w[15]
}
