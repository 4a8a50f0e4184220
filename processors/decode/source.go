package decode

import (
	"bytes"

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
		c := w.bytes(r, s[srcConnector])
		r.Full = s[srcConnector].Enc == schemas.EncText && (string(c) == "mysql" || string(c) == "mariadb")
	}
}

// number reads an integer of the value, 0 if it is none.
func (w *worker) number(r *stream.Record, c schemas.Cell) int64 {
	if c.Enc != schemas.EncInt && c.Enc != schemas.EncText {
		return 0
	}
	var n uint64
	for _, ch := range w.bytes(r, c) {
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
// in hex, 20, 28 and 16 bits of them kept) and serial number. Oracle: commit
// SCN and SCN. Others are unknown.
func (w *worker) position(r *stream.Record) stream.SourcePos {
	s := w.source.Cells
	switch {
	case s[srcFile].Enc == schemas.EncText:
		f := w.bytes(r, s[srcFile])
		return stream.SourcePos{Hi: tail(f[bytes.LastIndexByte(f, '.')+1:]), Lo: uint64(w.number(r, s[srcPos])), Row: uint32(w.number(r, s[srcRow]))}
	case s[srcSequence].Has() || s[srcLSN].Has():
		lsn := uint64(w.number(r, s[srcLSN]))
		commit, last := lsn, lsn
		if s[srcSequence].Enc == schemas.EncJSONString {
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
		scn := uint64(w.number(r, s[srcSCN]))
		commit := uint64(w.number(r, s[srcCommitSCN]))
		if commit == 0 {
			commit = scn
		}
		return stream.SourcePos{Hi: commit, Lo: scn}
	}
	return stream.SourcePos{}
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

// hexLSN reads SQL Server's VLF:block:slot; null and others are 0.
func hexLSN(p []byte) uint64 {
	var part [3]uint64
	at := 0
	for _, ch := range p {
		switch {
		case ch == ':':
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
	return part[0]&(1<<20-1)<<44 | part[1]&(1<<28-1)<<16 | part[2]&(1<<16-1)
}
