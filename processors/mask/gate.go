// Package mask is the gate: it turns raw records into Clean rows of planned
// columns, each through an action. Nobody else makes Clean rows. // P1
//
// The policy is a list of rules. For every column of a topic the first rule
// that names it decides; what no rule names goes by the default (P4). Columns
// that appear later are held to the same. A rule that names paths inside of a
// JSON column decides all of that column: what it does not name in there goes
// by the default too, unless the column itself is kept with a reason; then a
// member whose name differs from a path's in its case alone goes by that path.
// Headers, raw keys and raw values never pass. A column that is named by a record
// alone, as the members of an event that is a map, has no place if its name is
// no plain identifier and no rule names it: the name may be data.
//
//	mask:
//	  key: env:SLUICE_MASK_KEY          # or file:/run/secrets/mask; never the key itself
//	  key_id: k1                        # stands in every token; or keys: [{id: k2, ref: ...}, {id: k1, ref: ...}]
//	  default: mask                     # text is hashed, the rest nulled; scan: see scan.go; withhold: no column at all
//	  class: [{topics: ["*.users"], columns: {contact: email}, tags: {legal: [consent]}}]
//	  rules:
//	  - classes: {email: {tokenize: {domain: email}}}   # in a rule a path comes before a class,
//	    tags: {legal: {keep: "the same for everybody"}} # and a class before a tag
//	  - topics: ["*.customers"]
//	    keep: {columns: [id, status], because: "surrogate key, no personal data"}
//	    columns:
//	      email: hash
//	      phone: {partial: {keep_last: 4}}
//	      notes: redact
//	      ssn: drop
//	      card: null
//	      "address.lines[*].street": hash
//	      "friends.{key}": hash         # names of members; "friends.*" is their values
//	      address: {keep: "reviewed: nothing but street is personal"}
package mask

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"sluice/processors/mask/policy"
	"sluice/processors/mask/strategy"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
	"sluice/topology/stream/gate"
)

const (
	stage          = "mask"
	codeUnmaskable = "unmaskable" // the value cannot go through its action
	codeUndecoded  = "undecoded"  // no stage before the gate said what the record is
)

// The arena grows by as much as tokens in all masked columns take.
const (
	tokenSize = 32
	maxGrow   = 1 << 20
)

// Gate masks batches. It is safe for many workers at once.
type Gate struct {
	rules   *policy.Rules
	log     *slog.Logger // may be nil
	keepAll bool
	memo    bool     // reuse what equal values became; off only to measure it
	keyring *keyring // keys of data subjects, nil: no action takes them

	plans atomic.Pointer[map[*schemas.Schema]*plan] // copied on write
	mu    sync.Mutex                                // one compiles at a time
	pool  sync.Pool                                 // *scratch
}

// Factory makes the gate of a policy.
var Factory = topology.New("mask", policy.Default, open)

func open(c policy.Config, env topology.Env) (stream.Gate, error) {
	r, err := policy.Compile(c)
	if err != nil {
		return nil, err
	}
	g := &Gate{rules: r, log: env.Log, memo: true}
	if !r.NeedsKey() {
		return g, r.Bind(nil)
	}
	ring, err := c.Ring(env)
	if err != nil {
		return nil, err
	}
	defer ring.Close() // what masks is derived from it
	if err := r.Bind(ring.Primary()); err != nil {
		return nil, err
	}
	if r.UsesSubjects() {
		v, err := r.Vault(ring, env, false)
		if err != nil {
			return nil, err
		}
		g.keyring = newKeyring(v, c.Subjects.Cache)
	}
	return g, nil
}

// KeepAll is the gate of `privacy: none`: every column passes as it is. // P4
func KeepAll() stream.Gate { return &Gate{keepAll: true, rules: &policy.Rules{}} }

// String tells sizes only. // P1
func (g *Gate) String() string { return fmt.Sprintf("mask gate of %d rules", g.rules.Len()) }

// GoString tells sizes only. // P1
func (g *Gate) GoString() string { return g.String() }

// Explain says what happens to every field of s, and to the paths inside of
// it, and which rule decided.
func (g *Gate) Explain(s *schemas.Schema) (all []policy.Decision) {
	if !g.keepAll {
		return g.rules.Explain(s)
	}
	for i := range s.Fields {
		all = append(all, policy.Decision{Column: s.Fields[i].Name, Action: policy.Keep.String(), Why: "privacy: none"})
	}
	return all
}

// Unmatched lists the paths of the policy that nothing matched so far, as
// policy.Rules has it.
func (g *Gate) Unmatched() []string { return g.rules.Unmatched() }

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
		if p := (*old)[s]; p != nil { // another worker was faster
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

// Pass is stream.Gate: it masks b. A record that cannot be masked is rejected
// and never emitted. After an error b is as it was. // P1 P2 P3
func (g *Gate) Pass(b *stream.Batch) (stream.Clean, error) {
	var last *schemas.Schema
	for i := range b.Records { // before anything moves
		if s := b.Records[i].Schema; s != nil && s != last {
			if p := g.plan(s); p.err != nil {
				return stream.Clean{}, p.err
			}
			last = s
		}
	}
	s, _ := g.pool.Get().(*scratch)
	if s == nil {
		s = newScratch(g)
	}
	defer func() {
		s.forget()
		g.pool.Put(s)
	}()
	s.memo.begin()
	x := pass{b: b, arena: b.Arena(), s: s}
	if g.keyring != nil {
		if err := x.subjects(g); err != nil {
			return stream.Clean{}, err
		}
	}
	rows := b.CleanRows(len(b.Records))
	arena := new([]byte)
	kept := b.Records[:0]
	var p *plan
	last = nil
	for i := range b.Records {
		r := &b.Records[i]
		if r.Schema == nil {
			b.Reject(*r, stage, codeUndecoded, "") // P2
			continue
		}
		if r.Schema != last {
			p, last = g.plan(r.Schema), r.Schema
			x.arena = slices.Grow(x.arena, min((len(b.Records)-i)*p.makers*tokenSize, maxGrow))
		}
		rows = rows[:len(rows)+1] // zero, see CleanRows
		row := &rows[len(rows)-1]
		gate.Row(row, b, r, p.table, arena)
		x.at = int32(len(kept))
		if field, ok := x.row(p, r, row); !ok {
			*row = stream.CleanRow{}
			rows = rows[:len(rows)-1]
			r.Before, r.After, r.KeyRow = nil, nil, nil // they may be half of what they were
			b.Reject(*r, stage, codeUnmaskable, field) // P2
			s.memo.forget()                            // it may hold values of this record, whose place the next one takes
			continue
		}
		if at := len(kept); at == i {
			kept = kept[:i+1] // where it is
		} else {
			kept = append(kept, *r)
		}
	}
	s.waiting.Flush(x.arena)
	b.Records = kept
	b.SetArena(x.arena)
	*arena = x.arena
	return gate.Clean(b, rows), nil
}

// pass is the state of one batch on its way through the gate.
type pass struct {
	b     *stream.Batch
	arena []byte
	s     *scratch
	at    int32          // where the record at hand will stand in b.Records
	side  []schemas.Cell // the row at hand: before, after or key

	constant schemas.Cell // what the constant of action of is in the arena
	of       policy.Kind
}

// row fills the cells of one row; field names the column that cannot be
// masked. The same column has the same action in before, after and key. // P3
func (x *pass) row(p *plan, r *stream.Record, row *stream.CleanRow) (field string, ok bool) {
	if r.After != nil {
		row.After = x.rowOf(p, r.After)
	}
	if r.Before != nil && r.Full { // else fillers, not values
		row.Before = x.rowOf(p, r.Before)
	}
	failed := x.constants(p, r, r.After, row.After)
	if failed < 0 {
		failed = x.constants(p, r, r.Before, row.Before)
	}
	if failed >= 0 {
		return p.cols[failed].field.Name, false
	}
	for _, i := range p.made {
		c := &p.cols[i]
		shared := false
		if row.After != nil && c.ord < len(r.After) {
			in := r.After[c.ord]
			shared = c.makes() && c.by < 0 && row.Before != nil && c.ord < len(r.Before) && x.same(r, r.Before[c.ord], in)
			if x.side = r.After; !x.put(c, r, in, &row.After[i]) {
				return c.field.Name, false
			}
		}
		if shared {
			row.Before[i] = row.After[i] // unchanged: one masked cell for both
		} else if row.Before != nil && c.ord < len(r.Before) {
			if x.side = r.Before; !x.put(c, r, r.Before[c.ord], &row.Before[i]) {
				return c.field.Name, false
			}
		}
	}
	if r.KeyRow == nil || len(p.table.Key) == 0 {
		return "", true
	}
	row.Key = x.b.Cells(p.keyWidth)
	x.side = r.KeyRow
	for _, i := range p.table.Key {
		c := &p.cols[i]
		if c.ord < len(r.KeyRow) {
			if row.Key[i], ok = x.cell(c, r, r.KeyRow[c.ord]); !ok {
				return c.field.Name, false
			}
		}
	}
	return "", true
}

// put is cell, written to out.
func (x *pass) put(c *column, r *stream.Record, in schemas.Cell, out *schemas.Cell) (ok bool) {
	*out, ok = x.cell(c, r, in)
	return ok
}

// constants fills the columns of side whose every value becomes the same, and
// returns -1, or the one that failed. out is nil where there is no such row.
func (x *pass) constants(p *plan, r *stream.Record, in, out []schemas.Cell) (failed int) {
	if out == nil {
		return -1
	}
	for i := range p.constant {
		f := &p.constant[i]
		one, ok := x.one(f.kind)
		for _, k := range f.cols {
			if k.ord >= len(in) {
				continue
			}
			if ok && in[k.ord].Flags&(schemas.Present|schemas.Null|schemas.Unavailable) == schemas.Present {
				out[k.at] = one
				continue
			}
			var fine bool
			if out[k.at], fine = x.cell(&p.cols[k.at], r, in[k.ord]); !fine {
				return k.at
			}
		}
	}
	return -1
}

// rowOf is a row with the cells of in that are kept: in itself, if all others
// become what they become where they are. From there on nobody reads the record's.
func (x *pass) rowOf(p *plan, in []schemas.Cell) []schemas.Cell {
	if p.inPlace(len(in)) {
		return in[:len(in):len(in)]
	}
	out := x.b.Cells(len(p.cols))
	p.copy(out, in)
	return out
}

func (x *pass) same(r *stream.Record, a, b schemas.Cell) bool {
	return x.s.memo.slots != nil && a.Flags == b.Flags && a.Enc == b.Enc && a.Len == b.Len && bytes.Equal(x.bytes(r, a), x.bytes(r, b))
}

// bytes lends the bytes of a raw cell; the arena may have grown since decode.
func (x *pass) bytes(r *stream.Record, c schemas.Cell) []byte {
	if c.Flags&schemas.InArena != 0 {
		return x.arena[c.Off : c.Off+c.Len : c.Off+c.Len]
	}
	return x.b.CellBytes(r, c)
}

// Cells without bytes: nothing of the record can be reached through them. // P1
var (
	nulled      = schemas.Cell{Flags: schemas.Present | schemas.Null | schemas.Replaced}
	unavailable = schemas.Cell{Flags: schemas.Present | schemas.Unavailable}
)

// cell puts one cell through the action of its column.
func (x *pass) cell(c *column, r *stream.Record, in schemas.Cell) (schemas.Cell, bool) {
	switch {
	case c.keep:
		return in, true
	case in.Absent():
		return schemas.Cell{}, true
	case in.Flags&schemas.Unavailable != 0:
		return unavailable, true
	case in.IsNull():
		return schemas.NullCell, true
	case c.inner != nil:
		x.s.under = c.context
		return x.nested(c.inner, r, in)
	case c.spec.Kind == policy.Scan:
		return x.scanned(c, r, in)
	case c.constant != "" && policy.IsText(c.kind(in)):
		return x.one(c.spec.Kind)
	case c.with == nil:
		return nulled, true
	}
	raw := x.bytes(r, in)
	var slot *slot
	if c.slow && c.by < 0 && x.s.memo.worth(c.ord) {
		var out schemas.Cell
		var ok bool
		if slot, out, ok = x.remembered(c, r, in, raw); ok {
			return out, true
		}
	}
	from := len(x.arena)
	x.s.By = nil
	if c.by >= 0 {
		x.s.By = x.person(c, r)
	}
	if c.hash != nil && c.written && in.Enc == schemas.EncText && utf8.Valid(raw) { // as value has it
		out, ok := x.hashed(c.hash, raw)
		if slot != nil {
			slot.fill(x, c, in, out)
		}
		return out, ok
	}
	cell, raw := x.s.literal(in, raw)
	k, text := x.s.value(c.field, cell, raw)
	if c.field.Key && damaged(text, raw) { // D4: keys would fall together
		return in, false
	}
	if c.hash != nil {
		out, ok := x.hashed(c.hash, text)
		if slot != nil {
			slot.fill(x, c, in, out)
		}
		return out, ok
	}
	x.s.Field, x.s.Cell, x.s.Raw = c.field, cell, raw
	var enc schemas.Encoding
	x.arena, enc = c.with.Mask(&x.s.Scratch, x.arena, k, text)
	if enc == strategy.AsNull || enc == strategy.Refused {
		x.cut(x.arena, from)
		return nulled, enc == strategy.AsNull // P2
	}
	out, ok := x.made(from, enc)
	if slot != nil {
		slot.fill(x, c, in, out)
	}
	return out, ok
}

// person is the text of the column that c goes by, in the row at hand, nil if
// there is none.
func (x *pass) person(c *column, r *stream.Record) []byte {
	by, also := c.by, c.byAlso
	for by >= len(x.side) || !x.side[by].Has() {
		if len(also) == 0 {
			return nil
		}
		by, also = also[0], also[1:]
	}
	in := x.side[by]
	cell, raw := x.s.literal(in, x.bytes(r, in))
	_, text := x.s.value(&r.Schema.Fields[by], cell, raw)
	if x.s.person == nil {
		x.s.person = []byte{} // "" is a name too, whatever this worker saw before // D5
	}
	x.s.person = append(x.s.person[:0], text...)
	return x.s.person
}

// one is the cell of a constant, which stands in the arena once.
func (x *pass) one(k policy.Kind) (schemas.Cell, bool) {
	if x.of == k {
		return x.constant, true
	}
	from := len(x.arena)
	x.arena = append(x.arena, k.Constant()...)
	c, ok := x.made(from, schemas.EncText)
	if ok {
		x.constant, x.of = c, k
	}
	return c, ok
}

// hashed is the cell of a value's token, which stands there after the next one or
// after the last, see strategy.Waiting.
func (x *pass) hashed(h *strategy.Hasher, text []byte) (schemas.Cell, bool) {
	from := len(x.arena)
	x.arena = x.s.waiting.Append(&x.s.Scratch, x.arena, h, text)
	return x.made(from, schemas.EncText)
}

// made is the cell of what stands in the arena since from; false if no cell
// reaches that far.
func (x *pass) made(from int, e schemas.Encoding) (schemas.Cell, bool) {
	return schemas.Cell{Off: uint32(from), Len: uint32(len(x.arena) - from), Enc: e, Flags: schemas.Present | schemas.Replaced | schemas.InArena},
		len(x.arena) <= math.MaxUint32 // P2
}

// nested masks inside of one JSON value, given as JSON or as text that holds JSON.
func (x *pass) nested(n *policy.Node, r *stream.Record, in schemas.Cell) (schemas.Cell, bool) {
	src := x.bytes(r, in)
	s := x.s
	s.more = s.more[:0]
	switch in.Enc {
	case schemas.EncJSON, schemas.EncText, schemas.EncJSONString:
		if in.Enc == schemas.EncJSONString || !utf8.Valid(src) {
			s.more = schemas.AppendText(s.more, in, src)
			src = s.more
		}
	default:
		return in, false // P2
	}
	if string(skipSpace(src)) == "null" {
		return schemas.NullCell, true
	}
	from := len(x.arena)
	out, rest, ok := s.json(x.arena, src, n, s.rest, 0)
	x.arena = out
	if !ok || len(skipSpace(rest)) > 0 { // P2
		x.cut(out, from)
		return in, false
	}
	return x.made(from, schemas.EncJSON)
}

// cut takes back what was made since from. Nothing of it stays behind the arena's
// end: the next batch gets that memory. // P1
func (x *pass) cut(made []byte, from int) {
	clear(made[from:])
	x.arena = made[:from]
}
