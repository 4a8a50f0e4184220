package mask

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the actions of the README make")

// TestReadme: the table of actions says what they make.
func TestReadme(t *testing.T) {
	const file = "../../README.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	out := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]+)` \\| `([^`]+)` \\|").ReplaceAllStringFunc(string(text), func(line string) string {
		p := strings.Split(line, "`")
		in := str(p[3])
		if p[3] == "37" || p[3] == "5000" {
			in = whole(p[3])
		}
		got := through(acting(t, p[1]), in)
		if n++; got != p[5] && !*update {
			t.Errorf("%s of %s is %s, the README has %s", p[1], p[3], got, p[5])
		}
		p[5] = got
		return strings.Join(p, "`")
	})
	if n < 13 {
		t.Errorf("%d actions in the README", n)
	}
	if *update {
		if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
