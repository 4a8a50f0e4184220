package detect

import "bytes"

// A value in structured text has a name of its own: a member's, a parameter's,
// an element's, or its column's in the first line. That name says what the value
// is, and what is said of its neighbours says nothing.

// How far names are looked for, in bytes.
const (
	maxHead = 1024 // a line that names columns
	maxLine = 2048 // a line below it, before the value and behind
	maxKey  = 48   // a name beside its value
	maxTag  = 96   // a tag with its attributes
	columns = 64   // columns of a line or a statement
	heads   = 3    // lines that may name columns: a table has a title
)

// header is a line that names columns, one of the first.
type header struct {
	looked bool
	sep    byte // 0: there is none
	spaced bool // with a space behind it; else a separator and a space are of a text
	tuples bool // of INSERT INTO ... (names) VALUES (...), (...)
	n      int
	fields [columns][2]int32 // where each name is
}

// field is what the name of the value at start says. ok: it has a name that is
// about this value alone.
func (d *Detector) field(start int) (c context, ok bool) {
	if s, e := d.column(start); e > 0 {
		c = d.name(s, e)
		c.own = c.any
		return c, true
	}
	s, e := d.key(start)
	if e == 0 {
		return c, false
	}
	c = d.name(s, e)
	return c, c.near != 0 || !vague(d.p[s:e])
}

// name is what the name [s, e) says.
func (d *Detector) name(s, e int) context {
	k := e
	for k > s && !letter(d.p[k-1]) {
		k--
	}
	i := k
	for i > s && letter(d.p[i-1]) && !(i < k && chars[d.p[i]]&charUpper != 0 && chars[d.p[i-1]]&charLower != 0) {
		i--
	}
	c := d.before(e, s)
	c.apart = 0
	if c.near&(aboutPhone|aboutCard) != 0 && look(attributes, d.p[i:k]) { // phone_verified_at
		return context{near: against, any: against}
	}
	return c
}

// key is the name right before the value at start: "name": value, name=value,
// <name>value. e is 0 if there is none.
func (d *Detector) key(start int) (s, e int) {
	p := d.p
	i := start
	for i > 0 && start-i < 4 && (p[i-1] == ' ' || p[i-1] == '"' || p[i-1] == '\'' || p[i-1] == '+' || p[i-1] == '(' || p[i-1] == '-') {
		i--
	}
	if i == 0 {
		return 0, 0
	}
	least := max(0, i-maxKey)
	switch p[i-1] {
	case ':':
		for i--; i > least && p[i-1] == ' '; i-- {
		}
		if i == 0 || p[i-1] != '"' && p[i-1] != '\'' {
			return d.property(i)
		}
		quote := p[i-1]
		e = i - 1
		for s = e; s > least && p[s-1] != quote && p[s-1] != '\n' && p[s-1] != ':' && p[s-1] != ','; s-- {
		}
		if s == e || s == 0 || p[s-1] != quote {
			return 0, 0
		}
		return s, e
	case '=':
		e = i - 1
		for s = e; s > least && (word(p[s-1]) || p[s-1] == '-' || p[s-1] == '.' || p[s-1] >= 0x80); s-- {
		}
		if s == e {
			return 0, 0
		}
		return s, e
	case '>':
		e = i - 1
		for s = e; s > max(0, i-maxTag) && p[s-1] != '<' && p[s-1] != '>' && p[s-1] != '\n'; s-- {
		}
		if s == e || s == 0 || p[s-1] != '<' || p[s] == '/' || p[s] == '!' || markup(p[s:e]) {
			return 0, 0
		}
		return s, e
	}
	return 0, 0
}

// property is the name of a vCard's property with parameters that end at i
// (RFC 6350, section 3.3): TEL;TYPE=WORK,VOICE:202-555-0143.
func (d *Detector) property(i int) (s, e int) {
	least := max(0, i-maxTag)
	s = least + bytes.LastIndexByte(d.p[least:i], '\n') + 1
	for e = s; e < i && (letter(d.p[e]) || digit(d.p[e]) || d.p[e] == '.'); e++ {
		if d.p[e] == '.' { // item1.TEL
			s = e + 1
		}
	}
	if s == e || d.at(e) != ';' || bytes.IndexByte(d.p[e:i], ' ') >= 0 {
		return 0, 0
	}
	return s, e
}

// vague reports a name that leaves to what is around it what its value is.
func vague(name []byte) bool {
	for s := 0; s < len(name); s++ {
		if !letter(name[s]) {
			continue
		}
		e := s + 1
		for e < len(name) && letter(name[e]) && !(chars[name[e]]&charUpper != 0 && chars[name[e-1]]&charLower != 0) {
			e++
		}
		if !look(vagueNames, name[s:e]) {
			return false
		}
		s = e - 1
	}
	return true
}

var vagueNames = set("value", "val", "number", "no", "num", "nr", "nummer", "numero", "número", "numéro", "home", "work", "main", "primary", "secondary", "other", "default", "alt", "alternate", "alternative", "raw", "formatted",
	"national", "local", "international", "intl", "digits", "personal", "private", "business", "emergency", "day", "evening", "daytime", "to", "from", "sender", "recipient", "destination", "src", "dst", "dest",
	"target", "input", "data", "content", "payload", "body", "message", "msg", "note", "notes", "comment", "comments", "description", "q", "query", "line", "field", "string", "str", "first", "second", "new", "old", "current", "previous")

// markup reports a tag of HTML that only says how its text looks.
func markup(tag []byte) bool {
	n := 0
	for n < len(tag) && word(tag[n]) {
		n++
	}
	return look(markupTags, tag[:n])
}

var markupTags = set("td", "th", "tr", "span", "b", "i", "u", "p", "li", "ul", "div", "br", "a", "strong", "em", "small", "big", "label", "font", "h1", "h2", "h3", "h4", "h5", "h6", "body", "dd", "dt", "code", "pre", "blockquote", "center", "section", "cite", "mark", "string", "string-array", "hr", "tt")

// column is where the name of the column is in which the value at start stands
// alone. e is 0 if it stands in none.
func (d *Detector) column(start int) (s, e int) {
	h := &d.head
	if !h.looked {
		h.read(d.p)
	}
	if h.sep == 0 {
		return 0, 0
	}
	p := d.p
	if h.tuples {
		return d.tuple(start)
	}
	line := bytes.LastIndexByte(p[max(0, start-maxLine):start], '\n')
	if line < 0 {
		return 0, 0
	}
	line += max(0, start-maxLine) + 1
	i := start
	for i > line && (p[i-1] == ' ' || p[i-1] == '"' || p[i-1] == '\'' || p[i-1] == '+' || p[i-1] == '(' || p[i-1] == '-') {
		i--
	}
	if i > line && p[i-1] != h.sep {
		return 0, 0
	}
	at, total, quoted := 0, 0, false
	last := min(len(p), start+maxLine)
	for k := line; k < last && p[k] != '\n'; k++ {
		if k == start {
			at = total
		}
		switch p[k] {
		case '"':
			quoted = !quoted
		case h.sep:
			if !quoted && (h.spaced || d.at(k+1) != ' ') {
				total++
			}
		}
	}
	if total+1 != h.n {
		return 0, 0
	}
	return int(h.fields[at][0]), int(h.fields[at][1])
}

// read looks at the first line of p: names of columns, at least two, one of
// which says something or is one word.
func (h *header) read(p []byte) {
	h.looked, h.sep, h.tuples = true, 0, false
	if h.insert(p) {
		return
	}
	for s, line := 0, 0; line < heads && h.sep == 0; line++ {
		end := s + bytes.IndexByte(p[s:min(len(p), s+maxHead)], '\n')
		if end < s || end+1 == len(p) {
			return
		}
		if end-s >= 3 {
			h.line(p[s:end])
			for i := range h.n {
				h.fields[i][0] += int32(s)
				h.fields[i][1] += int32(s)
			}
		}
		s = end + 1
	}
}

// line takes the names of columns that a line has.
func (h *header) line(p []byte) {
	for _, sep := range [...]byte{'\t', ';', '|', ','} {
		if bytes.IndexByte(p, sep) >= 0 {
			if h.split(p, sep) {
				h.sep = sep
			}
			return
		}
	}
	h.n = 0
}

// insert looks for the names of columns of an INSERT statement at the start of p.
func (h *header) insert(p []byte) bool {
	if len(p) < 12 || p[0]|0x20 != 'i' || !bytes.EqualFold(p[:12], []byte("insert into ")) {
		return false
	}
	head := p[:min(len(p), maxHead)]
	open := bytes.IndexByte(head, '(')
	if open < 0 {
		return false
	}
	n := bytes.IndexByte(head[open:], ')')
	if n < 0 || !h.split(head[open+1:open+n], ',') && h.n != 1 {
		return false
	}
	for i := 0; i < h.n; i++ {
		h.fields[i][0] += int32(open + 1)
		h.fields[i][1] += int32(open + 1)
	}
	h.sep, h.tuples = ',', true
	return true
}

// tuple is where the name of the column is of the value at start, which stands
// in (...) of a statement.
func (d *Detector) tuple(start int) (s, e int) {
	p, least := d.p, max(0, start-maxLine)
	open := start - 1
	for ; open > least; open-- { // ( behind a comma or VALUES, not one within a text
		if p[open] != '(' {
			continue
		}
		k := open - 1
		for k > least && (p[k] == ' ' || p[k] == '\n') {
			k--
		}
		if p[k] == ',' || p[k]|0x20 == 's' {
			break
		}
	}
	if open <= least {
		return 0, 0
	}
	at, quoted, alone := 0, false, true
	for k := open + 1; k < start; k++ {
		switch c := p[k]; {
		case c == '\'':
			quoted = !quoted
		case c == ',' && !quoted:
			at++
			alone = true
			continue
		default:
			alone = alone && (c == ' ' || c == '+' || c == '-' || c == '(' || c == '\n')
		}
	}
	if at >= d.head.n || !alone {
		return 0, 0
	}
	return int(d.head.fields[at][0]), int(d.head.fields[at][1])
}

// split notes the names in a line, and reports whether it is one of names.
func (h *header) split(line []byte, sep byte) bool {
	h.n, h.spaced = 0, sep == '|' || bytes.Contains(line, []byte{sep, ' '})
	s, single := 0, 0
	for i := 0; i <= len(line); i++ {
		if i < len(line) && line[i] != sep {
			if c := line[i]; !word(c) && c < 0x80 && bytes.IndexByte([]byte(" \"'`_-#()/.\r"), c) < 0 {
				return false
			}
			continue
		}
		if h.n == columns || i-s > maxKey {
			return false
		}
		words := 0
		for k := s; k < i; k++ {
			if letter(line[k]) && (k == s || !letter(line[k-1]) && !word(line[k-1])) {
				words++
			}
		}
		if words > 4 || words == 0 && i > s && sep != '|' {
			return false
		}
		if words == 1 {
			single++
		}
		h.fields[h.n] = [2]int32{int32(s), int32(i)}
		h.n++
		s = i + 1
	}
	return h.n > 2 && single > 0 || h.n == 2 && single == 2
}
