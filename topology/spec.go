package topology

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Spec is a pipeline file.
type Spec struct {
	ID          string      `yaml:"id"`              // immutable: progress is kept under it
	Name        string      `yaml:"name" plan:"-"`   // a label
	Privacy     string      `yaml:"privacy"`         // masked (default) or none // P4
	Scale       string      `yaml:"scale"`           // single (default) or group
	Source      Node        `yaml:"source"`          // {type: {config}}
	Stages      []Node      `yaml:"stages"`          // decode, ..., mask, ...
	Sinks       []SinkSpec  `yaml:"sinks"`           //
	DeadLetters DeadLetters `yaml:"dead_letters"`    //
	Engine      Engine      `yaml:"engine" plan:"-"` //
	HTTP        HTTP        `yaml:"http" plan:"-"`   //
	root        *yaml.Node  `yaml:"-"`               // before ${NAME} was filled in
	text        []byte      `yaml:"-"`
}

// SinkSpec is one sink: its name, what it gets and when it commits.
type SinkSpec struct {
	Name   string   `yaml:"name"`
	Topics []string `yaml:"topics"` // globs; empty: all
	Start  string   `yaml:"start"`  // earliest (default), latest, or `like NAME`: a sink new to a lane
	Commit Commit   `yaml:"commit" plan:"-"`
	Node   Node     `yaml:"-"` // {type: {config}}
	own    *yaml.Node
}

// wants reports whether the sink gets rows of topic.
func (s *SinkSpec) wants(topic string) bool {
	return len(s.Topics) == 0 || slices.ContainsFunc(s.Topics, func(g string) bool { return Glob(g, topic) })
}

// Commit says when an epoch of a sink ends.
type Commit struct {
	Every Duration `yaml:"every"` // default 10s
	Bytes Size     `yaml:"bytes"` // default 64MiB of writer memory
}

// DeadLetters says where records go that were refused before the gate.
type DeadLetters struct {
	Home  string `yaml:"home"`                        // a sink of this pipeline; empty: a refused record parks its lane // P2
	Key   string `yaml:"key" plan:"-" check:"secret"` // env:NAME or file:PATH: seals them // P5
	KeyID string `yaml:"key_id" plan:"-"`             //
}

// Engine is the size of the machine a pipeline may use.
type Engine struct {
	Budget  Size     `yaml:"budget"`  // bytes of records under way, default 256MiB // D7
	Workers int      `yaml:"workers"` // default one a core
	Drain   Duration `yaml:"drain"`   // time to commit after a stop, default 20s
}

// HTTP is where health, metrics and lag are served.
type HTTP struct {
	Listen string `yaml:"listen"` // default 127.0.0.1:0; "off"
	PProf  bool   `yaml:"pprof"`  // serve /debug/pprof/: stacks and sizes, never contents
}

// Node is one component: `type: {config}` in YAML.
type Node struct {
	Type   string
	Config *yaml.Node
	at     *yaml.Node
}

// UnmarshalYAML reads a mapping of one key. // called by yaml
func (n *Node) UnmarshalYAML(y *yaml.Node) error {
	if y.Kind == yaml.ScalarNode && y.Value != "" {
		n.Type, n.at, n.Config = y.Value, y, &yaml.Node{Kind: yaml.MappingNode, Line: y.Line, Column: y.Column}
		return nil
	}
	if y.Kind != yaml.MappingNode || len(y.Content) != 2 {
		return At(y, errors.New("want one component, as `type: {config}`; in a list, a - before each"))
	}
	n.Type, n.at, n.Config = y.Content[0].Value, y.Content[0], y.Content[1]
	return nil
}

var sinkFields = []string{"name", "topics", "start", "commit"}

// UnmarshalYAML takes the sink's own fields and leaves the one other key as
// its component.
func (s *SinkSpec) UnmarshalYAML(y *yaml.Node) error {
	if y.Kind != yaml.MappingNode {
		return At(y, errors.New("a sink is a mapping: name, and one component"))
	}
	own := &yaml.Node{Kind: yaml.MappingNode, Line: y.Line, Column: y.Column}
	for i := 0; i < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		switch {
		case slices.Contains(sinkFields, k.Value):
			own.Content = append(own.Content, k, v)
		case s.Node.at != nil:
			return At(k, fmt.Errorf("both %q and %q: a sink is one component%s", s.Node.Type, k.Value, Suggest(k.Value, sinkFields)))
		default:
			s.Node = Node{Type: k.Value, at: k, Config: v}
		}
	}
	if s.Node.at == nil {
		return At(y, errors.New("this sink has no component, such as `iceberg: {...}`"))
	}
	type plain SinkSpec
	p := plain(*s)
	if err := Strict(own, &p); err != nil {
		return err
	}
	*s = SinkSpec(p)
	s.own = own
	return nil
}

// Duration is a time.Duration spelled as in Go: 10s, 1m30s.
type Duration time.Duration

// UnmarshalYAML parses it.
func (d *Duration) UnmarshalYAML(y *yaml.Node) error {
	v, err := time.ParseDuration(y.Value)
	if err != nil || v <= 0 {
		return At(y, fmt.Errorf("%q is not a duration such as 10s or 1m30s", y.Value))
	}
	*d = Duration(v)
	return nil
}

// Size is a number of bytes, spelled 64MiB, 64MB or plain.
type Size int64

var sizeForm = regexp.MustCompile(`^([0-9]+)\s*(B|KB|MB|GB|KiB|MiB|GiB)?$`)

var sizeUnit = map[string]int64{"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

// UnmarshalYAML parses it.
func (s *Size) UnmarshalYAML(y *yaml.Node) error {
	m := sizeForm.FindStringSubmatch(y.Value)
	if m == nil || len(m[1]) > 12 {
		return At(y, fmt.Errorf("%q is not a size such as 64MiB", y.Value))
	}
	var n int64
	fmt.Sscan(m[1], &n)
	*s = Size(n * sizeUnit[m[2]])
	return nil
}

// Parse reads a pipeline file and checks what can be checked without parts.
// ${NAME} and ${NAME:-default} in values are filled in by lookup. Errors begin
// with line:column.
func Parse(text []byte, lookup func(string) (string, bool)) (*Spec, error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc, extra yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, errors.New("1:1: the file is empty: a pipeline has id, source, stages and sinks")
	} else if err != nil {
		return nil, syntaxError(text, err)
	}
	if err := d.Decode(&extra); err == nil {
		return nil, At(&extra, errors.New("a second document: one file is one pipeline"))
	}
	raw := clone(doc.Content[0])
	var errs []error
	expand(doc.Content[0], lookup, &errs)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	s := &Spec{
		Privacy: "masked", Scale: "single", root: raw, text: text,
		Engine: Engine{Budget: 256 << 20, Drain: Duration(20 * time.Second)},
		HTTP:   HTTP{Listen: "127.0.0.1:0"},
	}
	if err := Strict(doc.Content[0], s); err != nil {
		return nil, err
	}
	for i := range s.Sinks {
		c := &s.Sinks[i].Commit
		if c.Every == 0 {
			c.Every = Duration(10 * time.Second)
		}
		if c.Bytes == 0 {
			c.Bytes = 64 << 20
		}
		if s.Sinks[i].Start == "" {
			s.Sinks[i].Start = "earliest"
		}
	}
	return s, s.check(doc.Content[0])
}

var idForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

func (s *Spec) check(at *yaml.Node) error {
	var errs []error
	add := func(key, format string, a ...any) { errs = append(errs, At(field(at, key), fmt.Errorf(format, a...))) }
	if !idForm.MatchString(s.ID) {
		add("id", "id %q: want a-z, 0-9 and _, beginning with a letter, at most 63: it names tables and never changes", s.ID)
	}
	if s.Privacy != "masked" && s.Privacy != "none" {
		add("privacy", "privacy %q%s", s.Privacy, Suggest(s.Privacy, []string{"masked", "none"}))
	}
	if s.Scale != "single" && s.Scale != "group" {
		add("scale", "scale %q%s", s.Scale, Suggest(s.Scale, []string{"single", "group"}))
	}
	if s.Source.Type == "" {
		add("source", "there is no source")
	}
	if len(s.Sinks) == 0 {
		add("sinks", "there is no sink")
	}
	if s.Engine.Workers < 0 || s.Engine.Workers > 256 {
		add("engine", "workers: want 0 (one a core) to 256")
	}
	if s.Engine.Budget < 16<<20 {
		add("engine", "budget: at least 16MiB")
	}
	if _, _, err := net.SplitHostPort(s.HTTP.Listen); err != nil && s.HTTP.Listen != "off" {
		add("http", "listen: %q: want host:port, as 127.0.0.1:8080, or off", s.HTTP.Listen)
	}
	if len(s.Sinks) > 64 { // the sinks of a batch are bits of a word
		add("sinks", "%d sinks: at most 64, start a second pipeline", len(s.Sinks))
	}
	var names []string
	for _, k := range s.Sinks {
		if !idForm.MatchString(k.Name) {
			errs = append(errs, At(field(k.own, "name"), fmt.Errorf("sink name %q: want a-z, 0-9 and _, beginning with a letter", k.Name)))
		}
		if slices.Contains(names, k.Name) {
			errs = append(errs, At(field(k.own, "name"), fmt.Errorf("two sinks are named %q", k.Name)))
		}
		like, isLike := strings.CutPrefix(k.Start, "like ")
		switch {
		case isLike && !slices.Contains(names, like):
			errs = append(errs, At(field(k.own, "start"), fmt.Errorf("start: like %q: want a sink that stands before this one%s", like, Suggest(like, names))))
		case !isLike && k.Start != "earliest" && k.Start != "latest":
			errs = append(errs, At(field(k.own, "start"), fmt.Errorf("start %q%s", k.Start, Suggest(k.Start, []string{"earliest", "latest", "like"}))))
		}
		names = append(names, k.Name)
	}
	names = slices.Compact(sorted(names))
	if h := s.DeadLetters.Home; h != "" && !slices.Contains(names, h) {
		add("dead_letters", "home %q is no sink of this pipeline%s", h, Suggest(h, names))
	}
	if s.DeadLetters.Home != "" && s.DeadLetters.Key == "" {
		add("dead_letters", "key: a home needs a key that seals the letters, as env:NAME or file:PATH")
	}
	return errors.Join(errs...)
}

// field is the node of a top-level key, or the mapping itself.
func field(m *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i]
		}
	}
	return m
}

var reference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\}`)

// expand fills in ${NAME} in the scalars under n. It works on parsed nodes, so
// that a value can never add structure.
func expand(n *yaml.Node, lookup func(string) (string, bool), errs *[]error) {
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "${") {
		n.Value = reference.ReplaceAllStringFunc(n.Value, func(m string) string {
			g := reference.FindStringSubmatch(m)
			if v, ok := lookup(g[1]); ok {
				return v
			}
			if g[2] == "" {
				*errs = append(*errs, At(n, fmt.Errorf("%s is not set: set it, or write ${%s:-default}", g[1], g[1])))
			}
			return strings.TrimPrefix(g[2], ":-")
		})
		if n.Style == 0 {
			n.Tag = "" // plain scalars may become a number or a bool
		}
	}
	for _, c := range n.Content {
		expand(c, lookup, errs)
	}
}

func clone(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = nil
	for _, k := range n.Content {
		c.Content = append(c.Content, clone(k))
	}
	return &c
}

func sorted(s []string) []string { slices.Sort(s); return s }

// Text is the file as it was read, before ${NAME} was filled in.
func (s *Spec) Text() []byte { return s.text }
