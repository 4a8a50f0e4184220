// Package rowjson writes rows as JSON objects for stores that keep them as
// text. Integers keep all 64 bits: a JavaScript reader parses them as BigInt or
// loses digits beyond 2^53. A column that the source left out because it did
// not change (TOAST) is left out.
package rowjson

import (
	"encoding/json"
	"fmt"

	"sluice/schemas"
	"sluice/topology/stream"
)

// Tables are the texts of tables as they stand in JSON. It is not safe for
// concurrent use.
type Tables struct {
	all  map[*stream.Table]*Names
	last *stream.Table
	had  *Names
}

// Names are a table's texts.
type Names struct {
	Topic   []byte   // the inside of a JSON string
	columns [][]byte // `"name":`
}

// Of looks up t's names; a run of rows of one table looks once.
func (s *Tables) Of(t *stream.Table) *Names {
	if t == s.last {
		return s.had
	}
	n := s.all[t]
	if n == nil {
		n = &Names{Topic: Inside(t.Topic)}
		for _, c := range t.Columns {
			n.columns = append(n.columns, fmt.Appendf(nil, `"%s":`, Inside(c.Name)))
		}
		if s.all == nil {
			s.all = map[*stream.Table]*Names{}
		}
		s.all[t] = n
	}
	s.last, s.had = t, n
	return n
}

// Inside is s as it stands between the quotes of a JSON string.
func Inside(s string) []byte {
	q, _ := json.Marshal(s) // a string always has a JSON form
	return q[1 : len(q)-1]
}

// Refusal is why a row has no JSON: a dead letter's code and field; the zero
// value is none.
type Refusal struct{ Code, Field string }

// Row appends {"column":value,...} of cells, which are indexed by the columns.
func (n *Names) Row(b []byte, r *stream.CleanRow, cells []schemas.Cell) ([]byte, Refusal) {
	b = append(b, '{')
	open := len(b)
	for i := range cells {
		var no Refusal
		if b, no = n.field(b, r, i, cells); no.Code != "" {
			return b, no
		}
	}
	return shut(b, open), Refusal{}
}

// Key appends the object of r's key.
func (n *Names) Key(b []byte, r *stream.CleanRow) ([]byte, Refusal) {
	b = append(b, '{')
	open := len(b)
	for _, i := range r.Table.Key {
		var no Refusal
		if b, no = n.field(b, r, i, r.Key); no.Code != "" {
			return b, no
		}
	}
	return shut(b, open), Refusal{}
}

// shut closes the object whose fields begin at start, each with a comma behind it.
func shut(b []byte, start int) []byte {
	if len(b) > start {
		b = b[:len(b)-1]
	}
	return append(b, '}')
}

// field writes column i and a comma; absent and unavailable ones are left out.
func (n *Names) field(b []byte, r *stream.CleanRow, i int, cells []schemas.Cell) ([]byte, Refusal) {
	if i >= len(cells) || cells[i].Absent() || cells[i].Flags&schemas.Unavailable != 0 {
		return b, Refusal{}
	}
	col := &r.Table.Columns[i]
	b, code := schemas.AppendJSON(append(b, n.columns[i]...), col.Type, col.Wire, cells[i], r.Bytes(cells[i]))
	if code != "" {
		return b, Refusal{code, col.Name}
	}
	return append(b, ','), Refusal{}
}

// Letter is the dead letter of a row that a sink refuses. // P1: the place, not the row
func (no Refusal) Letter(pipeline, sink, stage string, lane stream.Lane, r *stream.CleanRow) stream.DeadLetter {
	return stream.DeadLetter{ID: fmt.Sprintf("%s/%v/%d/%d", pipeline, lane, r.Offset, r.Seq), Lane: lane, Offset: r.Offset,
		Seq: r.Seq, Time: r.Time, Stage: stage, Code: no.Code, Field: no.Field, Sink: sink}
}
