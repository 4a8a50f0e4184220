package detect

import (
	"strings"
	"testing"
)

// TestLongWords: texts of words that signs join, as images in base64 are, take as long
// as they are, not the square of it: that would be hours for each, which no test has.
// What is in the first words is found.
func TestLongWords(t *testing.T) {
	for _, unit := range []string{"a1+", "a1/", "Ab1/", "ab1-", "1234-", "iVBORw0KGgo+AAAANSUh1/"} {
		d := New(Options{})
		text := strings.Repeat(unit, (1<<19)/len(unit))
		found := d.Find(nil, []byte("Ym9AZXhhbXBsZS5vcmcgd3JvdGU tel: 2145550172; "+text+" bo@example.org"))
		if len(found) != 3 || found[0].End-found[0].Start != 27 {
			t.Errorf("%q: %v", unit, found)
		}
	}
}
