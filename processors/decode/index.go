package decode

import (
	"sluice/schemas"
	"sluice/topology/stream"
)

// Records of Avro are read where they lie: their index has the cells that of the
// JSON made of them would have, of other encodings (schemas.AvroIndex). What it
// does not read, because a field is no column yet or the data do not follow their
// schema, is read as that JSON, which has the last word.

// indexes are the programs for one writer's records, as envelopes and as rows.
type indexes struct {
	root, row schemas.BinaryIndex // nil: they are none
}

// indexKey is what a program is good for.
type indexKey struct {
	writer schemas.BinarySchema
	v      *version
}

// maxIndexes bounds how many programs a worker remembers.
const maxIndexes = 64

// binary prepares to read the value p where it lies; false: it is to be written
// as JSON.
func (w *worker) binary(p []byte, d datum) bool {
	if w.d.registry == nil {
		return false
	}
	s, err := w.d.registry.Schema(d.id)
	if err != nil {
		return false // json says why
	}
	s, body, err := d.message(s)
	if err != nil || s.Binary() == nil || s.Cloud() { // which cloud reads
		return false
	}
	if s != w.writer || w.v != w.fitting {
		if string(s.Connect()) != string(w.v.writer) {
			v, code := w.t.writer(s.Connect())
			if code != "" {
				return false
			}
			w.use(v)
		}
		w.writer, w.fitting = s, w.v
	}
	w.avroData, w.avroAt, w.outer = s.Binary(), len(p)-len(body), w.v.writer
	if x := w.index(); x.root == nil && x.row == nil {
		w.avroData = nil
	}
	return w.avroData != nil
}

// index is that of the writer at hand and the version.
func (w *worker) index() indexes {
	key := indexKey{w.avroData, w.v}
	x, ok := w.indexes[key]
	if ok {
		return x
	}
	if len(w.indexes) >= maxIndexes || w.indexes == nil {
		w.indexes = map[indexKey]indexes{}
	}
	payload := w.root.Sub[ordPayload]
	w.root.Sub[ordPayload] = nil // the schema is not within
	x.root = schemas.IndexBinary(w.avroData, &w.root, &w.root, &w.before, &w.after)
	x.row = schemas.IndexBinary(w.avroData, &w.after, &w.after)
	w.root.Sub[ordPayload] = payload
	w.indexes[key] = x
	return x
}

// scanValue indexes the value of r into t, which is w.root, w.after, or nil.
func (w *worker) scanValue(r *stream.Record, t *schemas.Target) (schemas.Cell, error) {
	if w.avroData != nil {
		var x schemas.BinaryIndex
		switch t {
		case &w.root:
			x = w.index().root
		case &w.after:
			x = w.index().row
		}
		if x != nil {
			c, arena, err := x.Scan(r.Value.Bytes(), w.avroAt, w.arena)
			if w.arena = arena; err == nil {
				return c, nil
			}
		}
		if err := w.plainText(r); err != nil {
			return schemas.Cell{}, err
		}
		for _, t := range []*schemas.Target{&w.root, &w.source} {
			clear(t.Cells)
			t.Reset(t.Cells)
		}
		w.rows()
	}
	return w.scan.Scan(r.Value.Bytes(), t)
}

// plainText makes JSON of the binary record at hand.
func (w *worker) plainText(r *stream.Record) error {
	var ways [2]datum
	w.avroData = nil
	v, err := w.written(r, data(r.Value.Bytes(), r.Headers, valueHeaders, ways[:0]))
	if w.failed = err; err == nil && v.code == "" {
		return nil
	}
	return refusal(v.code)
}

// refusal is why a value cannot be read, a code.
type refusal string

func (r refusal) Error() string { return string(r) }

// lies is where the bytes of a cell are: in p, or made.
func (w *worker) lies(c schemas.Cell, p []byte) []byte {
	if c.Flags&schemas.InArena != 0 {
		p = w.arena
	}
	return p[c.Off : c.Off+c.Len]
}

// spell makes of a cell of binary data one that JSON would have had, in the arena.
func (w *worker) spell(c *schemas.Cell, p []byte) {
	n := len(w.arena)
	enc := schemas.EncText // of bytes
	if c.Enc != schemas.EncBytes {
		var buf [32]byte
		s, _ := schemas.Spelled(buf[:0], *c, w.lies(*c, p))
		enc = s.Enc
	}
	w.arena = schemas.AppendText(w.arena, *c, w.lies(*c, p))
	c.Off, c.Len, c.Enc, c.Flags = uint32(n), uint32(len(w.arena)-n), enc, c.Flags|schemas.InArena
}

// quote makes a JSON text of a text in binary data, in the arena.
func (w *worker) quote(c *schemas.Cell, p []byte) {
	n := len(w.arena)
	w.arena, _ = schemas.AppendString(w.arena, *c, w.lies(*c, p))
	c.Off, c.Len, c.Enc, c.Flags = uint32(n), uint32(len(w.arena)-n), schemas.EncJSON, c.Flags|schemas.InArena
}

// look is second for a cell of the index, which may lie in the arena.
func (w *worker) look(i int, c *schemas.Cell, p []byte) bool {
	if c.Flags&schemas.InArena == 0 {
		return w.second(i, c, p)
	}
	c.Flags &^= schemas.InArena // it was not made anew yet
	ok := w.second(i, c, w.arena)
	c.Flags |= schemas.InArena
	return ok
}
