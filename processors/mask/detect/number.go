package detect

import "bytes"

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
		k, closed := j, false
		for k < len(p) && k-j < 5 && (isSeparator(p[k]) || p[k] == '+' && bytes.IndexByte(p[i:k], ' ') < 0 && d.form(i)) {
			closed = closed || p[k] == ')'
			k++
		}
		if k == j || k >= len(p) || !digit(p[k]) || separator(p[j:k]) == 0 || p[k-1] == '(' && !closes(p[k:]) {
			break
		}
		if closed && !n.area(p) { // a bracket around more than an area's code
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
		if p[j] == ' ' && k == j+1 && (e-k <= 2 && d.at(e) == '-' && chars[d.at(e+1)]&charLower != 0 || dating(p[e:])) { // 06-nummer, 2024年
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
	if count == 8 && n.pairs() && d.labels(i, end) {
		had := len(d.spans)
		if e := d.views(n, end); len(d.spans) > had { // else a host that is pinged, called or dialled
			return e
		}
	}
	if e := d.ipv4(i); e > 0 {
		return e
	}
	if e := d.coordinates(i); e > 0 {
		return e
	}
	return d.views(n, end)
}

// dating reports what follows a year, month, day, hour or sum in Chinese, Japanese or Korean.
func dating(p []byte) bool {
	if len(p) < 3 || p[0] < 0xe5 || p[0] > 0xec {
		return false
	}
	switch string(p[:3]) {
	case "年", "月", "日", "時", "时", "円", "元", "년", "월", "일", "시", "원":
		return true
	}
	return false
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
	if d.at(k) >= 0x80 {
		if e := d.sphere(i, k); e > 0 {
			return e
		}
		if e := d.eastern(i, k); e > 0 {
			return e
		}
	}
	for s := k; s < len(p) && s-k < 6; s++ {
		if digit(p[s]) {
			return 0
		}
		if !isSeparator(p[s]) && p[s] != '+' {
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

// form reports that the number at i is a parameter's value, in which a + is a
// space (WHATWG URL, application/x-www-form-urlencoded): ?tel=020+7946+0018.
func (d *Detector) form(i int) bool {
	s := i
	for s > 0 && i-s < 3 && (d.p[s-1] == '+' || d.p[s-1] == '(') {
		s--
	}
	if d.at(s-1) != '=' {
		return false
	}
	for s--; s > 0 && i-s < maxKey && (word(d.p[s-1]) || d.p[s-1] == '-' || d.p[s-1] == '.'); s-- {
	}
	return s == 0 || indexOf("?&; \n\"'", d.p[s-1])
}

// separator is the byte that stands for what is between two groups: itself, a
// bracket, or / and - with spaces around; 0 for what separates nothing.
func separator(p []byte) byte {
	if p[0] == '+' || p[len(p)-1] == '+' { // of a form
		var plain [5]byte
		for i := range p {
			if plain[i] = p[i]; p[i] == '+' {
				plain[i] = ' '
			}
		}
		p = plain[:len(p)]
	}
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
		if end := d.company(i); end > 0 {
			return end
		}
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
		if c := meaning(p[s : i-1]); c.positive() || before == '_' && d.filed(i) || before == '/' && bytes.HasSuffix(p[:i-1], chat) {
			return 0
		}
	case '$':
		return d.sum(i)
	case 0xa3, 0xa5, 0xac: // the last bytes of £, ¥ and €
		if c := d.at(i - 2); c == 0xc2 || c == 0x82 {
			return d.sum(i)
		}
		return 0
	case ':': // 12:30:45.123456
		if digit(d.at(i-2)) && digit(d.at(i+1)) && !digit(d.at(i+2)) {
			return d.sum(i)
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

// quads reports three to five groups of four digits, all joined in one way.
func (n *number) quads(i, j int) bool {
	for k := i; k < j; k++ {
		if n.groups[k].len() != 4 || k > i+1 && n.groups[k].sep != n.groups[i+1].sep {
			return false
		}
	}
	return j-i >= 3 && j-i <= 5
}
