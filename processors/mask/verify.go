package mask

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"sluice/processors/mask/detect"
	"sluice/processors/mask/policy"
	"sluice/processors/mask/subject"
	"sluice/schemas"
)

// Verifier looks for personal data in what was written. It is for one goroutine.
type Verifier struct {
	rules  *policy.Rules
	s      *scratch
	ids    []string // of the policy's keys
	found  map[place]*Found
	tokens map[string]int64
	spans  []detect.Span
}

type place struct {
	path  string
	class schemas.Class
}

// Found is what was found in one column, or at a path inside of one.
type Found struct {
	Column  string        `json:"column"` // a path of JSON values
	Class   schemas.Class `json:"-"`
	Name    string        `json:"class"`
	Values  int64         `json:"values"`
	Samples []string      `json:"samples"`           // shapes of them: a letter is x, a digit 9
	Why     string        `json:"because,omitempty"` // the policy explains it; "": it does not
	path    policy.Path
}

// ofSubjects is what tokens under keys of data subjects count as.
const ofSubjects = "subject"

const (
	maxSamples = 3
	maxOutline = 40
)

// NewVerifier looks with the detector of a policy; nil: the default one.
func NewVerifier(r *policy.Rules) *Verifier {
	v := &Verifier{rules: r, found: map[place]*Found{}, tokens: map[string]int64{}}
	g := &Gate{rules: r}
	if r == nil {
		g.rules = &policy.Rules{Rest: policy.Withhold}
	} else {
		for _, k := range r.KeyList() {
			v.ids = append(v.ids, k.ID)
		}
	}
	v.s = newScratch(g)
	return v
}

// Value looks at one value of a column.
func (v *Verifier) Value(column string, value []byte) {
	for _, id := range v.ids {
		if rest, ok := bytes.CutPrefix(value, []byte(id)); ok && len(rest) > 0 && rest[0] == '_' {
			v.tokens[id]++
			break
		}
	}
	if len(value) > 17 && value[16] == '_' && subject.CheckID(value[:16]) {
		v.tokens[ofSubjects]++
	}
	path := policy.Path{{Name: column}}
	if len(value) > 1 && (value[0] == '{' || value[0] == '[') {
		var doc any
		d := json.NewDecoder(bytes.NewReader(value))
		d.UseNumber()
		if d.Decode(&doc) == nil && !d.More() {
			v.walk(path, column, doc)
			return
		}
	}
	v.text(path, column, value)
}

func (v *Verifier) walk(path policy.Path, under string, doc any) {
	switch doc := doc.(type) {
	case map[string]any:
		for name, x := range doc {
			v.text(with(path, policy.Step{Kind: policy.Keys}), "", []byte(name))
			step := policy.Step{Name: name}
			if !v.s.identifier([]byte(name)) { // it may be data: it is not shown
				step = policy.Step{Kind: policy.Members}
			}
			v.walk(with(path, step), name, x)
		}
	case []any:
		for _, x := range doc {
			v.walk(with(path, policy.Step{Kind: policy.Elements}), under, x)
		}
	case string:
		v.text(path, under, []byte(doc))
	case json.Number:
		v.text(path, under, []byte(doc))
	}
}

func with(p policy.Path, s policy.Step) policy.Path { return append(slices.Clone(p), s) }

func (v *Verifier) text(path policy.Path, under string, value []byte) {
	s := v.s
	s.under = []byte(under)
	name := s.look(value)
	v.spans = s.det.Find(v.spans[:0], s.seen)
	for _, f := range v.spans {
		if f.End <= name {
			continue
		}
		k := place{path.String(), f.Class}
		x := v.found[k]
		if x == nil {
			x = &Found{Column: k.path, Class: f.Class, Name: f.Class.String(), path: path}
			v.found[k] = x
		}
		x.Values++
		if sample := outline(s.seen[max(f.Start, name):f.End]); len(x.Samples) < maxSamples && !slices.Contains(x.Samples, sample) {
			x.Samples = append(x.Samples, sample)
		}
	}
}

// outline is a value without what it says: letters are x, digits 9. // P1
func outline(p []byte) string {
	var b strings.Builder
	for _, r := range string(p) {
		switch {
		case b.Len() >= maxOutline:
			return b.String() + "..."
		case r >= '0' && r <= '9':
			b.WriteByte('9')
		case r < 0x80 && strings.ContainsRune(" @.,:;+-_/()", r):
			b.WriteRune(r)
		default:
			b.WriteByte('x')
		}
	}
	return b.String()
}

// Tokens counts values that begin with the id of a key, by that.
func (v *Verifier) Tokens() map[string]int64 { return v.tokens }

// Findings lists what was found, in order of columns. topic is that of the table,
// "" if nobody knows: then the policy explains nothing. field is what is known of
// a column of it.
func (v *Verifier) Findings(topic string, field func(name string) schemas.Field) (all []Found) {
	for _, x := range v.found {
		if v.rules != nil && topic != "" {
			f := field(x.path[0].Name)
			x.Why = explains(v.rules, topic, &f, x.path, x.Class)
		}
		all = append(all, *x)
	}
	slices.SortFunc(all, func(a, b Found) int {
		return strings.Compare(a.Column+"\x00"+a.Name, b.Column+"\x00"+b.Name)
	})
	return all
}

// explains tells why the policy lets values of a class stand at a path: they
// are kept with a reason, or made up so that they look like that. "": it does not.
func explains(r *policy.Rules, topic string, f *schemas.Field, path policy.Path, class schemas.Class) string {
	spec, d, err := r.At(topic, f, path)
	if err != nil || spec == nil {
		return ""
	}
	if spec.Kind == policy.Scan {
		in := spec.Scanning.Of(class)
		d.Action, d.Why, spec = in.Action(), in.Why, in
	}
	switch spec.Kind {
	case policy.Keep:
		return "kept: " + d.Why
	case policy.Tokenize, policy.Synthetic, policy.Shift, policy.Noise:
		return "made by " + spec.Kind.String()
	}
	return ""
}
