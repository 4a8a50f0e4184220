package detect

import (
	"bytes"

	"sluice/schemas"
)

// group is a run of digits in a number that is written in parts.
type group struct {
	start, end int // in the text
	first      int // of its digits in number.digits
	sep        byte
	gap        int // bytes between it and the group before
}

func (g *group) len() int { return g.end - g.start }

// number is what stands at a digit: groups of digits with separators between.
type number struct {
	groups [12]group
	n      int
	digits [40]byte
	taken  int // the group behind the last value that was found in it
}

// view is a part of a number that could be a value: some of its groups.
type view struct {
	d      *Detector
	groups []group
	digits []byte
	start  int  // with a sign or a bracket before the first digit
	end    int  // behind the last digit
	plus   bool // a + before it
	loose  bool // with a space behind it
	paren  bool // a group in round brackets
	around context
	known  bool // around was looked for
	from   int  // where the words before end: the start, or that of groups before it which spaces join
	inner  bool // a group before it, or one of three digits and more behind, is joined as its own are
}

const (
	maxGroups = 12
	maxDigits = 40
)

// number looks at the digits at i and all that follows in groups, and returns
// the place to go on.
func (d *Detector) number(i int) int {
	p := d.p
	if end := d.glued(i); end > 0 {
		return end
	}
	// Most digits are a count in a sentence.
	if k := d.short(i); k > 0 {
		return k
	}
	n := &d.num
	n.n, n.taken = 0, 0
	count := 0
	j := i
	for {
		g := group{start: j, first: count}
		for j < len(p) && digit(p[j]) {
			if count < maxDigits {
				n.digits[count] = p[j]
			}
			count++
			j++
		}
		g.end = j
		if n.n > 0 {
			last := &n.groups[n.n-1]
			g.gap = g.start - last.end
			g.sep = separator(p[last.end:g.start])
		}
		if count > maxDigits || n.n == maxGroups {
			return j // no value has so many
		}
		n.groups[n.n] = g
		n.n++
		k := j
		for k < len(p) && k-j < 5 && isSeparator(p[k]) {
			k++
		}
		if k == j || k >= len(p) || !digit(p[k]) || separator(p[j:k]) == 0 || p[k-1] == '(' && !closes(p[k:]) {
			break
		}
		if bytes.IndexByte(p[j:k], ')') >= 0 && !n.area(p) { // a bracket around more than an area's code
			break
		}
		// A group that goes on as a word is no part of this.
		e := k
		for e < len(p) && digit(p[e]) {
			e++
		}
		if e < len(p) && (word(p[e]) && p[e]|0x20 != 'x' || p[e] == '@') && !d.label(e) {
			for n.n > 0 && k == j+1 && p[j] == '-' { // nor is what hyphens join to it
				n.n--
				if n.n > 0 {
					k, j = n.groups[n.n].start, n.groups[n.n-1].end
				}
			}
			if n.n == 0 {
				return d.rest(i, "-_")
			}
			break
		}
		if k-j == 3 && count >= 7 && p[j] == ' ' && p[k-1] == ' ' { // one number / and another
			break
		}
		j = k
	}
	count = n.groups[n.n-1].first + n.groups[n.n-1].len()
	end := n.groups[n.n-1].end
	if count < 6 {
		return end
	}
	if e := d.ipv4(i); e > 0 {
		return e
	}
	if e := d.coordinates(i); e > 0 {
		return e
	}
	return d.views(n, end)
}

// area reports that a bracket that closes here was opened beside one of the
// groups, and has no whole number in it.
func (n *number) area(p []byte) bool {
	for k := n.n - 1; k >= 0; k-- {
		from := max(0, n.groups[k].start-2)
		if bytes.IndexByte(p[from:n.groups[k].start], '(') >= 0 {
			last := &n.groups[n.n-1]
			return last.first+last.len()-n.groups[k].first < 7
		}
	}
	return false
}

// label reports a word about a number and a colon at i, which no space parts
// from what is before: 457-55-5462Phone:.
func (d *Detector) label(i int) bool {
	e := i
	for e < len(d.p) && e-i < maxWord && letter(d.p[e]) {
		e++
	}
	return d.at(e) == ':' && chars[d.p[i]]&charUpper != 0 && (meaning(d.p[i:e]).positive() || bytes.EqualFold(d.p[i:e], mail))
}

var mail = []byte("email")

// short is the end of fewer than six digits at i that no other digits follow
// within a number, 0 for others.
func (d *Detector) short(i int) int {
	p, k := d.p, i
	for k < len(p) && digit(p[k]) {
		k++
	}
	if k-i >= 6 {
		return 0
	}
	if k-i <= 2 {
		if e := d.monthly(i, k); e > 0 {
			return e
		}
	}
	for s := k; s < len(p) && s-k < 6; s++ {
		if digit(p[s]) {
			return 0
		}
		if !isSeparator(p[s]) {
			break
		}
	}
	return k
}

func isSeparator(c byte) bool {
	return c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' || c == '/'
}

// closes reports digits and a closing bracket.
func closes(p []byte) bool {
	i := 0
	for i < len(p) && digit(p[i]) {
		i++
	}
	return i < len(p) && p[i] == ')'
}

// separator is the byte that stands for what is between two groups: itself, a
// bracket, or / and - with spaces around; 0 for what separates nothing.
func separator(p []byte) byte {
	switch len(p) {
	case 1:
		return p[0]
	case 2:
		if p[0] == '/' && p[1] == ' ' { // 01/ 769 16 96
			return '/'
		}
		if p[0] == ')' && (p[1] == ' ' || p[1] == '-' || p[1] == '.' || p[1] == '/') || p[1] == '(' && (p[0] == ' ' || p[0] == '-') {
			return '('
		}
	case 5: // 202 555  .  0143
		if string(p) == "  .  " || string(p) == "  -  " {
			return p[2]
		}
	case 3:
		if p[0] == ' ' && p[2] == ' ' && (p[1] == '-' || p[1] == '/') {
			return p[1]
		}
		if p[0] == ')' && p[1] == ' ' && (p[2] == '-' || p[2] == '(') {
			return '('
		}
	}
	return 0
}

// glued is the end of a code that the digits at i are a part of (ORD-2024-001,
// v1.2.3, $4.50, #17, a path of a URL), 0 if they stand for themselves.
func (d *Detector) glued(i int) int {
	p := d.p
	before := d.at(i - 1)
	switch before {
	case '-', '_', '/', '.', '\\', '~', '^':
		if before == '-' && word(d.at(i-2)) {
			if end := d.secret(i); end > 0 {
				return end
			}
		}
		if !word(d.at(i-2)) && d.at(i-2) != '/' || digit(d.at(i-2)) && before == '-' {
			return 0
		}
		s := i - 1
		for s > 0 && (word(p[s-1])) {
			s--
		}
		if c := meaning(p[s : i-1]); c.positive() || before == '/' && bytes.HasSuffix(p[:i-1], chat) {
			return 0
		}
	case '$':
		return d.rest(i, ".,")
	case 0xa3, 0xa5, 0xac: // the last bytes of £, ¥ and €
		if c := d.at(i - 2); c == 0xc2 || c == 0x82 {
			return d.rest(i, ".,")
		}
		return 0
	case ':': // 12:30:45.123456
		if digit(d.at(i-2)) && digit(d.at(i+1)) && !digit(d.at(i+2)) {
			return d.rest(i, ".,")
		}
		return 0
	default:
		return 0
	}
	return d.rest(i, "-_./:")
}

// rest is the end of the word at i, with the given characters in it.
func (d *Detector) rest(i int, with string) int {
	for i < len(d.p) && (word(d.p[i]) || bytes.IndexByte([]byte(with), d.p[i]) >= 0 && word(d.at(i+1))) {
		i++
	}
	return i
}

// views tries parts of a number, from the left, the longest first. Parts begin
// and end where a space or a slash is; what dots, hyphens and brackets join is one.
func (d *Detector) views(n *number, end int) int {
	open := func(k int) bool { // a part may begin with group k
		if k == 0 || k == n.n {
			return true
		}
		s := n.groups[k].sep
		if s == '/' && n.groups[k].gap == 1 && n.groups[k-1].len() <= 2 { // 01/03/89
			return false
		}
		return s == ' ' || n.groups[k].gap >= 3 || s == '/' || s == '(' && d.at(n.groups[k].start-1) == '('
	}
	for i := 0; i < n.n; {
		if i+3 <= n.n && dated(n.groups[i:i+3], n.digits[n.groups[i].first:]) && !d.born(n, i) {
			i += 3
			continue
		}
		took := 0
		if i > 0 && i+4 <= n.n && n.groups[i+1].sep == '.' { // 1:8-51 / 192.0.2.1
			if e := d.ipv4(n.groups[i].start); e == n.groups[i+3].end {
				i += 4
				continue
			}
		}
		if open(i) {
			for j := n.whole(i); j > i; j-- {
				if !open(j) {
					continue
				}
				if n.quads(i, j) && d.value(n, i, j) == 0 { // the form of a card, and none: its parts are nothing
					took = j
					break
				}
				if to := d.value(n, i, j); to > 0 {
					took, n.taken = j, j
					end = max(end, to)
					break
				}
			}
		}
		if took == 0 {
			took = i + 1
		}
		i = took
	}
	return end
}

// whole is where a part that begins with group i has to end: before what stands
// for itself among others with spaces between, a card's four fours or an SSN.
func (n *number) whole(i int) int {
	for k := i; k+3 <= n.n && n.n > 4; k++ {
		if k > 0 && n.groups[k].sep != ' ' {
			continue
		}
		g := n.groups[k:n.n]
		ssn := g[0].len() == 3 && g[1].len() == 2 && g[2].len() == 4 && g[1].sep == '-' && g[2].sep == '-' && (len(g) == 3 || g[3].sep != '-')
		switch card := len(g) >= 4 && n.quads(k, k+4); {
		case ssn && k == i:
			return i + 3
		case ssn && k > 0, card && k > i && luhn(n.digits[g[0].first:g[0].first+16]) && issued(n.digits[g[0].first:g[0].first+16]):
			return k
		}
	}
	return n.n
}

// chat is the host of addresses that are a phone number with its country's code.
var chat = []byte("wa.me")

// quads reports three to five groups of four digits, all joined in one way.
func (n *number) quads(i, j int) bool {
	for k := i; k < j; k++ {
		if n.groups[k].len() != 4 || k > i+1 && n.groups[k].sep != n.groups[i+1].sep {
			return false
		}
	}
	return j-i >= 3 && j-i <= 5
}

// value tries groups i to j as one value and returns its end, 0 if it is none.
func (d *Detector) value(n *number, i, j int) int {
	first, last := &n.groups[i], &n.groups[j-1]
	v := view{d: d, groups: n.groups[i:j], digits: n.digits[first.first : last.first+last.len()], start: first.start, end: last.end}
	if len(v.digits) < 6 {
		return 0
	}
	v.inner = i > n.taken && n.groups[i].gap == 1 && n.groups[i].sep == ' ' && (j-i == 1 || n.groups[i+1].sep == ' ' && n.groups[i+1].gap == 1)
	if j < n.n && j-i > 1 && n.groups[j].sep == ' ' && n.groups[j].gap == 1 && n.groups[j].len() > 2 && v.sep() == ' ' { // 926 911 8762 6836
		v.inner = true
	}
	for s := v.start - 1; s >= 0 && v.start-s <= 3; s-- {
		c := d.p[s]
		if c == '+' && (word(d.at(s-1)) || d.at(s-1) == '+') { // zip+4 1234, 1+1, C++11
			break
		}
		if c == '/' && s+1 == v.start && bytes.HasSuffix(d.p[:s], chat) {
			v.plus = true
			break
		}
		if c == '(' || c == '+' {
			v.loose = v.loose || c == '+' && s+1 < v.start && d.p[s+1] == ' '
			v.start = s
			v.plus = v.plus || c == '+'
		} else if c != ' ' || d.at(s-1) != '+' {
			break
		}
	}
	if d.at(v.start) == '(' {
		closed := false
		for c := v.start; c < v.end; c++ {
			closed = closed || d.p[c] == ')'
		}
		if !closed && d.at(v.end) == ')' && v.plus { // (+1 202 555 0143)
			v.start++
		} else if !closed {
			v.start = first.start
			if v.plus {
				v.start--
			}
		}
	}
	if open := bytes.Count(d.p[v.start:v.end], []byte("(")) - bytes.Count(d.p[v.start:v.end], []byte(")")); open > 0 && d.p[v.start] == '(' && !(open == 1 && d.at(v.end) == ')' && len(v.groups) == 1) {
		v.start++ // a bracket around more than the number
	}
	for k := range v.groups[:len(v.groups)-1] {
		v.paren = v.paren || d.at(v.groups[k].end) == ')'
	}
	v.from = v.start
	if v.inner && !v.plus {
		v.from = n.groups[0].start
	}
	if c, ok := v.birth(); ok {
		d.add(schemas.BirthDate, v.start, v.end, c)
		return v.end
	}
	if v.decimal() && len(v.groups) == 2 && v.groups[1].len() >= 4 && v.num(0) <= 180 && v.context().near&aboutPlace != 0 {
		if d.at(v.start-1) == '-' {
			v.start--
		}
		d.add(schemas.Coordinates, v.start, v.end, 0.75)
		return v.end
	}
	if v.date() || v.decimal() && v.context().near&aboutPhone == 0 {
		return 0
	}
	if end := v.ssn(); end > 0 {
		return end
	}
	if end := v.card(); end > 0 {
		return end
	}
	if end := v.documents(); end > 0 {
		return end
	}
	return v.phone()
}

// context is what the words around say, looked for once.
func (v *view) context() context {
	if !v.known {
		v.around, v.known = v.d.context(v.from, v.end), true
	}
	return v.around
}

// shape reports groups of exactly these lengths.
func (v *view) shape(lens ...int) bool {
	if len(v.groups) != len(lens) {
		return false
	}
	for i, n := range lens {
		if v.groups[i].len() != n {
			return false
		}
	}
	return true
}

// sep is the one separator of all groups, 0 if they differ.
func (v *view) sep() byte {
	if len(v.groups) < 2 {
		return 0
	}
	s := v.groups[1].sep
	for i := 2; i < len(v.groups); i++ {
		if v.groups[i].sep != s {
			return 0
		}
	}
	return s
}

func (v *view) bare() bool { return len(v.groups) == 1 }

// num is the value of group i, of no more than nine digits.
func (v *view) num(i int) int {
	n := 0
	for _, c := range v.digits[v.groups[i].first-v.groups[0].first:][:min(9, v.groups[i].len())] {
		n = n*10 + val(c)
	}
	return n
}

// dated reports three groups that are a date, given the digits from the first on.
func dated(g []group, digits []byte) bool {
	var v [3]int
	for i := range v {
		if g[i].len() > 4 {
			return false
		}
		for _, c := range digits[g[i].first-g[0].first:][:g[i].len()] {
			v[i] = v[i]*10 + val(c)
		}
	}
	if g[1].sep != g[2].sep || g[1].len() > 2 || g[1].sep == ' ' {
		return false
	}
	year := func(y int) bool { return y >= 1800 && y < 2200 }
	switch {
	case g[0].len() == 4 && g[1].len() == 2 && g[2].len() == 2:
		return year(v[0]) && v[1] >= 1 && v[1] <= 12 && v[2] >= 1 && v[2] <= 31
	case g[2].len() == 4 && g[0].len() <= 2:
		return year(v[2]) && v[0] >= 1 && v[1] >= 1 && v[0] <= 31 && v[1] <= 31 && (v[0] <= 12 || v[1] <= 12)
	}
	return false
}

// born reports that the date at group i is one of birth.
func (d *Detector) born(n *number, i int) bool {
	return d.context(n.groups[i].start, n.groups[i+2].end).any&aboutBirth != 0
}

// date reports three groups in the view that are a date.
func (v *view) date() bool {
	for i := 0; i+3 <= len(v.groups) && !v.plus; i++ {
		if dated(v.groups[i:i+3], v.digits[v.groups[i].first-v.groups[0].first:]) {
			return true
		}
	}
	return false
}

// decimal reports a number with digits behind a point: 12345.678, 1 234 567.89.
func (v *view) decimal() bool {
	n := len(v.groups)
	if n < 2 || v.groups[n-1].sep != '.' || v.plus && n > 2 {
		return false
	}
	dots := 0
	for i := 1; i < n; i++ {
		if v.groups[i].sep == '.' {
			dots++
		} else if v.groups[i].len() != 3 || v.groups[i].sep != ' ' {
			return false
		}
	}
	return dots == 1 && (n == 2 && (v.groups[0].len() < 3 || v.groups[0].len() > 4 || v.groups[1].len() != 7) || n > 2 && v.groups[n-1].len() <= 2)
}
