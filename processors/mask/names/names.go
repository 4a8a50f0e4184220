// Package names guesses what class of personal data a column holds by its name,
// in twelve languages: English, German, French, Spanish, Italian, Portuguese,
// Dutch, Polish, Russian, Turkish, Japanese and Chinese. A guess is a suggestion
// for people who write policies: nothing is masked or kept because of it.
package names

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"sluice/schemas"
)

// Guess is what a name says.
type Guess struct {
	Class      schemas.Class // NoClass: nothing
	Confidence float32       // Sure or Weak, 0 for NoClass
}

// How sure a name is.
const (
	Sure = 0.9 // email, date_of_birth: hardly anything else
	Weak = 0.4 // name, number: of a person or of anything; values have to say it too
)

// Of returns the guess for a column's name: snake, kebab, camel or squashed case,
// with or without diacritics, with words around it ("customer_home_phone2"). Of a
// nested path the last name counts, and the ones before it if that says nothing.
// It is safe for concurrent use.
func Of(name string) Guess {
	for name != "" {
		cut := strings.LastIndexAny(name, "./")
		if g := one(name[cut+1:]); g.Class != schemas.NoClass {
			return g
		}
		if cut < 0 {
			break
		}
		name = name[:cut]
	}
	return Guess{}
}

// Known reports a name that is nothing but a term of the lists, as 氏名, дата_рождения and
// Straße are: it says what a column holds, and is no value itself. // P1
func Known(name string) bool {
	digits := 0
	for _, r := range name {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case !unicode.IsLetter(r) && !unicode.Is(unicode.M, r) && !strings.ContainsRune("_- ", r):
			return false
		}
	}
	whole := strings.Join(split(name), "")
	if _, ok := terms[whole]; !ok && !slices.ContainsFunc(unspaced, func(x term) bool { return x.word == whole }) {
		return false
	}
	return digits <= 1
}

func one(name string) Guess {
	words := split(name)
	if len(words) == 0 {
		return Guess{}
	}
	for _, w := range words {
		if vetoes[w] {
			return Guess{}
		}
	}
	best, at, long := Guess{}, -1, 0
	for i := range words {
		for j := len(words); j > i; j-- {
			run := strings.Join(words[i:j], "")
			g, ok := terms[run]
			if !ok {
				continue
			}
			// More letters are more specific; of equals the last one is the noun.
			if n := len(run); g.Confidence > best.Confidence || g.Confidence == best.Confidence && (n > long || n == long && i > at) {
				best, at, long = g, i, n
			}
		}
	}
	if best.Class == schemas.NoClass {
		best = squashed(words)
	}
	if best.Class == schemas.Name && best.Confidence < Sure {
		for _, w := range words {
			if things[w] {
				return Guess{}
			}
			if persons[w] {
				best.Confidence = Sure
			}
		}
	}
	return best
}

// squashed looks for a sure term at the end or the beginning of words that are
// written as one: customeremail, telefonnummer2.
func squashed(words []string) (best Guess) {
	long := 0
	for _, w := range words {
		for _, x := range compounds {
			if n := len(x.word); n > long && len(w) > n && (strings.HasSuffix(w, x.word) || n >= 6 && strings.HasPrefix(w, x.word)) {
				best, long = x.guess, n
			}
		}
		for _, x := range unspaced {
			if n := len(x.word); n > long && strings.Contains(w, x.word) {
				best, long = x.guess, n
			}
		}
	}
	return best
}

// split takes a name apart into words in lower case without diacritics; digits
// are no words.
func split(name string) (words []string) {
	var b strings.Builder
	end := func() {
		if b.Len() > 0 {
			words = append(words, b.String())
			b.Reset()
		}
	}
	var before rune
	for i, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.Is(unicode.M, r):
			end()
		case unicode.IsUpper(r):
			next, _ := utf8.DecodeRuneInString(name[i+utf8.RuneLen(r):])
			if unicode.IsLower(before) || unicode.IsUpper(before) && unicode.IsLower(next) {
				end()
			}
			fallthrough
		default:
			b.WriteString(plain(unicode.ToLower(r)))
		}
		before = r
	}
	end()
	return words
}

// plain is a lower-case letter without its diacritic; ü and ue are different
// words here, both in the lists.
func plain(r rune) string {
	if r < 0x80 {
		return string(r)
	}
	if i := strings.IndexRune(accented, r); i >= 0 {
		return string(letters[utf8.RuneCountInString(accented[:i])])
	}
	switch r {
	case 'ß':
		return "ss"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'ё':
		return "е"
	case '\u0307': // of İ in lower case
		return ""
	}
	return string(r)
}

const (
	accented = "àáâãäåāąçćčďèéêëēęěğìíîïīįıłñńňòóôõöøōőřśşšșťțùúûüūůűýÿźżž"
	letters  = "aaaaaaaacccdeeeeeeegiiiiiiilnnnoooooooorssssttuuuuuuuyyzzz"
)
