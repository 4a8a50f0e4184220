package sinktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluice/schemas"
	"sluice/topology/stream"
)

// change is one record and what a store ought to make of it.
type change struct {
	lane   stream.Lane
	offset int64
	seq    int32
	op     stream.Op
	src    uint64
	values map[string]value // by column; the row is keyed by id
}

// value is one field: how the record spells it and what a reader sees.
type value struct {
	enc   schemas.Encoding
	raw   string
	flags schemas.Flags // beside Present
	want  string        // Row.Columns' form; "null" for null
}

func num(n int64) value {
	return value{enc: schemas.EncInt, raw: fmt.Sprint(n), want: fmt.Sprint(n)}
}

// text is a value without anything to escape.
func text(s string) value { return value{enc: schemas.EncText, raw: s, want: `"` + s + `"`} }

var null = value{flags: schemas.Null, want: "null"}

// batch is a stretch of a lane with its changes.
type batch struct {
	lane     stream.Lane
	from, to int64
	changes  []change
	schema   *schemas.Schema // nil: the plain one
}

// run is [from, to) of lane with one change an offset. In a replica they
// touch few keys, with updates and deletes.
func (w *world) run(lane stream.Lane, from, to int64) batch {
	b := batch{lane: lane, from: from, to: to}
	for o := from; o < to; o++ {
		c := change{lane: lane, offset: o, src: uint64(1000 + o), values: map[string]value{"id": num(int64(lane.Partition)*1_000_000 + o), "note": text(fmt.Sprintf("note %d of %d", o, lane.Partition))}}
		if w.o.replica {
			c.values["id"] = num(int64(lane.Partition)*1_000_000 + o%5)
			switch o % 7 {
			case 5:
				c.op = stream.Update
			case 6:
				c.op = stream.Delete
			}
		}
		b.changes = append(b.changes, c)
	}
	return b
}

// plain is the schema of run's rows.
func (w *world) plain() *schemas.Schema {
	return schemas.NewSchema(schemas.Schema{Topic: w.topic, Version: 1, Closed: true, Database: "shop", Namespace: "public", Table: "events", Fields: []schemas.Field{
		{Name: "id", Type: schemas.Type{Kind: schemas.Int64}, Key: w.o.replica},
		{Name: "note", Type: schemas.Type{Kind: schemas.String}, Nullable: true},
	}})
}

// build makes records whose cells lie in JSON, as decode leaves them.
func (w *world) build(x batch) *stream.Batch {
	b := stream.NewBatch(x.lane, at(x.from), nil)
	b.To = at(x.to)
	s := x.schema
	if s == nil {
		s = w.plain()
	}
	for _, c := range x.changes {
		r := stream.Record{Offset: c.offset, Epoch: 7, Seq: c.seq, Op: c.op, Time: 1_700_000_000_000_000 + c.offset, Src: stream.SourcePos{Hi: c.src}, Schema: s}
		var value, key []byte
		after, keyed := make([]schemas.Cell, len(s.Fields)), make([]schemas.Cell, len(s.Fields))
		for i, f := range s.Fields {
			v, ok := c.values[f.Name]
			if !ok {
				continue
			}
			if f.Key {
				key, keyed[i] = put(key, f.Name, v)
				keyed[i].Flags |= schemas.InKey
			}
			value, after[i] = put(value, f.Name, v)
		}
		if c.op != stream.Delete && c.op != stream.Truncate {
			r.After = after
		}
		if w.o.replica && c.op != stream.Truncate {
			r.KeyRow = keyed
		}
		r.Value, r.Key = stream.ViewOf(value), stream.ViewOf(key)
		b.Records = append(b.Records, r)
		b.In++
	}
	b.Bytes = b.In * 100
	return b
}

// put appends a field as JSON and returns its cell.
func put(p []byte, name string, v value) ([]byte, schemas.Cell) {
	p = fmt.Appendf(p, `{"%s":`, name)
	quoted := v.enc == schemas.EncText || v.enc == schemas.EncJSONString
	if quoted {
		p = append(p, '"')
	}
	c := schemas.Cell{Off: uint32(len(p)), Len: uint32(len(v.raw)), Enc: v.enc, Flags: schemas.Present | v.flags}
	p = append(p, v.raw...)
	if quoted {
		p = append(p, '"')
	}
	return append(p, '}'), c
}

// model is what the store ought to show, as rows says it.
func (w *world) model() []string {
	var out []string
	if !w.o.replica {
		for _, c := range w.want {
			out = append(out, Row{Topic: c.lane.Topic, Partition: c.lane.Partition, Offset: c.offset, Seq: c.seq, Op: c.op.String(), Columns: columns(c, nil)}.String())
		}
		slices.Sort(out)
		return out
	}
	live := map[string]map[string]string{}
	for _, c := range w.want {
		id := c.values["id"].raw
		switch c.op {
		case stream.Delete:
			delete(live, id)
		case stream.Truncate:
			clear(live)
		default:
			live[id] = columns(c, live[id])
		}
	}
	for _, cols := range live {
		out = append(out, Row{Topic: w.topic, Columns: cols}.String())
	}
	slices.Sort(out)
	return out
}

// columns is what is left in a row after c: an unavailable value keeps the old one.
func columns(c change, old map[string]string) map[string]string {
	m := map[string]string{}
	for k, v := range c.values {
		m[k] = v.want
		if v.flags&schemas.Unavailable != 0 {
			m[k] = "null"
			if o, ok := old[k]; ok {
				m[k] = o
			}
		}
	}
	maps.DeleteFunc(m, func(_, v string) bool { return v == "null" })
	return m
}

// KindOf is the logical type of a column of the conformance rows. Columns of
// the Values case are named by their kind, "decimal" or "decimal2".
func KindOf(column string) schemas.Kind {
	switch column {
	case "id":
		return schemas.Int64
	case "note", "big":
		return schemas.String
	}
	name := strings.TrimRight(column, "0123456789")
	if column == "int32" || column == "int64" || column == "float32" || column == "float64" {
		name = column
	}
	for k := schemas.Bool; k <= schemas.JSON; k++ {
		if k.String() == name {
			return k
		}
	}
	return schemas.Unknown
}

// Canonical makes the JSON of a value comparable: strings unescaped, floats
// in their shortest form. A Store may use it on what it read.
func Canonical(t testing.TB, column, js string) string {
	t.Helper()
	k := KindOf(column)
	switch {
	case js == "null" || js == "":
		return "null"
	case js[0] == '"':
		var s string
		if err := json.Unmarshal([]byte(js), &s); err != nil {
			t.Fatalf("column %s: %v", column, err)
		}
		return Quote(s)
	case k == schemas.JSON:
		return Quote(js)
	case k == schemas.Float32 || k == schemas.Float64:
		f, err := strconv.ParseFloat(js, 64)
		if err != nil {
			t.Fatalf("column %s: %v", column, err)
		}
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return js
}

// Quote is s as a JSON string in the spelling of Row.Columns.
func Quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always has a JSON form
	return strings.TrimSuffix(b.String(), "\n")
}
