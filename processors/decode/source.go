package decode

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"strings"

	"sluice/schemas"
	"sluice/topology/stream"
)

// facts fills time, position, snapshot and identity from the source block.
func (w *worker) facts(r *stream.Record) {
	s := w.source.Cells
	if v := w.number(r, s[srcTsUs]); v > 0 {
		r.Time = v
	} else if v := w.number(r, s[srcTsNs]); v > 0 {
		r.Time = v / 1000
	} else if v := w.number(r, s[srcTsMs]); v > 0 && v < 1<<52 {
		r.Time = v * 1000
	}
	r.Snapshot = s[srcSnapshot].Enc == schemas.EncTrue ||
		s[srcSnapshot].Enc == schemas.EncText && string(w.bytes(r, s[srcSnapshot])) != "false"
	r.Src = w.position(r)
	switch w.t.identity {
	case "full":
		r.Full = true
	case "":
		r.Full = w.wrote == wholeBefore || w.wrote == binlogs || w.wrote == mongoDB && w.before.Found
	}
}

// connector is what counts of the connector that wrote a change.
type connector uint8

const (
	anyConnector connector = iota
	wholeBefore            // its before is the row as it was: the capture tables of SQL Server, Db2 and Informix
	binlogs                // likewise, of binlogs with full images
	mongoDB
	cassandraDB // or Scylla, whose cells look the same
)

// connectorOf is that of a record's source block.
func (w *worker) connectorOf(r *stream.Record) connector {
	c := w.source.Cells[srcConnector]
	if c.Enc != schemas.EncText {
		return anyConnector
	}
	switch string(w.bytes(r, c)) {
	case "mongodb":
		return mongoDB
	case "cassandra", "scylla":
		return cassandraDB
	case "mysql", "mariadb":
		return binlogs
	case "sqlserver", "db2", "informix":
		return wholeBefore
	}
	return anyConnector
}

// leavesOut reports that the connector may have written the placeholder. MySQL's and
// MariaDB's of up to 3.5 refuse a binlog that lacks values: there a text that is the
// placeholder is somebody's. Later ones read binlog_row_image=NOBLOB and write it for
// the BLOB and TEXT columns that did not change. Source: debezium/dbz#473.
func (w *worker) leavesOut(r *stream.Record) bool {
	if w.wrote != binlogs {
		return true
	}
	major, rest, _ := bytes.Cut(w.bytes(r, w.source.Cells[srcVersion]), []byte{'.'})
	minor, _, _ := bytes.Cut(rest, []byte{'.'})
	m := tail(major)
	return m == 0 || m > 3 || m == 3 && tail(minor) > 5
}

// connector reports that a record comes from the named one.
func (w *worker) connector(r *stream.Record, name string) bool {
	c := w.source.Cells[srcConnector]
	return c.Enc == schemas.EncText && int(c.Len) == len(name) && string(w.bytes(r, c)) == name
}

// origin is the table that the source block names: MongoDB calls it collection,
// and what others call schema is the keyspace in Vitess.
func (w *worker) origin(r *stream.Record) origin {
	text := func(at ...int) string {
		for _, i := range at {
			if c := w.source.Cells[i]; c.Has() {
				return string(w.text(r, c))
			}
		}
		return ""
	}
	return origin{text(srcDB), text(srcSchema, srcKeyspace), text(srcTable, srcCollection)}
}

// named reports whether the source block names a table. A truncate and a delete
// do without a row: of a lane that began with one they went to another table
// than the rows of the others.
func (w *worker) named() bool {
	t, c := w.source.Cells[srcTable], w.source.Cells[srcCollection]
	return t.Has() && t.Len > 0 || c.Has() && c.Len > 0
}

// number reads an integer of the value, 0 if it is none.
func (w *worker) number(r *stream.Record, c schemas.Cell) int64 {
	if c.Enc == schemas.EncVarint {
		n, _ := binary.Varint(w.bytes(r, c))
		return max(n, 0)
	}
	if c.Enc != schemas.EncInt && c.Enc != schemas.EncText {
		return 0
	}
	p := w.bytes(r, c)
	var n uint64
	for ; len(p) >= 8 && n < 1e9; p = p[8:] { // mostly microseconds and places of a log
		v, ok := eight(p)
		if !ok {
			return 0
		}
		n = n*1e8 + v
	}
	for _, ch := range p {
		if ch -= '0'; ch > 9 || n > 1<<59 {
			return 0
		}
		n = n*10 + uint64(ch)
	}
	if n > 1<<63-1 {
		return 0
	}
	return int64(n)
}

// position orders the changes of one source.
//
// PostgreSQL: sequence is a JSON array in a string, last commit LSN and LSN of
// the event; the first is null in the initial snapshot, when both are the
// snapshot's LSN, so that it comes before all that streams after it. Binlog:
// file number, position, row. SQL Server: commit and change LSN (VLF:block:slot
// in hex, 20, 28 and 16 bits of them kept) and serial number; Db2 has the same.
// Oracle: commit SCN and SCN. MongoDB: the operation's second and its place
// there. Vitess: how many transactions the VGTID holds, which grows with each
// of them. Spanner: commit time, sequence of the record and place in it. Others
// are unknown.
func (w *worker) position(r *stream.Record) stream.SourcePos {
	s := w.source.Cells
	switch {
	case s[srcFile].Enc == schemas.EncText:
		f := w.bytes(r, s[srcFile])
		number := tail(f[bytes.LastIndexByte(f, '.')+1:])
		if number == 0 {
			return stream.SourcePos{} // a place in Cassandra's CommitLog-6-1.log goes back with each new one
		}
		return stream.SourcePos{Hi: number, Lo: uint64(w.number(r, s[srcPos])), Row: uint32(w.number(r, s[srcRow]))}
	case s[srcVGTID].Has():
		return stream.SourcePos{Hi: transactions(w.text(r, s[srcVGTID]))}
	case s[srcOrd].Has():
		return stream.SourcePos{Hi: uint64(w.number(r, s[srcTsMs])), Lo: uint64(w.number(r, s[srcOrd]))}
	case s[srcRecordSequence].Has():
		return stream.SourcePos{Hi: uint64(r.Time), Lo: uint64(w.number(r, s[srcRecordSequence])), Row: uint32(w.number(r, s[srcModNumber]))}
	case s[srcSequence].Has() || s[srcLSN].Has():
		lsn := uint64(w.number(r, s[srcLSN]))
		commit, last := lsn, lsn
		if e := s[srcSequence].Enc; e == schemas.EncJSONString || e == schemas.EncText {
			commit, last = sequence(w.bytes(r, s[srcSequence]))
		}
		if lsn == 0 {
			lsn = last // incremental snapshots have only the sequence
		}
		if commit == 0 {
			commit = lsn
		}
		return stream.SourcePos{Hi: commit, Lo: lsn}
	case s[srcCommitLSN].Enc == schemas.EncText:
		return stream.SourcePos{Hi: hexLSN(w.bytes(r, s[srcCommitLSN])), Lo: hexLSN(w.bytes(r, s[srcChangeLSN])), Row: uint32(w.number(r, s[srcSerial]))}
	case s[srcSCN].Has():
		scn, commit := w.scn(r, s[srcSCN]), w.scn(r, s[srcCommitSCN])
		if commit == 0 {
			commit = scn
		}
		return stream.SourcePos{Hi: commit, Lo: scn}
	}
	return stream.SourcePos{}
}

// scn is Oracle's system change number, which is a text of up to 64 bits.
func (w *worker) scn(r *stream.Record, c schemas.Cell) uint64 {
	if c.Enc == schemas.EncVarint {
		return uint64(w.number(r, c))
	}
	if c.Enc != schemas.EncText && c.Enc != schemas.EncInt {
		return 0
	}
	return decimal(w.bytes(r, c))
}

// transactions counts those of all GTID sets in a VGTID, a JSON array of shards:
// "gtid":"MySQL56/uuid:1-41:50,uuid:7". A set that holds another counts more.
func transactions(vgtid []byte) (n uint64) {
	var shards []struct {
		Gtid string `json:"gtid"`
	}
	if json.Unmarshal(vgtid, &shards) != nil {
		return 0
	}
	for _, s := range shards {
		for set := range strings.SplitSeq(s.Gtid[strings.IndexByte(s.Gtid, '/')+1:], ",") {
			_, intervals, _ := strings.Cut(set, ":")
			if intervals == "" { // MariaDB's domain-server-sequence
				if n2, err := strconv.ParseUint(set[strings.LastIndexByte(set, '-')+1:], 10, 63); err == nil && strings.Count(set, "-") == 2 {
					n += n2
				}
				continue
			}
			for interval := range strings.SplitSeq(intervals, ":") {
				from, to, span := strings.Cut(interval, "-")
				a, err := strconv.ParseUint(from, 10, 63)
				b := a
				if span && err == nil {
					b, err = strconv.ParseUint(to, 10, 63)
				}
				if err == nil && b >= a {
					n += b - a + 1
				}
			}
		}
	}
	return n
}

// decimal reads a number of 64 bits; what is none is 0.
func decimal(p []byte) (n uint64) {
	for _, ch := range p {
		if ch -= '0'; ch > 9 || n > (1<<64-1)/10 {
			return 0
		}
		if n = n*10 + uint64(ch); n < uint64(ch) {
			return 0
		}
	}
	return n
}

// tail reads the digits of a binlog file's suffix.
func tail(p []byte) (n uint64) {
	for _, ch := range p {
		if ch -= '0'; ch > 9 {
			return 0
		}
		n = n*10 + uint64(ch)
	}
	return n
}

// sequence reads [\"commit\",\"lsn\"], escaped as it stands; null is 0.
func sequence(p []byte) (commit, lsn uint64) {
	const open, middle, end = `[\"`, `\",\"`, `\"]`
	if len(p) > len(open) && string(p[:len(open)]) == open { // nearly always
		a, rest := leading(p[len(open):])
		if len(rest) > len(middle) && string(rest[:len(middle)]) == middle {
			if b, rest := leading(rest[len(middle):]); string(rest) == end {
				return a, b
			}
		}
	}
	return anySequence(p)
}

// anySequence is sequence, however it is spelled.
func anySequence(p []byte) (commit, lsn uint64) {
	at := 0
	var v [2]uint64
	for _, ch := range p {
		switch {
		case ch == ',':
			if at++; at > 1 {
				return v[0], v[1]
			}
		case ch-'0' <= 9:
			v[at] = v[at]*10 + uint64(ch-'0')
		}
	}
	return v[0], v[1]
}

// leading reads the digits at the front of p, 18 at most.
func leading(p []byte) (n uint64, rest []byte) {
	for range 2 {
		if len(p) < 8 {
			break
		}
		v, ok := eight(p)
		if !ok {
			break
		}
		n, p = n*1e8+v, p[8:]
	}
	for len(p) > 0 && p[0]-'0' <= 9 && n < 1e17 {
		n, p = n*10+uint64(p[0]-'0'), p[1:]
	}
	return n, p
}

// eight is the number that the first eight bytes of p spell.
func eight(p []byte) (n uint64, ok bool) {
	v := binary.LittleEndian.Uint64(p) ^ 0x3030303030303030
	if (v+0x7676767676767676|v)&0x8080808080808080 != 0 {
		return 0, false
	}
	v = v*10 + v>>8
	v = (v&0x000000FF000000FF*0x000F424000000064 + v>>16&0x000000FF000000FF*0x0000271000000001) >> 32
	return v & 0xFFFFFFFF, true
}

// hexLSN reads SQL Server's VLF:block:slot; null and others are 0. Informix has
// a decimal number there, and Db2 sixteen bytes in the same form, of which the
// last eight count up.
func hexLSN(p []byte) uint64 {
	if bytes.IndexByte(p, ':') < 0 {
		return decimal(p)
	}
	var part [3]uint64
	at, colon := 0, 0
	for i, ch := range p {
		switch {
		case ch == ':':
			colon = i
			if at++; at > 2 {
				return 0
			}
		case ch-'0' <= 9:
			part[at] = part[at]<<4 | uint64(ch-'0')
		case ch|0x20 >= 'a' && ch|0x20 <= 'f':
			part[at] = part[at]<<4 | uint64(ch|0x20-'a'+10)
		default:
			return 0
		}
	}
	if len(p)-colon > 8 {
		return part[2]
	}
	return part[0]&(1<<20-1)<<44 | part[1]&(1<<28-1)<<16 | part[2]&(1<<16-1)
}
