package detect

import (
	"bytes"

	"sluice/schemas"
)

// months are the first three letters of the months' names in the languages of
// contexts that write dates with them.
var months = set("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", // en
	"mär", "mai", "okt", "dez", "fév", "avr", "jui", "aoû", "déc", // de, fr
	"ene", "abr", "ago", "dic", "gen", "mag", "giu", "lug", "set", "ott", "fev", "out", "mei", "maa", "янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек")

// monthly are months of three ASCII letters.
var monthly = func() (t [26 * 26 * 26]bool) {
	for m := range months {
		if len(m) == 3 {
			t[int(m[0]-'a')*676+int(m[1]-'a')*26+int(m[2]-'a')] = true
		}
	}
	return t
}()

// monthly is the end of a date of birth whose day is [i, k) and whose month is a
// name: 3 March 1985, March 3, 1985, 3. März 1985. 0: it is none, or no word says birth.
func (d *Detector) monthly(i, k int) int {
	p := d.p
	if e := d.year(d.month(d.gap(k))); e > 0 && d.context(i, e).own&aboutBirth != 0 {
		d.add(schemas.BirthDate, i, e, 0.85)
		return e
	}
	if i < 4 || p[i-1] != ' ' || !letter(p[i-2]) && p[i-2] != '.' {
		return 0
	}
	e := k
	for e < len(p) && e-k < 2 && letter(p[e]) { // 3rd
		e++
	}
	if e = d.year(e); e == 0 {
		return 0
	}
	s := i - 1
	for s > 0 && i-s < 24 && (letter(p[s-1]) || s == i-1 && p[s-1] == '.') {
		s--
	}
	if d.month(s) == 0 {
		return 0
	}
	if d.context(s, e).own&aboutBirth != 0 {
		d.add(schemas.BirthDate, s, e, 0.85)
		return e
	}
	return 0
}

// eastern is the end of a date of birth as Chinese, Japanese and Korean write it, whose
// year is [i, k): 1985年4月12日, 昭和60年4月12日, 1985년 4월 12일. 0: it is none, or no word
// says birth.
func (d *Detector) eastern(i, k int) int {
	s := i
	if k-i <= 2 {
		for _, era := range [...]string{"明治", "大正", "昭和", "平成", "令和"} {
			if bytes.HasSuffix(d.p[:i], []byte(era)) {
				s = i - len(era)
			}
		}
	}
	if s == i && k-i != 4 {
		return 0
	}
	e := k
	for n, signs := range [...][2]string{{"年", "년"}, {"月", "월"}, {"日", "일"}} {
		if n > 0 {
			from := d.blank(e)
			for e = from; e < len(d.p) && digit(d.p[e]); e++ {
			}
			if e == from || e-from > 2 {
				return 0
			}
		}
		if !bytes.HasPrefix(d.p[e:], []byte(signs[0])) && !bytes.HasPrefix(d.p[e:], []byte(signs[1])) {
			return 0
		}
		e += len(signs[0])
	}
	if d.context(s, e).own&aboutBirth == 0 {
		return 0
	}
	d.add(schemas.BirthDate, s, e, 0.85)
	return e
}

// gap is behind what stands between a day and a month, 0 if nothing does.
func (d *Detector) gap(k int) int {
	e := k
	for e < len(d.p) && e-k < 3 && (d.p[e] == ' ' || d.p[e] == '.' || d.p[e] == '-') {
		e++
	}
	if e > k && len(d.p)-e > 3 && d.p[e+2] == ' ' && (d.p[e] == 'd' && d.p[e+1] == 'e' || d.p[e] == 'o' && d.p[e+1] == 'f') {
		return e + 3
	}
	if e == k {
		return 0
	}
	return e
}

// month is the end of a month's name at s, 0 if there is none.
func (d *Detector) month(s int) int {
	if s <= 0 && (s < 0 || len(d.p) == 0 || !letter(d.p[0])) {
		return 0
	}
	if s+3 <= len(d.p) { // most words are told by their letters, without a look at the list
		a, b, c := d.p[s]|0x20-'a', d.p[s+1]|0x20-'a', d.p[s+2]|0x20-'a'
		if a < 26 && b < 26 && c < 26 && !monthly[int(a)*676+int(b)*26+int(c)] {
			return 0
		}
	}
	e, runes := s, 0
	for e < len(d.p) && e-s < 24 && letter(d.p[e]) {
		if e++; runes < 3 && (e == len(d.p) || d.p[e]&0xc0 != 0x80) {
			if runes++; runes == 3 && !look(months, d.p[s:e]) {
				return 0
			}
		}
	}
	if runes < 3 || d.at(s)-'0' <= 9 {
		return 0
	}
	return e
}

// year is the end of a year that stands behind e, 0 if there is none.
func (d *Detector) year(e int) int {
	if e <= 0 {
		return 0
	}
	p, i := d.p, e
	for i < len(p) && i-e < 4 && (p[i] == ' ' || p[i] == ',' || p[i] == '.' || p[i] == '-') {
		i++
	}
	if i == e && e < len(p) || i+4 > len(p) || p[i] != '1' && p[i] != '2' || word(d.at(i+4)) {
		if i+3 < len(p) && string(p[i:i+3]) == "de " {
			i += 3
		}
		if i+4 > len(p) || p[i] != '1' && p[i] != '2' || word(d.at(i+4)) {
			return 0
		}
	}
	for _, c := range p[i : i+4] {
		if !digit(c) {
			return 0
		}
	}
	return i + 4
}
