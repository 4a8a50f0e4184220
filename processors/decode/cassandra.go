package decode

import (
	"sluice/schemas"
	"sluice/topology/stream"
)

// The connectors of Cassandra and Scylla write a mutation: of each cell that it
// sets {"value","deletion_ts","set"}, of others null, and after is there for a
// delete, too, with the key. The cells are unwrapped: what a mutation does not set
// was not sent, as CQL's INSERT and UPDATE leave it alone, and a value that is null
// is a deleted cell. Cassandra's op is i for an insert, and r is no snapshot but a
// range of rows deleted at once, which no row says: it is refused (unknown_op).
// Source: Debezium documentation, "Cassandra connector", data change events, and
// its Record.Operation and CellData; Scylla CDC Source Connector, README.

var cellNames = schemas.NewNames("value", "deletion_ts", "set")

// mutation reports a record of one of these connectors that is as they wrote it.
func (w *worker) mutation() bool { return !w.plainCells && w.wrote == cassandraDB }

// cells makes of the record with envelope e one whose cells are their values. It
// returns a code.
func (w *worker) cells(r *stream.Record, e *schemas.Target) string {
	p := r.Value.Bytes()
	op := ""
	if c := e.Cells[ordOp]; c.Enc == schemas.EncText {
		op = string(w.bytes(r, c))
	}
	switch {
	case op == "i" || op == "c":
		op = "c"
	case op == "u" || op == "d":
	case op == "r" && w.connector(r, "scylla"):
	default:
		return codeUnknownOp
	}
	side := "after"
	if op == "d" {
		side = "before"
	}
	row := e.Cells[ordAfter]
	if op == "d" && row.Enc != schemas.EncJSON {
		row = e.Cells[ordBefore]
	}
	out := append(append(append(w.scratch(), `{"`...), side...), `":`...)
	if row.Enc == schemas.EncJSON {
		var ok bool
		if out, ok = values(out, p[row.Off:row.Off+row.Len]); !ok {
			return codeNoRow
		}
	} else {
		out = append(out, "null"...)
	}
	if side == "before" {
		out = append(out, `,"after":null`...)
	} else {
		out = append(out, `,"before":null`...)
	}
	for _, i := range []int{ordSource, ordTransaction, ordTsMs, ordTsUs, ordTsNs} {
		if c := e.Cells[i]; !c.Absent() {
			out = appendRaw(append(append(append(out, `,"`...), schemas.EnvelopeNames[i]...), `":`...), c, p)
		}
	}
	out = append(append(append(out, `,"op":"`...), op...), `"}`...)
	r.Value = stream.ViewOf(w.made(out))
	w.outer, w.plainCells, w.partialRow = nil, true, op != "d"
	return ""
}

// values appends the row p with the values of its cells; what is null was not set.
func values(dst, p []byte) ([]byte, bool) {
	all := schemas.Target{Names: schemas.NewNames()}
	if _, err := schemas.ScanJSON(p, &all); err != nil || !all.Found {
		return dst, false
	}
	dst = append(dst, '{')
	n := len(dst)
	for _, m := range all.Extra {
		c := m.Cell
		if c.IsNull() {
			continue
		}
		from := p
		if c.Enc == schemas.EncJSON {
			text := p[c.Off : c.Off+c.Len]
			cell := schemas.Target{Names: cellNames, Cells: make([]schemas.Cell, cellNames.Len())}
			if _, err := schemas.ScanJSON(text, &cell); err == nil && cell.Found && len(cell.Extra) == 0 && !cell.Cells[0].Absent() {
				if c, from = cell.Cells[0], text; cell.Cells[2].Enc == schemas.EncFalse {
					continue
				}
			}
		}
		if len(dst) > n {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), p[m.Name.Off:m.Name.Off+m.Name.Len]...), `":`...)
		dst = appendRaw(dst, c, from)
	}
	return append(dst, '}'), true
}
