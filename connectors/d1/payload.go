package d1

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"sluice/schemas"
	"sluice/topology/stream"
)

// payload is Staged.Payload: one line of JSON, then the rows it points into,
// unless they wait in _sluice_staged.
type payload struct {
	Format int         `json:"v"` // 1
	Chunks int         `json:"chunks,omitempty"`
	Tables []tablePlan `json:"tables,omitempty"`

	raw []byte
}

// tablePlan is what happens to one table, in this order: clear, deletes, puts.
type tablePlan struct {
	Name    string       `json:"name"`
	Topic   string       `json:"topic"`
	Keyed   bool         `json:"keyed"`
	Clear   bool         `json:"clear,omitempty"` // a truncate
	Columns []columnPlan `json:"columns,omitempty"`
	Key     []string     `json:"key"`
	Ops     []op         `json:"ops,omitempty"`

	now *stored // what the table is when the rows come
}

// columnPlan is a column that some rows have a value for.
type columnPlan struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Of      string `json:"of,omitempty"`      // the column this one goes on for
	Retyped string `json:"retyped,omitempty"` // or the name of one that would go on for it with this type

	first string // Name before place chose another
}

// op is one statement over one JSON array of rows.
type op struct {
	Delete bool     `json:"delete,omitempty"`
	Cells  []cell   `json:"cells"`
	Keep   []string `json:"keep,omitempty"` // columns that stay as they are
	From   int      `json:"from"`           // of the array in the rows
	Len    int      `json:"len"`
	Rows   int      `json:"rows"`
	Chunk  int      `json:"chunk,omitempty"` // or its number in _sluice_staged, from 1
}

// cell says which element of a row's array goes to which column.
type cell struct {
	Column int  `json:"c"`
	At     int  `json:"at"`
	Hex    bool `json:"hex,omitempty"`
}

var errPayload = errors.New("d1: what was staged has a form this version does not read: commit it with the version that staged it, or drop the epoch by restarting")

func (p *payload) encode() ([]byte, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	b = slices.Grow(b, 1+len(p.raw))
	return append(append(b, '\n'), p.raw...), nil
}

func decodePayload(b []byte) (p payload, err error) {
	if len(b) == 0 {
		return p, nil
	}
	head, raw, ok := bytes.Cut(b, []byte{'\n'})
	if err := json.Unmarshal(head, &p); !ok || err != nil || p.Format != 1 {
		return p, errPayload
	}
	p.raw = raw
	for _, t := range p.Tables {
		for _, o := range t.Ops {
			bad := o.From < 0 || o.Len < 0 || o.From > len(raw) || o.Len > len(raw)-o.From
			for _, c := range o.Cells {
				bad = bad || c.Column < 0 || c.Column >= len(t.Columns)
			}
			if bad {
				return p, errPayload
			}
		}
	}
	return p, nil
}

// plan lays out what parts hold: tables in order of name, so that the same
// parts always give the same statements.
func (s *Sink) plan(parts []stream.Part) payload {
	p := payload{Format: 1}
	runs, of := map[*target][]*run{}, map[*target][]*epoch{}
	var order []*target
	for _, part := range parts {
		e, _ := part.Data.(*epoch)
		if e == nil {
			continue
		}
		for _, r := range e.order {
			tg := s.known(r.target) // a truncate meets rows that are older
			if runs[tg] == nil {
				order = append(order, tg)
			}
			runs[tg], of[tg] = append(runs[tg], r), append(of[tg], e)
		}
	}
	slices.SortStableFunc(order, func(a, b *target) int {
		if a.name == b.name && a.bare != b.bare { // a truncate before any row
			if a.bare {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	for _, tg := range order {
		p.table(s, s.join(runs[tg], of[tg]))
	}
	return p
}

// table adds the statements of one run.
func (p *payload) table(s *Sink, r *run) {
	if len(r.list) == 0 && r.cut == nil {
		return
	}
	t := tablePlan{Name: r.name, Topic: r.topic, Keyed: r.keyed, Clear: r.cut != nil}
	if !r.keyed {
		t.Key = []string{"_partition", "_offset", "_seq"}
	}
	for gi := range r.groups {
		if t.Key == nil {
			for _, k := range r.groups[gi].key {
				t.Key = append(t.Key, r.groups[gi].cols[k].name)
			}
		}
		p.ops(s, &t, r, op{Cells: t.cells(r.groups[gi]), Keep: r.groups[gi].kept()}, func(c *change) bool { return !c.gone && c.group == int32(gi) })
	}
	p.deletes(s, &t, r)
	p.Tables = append(p.Tables, t)
}

// cells maps the arrays of a group to columns, adding those the table lacks.
func (t *tablePlan) cells(g group) (cs []cell) {
	at := 0
	if !t.Keyed {
		for _, c := range where {
			cs = append(cs, cell{Column: t.column(c), At: at})
			at++
		}
	}
	for i := range g.cols {
		if c := &g.cols[i]; !g.keep.has(i) {
			cs = append(cs, cell{Column: t.column(*c), At: at + i, Hex: c.sql == sqlBlob})
		}
	}
	return cs
}

// kept are the names of the columns that stay as they are.
func (g *group) kept() (names []string) {
	for i := range g.cols {
		if g.keep.has(i) {
			names = append(names, g.cols[i].name)
		}
	}
	return names
}

// column is the place of c. A name with two types, by two instances that met
// different values first, is two columns: place keeps them apart. Of a key there
// is one: what is there decides in the end.
func (t *tablePlan) column(c column) int {
	for i := range t.Columns {
		x := &t.Columns[i]
		if lower(x.Name) != lower(c.name) || x.Type != c.sql && !x.fixed(t) {
			continue
		}
		if x.Type != c.sql && x.Type != sqlAny {
			x.Type = c.sql
		}
		return i
	}
	t.Columns = append(t.Columns, columnPlan{Name: c.name, Type: c.sql, Of: c.of, Retyped: c.retyped})
	return len(t.Columns) - 1
}

// fixed reports a column whose name is not to be chosen: of a key, or ours.
func (c *columnPlan) fixed(t *tablePlan) bool {
	return c.Retyped == "" && c.Of == "" || t.isKey(c.Name)
}

// place gives the columns the names that they have in the table. A column that
// the table has with a type that does not take the rows' goes on as NAME__TYPE,
// and finds its way back whichever type a process meets first. // D3
func (t *tablePlan) place(have *stored) {
	taken := map[string][]int{}
	for i := range t.Columns {
		if c := &t.Columns[i]; c.fixed(t) {
			taken[lower(c.Name)] = []int{i}
		}
	}
	free := func(name string, i int) bool {
		return !slices.ContainsFunc(taken[lower(name)], func(j int) bool {
			return t.Columns[j].fixed(t) || !takes(t.Columns[j].Type, t.Columns[i].Type) || t.together(i, j)
		})
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.fixed(t) {
			continue
		}
		if c.first == "" {
			c.first = c.Name
		}
		there := func(name string) bool { return name != "" && have != nil && have.column(name) != nil }
		names := []string{c.first, c.Retyped}
		switch {
		case c.Of != "" && there(c.Of) && !there(c.first):
			names = []string{c.Of, c.first}
		case c.Of != "":
			names = []string{c.first}
		case there(c.Retyped):
			names = []string{c.Retyped, c.first}
		}
		for _, n := range names {
			if n != "" && free(n, i) && (!there(n) || takes(have.column(n).sql, c.Type)) {
				c.Name = n
				break
			}
		}
		taken[lower(c.Name)] = append(taken[lower(c.Name)], i)
	}
}

// together reports whether some row has both columns: they need two names.
func (t *tablePlan) together(i, j int) bool {
	has := func(o *op, i int) bool {
		return slices.ContainsFunc(o.Cells, func(c cell) bool { return c.Column == i })
	}
	for k := range t.Ops {
		if o := &t.Ops[k]; has(o, i) && has(o, j) {
			return true
		}
	}
	return false
}

// others are the columns of the table that hold what column c held of a row
// while it had another type.
func (t *tablePlan) others(c *columnPlan, o *op) (names []string) {
	if t.now == nil || !t.Keyed || c.fixed(t) {
		return nil
	}
	base := lower(cmp.Or(c.Of, c.first, c.Name))
	for _, x := range t.now.columns {
		name := lower(x.name)
		same := func(s string) bool { return lower(s) == name }
		if x.key == 0 && (name == base || schemas.IsRetyped(name, base)) && !slices.ContainsFunc(o.Keep, same) &&
			!slices.ContainsFunc(o.Cells, func(y cell) bool { return same(t.Columns[y.Column].Name) }) {
			names = append(names, x.name)
		}
	}
	return names
}

// deletes are the keys that are gone. A table whose epoch has nothing else
// takes its key columns from the deletes' layout.
func (p *payload) deletes(s *Sink, t *tablePlan, r *run) {
	l := r.keys
	if !t.Keyed || l == nil || !slices.ContainsFunc(r.list, func(c change) bool { return c.gone && !c.void }) {
		return
	}
	var cs []cell
	for i, k := range l.key {
		c := l.cols[k]
		if len(t.Key) < len(l.key) {
			t.Key = append(t.Key, c.name)
		}
		cs = append(cs, cell{Column: t.column(c), At: i, Hex: c.sql == sqlBlob})
	}
	n := len(t.Ops)
	p.ops(s, t, r, op{Delete: true, Cells: cs}, func(c *change) bool { return c.gone })
	gone := slices.Clone(t.Ops[n:])
	t.Ops = append(gone, t.Ops[:n]...) // deletes first
}

// ops cuts the changes that are wanted into statements of bounded size.
func (p *payload) ops(s *Sink, t *tablePlan, r *run, o op, want func(*change) bool) {
	flush := func() {
		if o.Rows > 0 {
			p.raw[len(p.raw)-1] = ']'
			o.Len = len(p.raw) - o.From
			t.Ops = append(t.Ops, o)
		}
		o.Rows = 0
	}
	for i := range r.list {
		c := &r.list[i]
		if c.void || !want(c) {
			continue
		}
		row := r.buf[c.row.from:c.row.to]
		if o.Rows > 0 && (o.Rows >= s.cfg.MaxRows || len(p.raw)-o.From+len(row) >= s.cfg.MaxRequestBytes) {
			flush()
		}
		if o.Rows == 0 {
			o.From = len(p.raw)
			p.raw = append(p.raw, '[')
		}
		p.raw = append(append(p.raw, row...), ',')
		o.Rows++
	}
	flush()
}
