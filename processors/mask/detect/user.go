package detect

import (
	"regexp"
	"strings"
	"unicode"

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

// Dictionary is a list of words and phrases that are found whole: names of persons,
// products, projects; as they are written, with capitals where words begin and all in
// capitals, as registers have them. What has a capital is not found in small letters:
// Will is a person, will is none. It is not changed after it was made, and serves any
// number of goroutines.
type Dictionary struct {
	class   schemas.Class
	words   map[string]bool
	longest int // words in an entry
}

// Entries are the words and phrases of a file with one a line.
func Entries(p []byte) (entries []string) {
	for line := range strings.Lines(string(p)) {
		if words := strings.Fields(line); len(words) > 0 {
			entries = append(entries, strings.Join(words, " "))
		}
	}
	return entries
}

// NewDictionary returns one of a class. An entry is a word, or words with single
// spaces between.
func NewDictionary(class schemas.Class, entries []string) *Dictionary {
	x := &Dictionary{class: class, words: make(map[string]bool, len(entries)), longest: 1}
	for _, w := range entries {
		x.words[w], x.words[capitals(w)], x.words[strings.ToUpper(w)] = true, true, true
		x.longest = max(x.longest, strings.Count(w, " ")+1)
	}
	return x
}

// capitals is w with a capital where each word and each part of one begins.
func capitals(w string) string {
	begins := true
	return strings.Map(func(r rune) rune {
		if begins {
			r = unicode.ToUpper(r)
		}
		begins = r == ' ' || r == '-' || r == '\''
		return r
	}, w)
}

// find takes the longest entry at each word, or at each part of one that hyphens and
// apostrophes join: Anna's, Anna-Maria, d'Anna. Neighbours of a dictionary of names are
// one: a first name and a last name.
func (x *Dictionary) find(dst []Span, p []byte) []Span {
	open := -1
	for i := 0; i < len(p); {
		if n := joint(p[i:]); n > 0 || !wordy(p[i]) {
			i += max(n, 1)
			continue
		}
		s, e, k := i, 0, i
		for n := range x.longest {
			part := 0 // the end of the word's first part, 0 if it has one only
			for k < len(p) {
				if n := joint(p[k:]); n > 0 {
					if part == 0 {
						part = k
					}
					k += n
				} else if !wordy(p[k]) {
					break
				}
				k++
			}
			if x.words[string(p[s:k])] {
				e = k
			} else if n == 0 && part > 0 {
				if k = part; x.words[string(p[s:k])] {
					e = k
				}
			}
			if i == s {
				i = k // of the first word
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
		if x.class == schemas.Name && open >= 0 && s-dst[open].End == 1 && (p[s-1] == ' ' || p[s-1] == '-') {
			dst[open].End, dst[open].Confidence = e, 0.9
			continue
		}
		open = len(dst)
		dst = append(dst, Span{x.class, s, e, 0.6})
	}
	return dst
}

// joint is the length of a hyphen or an apostrophe at the start of p that joins the parts
// of a word.
func joint(p []byte) int {
	n := 0
	switch {
	case p[0] == '-' || p[0] == '\'':
		n = 1
	case p[0] == 0xe2 && len(p) > 3 && p[1] == 0x80 && p[2] == 0x99: // ’
		n = 3
	}
	if n == 0 || n >= len(p) || !wordy(p[n]) {
		return 0
	}
	return n
}

func wordy(c byte) bool { return chars[c]&(charLetter|charDigit) != 0 }
