package detect

import "sluice/processors/mask/detect/phone"

// What has a phone's digits and is none.

// article reports an ISBN, ISSN or the like by form and check digit, or a word
// that says so.
func (v *view) article() bool {
	d := v.digits
	if v.plus || v.paren {
		return false
	}
	if len(d) == 13 && (string(d[:3]) == "978" || string(d[:3]) == "979") && v.context().any&aboutPhone == 0 {
		return true
	}
	if len(v.groups) == 4 && v.sep() == '-' && len(d) == 10 && v.groups[3].len() == 1 {
		return true
	}
	return false
}

// dates reports years and pages from and to, a ZIP code, or one word that is a day with or without its
// time, or seconds or milliseconds since 1970, of 2014 to 2033: of those, only the
// word right before makes a phone.
func (v *view) dates() bool {
	if v.plus || v.paren {
		return false
	}
	year := func(d []byte) bool { return d[0] == '1' && d[1] == '9' || d[0] == '2' && d[1] == '0' }
	two := func(i int) int { return val(v.digits[i])*10 + val(v.digits[i+1]) }
	switch n := len(v.digits); {
	case n == 9 && v.zip():
		return true
	case v.bare() && n < 10 && string(v.digits[n-5:]) == "00000" && v.context().apart > 0: // calls were up from 8800000
		return true
	case n == 8 && v.shape(4, 4) && (v.sep() == '-' || v.sep() == '/'):
		from, to := v.num(0), v.num(1)
		return year(v.digits) && year(v.digits[4:]) && from <= to || from < to && to-from <= 50
	case v.bare() && (n == 10 || n == 13):
		if v.digits[0] != '1' || v.digits[1] < '4' || v.digits[1] > '9' {
			return false
		}
		c := v.context()
		return c.near&aboutPhone == 0 || c.apart > 0 || c.later
	case v.bare() && (n == 8 || n == 14):
		if !year(v.digits) || two(4) < 1 || two(4) > 12 || two(6) < 1 || two(6) > 31 {
			return false
		}
		if n == 14 {
			return two(8) < 24 && two(10) < 60 && two(12) < 60
		}
		c := v.context()
		return c.near&aboutPhone == 0 || c.apart > 0 || c.later
	}
	return false
}

// zip reports a ZIP+4 behind a state.
func (v *view) zip() bool {
	at := func(i int) byte { return v.d.at(v.start - i) }
	return v.shape(5, 4) && v.sep() == '-' && at(1) == ' ' && chars[at(2)]&chars[at(3)]&charUpper != 0 && !word(at(4))
}

// amount reports thousands in groups, and a comma with two decimals behind: 1 234 567,89.
func (v *view) amount() bool {
	if v.d.at(v.end) != ',' || !digit(v.d.at(v.end+1)) || !digit(v.d.at(v.end+2)) || word(v.d.at(v.end+3)) || v.plus || v.paren {
		return false
	}
	for i := range v.groups {
		if n := v.groups[i].len(); n > 3 || i > 0 && n != 3 {
			return false
		}
	}
	return true
}

// dotted reports points mixed with other separators, as numbers with decimals
// between others have.
func (v *view) dotted() bool {
	dots, short := 0, false
	for i := range v.groups[1:] {
		if g := &v.groups[i+1]; g.sep == '.' && g.gap == 1 {
			dots++
			short = short || g.len() == 1
		}
	}
	if dots > 1 && dots == len(v.groups)-1 && !v.plus { // a version
		return short || len(v.digits) < 8 || len(v.digits) == 8 && !v.shape(2, 2, 2, 2)
	}
	return dots > 0 && dots < len(v.groups)-1 && !v.plus && !v.paren && v.context().near&aboutPhone == 0
}

// postcode reports that p begins with a postal code of Brazil: 01310-100.
func postcode(p []byte) bool {
	i := 0
	for i < len(p) && i < 3 && (p[i] == ' ' || p[i] == ':') {
		i++
	}
	if len(p) < i+9 || p[i+5] != '-' || len(p) > i+9 && word(p[i+9]) {
		return false
	}
	for k := range 9 {
		if k != 5 && !digit(p[i+k]) {
			return false
		}
	}
	return true
}

// abroad reports groups that begin with 00 and a calling code, and then perhaps
// a trunk digit in brackets: 00 33 1 23 45 67 89, 00972 (0)2-136-2136.
func (v *view) abroad() bool {
	d := v.digits
	if len(d) < 10 || d[0] != '0' || d[1] != '0' || d[2] == '0' {
		return false
	}
	plan, _ := phone.Split(d[2:])
	if plan == nil {
		return false
	}
	return v.groups[0].len() == 2 && v.groups[1].len() == codeLen(plan) || v.groups[0].len() == 2+codeLen(plan) && v.paren && v.groups[1].len() == 1
}

// trailed reports a number and another behind it, as a house's: +1 201-819-4834 64 Main St.
// The whole is none, the number without its last group is one, and a name follows.
func (v *view) trailed() bool {
	n := len(v.groups)
	if n < 2 {
		return false
	}
	last := &v.groups[n-1]
	if last.sep != ' ' || last.gap != 1 || last.len() > 4 || v.d.at(v.end) != ' ' || chars[v.d.at(v.end+1)]&charUpper == 0 {
		return false
	}
	whole := v.digits
	rest := whole[:len(whole)-last.len()]
	if n > 2 && v.sep() == ' ' && !v.plus && len(rest) < 10 {
		return false
	}
	valid := func(d []byte) bool {
		if short := (view{digits: d}); !v.plus && (len(d) < 12 || d[0] == '0') && short.inSomePlan() {
			return true
		}
		if !v.plus && d[0] == '0' && d[1] == '0' {
			d = d[2:]
		}
		plan, national := phone.Split(d) // 57 329 325 52 71, too
		return plan != nil && len(national) > 1 && (plan.Valid(national) || plan.Trunk != 0 && national[0] == plan.Trunk && plan.Valid(national[1:]))
	}
	return len(rest) > 7 && !valid(whole) && valid(rest)
}

// keyed reports digits as keys of records and documents have them, too: one word, or
// two that a hyphen joins.
func (v *view) keyed() bool {
	return !v.paren && (v.bare() || len(v.groups) == 2 && v.sep() == '-')
}

// coded reports forms that codes have more often than phones, where no word says
// a phone: gift cards and parcels of three fours, eight digits and more, two slashes.
// In those of paths and ZIP codes that word has to be said of no number between.
func (v *view) coded() bool {
	if v.plus || v.paren || len(v.groups) < 2 {
		return false
	}
	first, sep := v.groups[0].len(), v.groups[1].sep
	paths := sep == '/' && len(v.groups) > 2 && v.sep() == '/' || sep == '-' && v.shape(5, 4)
	if !paths && (first < 7 || first == 10) && !(first == 4 && v.shape(4, 4, 4)) {
		return false
	}
	c := v.context()
	if paths {
		return c.near&c.own&aboutPhone == 0
	}
	return c.near&aboutPhone == 0 && !(v.shape(4, 4, 4) && v.digits[1] == '8')
}

// sum is the end of an amount or a second with its fraction at i: 1,234,567.89,
// 56.123. A comma before more than three digits begins the next cell of a row. // P1
func (d *Detector) sum(i int) int {
	for {
		for i < len(d.p) && word(d.p[i]) {
			i++
		}
		k := i + 1
		for digit(d.at(k)) {
			k++
		}
		n := k - i - 1
		switch {
		case n > 0 && d.at(i) == '.' && n != 3: // a fraction ends it
			return k
		case n == 0 || d.at(i) != '.' && (d.at(i) != ',' || n > 3 || word(d.at(k)) || d.at(k) == '-'):
			return i
		}
		i = k
	}
}
