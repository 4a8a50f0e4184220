package detect

import (
	"regexp"

	"sluice/schemas"
)

// Pattern is a user's expression (RE2: linear in the text) and what it finds.
type Pattern struct {
	Class      schemas.Class
	Expr       *regexp.Regexp
	Confidence float32
}

func (x *Pattern) find(dst []Span, p []byte) []Span {
	for _, m := range x.Expr.FindAllIndex(p, -1) {
		if m[1] > m[0] {
			dst = append(dst, Span{x.Class, m[0], m[1], x.Confidence})
		}
	}
	return dst
}

// Dictionary is a list of words that are found as they are written, as whole
// words: names, where a user gives them.
type Dictionary struct {
	class schemas.Class
	words map[string]bool
}

// NewDictionary returns one of a class.
func NewDictionary(class schemas.Class, words []string) *Dictionary {
	x := &Dictionary{class: class, words: make(map[string]bool, len(words))}
	for _, w := range words {
		x.words[w] = true
	}
	return x
}

// find takes neighbours as one: a first name and a last name.
func (x *Dictionary) find(dst []Span, p []byte) []Span {
	open := -1
	for i := 0; i < len(p); {
		if !letter(p[i]) {
			i++
			continue
		}
		s := i
		for i < len(p) && (letter(p[i]) || (p[i] == '-' || p[i] == '\'') && i+1 < len(p) && letter(p[i+1])) {
			i++
		}
		if !x.words[string(p[s:i])] {
			continue
		}
		if open >= 0 && s-dst[open].End == 1 && p[s-1] == ' ' {
			dst[open].End, dst[open].Confidence = i, 0.9
			continue
		}
		open = len(dst)
		dst = append(dst, Span{x.class, s, i, 0.6})
	}
	return dst
}
