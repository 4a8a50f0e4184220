package detect

import (
	"bytes"

	"sluice/schemas"
)

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
	within bool // a group of four before it and a short one behind are joined as its own are
	inner  bool // a group before it, or one of three digits and more behind, is joined as its own are
}

// chat is the host of addresses that are a phone number with its country's code.
var chat = []byte("wa.me")

// value tries groups i to j as one value and returns its end, 0 if it is none.
func (d *Detector) value(n *number, i, j int) int {
	first, last := &n.groups[i], &n.groups[j-1]
	v := view{d: d, groups: n.groups[i:j], digits: n.digits[first.first : last.first+last.len()], start: first.start, end: last.end}
	if len(v.digits) < 6 {
		return 0
	}
	v.inner = i > n.taken && n.groups[i].gap == 1 && n.groups[i].sep == ' ' && (j-i == 1 || n.groups[i+1].sep == ' ' && n.groups[i+1].gap == 1)
	v.within = v.inner && n.groups[i-1].len() == 4 && j < n.n && j-i > 1 && n.groups[j].sep == ' ' && n.groups[j].gap == 1 &&
		n.groups[j].len() <= 4 && n.groups[j].len() != 3 && d.at(n.groups[j].end) != '/' // the code on a card's back, the month it ends
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
	if n < 2 || v.groups[n-1].sep != '.' || v.plus && n > 2 || v.digits[0] == '0' && v.groups[0].len() > 1 && len(v.digits) > 8 { // 07409.000633
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
