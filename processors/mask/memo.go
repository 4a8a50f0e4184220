package mask

import (
	"bytes"
	"hash/maphash"

	"sluice/schemas"
	"sluice/topology/stream"
)

const memoSlots = 512 // 24 KB a worker: stays in the first caches

// memo remembers what values of the batch at hand became: a status, a city or
// a row that changes often is hashed once. It holds positions and no bytes, so
// it keeps no View; a slot is believed only after its bytes were compared.
type memo struct {
	seed  maphash.Seed
	run   uint64 // slots of other runs are empty
	slots []slot
	rates []rate // by ordinal
}

// rate is how often values of a column came again in this run.
type rate struct{ asked, hits int32 }

// What is asked for enough times counts: a hash costs four times what it costs to
// look, so where less than one value of eight comes again nobody looks any more.
const (
	enough = 64
	oneOf  = 8
)

type slot struct {
	col     *column
	run     uint64
	at      int32 // the record, as pass.at
	in, out schemas.Cell
}

func newMemo() memo { return memo{seed: maphash.MakeSeed(), slots: make([]slot, memoSlots)} }

// forget empties it.
func (m *memo) forget() { m.run++ }

// begin empties it for another batch.
func (m *memo) begin() {
	m.forget()
	clear(m.rates)
}

// worth reports that values of the column may well have come before.
func (m *memo) worth(ord int) bool {
	if m.slots == nil {
		return false
	}
	if ord >= len(m.rates) {
		m.rates = append(m.rates, make([]rate, ord+1-len(m.rates))...)
	}
	r := &m.rates[ord]
	r.asked++
	return r.asked <= enough || r.hits*oneOf >= r.asked
}

// remembered finds what the same value of column c became in this batch, and
// the slot for it.
func (x *pass) remembered(c *column, r *stream.Record, in schemas.Cell, raw []byte) (*slot, schemas.Cell, bool) {
	m := &x.s.memo
	e := &m.slots[(maphash.Bytes(m.seed, raw)+uint64(c.ord)*0x9E3779B97F4A7C15)%memoSlots]
	if e.run != m.run || e.col != c || e.in.Len != in.Len || e.in.Enc != in.Enc {
		return e, e.out, false
	}
	if e.at != x.at {
		r = &x.b.Records[e.at]
	}
	if !bytes.Equal(x.bytes(r, e.in), raw) {
		return e, e.out, false
	}
	m.rates[c.ord].hits++
	return e, e.out, true
}

func (e *slot) fill(x *pass, c *column, in, out schemas.Cell) {
	*e = slot{col: c, run: x.s.memo.run, at: x.at, in: in, out: out}
}
