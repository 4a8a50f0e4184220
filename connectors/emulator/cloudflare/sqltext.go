package cloudflare

import "strings"

// piece is one statement of an SQL text.
type piece struct {
	text   string
	params int // the highest parameter number; ? counts on from the one before
	named  bool
	first  string // first word, upper case
}

// scanner walks SQL as far as it takes to tell statements and parameters
// apart: comments, quotes, words, CREATE TRIGGER ... END.
type scanner struct {
	s     string
	i     int
	words int
	piece piece
	// trigger: the statement ends at a ";" that follows "; END"
	create, trigger bool
	tail            int // 0: none, 1: after ";", 2: after "; END"
}

// split cuts sql at its semicolons; empty statements are left out.
func split(sql string) []piece {
	var out []piece
	sc := &scanner{s: sql}
	start := 0
	flush := func(end int) {
		if sc.piece.text = strings.Trim(sql[start:end], " \t\n\r\f"); sc.words > 0 {
			out = append(out, sc.piece)
		}
		*sc = scanner{s: sql, i: end}
		start = end
	}
	for sc.i < len(sql) {
		if sc.token() {
			flush(sc.i)
		}
	}
	flush(len(sql))
	return out
}

// token passes one token and reports whether it ended a statement.
func (sc *scanner) token() (end bool) {
	c := sc.s[sc.i]
	rest := sc.s[sc.i:]
	switch {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
		sc.i++
		return false
	case strings.HasPrefix(rest, "--"):
		sc.skip(rest, "\n")
		return false
	case strings.HasPrefix(rest, "/*"):
		sc.i += 2
		sc.skip(sc.s[sc.i:], "*/")
		return false
	case c == ';':
		sc.i++
		if !sc.trigger || sc.tail == 2 {
			return true
		}
		sc.tail = 1
		return false
	case letter(c):
		sc.word()
		return false
	}
	sc.tail = 0
	sc.words++
	switch c {
	case '\'', '"', '`':
		sc.quoted(c)
	case '[':
		sc.skip(rest, "]")
	case '?':
		sc.i++
		n := 0
		for sc.i < len(sc.s) && sc.s[sc.i] >= '0' && sc.s[sc.i] <= '9' && n < 1e6 {
			n = n*10 + int(sc.s[sc.i]-'0')
			sc.i++
		}
		if n == 0 {
			n = sc.piece.params + 1
		}
		sc.piece.params = max(sc.piece.params, n)
	case ':', '@', '$':
		sc.i++
		sc.piece.named = sc.piece.named || sc.i < len(sc.s) && letter(sc.s[sc.i])
	default:
		sc.i++
	}
	return false
}

func letter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func (sc *scanner) word() {
	j := sc.i
	for j < len(sc.s) && (letter(sc.s[j]) || sc.s[j] >= '0' && sc.s[j] <= '9' || sc.s[j] == '$') {
		j++
	}
	w := strings.ToUpper(sc.s[sc.i:j])
	sc.i = j
	if sc.words == 0 {
		sc.piece.first, sc.create = w, w == "CREATE"
	}
	if sc.create && sc.words <= 2 && w == "TRIGGER" {
		sc.trigger = true
	}
	if sc.tail == 1 && w == "END" {
		sc.tail = 2
	} else {
		sc.tail = 0
	}
	sc.words++
}

// skip passes everything up to and with mark.
func (sc *scanner) skip(rest, mark string) {
	if k := strings.Index(rest, mark); k >= 0 {
		sc.i += k + len(mark)
		return
	}
	sc.i = len(sc.s)
}

// quoted passes a literal or identifier; a doubled quote is part of it.
func (sc *scanner) quoted(q byte) {
	for sc.i++; sc.i < len(sc.s); sc.i++ {
		if sc.s[sc.i] != q {
			continue
		}
		if sc.i++; sc.i >= len(sc.s) || sc.s[sc.i] != q {
			return
		}
	}
}
