package iceberg

import (
	"encoding/hex"
	"slices"

	"sluice/connectors/iceberg/column"
	"sluice/schemas"
	"sluice/topology/stream"
)

// meta sets one changelog column.
func (w *writer) meta(b *column.Buffer, m metaAt, r *stream.CleanRow, cells []schemas.Cell) {
	switch m.name {
	case metaOp:
		b.AppendString(m.at, r.Op.String())
	case metaTime:
		b.AppendInt64(m.at, r.Time)
	case metaTopic:
		b.AppendString(m.at, w.lane.Topic)
	case metaPartition:
		b.AppendInt32(m.at, w.lane.Partition)
	case metaOffset:
		b.AppendInt64(m.at, r.Offset)
	case metaSeq:
		b.AppendInt32(m.at, r.Seq)
	case metaSnapshot:
		b.AppendBool(m.at, r.Snapshot)
	case metaSource:
		if r.Src != (stream.SourcePos{}) {
			w.text = sourceText(w.text[:0], r.Src)
			b.AppendBytes(m.at, w.text)
		} else {
			b.AppendNull(m.at)
		}
	case metaUnavailable:
		if w.text = unavailable(w.text[:0], cells, r.Table); len(w.text) > 0 {
			b.AppendBytes(m.at, w.text)
		} else {
			b.AppendNull(m.at)
		}
	}
}

// sourceText spells a source position so that text sorts as positions do.
func sourceText(dst []byte, p stream.SourcePos) []byte {
	var raw [20]byte
	for i := range 8 {
		raw[i], raw[8+i] = byte(p.Hi>>(56-8*i)), byte(p.Lo>>(56-8*i))
	}
	for i := range 4 {
		raw[16+i] = byte(p.Row >> (24 - 8*i))
	}
	return hex.AppendEncode(dst, raw[:])
}

// unavailable lists the columns whose value was not sent: with a column those
// that go on for it, for nobody says in which of them the value is.
func unavailable(dst []byte, cells []schemas.Cell, t *stream.Table) []byte {
	none := len(dst)
	for i := range cells { // by place: a copy of every cell costs more than the look
		if cells[i].Flags&schemas.Unavailable == 0 && (len(dst) == none || !goesOn(cells, t, i)) {
			continue
		}
		if len(dst) > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, t.Columns[i].Name...)
	}
	return dst
}

// goesOn reports whether column i, of which there is nothing, goes on for one
// whose value was not sent. It stands behind that one, as topics grow.
func goesOn(cells []schemas.Cell, t *stream.Table, i int) bool {
	of := t.Columns[i].Of
	if of == "" || cells[i].Has() {
		return false
	}
	at := slices.IndexFunc(t.Columns[:i], func(c stream.Column) bool { return c.Name == of })
	return at >= 0 && cells[at].Flags&schemas.Unavailable != 0
}
