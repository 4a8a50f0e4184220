package detect

import (
	"regexp"
	"strings"

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

// Dictionary is a list of words and phrases that are found as they are written,
// whole: names of persons, products, projects. It is not changed after it was
// made, and serves any number of goroutines.
type Dictionary struct {
	class   schemas.Class
	words   map[string]bool
	longest int // words in an entry
}

// NewDictionary returns one of a class. An entry is a word, or words with single
// spaces between.
func NewDictionary(class schemas.Class, entries []string) *Dictionary {
	x := &Dictionary{class: class, words: make(map[string]bool, len(entries)), longest: 1}
	for _, w := range entries {
		x.words[w] = true
		x.longest = max(x.longest, strings.Count(w, " ")+1)
	}
	return x
}

// find takes the longest entry at each word. Neighbours of a dictionary of names
// are one: a first name and a last name.
func (x *Dictionary) find(dst []Span, p []byte) []Span {
	open := -1
	for i := 0; i < len(p); {
		if !wordy(p[i]) {
			i++
			continue
		}
		s, e, k := i, 0, i
		for range x.longest {
			for k < len(p) && (wordy(p[k]) || (p[k] == '-' || p[k] == '\'') && k+1 < len(p) && wordy(p[k+1])) {
				k++
			}
			if i == s {
				i = k // of the first word
			}
			if x.words[string(p[s:k])] {
				e = k
			}
			if k+1 >= len(p) || p[k] != ' ' || !wordy(p[k+1]) {
				break
			}
			k++
		}
		if e == 0 {
			continue
		}
		i = e
		if x.class == schemas.Name && open >= 0 && s-dst[open].End == 1 && p[s-1] == ' ' {
			dst[open].End, dst[open].Confidence = e, 0.9
			continue
		}
		open = len(dst)
		dst = append(dst, Span{x.class, s, e, 0.6})
	}
	return dst
}

func wordy(c byte) bool { return chars[c]&(charLetter|charDigit) != 0 }
