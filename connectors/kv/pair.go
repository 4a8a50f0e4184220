package kv

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"sluice/connectors/internal/cloudflare"
	"sluice/connectors/internal/rowjson"
	"sluice/schemas"
	"sluice/topology/stream"
)

// A pair's key is `pair:` of the config, where {key} is the key columns as text,
// joined by "/"; "/" and "%" inside of one are %2F and %25, so that two rows
// never have one key. Its value is {"column":value,...} as in messages of a
// queue, its metadata
//
//	{"topic":..,"partition":..,"offset":..,"ts":..}   ts: microseconds since 1970 UTC
//
// encoder writes them for one worker. It is not safe for concurrent use.
type encoder struct {
	template string // of keys
	tables   rowjson.Tables
	prefixes map[*stream.Table]string
	text     []byte // a key column as JSON
}

// prefix is what the keys of t begin with.
func (e *encoder) prefix(t *stream.Table) string {
	prefix, ok := e.prefixes[t]
	if !ok {
		prefix = strings.TrimSuffix(names(e.template, t.Topic, t.Database, t.Namespace, t.Table), "{key}")
		e.prefixes[t] = prefix
	}
	return prefix
}

// key appends the key of r's pair.
func (e *encoder) key(b []byte, r *stream.CleanRow) (_ []byte, no rowjson.Refusal) {
	t, start := r.Table, len(b)
	b = append(b, e.prefix(t)...)
	for n, i := range t.Key {
		col := &t.Columns[i]
		cell := keyCell(r, i)
		if !cell.Has() {
			return b, rowjson.Refusal{Code: "null_key", Field: col.Name}
		}
		var code string
		if e.text, code = schemas.AppendJSON(e.text[:0], col.Type, col.Wire, cell, r.Bytes(cell)); code != "" {
			return b, rowjson.Refusal{Code: code, Field: col.Name}
		}
		text := e.text
		if text[0] == '"' {
			if text = text[1 : len(text)-1]; strings.IndexByte(string(text), '\\') >= 0 {
				var s string
				if json.Unmarshal(e.text, &s) != nil {
					return b, rowjson.Refusal{Code: schemas.CodeType, Field: col.Name}
				}
				text = []byte(s)
			}
		}
		if n > 0 {
			b = append(b, '/')
		}
		for _, c := range text {
			switch c {
			case '/':
				b = append(b, "%2F"...)
			case '%':
				b = append(b, "%25"...)
			default:
				b = append(b, c)
			}
		}
	}
	switch key := string(b[start:]); {
	case len(key) > cloudflare.MaxKey:
		no.Code = "key_too_large"
	case key == "", key == ".", key == "..":
		no.Code = "bad_key"
	}
	return b, no
}

// keyCell is a key column of the row, or of its key where the row has none.
func keyCell(r *stream.CleanRow, i int) schemas.Cell {
	for _, cells := range [2][]schemas.Cell{r.After, r.Key} {
		if i < len(cells) && cells[i].Has() {
			return cells[i]
		}
	}
	return schemas.Cell{}
}

// value appends r's row.
func (e *encoder) value(b []byte, r *stream.CleanRow) ([]byte, rowjson.Refusal) {
	for i, c := range r.After {
		if c.Flags&schemas.Unavailable != 0 {
			return b, rowjson.Refusal{Code: "unavailable", Field: r.Table.Columns[i].Name}
		}
	}
	start := len(b)
	b, no := e.tables.Of(r.Table).Row(b, r, r.After)
	if no.Code == "" && len(b)-start > cloudflare.MaxKVValue {
		no.Code = "value_too_large"
	}
	return b, no
}

// metadata appends where r comes from.
func (e *encoder) metadata(b []byte, lane stream.Lane, r *stream.CleanRow) []byte {
	b = append(append(append(b, `{"topic":"`...), e.tables.Of(r.Table).Topic...), `","partition":`...)
	b = strconv.AppendInt(b, int64(lane.Partition), 10)
	b = strconv.AppendInt(append(b, `,"offset":`...), r.Offset, 10)
	b = strconv.AppendInt(append(b, `,"ts":`...), r.Time, 10)
	return append(b, '}')
}

// The payload of a staged epoch: the byte 1, then of each change one byte (0
// put, 1 delete) and its key, metadata and value, each its length as uvarint
// and its bytes. It is durable nowhere but in what is staged.
const payloadV1 = 1

var errPayload = errors.New("kv: a staged payload is damaged or of a later version: drop it, its lanes are read again")

func appendChange(b []byte, c *change) []byte {
	gone := byte(0)
	if c.gone {
		gone = 1
	}
	b = append(b, gone)
	for _, p := range [...][]byte{c.key, c.metadata, c.value} {
		b = append(binary.AppendUvarint(b, uint64(len(p))), p...)
	}
	return b
}

// changes splits a payload into pairs to put and keys to delete; values share
// its memory.
func changes(p []byte) (puts []cloudflare.Pair, deletes []string, err error) {
	if len(p) == 0 || p[0] != payloadV1 {
		return nil, nil, errPayload
	}
	for p = p[1:]; len(p) > 0; {
		gone := p[0]
		p = p[1:]
		var part [3][]byte
		for i := range part {
			n, w := binary.Uvarint(p)
			if w <= 0 || n > uint64(len(p)-w) {
				return nil, nil, errPayload
			}
			part[i], p = p[w:w+int(n):w+int(n)], p[w+int(n):]
		}
		switch {
		case len(part[0]) == 0 || gone > 1:
			return nil, nil, errPayload
		case gone == 1:
			deletes = append(deletes, string(part[0]))
		default:
			puts = append(puts, cloudflare.Pair{Key: string(part[0]), Metadata: part[1], Value: part[2]})
		}
	}
	return puts, deletes, nil
}
