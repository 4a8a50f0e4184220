package stream

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"sluice/schemas"
)

// Batch is a run of raw records of ONE lane with the memory they are views of.
// It has one owner at a time; the owner calls Release exactly once.
//
// From and To are positions, not record offsets: To may lie past the last
// record (control records, aborted transactions, compaction), and a batch
// without records still settles [From, To). From is exactly the position the
// lane was left at or sought to.
type Batch struct {
	Lane     Lane
	From, To Position
	Records  []Record

	// TopicID is of the log it was read from, "" where the source cannot tell.
	TopicID string

	// Rejects are records that a stage before the gate refused.
	Rejects []Reject

	// Filtered counts records that are recognised and are not data:
	// tombstones, heartbeats, transaction metadata, schema changes, messages.
	Filtered int64

	// In counts the records the source admitted: In = len(Records) + Filtered + len(Rejects).
	In int64

	// Bytes is what the batch takes from the byte budget. // D7
	Bytes int64

	came   map[recordID]message // records that a stage gave other bytes
	arena  []byte
	cells  []schemas.Cell
	blocks []*[blockCells]schemas.Cell
	rows   []CleanRow
	mem    *memory
	done   atomic.Bool
}

// blockCells is how many cells are made at a time: 48 KB.
const blockCells = 4096

// blocks are cells of released batches: rows take half as many bytes as the
// records they index, which would all be garbage.
var blocks = sync.Pool{New: func() any { return new([blockCells]schemas.Cell) }}

// rowSlices are clean rows of released batches.
var rowSlices sync.Pool

// arenas are those of released batches, of at most arenaKept bytes: a batch's
// tokens take a third of its bytes, which would all be garbage.
var arenas sync.Pool

const arenaKept = 4 << 20

// memory is what batches that were split from one share.
type memory struct {
	refs    atomic.Int32
	release func()
}

// Reject is a record that is refused before the gate. It names the record by
// position and holds codes, never input. // P1 P2
type Reject struct {
	Record Record // raw: only the sealer of dead letters reads it
	Stage  string
	Code   string // short and stable: a metric label
	Field  string // the column, or "" for the whole record
}

// NewBatch returns an empty batch that continues lane at from. release, which
// may be nil, runs once when the batch is released and gives the memory back
// to its lender.
func NewBatch(lane Lane, from Position, release func()) *Batch {
	m := &memory{release: release}
	m.refs.Store(1)
	return &Batch{Lane: lane, From: from, To: from, mem: m}
}

// Split cuts b at position at, From < at < To, before any stage has seen it:
// b keeps the records before at, the result has the rest, and both share the
// memory. The engine splits where one sink holds more of a lane than another,
// so that a sink takes a batch whole or not at all. // D3
func (b *Batch) Split(at Position) *Batch {
	i, _ := slices.BinarySearchFunc(b.Records, at.Offset, func(r Record, o int64) int { return cmp.Compare(r.Offset, o) })
	t := &Batch{Lane: b.Lane, TopicID: b.TopicID, From: at, To: b.To, Records: b.Records[i:], In: int64(len(b.Records) - i), mem: b.mem}
	t.Bytes = b.Bytes * t.In / max(1, int64(len(b.Records)))
	b.mem.refs.Add(1)
	b.To, b.Records, b.In, b.Bytes = at, b.Records[:i:i], int64(i), b.Bytes-t.Bytes
	return t
}

// Arena is the batch's own memory for bytes that are made, not read. Cells
// flagged schemas.InArena are offsets into it; appending may move it, so keep
// offsets and not slices.
func (b *Batch) Arena() []byte {
	if b.arena == nil {
		if p, ok := arenas.Get().(*[]byte); ok {
			b.arena = (*p)[:0]
		}
	}
	return b.arena
}

// SetArena stores the arena after appends to it.
func (b *Batch) SetArena(p []byte) { b.arena = p }

// Cells returns n cells owned by the batch, all absent. They are gone at
// Release, like Views.
func (b *Batch) Cells(n int) []schemas.Cell {
	if len(b.cells)+n > cap(b.cells) { // earlier rows keep the old block
		b.cells = nil
		if n <= blockCells {
			block := blocks.Get().(*[blockCells]schemas.Cell)
			b.blocks = append(b.blocks, block)
			b.cells = block[:0]
		} else {
			b.cells = make([]schemas.Cell, 0, n)
		}
	}
	i := len(b.cells)
	b.cells = b.cells[:i+n]
	cells := b.cells[i : i+n : i+n]
	clear(cells) // here and not the block: they are written next, and are near
	return cells
}

// CleanRows lends the gate room for n rows, none of them in use. They are gone
// at Release, like Views.
func (b *Batch) CleanRows(n int) []CleanRow {
	if p, ok := rowSlices.Get().(*[]CleanRow); ok && cap(*p) >= n {
		b.rows = *p
	} else {
		b.rows = make([]CleanRow, 0, n)
	}
	return b.rows
}

// recordID is a record of a batch; message is what Kafka holds of it.
type (
	recordID struct {
		offset int64
		seq    int32
	}
	message struct{ key, value View }
)

// Came keeps the key and value that r came with, for a stage that gave it
// others: whoever refuses r later refuses it as it came. // P2
func (b *Batch) Came(r *Record, key, value View) {
	if key.same(r.Key) && value.same(r.Value) {
		return
	}
	if b.came == nil {
		b.came = map[recordID]message{}
	}
	b.came[recordID{r.Offset, r.Seq}] = message{key, value}
}

// Reject takes record r off the path; the caller drops it from Records. What is
// sealed of it, and sent again by redrive, is what the topic holds. // P2
func (b *Batch) Reject(r Record, stage, code, field string) {
	if m, ok := b.came[recordID{r.Offset, r.Seq}]; ok {
		r.Key, r.Value = m.key, m.value
		r.Schema, r.Before, r.After, r.KeyRow = nil, nil, nil, nil // they index the other bytes
	}
	b.Rejects = append(b.Rejects, Reject{Record: r, Stage: stage, Code: code, Field: field})
}

// Span is the stretch of its lane the batch settles.
func (b *Batch) Span() Span { return Span{b.Lane, b.From, b.To} }

// Release ends the batch and every View of it. Builds with the race detector
// overwrite the memory, so that a use after release fails loudly.
func (b *Batch) Release() {
	if b.done.Swap(true) {
		panic("stream: batch released twice")
	}
	if poison {
		overwrite(b.arena)
		for i := range b.Records {
			overwrite(b.Records[i].Key.p)
			overwrite(b.Records[i].Value.p)
		}
		for i := range b.Rejects {
			overwrite(b.Rejects[i].Record.Key.p)
			overwrite(b.Rejects[i].Record.Value.p)
		}
	}
	for _, block := range b.blocks {
		if poison { // a cell read after this points outside of every record
			for i := range block {
				block[i] = schemas.Cell{Off: 0xDBDBDBDB, Len: 0xDBDBDBDB, Enc: 0xDB, Flags: schemas.Present}
			}
		}
		blocks.Put(block)
	}
	b.blocks, b.cells = nil, nil
	if n := cap(b.arena); n > 0 && n <= arenaKept {
		clear(b.arena) // P1: the next batch has none of it, wherever a cell points
		arena := b.arena[:0]
		arenas.Put(&arena)
	}
	b.arena = nil
	if b.rows != nil {
		clear(b.rows[:cap(b.rows)])
		rows := b.rows[:0]
		b.rows = nil
		rowSlices.Put(&rows)
	}
	if b.mem.refs.Add(-1) == 0 && b.mem.release != nil {
		b.mem.release()
	}
}

func overwrite(p []byte) {
	for i := range p {
		p[i] = 0xDB
	}
}
