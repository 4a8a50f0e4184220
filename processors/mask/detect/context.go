package detect

import "bytes"

// What words around a value are about.
type about uint32

const (
	aboutPhone about = 1 << iota
	aboutSSN
	aboutCard
	aboutBirth
	aboutPassport
	aboutDriver
	aboutTax
	aboutIdentity
	aboutPlace
	aboutSecret
	against // numbers that are nobody's: orders, times, versions
	isRole  // who has a number: an account manager's is no account's
	weakly  // a card, or anything that is paid
	endsPhrase

	// aboutOther is said of numbers that have nine digits, too, and are no SSN.
	aboutOther = aboutPhone | aboutCard | aboutBirth | aboutPassport | aboutDriver | aboutPlace
)

func (a about) positive() bool { return a&^(against|weakly|isRole|endsPhrase) != 0 }

// context is what is said around a value: by the nearest word that says
// anything, and by all of them.
type context struct {
	near, any about
	own       about // said with no other number between
	apart     int   // words of more than three letters between the nearest and the value
	later     bool  // nothing was said before the value, but behind it
}

// How far words are looked for, in bytes and words.
const (
	wordsBefore = 7
	wordsAfter  = 4
	bytesBefore = 64
	bytesAfter  = 36
)

// context reads the words before start, and those behind end if nothing was
// said before. The nearest word counts most.
func (d *Detector) context(start, end int) context {
	if c, ok := d.field(start); ok {
		return c
	}
	c := d.before(start, max(0, start-bytesBefore))
	if !c.near.positive() {
		d.behind(end, &c)
	} else if n := d.counted(end); n > 2 || n > 0 && c.apart > 0 {
		c.near = against
	}
	if c.any == 0 {
		return d.asked(start)
	}
	return c
}

// before reads the words from limit to start, from the last on. What a number is
// not is only believed of the words right before it, in the same clause. What was
// said of another number is not said of this one where a new line or sentence
// with a word of its own begins between; nor is it a phone for that where a word
// that joins no two of a kind stands right before it: call 555-0143, pin 5550144.
func (d *Detector) before(start, limit int) (c context) {
	p := d.p
	i, clause, second, other, begun := start, 0, 0, false, false
	var first [2]int // the word before the value
	var deaf about   // what was said of another number only
	foreign := false // what says that another number is nobody's stands before it
	crossed := false // into the cell before
	role := false    // who has the number stands before it: what follows is theirs, as in account manager
	var next [2]int  // the word before that one, if it says nothing
	for n := 0; n < wordsBefore && i > limit; n++ {
		e, dot := i, false
		for e > limit && !letter(p[e-1]) {
			switch p[e-1] {
			case '|':
				if limit = e; n == 0 && !crossed {
					limit, crossed = max(limit-bytesBefore, d.cell(e-1)), true
				}
			case ';':
				begun = n > 0
				if clause++; d.at(e) != ' ' {
					limit = e
				}
			case '@': // what was said of an address is said of the number beside it: an address or a number
				for e > limit && p[e-1] > ' ' && p[e-1] != '<' && p[e-1] != '"' && p[e-1] != '=' && p[e-1] != ',' {
					e--
				}
				e++
				clause++
			case '\n':
				if n > 0 { // this line has a word of its own
					begun = true
					clause++
				}
				if c.any != 0 {
					limit = e
				}
			case ',', '!', '?':
				clause++
			case '.':
				dot = true
				begun = begun || n > 0 && d.at(e) == ' '
			case '-':
				if d.at(e-2) == ' ' && d.at(e) == ' ' {
					clause++
				}
			default:
				if digit(p[e-1]) { // it was said of another number
					clause++
					other = true
					if begun && !vague(p[e:start]) {
						limit = e
					}
					if n > 0 && (foreign || !joins(p[first[0]:first[1]]) || next[1] > 0 && vague(p[first[0]:first[1]]) && !joins(p[next[0]:next[1]])) {
						deaf = aboutPhone | aboutSSN | aboutCard
					}
					begun = false
				}
			}
			e--
		}
		if e <= limit {
			break
		}
		s, camel := e-1, false
		if e >= 3 && p[e-3] == 0xe2 && p[e-2] == 0x80 { // a dash, a bullet, a quotation mark: no word
			if x := p[e-1]; x == 0xa2 || x == 0x93 || x == 0x94 {
				clause++
			}
			i = e - 3
			n--
			continue
		}
		for s > limit && letter(p[s-1]) {
			s--
			camel = camel || chars[p[s]]&charLower != 0 && chars[p[s+1]]&charUpper != 0
		}
		from := s
		if e-s > 3 && p[s] >= 0xc2 {
			s += opens(p[s:e])
		}
		if (d.at(s-1) == '<' || d.at(s-1) == '/' && d.at(s-2) == '<') && look(markupTags, p[s:e]) { // Phone: <span>
			i = s
			n--
			continue
		}
		if n == 0 {
			first = [2]int{s, e}
		}
		if dot && (e-s > 3 || e-s > 2 && n > 0) { // no "No.", "tel."
			clause++
		}
		a := said(p[s:e])
		if a == aboutPhone && e-s == 2 && p[s]|0x20 == 'p' && dot && d.at(e+1)|0x20 == 'd' { // Ph.D.
			a = 0
		}
		if a == 0 && camel && e-s > 3 { // PhD
			a = parts(p[s:e])
		}
		if e-s == 1 && p[s]|0x20 == 'n' && d.at(s-1) == '/' && (d.at(s-2)|0x20 == 'p' || d.at(s-2)|0x20 == 's') { // P/N, S/N
			a |= against
		}
		if a == aboutPhone && e-s == 3 && p[s]|0x20 == 'c' && postcode(p[e:]) { // CEP, in Turkish a mobile phone
			a = against
		}
		if a == aboutPhone && e-s == 4 && d.at(e) == ' ' && chars[d.at(e+1)]&charUpper != 0 && digit(d.at(e+2)) { // cell B12
			a = against
		}
		if a&^endsPhrase == 0 && e-s == 6 && s >= 3 && string(p[s-3:s]) == "06-" && string(p[s:e]) == "nummer" { // a mobile phone, in Dutch
			a = aboutPhone
		}
		if a == against && e-s == 4 && d.at(e) == '.' && look(portable, p[s:e]) { // Port. : 06...
			a = aboutPhone
		}
		if second > 0 { // my number, messages to
			if x := look(phrases, p[s:second]); x != 0 {
				if a |= x; x == against { // social media
					a = x
				}
				if x == against && d.at(second) == ':' && look(centers, p[s:second]) { // call center: 202-555-0143
					a = aboutPhone
				}
				if (x == aboutSecret || x == aboutPhone || x == aboutTax) && c.near == against && clause == 0 { // a key of this kind, a caller ID
					c.near = 0
				}
			}
		}
		second = 0
		if a&endsPhrase != 0 {
			second = e
			a &^= endsPhrase
		}
		role = role || a&^endsPhrase == isRole
		if a &^= isRole; role || clause > 0 || n > 2 {
			foreign = foreign || other && a&against != 0 && c.near == 0
			a &^= against
		}
		if a == 0 && (n == 0 && (e-s == 1 && d.initial(s, start) || e-s == 2 && p[s] == 'a' && bytes.HasSuffix(p[:e], meAt) || d.place(s, e)) || e-s == 6 && d.at(s-1) == '-' && digit(d.at(s-2)) && look(vagueNames, p[s:e])) { // 06-nummer
			a = aboutPhone
		}
		a &^= deaf
		if crossed || n > 0 && look(carriers, p[s:e]) { // the cell before may be another column: a customer called Bill; a DHL driver has a phone
			a &^= against
		}
		if n == 1 && a == 0 && p[s]-'a' < 26 {
			next = [2]int{s, e}
		}
		c.hear(a)
		if !other {
			c.own |= a
		}
		if c.near == 0 && e-s > 3 && !(chars[p[s]]&charUpper != 0 && (d.at(start) == '(' || d.at(start-1) == '(')) { // contact Bo Lee (12345678)
			c.apart++
		}
		i = from
	}
	return c
}

// printed is what a card has besides its number: it is said of the number before.
var printed = set("cvv", "cvc", "exp", "expires", "expiry", "expiration", "cvv2", "cvc2")

// carriers have numbers of parcels, right behind their names.
var carriers = set("fedex", "usps", "dhl")

// portable is short for a mobile phone in French, behind a point, and else a port.
var portable = set("port")

// centers are called, where a colon says that the number follows.
var centers = set("call center", "call centre", "call centers", "call centres")

// joins reports a word that may stand between two numbers of one kind.
func joins(w []byte) bool { return len(w) < 3 || look(joining, w) || vague(w) }

// counted is the length of a unit right behind end, 0 if there is none.
func (d *Detector) counted(end int) int {
	p := d.p
	if d.at(end) != ' ' {
		return 0
	}
	e := end + 1
	for e < len(p) && letter(p[e]) {
		e++
	}
	if x := d.at(e); x == '@' || x == '_' || x == '-' || (x == '.' || x == ':') && word(d.at(e+1)) || !look(units, p[end+1:e]) { // m.chung@example.com
		return 0
	}
	return e - end - 1
}

// behind reads the words behind end into c.
func (d *Detector) behind(end int, c *context) {
	p := d.p
	limit := min(len(p), end+bytesAfter)
	var heard, last context                  // last: without the last word
	parted := false                          // the last word is of what is beside a card's number on the card
	sentence := false                        // one begins behind the value, in small letters
	i, was := end, end                       // was: where the word before began
	if d.at(i) == '-' && letter(d.at(i+1)) { // 555-0143-Office
		s := i + 1
		for i = s; i < len(p) && letter(p[i]); i++ {
		}
		if heard.hear(said(p[s:i]) &^ (against | isRole | endsPhrase)); heard.near != 0 {
			*c = heard
			return
		}
		i = end
	}
words:
	for n := range wordsAfter {
		for i < limit && !letter(p[i]) {
			switch x := p[i]; {
			case digit(x): // the last word was said of the next number
				if !parted {
					heard = last
				}
				if sentence {
					heard = context{}
				}
				break words
			case x == '.' && n == 0 && d.at(i+1) == ' ':
				if chars[d.at(i+2)]&charUpper != 0 { // a sentence, or the name of what follows
					break words
				}
				sentence = true
			case x == '@', x == '{', x == ':' && n == 0, x == ';', x == '\n', x == ',', x == '|', x == '.' && n > 0, x == '-' && d.at(i+1) == ' ':
				break words
			}
			i++
		}
		s := i
		for i < limit && letter(p[i]) {
			i++
		}
		if i == s {
			break
		}
		if n == 0 && c.own == 0 && d.counted(end) > 0 {
			c.near, c.any = against, against
			return
		}
		last = heard
		a := said(p[s:i])
		if a&endsPhrase != 0 && n > 0 { // is my number
			a |= look(phrases, p[was:i])
		}
		if parted = a&aboutCard != 0 && look(printed, p[s:i]); parted {
			if a &^= weakly; c.near == against { // of a bank in Port Louis
				c.near = 0
			}
		}
		was = s
		heard.hear(a &^ (against | isRole | endsPhrase))
	}
	for k := i; k < len(p) && k-i < 4 && p[k] != '\n' && p[k] != ','; k++ {
		if digit(p[k]) {
			if !parted {
				heard = last
			}
			if sentence {
				heard = context{}
			}
		}
	}
	if c.near == 0 {
		c.near, c.later = heard.near, heard.near != 0
	}
	c.any |= heard.any
	c.own |= heard.any
}

// initial reports a letter at s that stands for a phone, a mobile or a fax on a
// card: behind nothing, and with a colon or a point, or at a line's or cell's start.
func (d *Detector) initial(s, number int) bool {
	if !indexOf("TMPFHWCOtmpfhwco", d.p[s]) || word(d.at(s-1)) {
		return false
	}
	between := d.p[s+1 : number]
	if d.at(s-1) == '(' && len(between) > 0 && between[0] == ')' { // (m) 07700 900123
		return len(between) == 1 || len(between) == 2 && between[1] == ' '
	}
	if len(between) > 0 && (between[0] == ':' || between[0] == '.') {
		return len(between) <= 2 || len(between) == 3 && between[2] == '('
	}
	k := s - 1
	for k >= 0 && d.p[k] == ' ' {
		k--
	}
	return len(between) == 1 && between[0] == ' ' && (k < 0 || d.p[k] == '\n' || d.p[k] == '|')
}

// parts is what the parts of a word in camel case are about.
func parts(w []byte) (a about) {
	if chars[w[1]]&charUpper != 0 { // iPhone
		return 0
	}
	s, last := 0, about(0)
	for i := 1; i <= len(w); i++ {
		if i == len(w) || chars[w[i]]&charUpper != 0 && chars[w[i-1]]&charLower != 0 {
			if i-s < len(w) {
				if x := meaning(w[s:i]); x != 0 {
					a, last = a|x, x
				}
			}
			s = i
		}
	}
	if last&against != 0 { // CallID, phoneRef
		a &^= aboutPhone
	}
	return a
}

func (c *context) hear(a about) {
	if c.near == 0 {
		c.near = a
	}
	c.any |= a
}
