package mask

import (
	"bytes"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"sluice/schemas"
	"sluice/topology/stream"
	"sluice/topology/stream/gate"
)

// Gate masks batches. It is safe for many workers at once.
type Gate struct {
	cfg     Config
	key     []byte
	keyID   string
	keepAll bool

	plans atomic.Pointer[map[*schemas.Schema]*plan] // copied on write
	mu    sync.Mutex
	seen  map[string]bool // policy paths: did they match a column yet
	pool  sync.Pool       // *scratch
}

// KeepAll is the gate of `privacy: none`: every column passes as it is. // P4
func KeepAll() stream.Gate { return &Gate{keepAll: true, seen: map[string]bool{}} }

// Explain says what happens to every field of s and which rule decided.
func (g *Gate) Explain(s *schemas.Schema) (all []Decision) {
	for i := range s.Fields {
		_, d := g.decide(s, &s.Fields[i])
		all = append(all, d)
	}
	return all
}

// Unmatched lists policy paths of topics that were seen and that no column
// matched so far.
func (g *Gate) Unmatched() (paths []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for p, ok := range g.seen {
		if !ok {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}

func (g *Gate) matched(path string) { g.seen[path] = true }

func (g *Gate) unmatched(path string) { g.seen[path] = g.seen[path] || false }

// plan finds or compiles the plan of s.
func (g *Gate) plan(s *schemas.Schema) *plan {
	if m := g.plans.Load(); m != nil {
		if p := (*m)[s]; p != nil {
			return p
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	m := map[*schemas.Schema]*plan{}
	if old := g.plans.Load(); old != nil {
		if p := (*old)[s]; p != nil {
			return p
		}
		m = maps.Clone(*old)
	}
	if g.keepAll {
		m[s] = keepAll(s)
	} else {
		m[s] = g.compile(s)
	}
	g.plans.Store(&m)
	return m[s]
}

func keepAll(s *schemas.Schema) *plan {
	p := &plan{table: &stream.Table{Topic: s.Topic, Database: s.Database, Namespace: s.Namespace, Table: s.Table, Version: s.Version}}
	for i := range s.Fields {
		f := &s.Fields[i]
		p.cols = append(p.cols, column{ord: i, field: f, spec: &Spec{Kind: Keep}})
		p.table.Columns = append(p.table.Columns, stream.Column{Field: *f, Action: Keep.String(), Bounds: true})
		if f.Key {
			p.table.Key = append(p.table.Key, i)
		}
	}
	return p
}

// pass is the state of one batch on its way through the gate.
type pass struct {
	b     *stream.Batch
	arena []byte
	cells []schemas.Cell
	s     *scratch
}

// Pass is stream.Gate: it masks b. A record that cannot be masked is rejected
// and never emitted. // P1 P2 P3
func (g *Gate) Pass(b *stream.Batch) (stream.Clean, error) {
	s, _ := g.pool.Get().(*scratch)
	if s == nil {
		s = newScratch(g.key, g.keyID)
	}
	defer g.pool.Put(s)
	x := pass{b: b, arena: b.Arena(), s: s}
	rows := make([]stream.CleanRow, 0, len(b.Records))
	arena := new([]byte)
	kept := b.Records[:0]
	var last *schemas.Schema
	var p *plan
	for i := range b.Records {
		r := &b.Records[i]
		if r.Schema != last || p == nil {
			p, last = g.plan(r.Schema), r.Schema
			if p.err != nil {
				return stream.Clean{}, p.err
			}
		}
		row := gate.Row(b, r, p.table, arena)
		if field, ok := x.row(p, r, &row); !ok {
			b.Reject(*r, "mask", "unmaskable", field) // P2
			continue
		}
		rows = append(rows, row)
		kept = append(kept, *r)
	}
	b.Records = kept
	b.SetArena(x.arena)
	*arena = x.arena
	return gate.Clean(b, rows), nil
}

// row fills the cells of one row; field names the column that cannot be masked.
func (x *pass) row(p *plan, r *stream.Record, row *stream.CleanRow) (field string, ok bool) {
	if r.After != nil {
		row.After = x.take(len(p.cols))
	}
	if r.Before != nil && r.Full { // else fillers, not values
		row.Before = x.take(len(p.cols))
	}
	if r.KeyRow != nil && len(p.table.Key) > 0 {
		row.Key = x.take(len(p.cols))
	}
	for i := range p.cols {
		c := &p.cols[i]
		if row.After != nil && c.ord < len(r.After) {
			if row.After[i], ok = x.cell(c, r, r.After[c.ord]); !ok {
				return c.field.Name, false
			}
		}
		if row.Before != nil && c.ord < len(r.Before) {
			if row.After != nil && c.ord < len(r.After) && x.same(r, r.Before[c.ord], r.After[c.ord]) {
				row.Before[i] = row.After[i] // unchanged: one masked cell for both
			} else if row.Before[i], ok = x.cell(c, r, r.Before[c.ord]); !ok {
				return c.field.Name, false
			}
		}
		if row.Key != nil && c.field.Key && c.ord < len(r.KeyRow) {
			if row.Key[i], ok = x.cell(c, r, r.KeyRow[c.ord]); !ok { // P3
				return c.field.Name, false
			}
		}
	}
	return "", true
}

// take lends n cells of one block that the batch's rows share.
func (x *pass) take(n int) []schemas.Cell {
	if len(x.cells)+n > cap(x.cells) {
		x.cells = make([]schemas.Cell, 0, max(n, min(4096, 2*n*max(1, len(x.b.Records)))))
	}
	i := len(x.cells)
	x.cells = x.cells[:i+n]
	return x.cells[i : i+n : i+n]
}

func (x *pass) same(r *stream.Record, a, b schemas.Cell) bool {
	return a.Flags == b.Flags && a.Enc == b.Enc && a.Len == b.Len && bytes.Equal(x.bytes(r, a), x.bytes(r, b))
}

// bytes lends the bytes of a raw cell; the arena may have grown since decode.
func (x *pass) bytes(r *stream.Record, c schemas.Cell) []byte {
	if c.Flags&schemas.InArena != 0 {
		return x.arena[c.Off : c.Off+c.Len]
	}
	return x.b.CellBytes(r, c)
}

// cell puts one cell through the action of its column.
func (x *pass) cell(c *column, r *stream.Record, in schemas.Cell) (schemas.Cell, bool) {
	switch {
	case in.Absent(), in.IsNull(), in.Flags&schemas.Unavailable != 0:
		return in, true
	case c.inner != nil:
		return x.nested(c, r, in)
	case c.spec.Kind == Keep:
		return in, true
	case c.spec.Kind == Null, c.spec.Kind == Redact && !isText(c.field.Type.Kind):
		return schemas.Cell{Flags: schemas.Present | schemas.Null | schemas.Replaced}, true
	}
	text := x.bytes(r, in)
	if in.Enc != schemas.EncText {
		x.s.text = schemas.AppendText(x.s.text[:0], in, text)
		text = x.s.text
	}
	from := len(x.arena)
	out, ok := x.s.apply(x.arena, c.spec, text)
	if !ok {
		return schemas.Cell{Flags: schemas.Present | schemas.Null | schemas.Replaced}, true
	}
	x.arena = out
	return x.made(from, schemas.EncText), true
}

func (x *pass) made(from int, e schemas.Encoding) schemas.Cell {
	return schemas.Cell{Off: uint32(from), Len: uint32(len(x.arena) - from), Enc: e, Flags: schemas.Present | schemas.Replaced | schemas.InArena}
}

// nested masks inside of one JSON value, given as JSON or as text that holds JSON.
func (x *pass) nested(c *column, r *stream.Record, in schemas.Cell) (schemas.Cell, bool) {
	src := x.bytes(r, in)
	mark := len(x.s.more)
	defer func() { x.s.more = x.s.more[:mark] }()
	switch in.Enc {
	case schemas.EncJSON:
	case schemas.EncText, schemas.EncJSONString:
		x.s.more = schemas.AppendText(x.s.more, in, src)
		src = x.s.more[mark:]
	default:
		return in, false
	}
	src = append([]byte(nil), src...) // the arena and scratch grow while it is read
	from := len(x.arena)
	out, rest, ok := x.s.json(x.arena, src, c.inner, 0)
	if !ok || len(skipSpace(rest)) > 0 {
		x.arena = out[:from]
		return in, false
	}
	x.arena = out
	return x.made(from, schemas.EncJSON), true
}
