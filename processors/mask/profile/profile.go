// Package profile looks at rows as they came and says what personal data their
// columns seem to hold: by values, with the detectors, and by names. What it says
// is a suggestion for the person who writes the policy; nothing is masked or kept
// because of it. It keeps no value: counts, sketches, and shapes of values, in
// which every letter is an x and every digit a 9. // P1
package profile

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"sluice/processors/mask/detect"
	"sluice/processors/mask/names"
	"sluice/schemas"
	"sluice/topology/stream"
)

// Topic is what was seen of one topic.
type Topic struct {
	Topic   string   `json:"topic"`
	Rows    int64    `json:"rows"`
	Columns []Column `json:"columns"` // by path
}

// Column is what was seen of a column, or of a path inside of a JSON column.
type Column struct {
	Path     string     `json:"path"` // as a policy writes it: address.lines[*].street
	Type     string     `json:"type"` // of the column; of a path within, what JSON calls it
	Key      bool       `json:"key,omitempty"`
	Values   int64      `json:"values"` // neither absent nor null
	Nulls    int64      `json:"nulls"`
	Distinct int64      `json:"distinct"` // estimated within 2 percent
	Found    []Found    `json:"found,omitempty"`
	Named    *Named     `json:"named,omitempty"`
	Shapes   []string   `json:"shapes,omitempty"` // of the first different values
	Suggest  Suggestion `json:"suggest"`
}

// Found is a class that values hold.
type Found struct {
	Class string  `json:"class"`
	Rate  float64 `json:"rate"`  // of values that have it anywhere, 0 to 1
	Whole float64 `json:"whole"` // of values that are nothing else
	class schemas.Class
}

// Named is what the column's name says.
type Named struct {
	Class string `json:"class"`
	Sure  bool   `json:"sure"`
	class schemas.Class
}

// Limits of what is kept and looked at.
const (
	maxShapes = 3
	maxShape  = 40
	maxDepth  = 16
	maxPaths  = 1000 // of a topic: maps with keys that are data do not grow without end
	nameLimit = 256  // a value this long says for itself what it is
)

// Profiler collects. It serves one goroutine.
type Profiler struct {
	det    *detect.Detector
	topics map[string]*topic
	text   []byte
	spans  []detect.Span
}

type topic struct {
	rows    int64
	columns map[string]*column
}

type column struct {
	typ           string
	key           bool
	values, nulls int64
	sketch        sketch
	found, whole  [64]int64 // by class
	shapes        []string
	context       []byte // the name as words stand before a value
}

// New returns a profiler that looks for what o says.
func New(o detect.Options) *Profiler {
	return &Profiler{det: detect.New(o), topics: map[string]*topic{}}
}

// Add looks at rows that a gate without masks let pass: the image after a change.
func (p *Profiler) Add(c stream.Clean) {
	rows := c.Rows()
	for i := range rows {
		r := &rows[i]
		if r.After == nil {
			continue
		}
		t := p.topics[r.Table.Topic]
		if t == nil {
			t = &topic{columns: map[string]*column{}}
			p.topics[r.Table.Topic] = t
		}
		t.rows++
		for k, cell := range r.After {
			if k < len(r.Table.Columns) && !cell.Absent() && cell.Flags&schemas.Unavailable == 0 {
				f := &r.Table.Columns[k].Field
				p.cell(t, f, slices.Contains(r.Table.Key, k), cell, r.Bytes(cell))
			}
		}
	}
}

// cell looks at one value of a column.
func (p *Profiler) cell(t *topic, f *schemas.Field, key bool, c schemas.Cell, b []byte) {
	name := p.step(f.Name, f.Loose)
	col := t.column(name, f.Type.String())
	if col == nil {
		return
	}
	col.key = col.key || key
	if c.IsNull() {
		col.nulls++
		return
	}
	if c.Enc == schemas.EncJSON {
		var v any
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		if d.Decode(&v) == nil {
			col.values++
			col.sketch.add(b)
			p.nested(t, name, v, 0)
			return
		}
	}
	switch k := f.Type.Kind; {
	case k == schemas.String, k == schemas.JSON, f.Wire == schemas.WirePlain && (k == schemas.Int32 || k == schemas.Int64 || k == schemas.Decimal || k == schemas.Float32 || k == schemas.Float64):
		p.text = schemas.AppendText(p.text[:0], c, b)
		p.value(col, p.text)
		return
	}
	col.values++
	col.sketch.add(b)
}

// step writes a name as a step of a path. One that records alone say, and that
// is no plain identifier, nor a word for what columns hold, or that holds a finding,
// may be data, as the keys of a map are: all of those are one path, with * for the
// name. // P1
func (p *Profiler) step(name string, loose bool) string {
	if !loose {
		return escape.Replace(name)
	}
	p.text = append(p.text[:0], name...)
	if ok, digits := schemas.Identifier(p.text); !ok && !names.Known(name) || ok && digits > 0 && len(p.det.Find(p.spans[:0], p.text)) > 0 {
		return "*"
	}
	return escape.Replace(name)
}

// escape writes a name as a step of a path.
var escape = strings.NewReplacer(`.`, `\.`, `[`, `\[`, `]`, `\]`, `{`, `\{`, `}`, `\}`, `*`, `\*`, `"`, `\"`, `\`, `\\`)

// nested looks at what is inside of a JSON column.
func (p *Profiler) nested(t *topic, path string, v any, depth int) {
	if depth > maxDepth {
		return
	}
	text, kind := "", ""
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			p.nested(t, path+"."+p.step(k, true), x, depth+1)
		}
		return
	case []any:
		for _, x := range v {
			p.nested(t, path+"[*]", x, depth+1)
		}
		return
	case string:
		text, kind = v, "string"
	case json.Number:
		text, kind = v.String(), "number"
	case bool:
		kind = "boolean"
	case nil:
		if col := t.column(path, ""); col != nil {
			col.nulls++
		}
		return
	}
	col := t.column(path, kind)
	if col == nil {
		return
	}
	p.value(col, []byte(text))
}

func (t *topic) column(path, typ string) *column {
	c := t.columns[path]
	if c == nil {
		if len(t.columns) >= maxPaths {
			return nil
		}
		c = &column{context: words(path)}
		t.columns[path] = c
	}
	if c.typ == "" {
		c.typ = typ
	}
	return c
}

// words is the last name of a path as it stands before a value. A name in the
// path to a value counts like a word before it.
func words(path string) []byte {
	last := strings.TrimSuffix(path[strings.LastIndexByte(path, '.')+1:], "[*]")
	return append([]byte(strings.ReplaceAll(last, "_", " ")), ": "...)
}

// value looks for classes in a text.
func (p *Profiler) value(c *column, text []byte) {
	c.values++
	c.sketch.add(text)
	c.shape(text)
	at := 0
	if len(text) <= nameLimit {
		at = len(c.context)
		text = append(slices.Clone(c.context), text...)
	}
	p.spans = p.det.Find(p.spans[:0], text)
	var seen uint64
	for _, s := range p.spans {
		if s.Start < at {
			continue
		}
		if seen>>s.Class&1 == 0 {
			seen |= 1 << s.Class
			c.found[s.Class]++
		}
		if s.Start == at && s.End == len(text) {
			c.whole[s.Class]++
		}
	}
}

// shape keeps the forms of the first different values.
func (c *column) shape(text []byte) {
	if len(c.shapes) >= maxShapes || len(text) == 0 {
		return
	}
	if s := Shape(string(text)); !slices.Contains(c.shapes, s) {
		c.shapes = append(c.shapes, s)
	}
}

// Report says what was seen, by topic and path.
func (p *Profiler) Report() []Topic {
	var out []Topic
	for name, t := range p.topics {
		x := Topic{Topic: name, Rows: t.rows}
		for path, c := range t.columns {
			x.Columns = append(x.Columns, c.report(path, t.rows))
		}
		slices.SortFunc(x.Columns, func(a, b Column) int { return strings.Compare(a.Path, b.Path) })
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b Topic) int { return strings.Compare(a.Topic, b.Topic) })
	return out
}

func (c *column) report(path string, rows int64) Column {
	x := Column{Path: path, Type: c.typ, Key: c.key, Values: c.values, Nulls: c.nulls, Distinct: min(c.sketch.estimate(), c.values), Shapes: c.shapes}
	for class, n := range c.found {
		if n > 0 {
			k := schemas.Class(class)
			x.Found = append(x.Found, Found{k.String(), float64(n) / float64(c.values), float64(c.whole[class]) / float64(c.values), k})
		}
	}
	slices.SortStableFunc(x.Found, func(a, b Found) int { return int(1e6*b.Rate) - int(1e6*a.Rate) })
	if g := names.Of(strings.ReplaceAll(path, "[*]", "")); g.Class != schemas.NoClass {
		x.Named = &Named{g.Class.String(), g.Confidence >= names.Sure, g.Class}
	}
	x.Suggest = x.suggest()
	return x
}
