package schemas

import "strings"

// Rewrite makes a column's text of a struct, array or map that holds values a
// reader could not understand without its schema: decimals in base64, days and
// microseconds, Debezium's structured times. It is made once for a schema, is
// immutable and safe for concurrent use.
//
// A structured time at the top becomes the text of its type, ISO 8601; what is
// nested stays one JSON document whose decimals are strings of their digits and
// whose dates and times are ISO 8601 strings, as AppendJSON writes them.
type Rewrite struct {
	typ     Type // of a leaf
	wire    Wire
	scale   int // of a leaf in base64
	parts   structured
	items   *Rewrite            // of an array; of a map its values
	keys    *Rewrite            // of a map that is written as pairs
	members map[string]*Rewrite // of a struct
}

// structured is which of Debezium's structured types a struct is.
type structured uint8

const (
	notStructured structured = iota
	structuredDate
	structuredTime
	structuredTimestamp
	structuredZonedTime
	structuredZonedTimestamp
	structuredDuration
)

// structuredTypes are their names; a suffix Precision6 or SourceColumn616d may
// follow (Debezium, io.debezium.time.StructuredTemporal).
var structuredTypes = []struct {
	name string
	kind Kind
	of   structured
}{
	{"io.debezium.time.StructuredDate", Date, structuredDate},
	{"io.debezium.time.StructuredTimestamp", Timestamp, structuredTimestamp},
	{"io.debezium.time.StructuredTime", Time, structuredTime},
	{"io.debezium.time.StructuredZonedTimestamp", Instant, structuredZonedTimestamp},
	{"io.debezium.time.StructuredZonedTime", Time, structuredZonedTime},
	{"io.debezium.time.StructuredDuration", String, structuredDuration},
}

// structuredOf is what name, of a struct, says.
func structuredOf(name string) (Kind, structured) {
	for _, s := range structuredTypes {
		if rest, ok := strings.CutPrefix(name, s.name); ok && (rest == "" || strings.HasPrefix(rest, "Precision") || strings.HasPrefix(rest, "SourceColumn")) {
			return s.kind, s.of
		}
	}
	return Unknown, notStructured
}

// maxRewriteDepth bounds how deep a schema is followed; deeper values stay as written.
const maxRewriteDepth = 32

// Rewrite is how the cells of a column with this schema are rewritten, or nil
// if they say by themselves what they are.
func (c *Connect) Rewrite() *Rewrite {
	if _, s := structuredOf(c.Name); s != notStructured && c.Type == "struct" {
		return &Rewrite{parts: s}
	}
	if c.Name == "io.debezium.data.VariableScaleDecimal" {
		return nil // a column of digits
	}
	switch c.Type {
	case "struct", "array", "map":
		return c.rewrite(0)
	}
	return nil
}

// rewrite is that of a nested value.
func (c *Connect) rewrite(depth int) *Rewrite {
	if depth > maxRewriteDepth {
		return nil
	}
	if _, s := structuredOf(c.Name); s != notStructured && c.Type == "struct" {
		return &Rewrite{parts: s}
	}
	switch t, w := c.Column(); {
	case w == WireVarDecimal, t.Kind == Decimal, t.Kind == String && w == WireBase64:
		return &Rewrite{typ: Type{Kind: Decimal, Precision: 38, Scale: t.Scale}, wire: w, scale: c.Scale()}
	case t.Kind >= Date && t.Kind <= Instant && w != WireISO:
		return &Rewrite{typ: t, wire: w}
	}
	r := &Rewrite{}
	switch c.Type {
	case "array":
		if c.Items != nil {
			r.items = c.Items.rewrite(depth + 1)
		}
	case "map":
		if c.Values != nil {
			r.items = c.Values.rewrite(depth + 1)
		}
		if c.Keys != nil && c.Keys.Type != "string" {
			r.keys = c.Keys.rewrite(depth + 1)
		}
	case "struct":
		for i := range c.Fields {
			if m := c.Fields[i].rewrite(depth + 1); m != nil {
				if r.members == nil {
					r.members = map[string]*Rewrite{}
				}
				r.members[c.Fields[i].Field] = m
			}
		}
	}
	if r.items == nil && r.keys == nil && r.members == nil {
		return nil
	}
	return r
}

// Append appends what the JSON value p, which is valid, becomes: the text of a
// structured time without quotes, else a JSON document. ok is false, and dst as
// it was, for a struct that is not what its name says.
func (r *Rewrite) Append(dst, p []byte) (out []byte, ok bool) {
	if r.parts != notStructured {
		return r.parts.append(dst, p)
	}
	x := extended{p: p}
	out, _ = r.value(dst, &x, x.space(0))
	return out, true
}

// value appends the value at i and returns the place behind it.
func (r *Rewrite) value(dst []byte, x *extended, i int) ([]byte, int) {
	switch {
	case r == nil:
		end := x.skip(i)
		return append(dst, x.p[i:end]...), end
	case x.p[i] == 'n': // null
		return append(dst, "null"...), i + 4
	case r.parts != notStructured:
		end, n := x.skip(i), len(dst)
		if out, ok := r.parts.append(append(dst, '"'), x.p[i:end]); ok {
			return append(out, '"'), end
		}
		return append(dst[:n], x.p[i:end]...), end
	case r.typ.Kind != Unknown:
		return r.leaf(dst, x, i)
	case x.p[i] == '{':
		return r.object(dst, x, i)
	case x.p[i] == '[':
		return r.array(dst, x, i)
	}
	end := x.skip(i)
	return append(dst, x.p[i:end]...), end
}

// leaf appends a decimal or a time; what is none stays as it is.
func (r *Rewrite) leaf(dst []byte, x *extended, i int) ([]byte, int) {
	var c Cell
	s := scanner{p: x.p}
	end := s.value(i, nil, &c)
	body := x.p[c.Off : c.Off+c.Len]
	n := len(dst)
	if r.typ.Kind == Decimal && c.Enc == EncText && r.wire == WireBase64 {
		out, code := AppendUnscaled(append(dst, '"'), body, r.scale)
		if code == "" {
			return append(out, '"'), end
		}
		return append(dst[:n], x.p[i:end]...), end
	}
	if out, code := AppendJSON(dst, r.typ, r.wire, c, body); code == "" {
		return out, end
	}
	return append(dst[:n], x.p[i:end]...), end
}

func (r *Rewrite) object(dst []byte, x *extended, i int) ([]byte, int) {
	dst = append(dst, '{')
	i = x.space(i + 1)
	for x.p[i] != '}' {
		if x.p[i] == ',' {
			dst = append(dst, ',')
			i = x.space(i + 1)
		}
		end := x.end(i)
		name := x.p[i:end]
		dst = append(append(dst, name...), ':')
		m := r.items
		if r.members != nil {
			m = r.members[string(name[1:len(name)-1])]
		}
		dst, i = m.value(dst, x, x.space(x.space(end)+1))
		i = x.space(i)
	}
	return append(dst, '}'), i + 1
}

// array appends an array, or a map that is written as pairs of key and value.
func (r *Rewrite) array(dst []byte, x *extended, i int) ([]byte, int) {
	return r.elements(dst, x, i, func(dst []byte, at, n int) ([]byte, int) {
		if r.keys == nil {
			return r.items.value(dst, x, at)
		}
		if x.p[at] != '[' {
			end := x.skip(at)
			return append(dst, x.p[at:end]...), end
		}
		return r.elements(dst, x, at, func(dst []byte, at, n int) ([]byte, int) {
			if n == 0 {
				return r.keys.value(dst, x, at)
			}
			return r.items.value(dst, x, at)
		})
	})
}

func (r *Rewrite) elements(dst []byte, x *extended, i int, each func(dst []byte, at, n int) ([]byte, int)) ([]byte, int) {
	dst = append(dst, '[')
	i = x.space(i + 1)
	for n := 0; x.p[i] != ']'; n++ {
		if x.p[i] == ',' {
			dst = append(dst, ',')
			i = x.space(i + 1)
		}
		dst, i = each(dst, i, n)
		i = x.space(i)
	}
	return append(dst, ']'), i + 1
}

// skip is the place behind the value at i.
func (x *extended) skip(i int) int {
	var c Cell
	s := scanner{p: x.p}
	return s.value(i, nil, &c)
}
