package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestPath(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a", "[a]"},
		{"a.b", "[a b]"},
		{"a[*].b", "[a [*] b]"},
		{"a[*][*]", "[a [*] [*]]"},
		{"a.*", "[a *]"}, {"a.*.b", "[a * b]"}, {"a.*[*]", "[a * [*]]"}, {"a.*.*", "[a * *]"},
		{"a.{key}", "[a {key}]"}, {"a[*].{key}", "[a [*] {key}]"}, {"a.*.{key}", "[a * {key}]"},
		{`a.\*`, `[a \*]`}, {`a.\{key\}`, `[a \{key\}]`}, {`a["*"]`, `[a \*]`},
		{`a\.b.c`, `[a\.b c]`},
		{`["a.b"].c`, `[a\.b c]`},
		{`a["b.c"]["d"]`, `[a b\.c d]`},
		{`a\\\"\[`, `[a\\\"\[]`},
		{"Straße des 17. Juni", "[Straße des 17  Juni]"},
		{"*", ""}, {"{key}", ""}, {"a.{key}.b", ""}, {"a.{key}[*]", ""}, {"a.{k}", ""}, {"a.b*", ""}, {"a.*b", ""}, {"a{key}", ""}, {"a.[*]", ""},
		{"", ""}, {".", ""}, {"a.", ""}, {".a", ""}, {"a..b", ""}, {"[*]", ""}, {"a[", ""}, {"a[0]", ""}, {"a.[*]", ""}, {"a]", ""}, {`a"`, ""},
		{`a\`, ""}, {`a\x`, ""}, {`[""]`, ""}, {`["a`, ""}, {`["a"]b`, ""}, {"a[*]b", ""},
	} {
		got := ""
		p, err := ParsePath(c.in)
		if err == nil {
			got = fmt.Sprint([]Step(p))
		} else if !strings.Contains(err.Error(), "is no path") {
			t.Errorf("%q: %v", c.in, err)
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.in, got, c.want)
		}
	}
}

// FuzzPath: a path that reads writes as one that reads the same.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"a", "a.b", "a[*].b", `["a.b"].c`, "a[*][*]", "", ".", "a.", "a[", `["`, "a.[*]", `a\.b`, `a\`, `a\x`, `a\"b`, `a.["b"]["c"]`, `["a\"]`, "a.*", "a.{key}", `a.\*`, "a.*.b[*]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s)
		if err != nil {
			return
		}
		q, err := ParsePath(p.String())
		if err != nil || !slices.Equal(p, q) {
			t.Errorf("%q reads as %v, which writes as %q and reads as %v (%v)", s, p, p.String(), q, err)
		}
		if p[0].Kind != Named || slices.ContainsFunc(p, func(s Step) bool { return (s.Kind == Named) != (s.Name != "") }) {
			t.Errorf("%q reads as %#v", s, p)
		}
	})
}
