package detect

import "bytes"

// What is said of a value in another sentence, cell or bracket than its own.

// opens is the length of a quotation mark that p, bytes of letters and others beyond ASCII, begins with.
func opens(p []byte) int {
	switch {
	case p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0x98 && p[2] <= 0x9f, p[0] == 0xe3 && p[1] == 0x80 && p[2] >= 0x8a && p[2] <= 0x91: // â, ã
		return 3
	case p[0] == 0xc2 && (p[1] == 0xab || p[1] == 0xbf || p[1] == 0xa1): // Â«, Â¿
		return 2
	}
	return 0
}

// How far a question is looked for, in words, and its end, in bytes.
const (
	wordsAsked = 12
	bytesAsked = 48
)

// asked is what the question says that the value at start answers: Agent: your
// phone number? Customer: Sure, 555-0143. One that is about an order, too, says nothing.
func (d *Detector) asked(start int) (c context) {
	p := d.p
	least := max(0, start-bytesAsked)
	if bytes.IndexByte(p[least:start], '?') < 0 { // nearly always
		return c
	}
	q := least + bytes.LastIndexByte(p[least:start], '?')
	if q < least || q == 0 || letter(d.at(q+1)) || digit(d.at(q+1)) {
		return c
	}
	for _, x := range p[q:start] {
		if digit(x) {
			return c
		}
	}
	var a about
	i, behind := q, 0
	for range wordsAsked {
		e := i
		for e > 0 && !letter(p[e-1]) {
			if x := p[e-1]; digit(x) || x == '.' || x == '?' || x == '\n' {
				e = 0
				break
			}
			e--
		}
		if e == 0 {
			break
		}
		for i = e; i > 0 && letter(p[i-1]); i-- {
		}
		if x := said(p[i:e]); !look(kept, p[i:e]) {
			a |= x &^ (isRole | endsPhrase | weakly)
		}
		if behind > 0 {
			a |= look(phrases, p[i:behind])
		}
		behind = e
	}
	if a&against != 0 {
		return c
	}
	return context{near: a, any: a, own: a}
}

// kept is where a number is kept, which says nothing of what it is.
var kept = set("account", "file", "record", "profile", "form", "case")

// cell is where a cell of a row begins that names the value in the next one, the
// cell's end being at i: | Tel | 0337509278 |. It is i if it is no name.
func (d *Detector) cell(i int) int {
	s := i
	for s > 0 && d.p[s-1] != '|' && d.p[s-1] != '\n' {
		if s--; i-s > maxKey || digit(d.p[s]) || d.p[s] == '.' && i-s > 3 {
			return i
		}
	}
	return s
}

// meAt is said before a phone: get me at 202-555-0143. As a phrase it would be
// looked up behind every at.
var meAt = []byte(" me at")

// place reports that the word [s, e) is where one is called, and a colon or # follows: Work: 020 7946 0018.
func (d *Detector) place(s, e int) bool {
	for i := e; i < len(d.p) && i-e < 2; i++ {
		if d.p[i] == ':' || d.p[i] == '#' {
			return look(places, d.p[s:e])
		}
		if d.p[i] != ' ' {
			break
		}
	}
	return e-s == 6 && d.p[s]|0x20 == 'd' && look(direct, d.p[s:e])
}

var (
	places = set("home", "work", "main", "line", "fixe", "emergency", "evening", "evenings", "daytime", "primary", "secondary", "privat", "dienstlich", "urgence", "urgences", "casa", "trabajo", "trabalho", "oficina", "ufficio", "thuis", "urgencias", "emergencia", "emergência")
	direct = set("direct")
)

// pairs reports four groups of two digits with points between, as an address has or a phone.
func (n *number) pairs() bool {
	if n.n != 4 {
		return false
	}
	for k := range n.n {
		if g := &n.groups[k]; g.len() != 2 || k > 0 && (g.sep != '.' || g.gap != 1) {
			return false
		}
	}
	return true
}

// labels reports that a word right before [i, end) says a phone.
func (d *Detector) labels(i, end int) bool {
	c := d.context(i, end)
	return c.near == aboutPhone && c.apart == 0 && !c.later
}

// filed reports that the digits at i stand in a name of parts, behind one that says
// an SSN or a card: scan_ssn_457555462.pdf. Keys are made of other words: call_2025550143.
func (d *Detector) filed(i int) bool {
	e := i - 1
	s := e
	for s > 0 && letter(d.p[s-1]) {
		s--
	}
	if s == e || digit(d.at(s-1)) || meaning(d.p[s:e])&(aboutSSN|aboutCard) == 0 || meaning(d.p[s:e])&weakly != 0 {
		return false
	}
	for e = i; digit(d.at(e)); e++ {
	}
	return !word(d.at(e)) || d.at(e) == '_'
}
