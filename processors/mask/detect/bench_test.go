package detect

import (
	"regexp"
	"testing"
)

// prose is 1 MB of sentences, one in twelve of them with a value in it.
func prose() []byte {
	c := newCorpus(3)
	words := []string{"the", "order", "arrived", "late", "and", "our", "customer", "was", "not", "happy", "about", "it", "so", "we", "sent", "a", "new", "one", "by", "courier", "on", "Monday", "which", "took", "3", "days"}
	var b []byte
	for len(b) < 1<<20 {
		for range 12 {
			for range 8 + c.IntN(10) {
				b = append(append(b, words[c.IntN(len(words))]...), ' ')
			}
			b = append(b, ". "...)
		}
		b = append(append(b, c.plain().text...), ". "...)
	}
	return b
}

// dense is 1 MB of labelled texts and numbers: a value or what looks like one
// in every line.
func dense() []byte {
	c := newCorpus(4)
	var b []byte
	for len(b) < 1<<20 {
		b = append(append(b, c.positive().text...), '\n')
		b = append(append(b, c.negative()...), '\n')
	}
	return b
}

// BenchmarkFind scans free text with every detector, next to regexp with four
// patterns and no check of what they match.
func BenchmarkFind(b *testing.B) {
	email := regexp.MustCompile(`[\w.+-]+@[\w-]+\.[\w.-]+`)
	ssn := regexp.MustCompile(`\b\d{3}[- ]\d{2}[- ]\d{4}\b`)
	card := regexp.MustCompile(`\b(?:\d[ -]?){13,19}\b`)
	tel := regexp.MustCompile(`\+?\d[\d ()./-]{7,}\d`)
	for name, text := range map[string][]byte{"prose": prose(), "dense": dense()} {
		b.Run(name, func(b *testing.B) {
			d := New(Options{})
			spans := d.Find(nil, text)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				spans = d.Find(spans[:0], text)
			}
			b.ReportMetric(float64(len(text))/float64(max(1, len(spans))), "B/span")
		})
		b.Run(name+"/baseline=regexp", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				for _, r := range []*regexp.Regexp{email, ssn, card, tel} {
					r.FindAllIndex(text, -1)
				}
			}
		})
	}
}
