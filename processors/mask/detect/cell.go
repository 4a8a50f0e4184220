package detect

import "bytes"

// What stands around a number and makes it a phone: a label of its line, an
// address in the cell beside it.

// headed reports that the value has a name of its own which says a phone, or a
// label that begins its line or cell does: Tel.: 12 34 56.
func (v *view) headed() bool {
	if v.plus || v.context().near&aboutPhone == 0 {
		return false
	}
	for k := v.end; k < len(v.d.p) && k-v.end < 6 && (isSeparator(v.d.p[k]) || digit(v.d.p[k])); k++ { // a part of more
		if digit(v.d.p[k]) {
			return false
		}
	}
	if _, ok := v.d.field(v.from); ok {
		return true
	}
	p, e := v.d.p, v.start
	for e > 0 && v.start-e < 3 && (p[e-1] == ' ' || p[e-1] == ':' || p[e-1] == '.') {
		e--
	}
	s := e
	for s > 0 && letter(p[s-1]) {
		s--
	}
	if s > 1 && p[s-1] == ' ' && look(vagueNames, p[s:e]) { // phone number:
		for e, s = s-1, s-1; s > 0 && letter(p[s-1]); s-- {
		}
	}
	for k := s; k > 0 && k > s-2; k-- {
		if p[k-1] != ' ' {
			return meaning(p[s:e])&aboutPhone != 0 && indexOf("\n|;>,", p[k-1])
		}
	}
	return s < e && s < 2 && meaning(p[s:e])&aboutPhone != 0
}

// beside reports a cell of its own in a line, with an e-mail address's before or
// behind it: jane@example.org;593 724 596;.
func (v *view) beside() bool {
	p := v.d.p
	if v.bare() && len(v.digits) != 10 && (v.digits[0] != '0' || len(v.digits) < 9) {
		return false
	}
	s, e := v.start, v.end
	if v.listed() {
		return v.inSomePlan()
	}
	if s > 1 && p[s-1] == ' ' {
		s--
	}
	if v.d.at(e) == ' ' && v.d.at(e+1) == '|' {
		e++
	}
	before, behind := v.d.at(s-1), v.d.at(e)
	separates := func(c byte) bool { return c == ',' || c == ';' || c == '|' || c == '\t' }
	ends := func(c byte) bool { return separates(c) || c == '\n' || c == '\r' || c == 0 }
	address := func(p []byte) bool {
		at := bytes.IndexByte(p, '@')
		return at > 0 && bytes.IndexByte(p[at:], '.') > 0 && bytes.IndexByte(p, ' ') < 0
	}
	if separates(before) && ends(behind) && (before == '|' || s == v.start) {
		k := s - 1
		for k > 0 && s-k < maxLocal && !ends(p[k-1]) {
			k--
		}
		if address(bytes.Trim(p[k:s-1], " ")) {
			return v.inSomePlan()
		}
	}
	if separates(behind) && ends(before) && (behind == '|' || e == v.end) {
		k := e + 1
		for k < len(p) && k-e < maxLocal && !ends(p[k]) {
			k++
		}
		return address(bytes.Trim(p[e+1:k], " ")) && (behind == '|' || p[e+1] != ' ') && v.inSomePlan()
	}
	return false
}

// listed reports an e-mail address before the value, a comma, a dash or the like
// with spaces between, and nothing behind that goes on as a sentence: (jane@example.org,
// 739 789 414), jane@example.org - 739 789 414 - on Monday.
func (v *view) listed() bool {
	p, s, e := v.d.p, v.start, v.end
	if v.leads() || v.stacked() {
		return true
	}
	if s < 3 || p[s-1] != ' ' {
		return false
	}
	switch c := v.d.at(e); {
	case c == ')', c == ';', c == '|', c == '\n', c == 0, c == '.' && v.d.at(e+1) <= ' ':
	case c == ' ' && (v.d.at(e+1) == '|' || v.d.at(e+1) == '-' && v.d.at(e+2) == ' '):
	default:
		return false
	}
	for s--; s > 0 && p[s-1] == ' '; s-- {
	}
	if bytes.HasSuffix(p[:s], []byte(" or")) {
		s--
	} else if s == 0 || !indexOf(",;|/-", p[s-1]) || p[s-1] == '-' && v.d.at(s-2) != ' ' {
		return false
	}
	for s--; s > 0 && p[s-1] == ' '; s-- {
	}
	k := s
	for k > 0 && s-k < maxLocal && p[k-1] > ' ' && !indexOf(",;|(<", p[k-1]) {
		k--
	}
	at := bytes.IndexByte(p[k:s], '@')
	return at > 0 && bytes.IndexByte(p[k+at:s], '.') > 0
}

// stacked reports a line of its own, and that the next one or the one before is an address.
func (v *view) stacked() bool {
	p, s, e := v.d.p, v.start, v.end
	if s > 0 && p[s-1] != '\n' || e < len(p) && p[e] != '\n' && p[e] != '\r' {
		return false
	}
	address := func(line []byte) bool {
		line = bytes.TrimSpace(line)
		at := bytes.IndexByte(line, '@')
		if at <= 0 || bytes.IndexByte(line[at:], '.') < 0 {
			return false
		}
		for _, c := range line {
			if c != '@' && chars[c]&charLocal == 0 {
				return false
			}
		}
		return true
	}
	if s > 0 {
		from := max(0, s-1-maxLocal)
		if address(p[from+bytes.LastIndexByte(p[from:s-1], '\n')+1 : s-1]) {
			return true
		}
	}
	k := bytes.IndexByte(p[e:min(len(p), e+2)], '\n')
	if k < 0 {
		return false
	}
	next, _, _ := bytes.Cut(p[e+k+1:min(len(p), e+k+1+maxLocal)], []byte{'\n'})
	return address(next)
}

// leads reports what listed does of an address behind the value: Bo Lee, 739 789 414, bo@example.org.
func (v *view) leads() bool {
	p, s, i := v.d.p, v.start, v.end
	for i < len(p) && p[i] == ' ' {
		i++
	}
	if i+2 >= len(p) || !indexOf(",;|/-", p[i]) || p[i+1] != ' ' || p[i] == '-' && i == v.end {
		return false
	}
	if s > 1 && (p[s-1] != ' ' || !indexOf(",;|/-:", p[s-2])) && p[s-1] != '(' && p[s-1] != '\n' {
		return false
	}
	k := i + 2
	for i = k; k < len(p) && k-i < maxLocal && p[k] > ' ' && !indexOf(",;|)>", p[k]); k++ {
	}
	at := bytes.IndexByte(p[i:k], '@')
	return at > 0 && bytes.IndexByte(p[i+at:k], '.') > 0
}

// distinct reports digits that are not all one.
func distinct(d []byte) bool {
	for _, c := range d {
		if c != d[0] {
			return true
		}
	}
	return false
}
