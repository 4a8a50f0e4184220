package schemas

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Rule is a logical type that values can be held to. It is immutable and safe
// for concurrent use.
type Rule struct {
	kind ruleKind
	typ  Type // of ruleType; else what an integer or a decimal spells

	low  int64  // of an integer
	high uint64 //

	size  int // bits, precision, dimension; 0: any
	scale int // of a decimal
	srid  int // of a geometry; any: NoSRID

	members map[string]struct{} // of an enum or set; nil: any
	list    string              // the members as a connector joined them, with a comma at both ends; "" where they are in quotes

	of    []Rule         // of an array its element, of a map key and value, of a struct its members
	names map[string]int // of a struct
}

type ruleKind uint8

const (
	ruleNone     ruleKind = iota // a name that says nothing a value could break
	ruleType                     // within a collection: values of a Type
	ruleInteger                  //
	ruleYear                     // MySQL's: 1901 to 2155, and its 0000, which the binlog's reader says as 1900
	ruleDecimal                  //
	ruleEnum                     //
	ruleSet                      //
	ruleText                     // xml, ltree, tsvector
	ruleDuration                 // interval(iso)
	ruleCount                    // interval(micros), interval(nanos)
	ruleBits                     //
	ruleGeometry                 // point and the others too
	ruleVector                   //
	ruleSparse                   //
	ruleArray                    //
	ruleMap                      //
	ruleStruct                   //
	rulePlace                    // of a number in a sparse vector
	ruleNumber                   // that number
)

// maxRuleDepth is how deep a logical type may be nested.
const maxRuleDepth = 16

var errNested = errors.New("nested too deep")

// ParseRule reads a logical type as [Connect.Logical] and a person spell it. Besides
// what is written there, a geometry may say the SRID that all values have,
// geometry(4326), and a sparse vector its dimension, sparse_vector(float64,8).
//
// The members of an enum or set are exact in quotes: enum('a','b,c'), a quote
// within doubled. Without them a connector joined them, and PostgreSQL's does not
// escape a comma: any run of members is then taken for one.
func ParseRule(text string) (*Rule, error) {
	p := ruleParser{rest: text}
	r, err := p.rule(0)
	if err == nil && strings.TrimSpace(p.rest) != "" {
		err = fmt.Errorf("%q is too much", p.rest)
	}
	if err != nil {
		return nil, fmt.Errorf("logical type %q: %w", text, err)
	}
	return &r, nil
}

type ruleParser struct{ rest string }

var integers = map[string]Rule{
	"int8": {low: -1 << 7, high: 1<<7 - 1}, "int16": {low: -1 << 15, high: 1<<15 - 1},
	"uint8": {high: 1<<8 - 1}, "uint16": {high: 1<<16 - 1}, "uint24": {high: 1<<24 - 1}, "uint32": {high: 1<<32 - 1}, "uint64": {high: 1<<64 - 1},
}

// name takes the letters, digits and underscores at the front.
func (p *ruleParser) name() string {
	p.rest = strings.TrimLeft(p.rest, " ")
	end := strings.IndexFunc(p.rest, func(c rune) bool { return (c < '0' || c > '9') && (c < 'a' || c > 'z') && c != '_' })
	if end < 0 {
		end = len(p.rest)
	}
	name := p.rest[:end]
	p.rest = p.rest[end:]
	return name
}

// take takes one character if it is next.
func (p *ruleParser) take(c byte) bool {
	p.rest = strings.TrimLeft(p.rest, " ")
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *ruleParser) rule(depth int) (Rule, error) {
	if depth > maxRuleDepth {
		return Rule{}, errNested
	}
	name := p.name()
	if r, ok := integers[name]; ok {
		r.kind = ruleInteger
		return r, nil
	}
	switch name {
	case "array", "map", "struct":
		return p.collection(name, depth)
	case "enum", "set":
		return p.listed(name, depth)
	}
	var args []string
	if p.take('(') {
		inside, rest, ok := strings.Cut(p.rest, ")")
		if !ok {
			return Rule{}, errors.New("a parenthesis is open")
		}
		p.rest = rest
		for _, a := range strings.Split(inside, ",") {
			args = append(args, strings.TrimSpace(a))
		}
	}
	r, err := simple(name, args)
	if err != nil && depth > 0 && args == nil {
		if t, _, _, bad := ParseColumn(name); bad == nil {
			return Rule{kind: ruleType, typ: t}, nil
		}
	}
	return r, err
}

// simple is the rule of a name and what stands in parentheses behind it.
func simple(name string, args []string) (r Rule, err error) {
	number := func(i, least int) int {
		n, bad := strconv.Atoi(args[i])
		if bad != nil || n < least || n > 1<<30 {
			err = fmt.Errorf("%s: %q is no number from %d on", name, args[i], least)
		}
		return n
	}
	switch name {
	case "year":
		r.kind = ruleYear
	case "xml", "ltree", "tsvector":
		r.kind = ruleText
	case "decimal":
		if r.kind = ruleDecimal; len(args) == 2 {
			r.size, r.scale = number(0, 1), number(1, -maxScale)
			return r, err
		}
	case "interval":
		r.kind = ruleCount
		if len(args) != 1 || args[0] != "iso" && args[0] != "micros" && args[0] != "nanos" {
			return r, errors.New("write interval(iso), interval(micros) or interval(nanos)")
		}
		if args[0] == "iso" {
			r.kind = ruleDuration
		}
		return r, nil
	case "bits":
		if r.kind = ruleBits; len(args) == 1 {
			r.size = number(0, 1)
			return r, err
		}
	case "point", "line", "circle", "geometry", "geography":
		r.kind, r.srid = ruleGeometry, NoSRID
		if len(args) == 1 {
			r.srid = number(0, 0)
			return r, err
		}
	case "vector", "sparse_vector":
		if r.kind = ruleVector; name == "sparse_vector" {
			r.kind = ruleSparse
		}
		if len(args) < 1 || len(args) > 2 || args[0] != "float32" && args[0] != "float64" {
			return r, fmt.Errorf("write %s(float32) or %[1]s(float64), and its dimension behind a comma", name)
		}
		if len(args) == 2 {
			r.size = number(1, 1)
		}
		return r, err
	default:
		return r, fmt.Errorf("%q is no logical type", name)
	}
	if args != nil {
		return r, fmt.Errorf("%s does not take %d numbers", name, len(args))
	}
	return r, nil
}

func (p *ruleParser) collection(name string, depth int) (Rule, error) {
	r := Rule{kind: map[string]ruleKind{"array": ruleArray, "map": ruleMap, "struct": ruleStruct}[name]}
	if !p.take('<') {
		return r, nil
	}
	for {
		if r.kind == ruleStruct {
			field, err := p.field()
			if err != nil {
				return r, err
			}
			if _, twice := r.names[field]; twice {
				return r, fmt.Errorf("struct: the member %q comes twice", field)
			}
			if r.names == nil {
				r.names = map[string]int{}
			}
			r.names[field] = len(r.of)
		}
		of, err := p.rule(depth + 1)
		if err != nil {
			return r, err
		}
		r.of = append(r.of, of)
		if p.take('>') {
			break
		}
		if !p.take(',') {
			return r, fmt.Errorf("%s: a comma or > is missing", name)
		}
	}
	if want := map[ruleKind]int{ruleArray: 1, ruleMap: 2}[r.kind]; want > 0 && len(r.of) != want {
		return r, fmt.Errorf("%s has %d types, not %d", name, want, len(r.of))
	}
	return r, nil
}

// field takes the name of a struct's member and the colon.
func (p *ruleParser) field() (name string, err error) {
	p.rest = strings.TrimLeft(p.rest, " ")
	if quoted, bad := strconv.QuotedPrefix(p.rest); bad == nil {
		if name, err = strconv.Unquote(quoted); err != nil {
			return "", err
		}
		p.rest = p.rest[len(quoted):]
	} else if i := strings.IndexByte(p.rest, ':'); i > 0 {
		name, p.rest = strings.TrimSpace(p.rest[:i]), p.rest[i:]
	}
	if !p.take(':') {
		return "", errors.New("struct: write name:type")
	}
	return name, nil
}

// listed takes the members of an enum or set. The last parenthesis ends them;
// within a collection the first one that something of it can follow.
func (p *ruleParser) listed(name string, depth int) (Rule, error) {
	r := Rule{kind: ruleEnum}
	if name == "set" {
		r.kind = ruleSet
	}
	if !p.take('(') {
		return r, nil
	}
	r.members = map[string]struct{}{}
	add := func(m string) error {
		if _, twice := r.members[m]; twice {
			return fmt.Errorf("%s: the member %q comes twice", name, m)
		}
		r.members[m] = struct{}{}
		return nil
	}
	if strings.HasPrefix(p.rest, "'") {
		if ok, err := p.quoted(add); ok || err != nil {
			return r, err
		}
		clear(r.members) // a member that begins with a quote
	}
	end := strings.LastIndexByte(p.rest, ')')
	if depth > 0 {
		end = -1
		for i := 0; i < len(p.rest) && end < 0; i++ {
			if next := p.rest[i+1:]; p.rest[i] == ')' && (next == "" || next[0] == ',' || next[0] == '>') {
				end = i
			}
		}
	}
	if end < 1 {
		return r, fmt.Errorf("write %s or %[1]s('a','b')", name)
	}
	joined := p.rest[:end]
	p.rest = p.rest[end+1:]
	r.list = "," + joined + ","
	for _, m := range splitJoined(joined) {
		r.members[m] = struct{}{} // a damaged one may come twice: MySQL's connector writes ? for some characters
	}
	return r, nil
}

// quoted takes 'a','b') and calls add for each; not ok if that is not what comes.
func (p *ruleParser) quoted(add func(string) error) (ok bool, err error) {
	rest := p.rest
	for {
		rest = strings.TrimLeft(rest, " ")
		if !strings.HasPrefix(rest, "'") {
			return false, nil
		}
		var m strings.Builder
		for i := 1; ; i++ {
			if i >= len(rest) {
				return false, nil
			}
			if rest[i] == '\'' {
				if i+1 >= len(rest) || rest[i+1] != '\'' {
					rest = rest[i+1:]
					break
				}
				i++
			}
			m.WriteByte(rest[i])
		}
		switch rest = strings.TrimLeft(rest, " "); {
		case strings.HasPrefix(rest, ")"):
			p.rest = rest[1:]
			return true, add(m.String())
		case !strings.HasPrefix(rest, ","):
			return false, nil
		}
		if err := add(m.String()); err != nil {
			return false, err
		}
		rest = rest[1:]
	}
}

// splitJoined splits at commas that no backslash escapes.
func splitJoined(s string) (out []string) {
	var m strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == ',':
			i++
			m.WriteByte(',')
		case s[i] == ',':
			out = append(out, m.String())
			m.Reset()
		default:
			m.WriteByte(s[i])
		}
	}
	return append(out, m.String())
}

// Suits says why no column of type t has values of the rule, or nil.
func (r *Rule) Suits(t Type) error {
	bad := func(want string) error { return fmt.Errorf("its values are not of the type %v: use %s", t, want) }
	switch r.kind {
	case ruleInteger, ruleYear:
		switch {
		case t.Kind == Int64, t.Kind == Int32 && r.high < 1<<32-1, t.Kind == Decimal && t.Scale == 0, t.Kind == String:
			return nil
		}
		return bad("int32, int64 or decimal(n,0), wide enough")
	case ruleDecimal:
		switch {
		case t.Kind == String, t.Kind == Decimal && r.size == 0:
			return nil
		case t.Kind == Decimal && int(t.Scale) >= r.scale && int(t.Precision)-int(t.Scale) >= r.size-r.scale:
			return nil
		}
		return bad("string, or a decimal with as many digits")
	case ruleEnum, ruleSet, ruleText, ruleDuration:
		if t.Kind != String {
			return bad("string")
		}
	case ruleCount:
		if t.Kind != Int64 {
			return bad("int64")
		}
	case ruleBits:
		if t.Kind != Binary {
			return bad("binary")
		}
	case ruleGeometry, ruleVector, ruleSparse, ruleArray, ruleMap, ruleStruct:
		if t.Kind != JSON {
			return bad("json")
		}
	}
	return nil
}
