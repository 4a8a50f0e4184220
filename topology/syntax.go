package topology

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// yaml's parser says no column, a line that is often the one above, and what it
// expected, not what to do. What follows finds the place and says it in words of
// a pipeline file.

// syntaxHints say what to do about what yaml says; the first one that is part of
// it counts. at is what the column is looked for with, "" being the first character.
var syntaxHints = []struct{ says, at, hint string }{
	{"did not find expected alphabetic or numeric character", `[*&]`, "a value that begins with * or & is an alias to YAML: put it in quotes"},
	{"found character that cannot start any token", `[@` + "`" + `%|>]`, "no value may begin so: put it in quotes"},
	{"mapping values are not allowed", `[^\s:]+:\s`, "a key stands where a value goes: put a value with \": \" in quotes, or indent this line as its neighbours"},
	{"did not find expected ',' or ']'", `\[`, "a list's [ is not closed here, or a comma is missing; quote a value with [ ] { } , or \": \" in it"},
	{"did not find expected ',' or '}'", `\{`, "a mapping's { is not closed here, or a comma is missing; quote a value with [ ] { } , or \": \" in it"},
	{"did not find expected key", "", "its indent is that of no line above, or a quote ends early: members of one mapping stand under each other"},
	{"did not find expected '-' indicator", "", "its indent is that of a list above, but it does not begin with -: members of an entry stand under the first one's name"},
	{"could not find expected ':'", "", "a key has \": \" behind it, colon and space"},
	{"found unexpected end of stream", `["']`, "a quote is not closed"},
	{"found unknown escape character", `\\`, `in double quotes a \ begins an escape: double it, or take single quotes`},
	{"found unexpected ':'", `:`, "put the value in quotes"},
	{"block sequence entries are not allowed", `-`, "a list begins on a line of its own, under its name"},
}

// syntaxError is err, which yaml made of text, with line, column and what to do.
func syntaxError(text []byte, err error) error {
	says := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if n, _ := fmt.Sscanf(says, "line %d:", &line); n == 1 {
		_, says, _ = strings.Cut(says, ": ")
	}
	if name, is := strings.CutPrefix(says, "unknown anchor '"); is {
		name, _, _ = strings.Cut(name, "'")
		l, c := placeOf(text, `\*`+regexp.QuoteMeta(name)+`\b`)
		return fmt.Errorf("%d:%d: *%s is an alias of nothing: no value above has &%s; put a text that begins with * in quotes", l, c, name, name)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	line = min(max(line, 1), len(lines))
	line = firstBad(lines, line)
	for l := max(line-1, 1); l <= min(line+1, len(lines)); l++ {
		if c, what := strange(string(lines[l-1])); c > 0 {
			return fmt.Errorf("%d:%d: %s", l, c, what)
		}
	}
	for _, h := range syntaxHints {
		if strings.Contains(says, h.says) {
			return fmt.Errorf("%d:%d: this is no YAML: %s (%s)", line, column(lines[line-1], h.at), h.hint, says)
		}
	}
	return fmt.Errorf("%d:%d: this is no YAML: %s", line, column(lines[line-1], ""), says)
}

// firstBad is the line from which on lines do not parse: that of the opening
// bracket or quote, or the one that does not fit.
func firstBad(lines [][]byte, near int) int {
	for n := min(near+1, len(lines)); n > 0 && n > near-200; n-- {
		var doc yaml.Node
		if yaml.Unmarshal(bytes.Join(lines[:n-1], nil), &doc) == nil {
			return n
		}
	}
	return near
}

// column is where pattern stands in the line as the beginning of a value, from
// 1; else where its text begins.
func column(line []byte, pattern string) int {
	if pattern != "" {
		if m := regexp.MustCompile(`(?:^|[\s:,\[{-])(` + pattern + `)`).FindSubmatchIndex(line); m != nil {
			return len([]rune(string(line[:m[2]]))) + 1
		}
	}
	return len([]rune(string(line))) - len([]rune(strings.TrimLeft(string(line), " \t-"))) + 1
}

// placeOf is the place of the first match of pattern, 1:1 if there is none.
func placeOf(text []byte, pattern string) (line, col int) {
	m := regexp.MustCompile(pattern).FindIndex(text)
	if m == nil {
		return 1, 1
	}
	begin := bytes.LastIndexByte(text[:m[0]], '\n') + 1
	return bytes.Count(text[:m[0]], []byte("\n")) + 1, len([]rune(string(text[begin:m[0]]))) + 1
}

// strange finds what an editor or a web page left in a line: a tab in its indent,
// and spaces that are none to YAML.
func strange(line string) (col int, what string) {
	if rest := strings.TrimLeft(line, " "); strings.HasPrefix(rest, "\t") {
		return len(line) - len(rest) + 1, "a tab in the indent: YAML wants spaces"
	}
	for i, r := range line {
		if r > unicode.MaxASCII && unicode.IsSpace(r) {
			return len([]rune(line[:i])) + 1, fmt.Sprintf("a space that is none to YAML (%U, as web pages have it): write a plain one", r)
		}
	}
	return 0, ""
}

var mistyped = regexp.MustCompile("cannot unmarshal !!(\\w+)(?: (`.*`))? into (\\S+)")

// wanted says yaml's "cannot unmarshal !!str `many` into int" in words of a file.
func wanted(says string) error {
	m := mistyped.FindStringSubmatch(says)
	if m == nil {
		return errors.New(says)
	}
	got := map[string]string{"seq": "a list", "map": "a mapping", "null": "nothing", "bool": "true or false", "int": "a number", "float": "a number"}[m[1]]
	if m[2] != "" {
		got = strings.Trim(strings.TrimSpace(got+" "+m[2]), " ")
	}
	want := m[3]
	switch {
	case strings.HasPrefix(want, "[]"):
		want = "a list, as [a, b]"
	case strings.HasPrefix(want, "map["):
		want = "a mapping, as {name: value}"
	case strings.Contains(want, "int"):
		want = "a whole number"
	case strings.HasPrefix(want, "float"):
		want = "a number"
	case want == "bool":
		want = "true or false"
	case want == "string":
		want = "one text"
	}
	return fmt.Errorf("want %s, not %s", want, got)
}
