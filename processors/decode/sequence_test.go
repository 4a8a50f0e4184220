package decode

import "testing"

// FuzzSequence: the spelling of nearly all records is read as any other is.
func FuzzSequence(f *testing.F) {
	for _, s := range []string{`[\"27341512\",\"27342840\"]`, `[null,\"27342840\"]`, `[\"1\",null]`, `[\"\",\"\"]`, `[\"12345678\",\"123456789012345678\"]`,
		`[\"1234567890123456789\",\"18446744073709551615\"]`, `[\"1\", \"2\"]`, `[\"1\",\"2\",\"3\"]`, `[\"1a\",\"2\"]`, `["1","2"]`, ``, `[\"`, `[\"12345678`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		a, b := sequence(p)
		if c, l := anySequence(p); a != c || b != l {
			t.Fatalf("%q: %d, %d, and %d, %d", p, a, b, c, l)
		}
	})
}
