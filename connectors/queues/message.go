package queues

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"sluice/connectors/internal/cloudflare"
	"sluice/schemas"
	"sluice/topology/stream"
)

// A message is one JSON object, content type text (type json goes through
// JavaScript's numbers):
//
//	{"id":"<pipeline>/<topic>/<partition>/<offset>/<seq>", the same at every delivery
//	 "op":"insert|update|delete|truncate",
//	 "snapshot":true,             only for rows of a snapshot
//	 "topic":..,"partition":..,"offset":..,
//	 "ts":..,                     event time, microseconds since 1970 UTC
//	 "key":{..},                  only for rows with a key
//	 "before":{..},               only if the source sends whole rows
//	 "after":{..}}                not for delete and truncate
//
// Integers keep all 64 bits: a JavaScript consumer parses them as BigInt or
// loses digits beyond 2^53. A column that the source left out because it did
// not change (TOAST) is left out.

// encoder writes messages of one worker. It is not safe for concurrent use.
type encoder struct {
	pipeline []byte // as the inside of a JSON string, with "/"
	tables   map[*stream.Table]*names
	last     *stream.Table
	names    *names
}

// names are a table's texts as they stand in messages.
type names struct {
	topic   []byte   // the inside of a JSON string
	columns [][]byte // `"name":`
}

func newEncoder(pipeline string) *encoder {
	return &encoder{pipeline: inside(pipeline + "/"), tables: map[*stream.Table]*names{}}
}

// inside is s as it stands between the quotes of a JSON string.
func inside(s string) []byte {
	q, _ := json.Marshal(s) // a string always has a JSON form
	return q[1 : len(q)-1]
}

// use looks up t's names; a run of rows of one table looks once.
func (e *encoder) use(t *stream.Table) {
	if t == e.last {
		return
	}
	n := e.tables[t]
	if n == nil {
		n = &names{topic: inside(t.Topic)}
		for _, c := range t.Columns {
			n.columns = append(n.columns, fmt.Appendf(nil, `"%s":`, inside(c.Name)))
		}
		e.tables[t] = n
	}
	e.last, e.names = t, n
}

// refusal is why a row cannot become a message: a dead letter's code and field.
type refusal struct{ code, field string }

// append writes the message of one row.
func (e *encoder) append(b []byte, lane stream.Lane, r *stream.CleanRow) ([]byte, refusal) {
	e.use(r.Table)
	b = append(append(append(b, `{"id":"`...), e.pipeline...), e.names.topic...)
	b = strconv.AppendInt(append(b, '/'), int64(lane.Partition), 10)
	b = strconv.AppendInt(append(b, '/'), r.Offset, 10)
	b = strconv.AppendInt(append(b, '/'), int64(r.Seq), 10)
	b = append(append(append(b, `","op":"`...), r.Op.String()...), '"')
	if r.Snapshot {
		b = append(b, `,"snapshot":true`...)
	}
	b = append(append(append(b, `,"topic":"`...), e.names.topic...), '"')
	b = strconv.AppendInt(append(b, `,"partition":`...), int64(lane.Partition), 10)
	b = strconv.AppendInt(append(b, `,"offset":`...), r.Offset, 10)
	b = strconv.AppendInt(append(b, `,"ts":`...), r.Time, 10)
	if r.Key != nil && len(r.Table.Key) > 0 {
		open := len(b)
		b = append(b, `,"key":{`...)
		for _, i := range r.Table.Key {
			var code string
			if b, code = e.field(b, r, i, r.Key); code != "" {
				return b, refusal{code, r.Table.Columns[i].Name}
			}
		}
		b = shut(b, open+len(`,"key":{`))
	}
	for _, part := range [...]struct {
		open  string
		cells []schemas.Cell
	}{{`,"before":{`, r.Before}, {`,"after":{`, r.After}} {
		if part.cells == nil {
			continue
		}
		open := len(b)
		b = append(b, part.open...)
		for i := range part.cells {
			var code string
			if b, code = e.field(b, r, i, part.cells); code != "" {
				return b, refusal{code, r.Table.Columns[i].Name}
			}
		}
		b = shut(b, open+len(part.open))
	}
	return append(b, '}'), refusal{}
}

// shut closes the object whose fields begin at start, each with a comma behind it.
func shut(b []byte, start int) []byte {
	if len(b) > start {
		b = b[:len(b)-1]
	}
	return append(b, '}')
}

// field writes column i and a comma; absent and unavailable ones are left out.
func (e *encoder) field(b []byte, r *stream.CleanRow, i int, cells []schemas.Cell) (_ []byte, code string) {
	if i >= len(cells) || cells[i].Absent() || cells[i].Flags&schemas.Unavailable != 0 {
		return b, ""
	}
	col := &r.Table.Columns[i]
	b = append(b, e.names.columns[i]...)
	if b, code = schemas.AppendJSON(b, col.Type, col.Wire, cells[i], r.Bytes(cells[i])); code != "" {
		return b, code
	}
	return append(b, ','), ""
}

// rowID is the stable id of a row, equal to its message's.
func rowID(pipeline string, lane stream.Lane, offset int64, seq int32) string {
	return fmt.Sprintf("%s/%v/%d/%d", pipeline, lane, offset, seq)
}

// The payload of a staged epoch: the byte 1, then for each message its length
// as uvarint and its bytes. It is durable nowhere but in what is staged.
const payloadV1 = 1

var errPayload = errors.New("queues: a staged payload is damaged or of a later version: drop it, its lanes are read again")

// frames splits a payload into messages; they share its memory.
func frames(p []byte) (out []cloudflare.Message, err error) {
	if len(p) == 0 || p[0] != payloadV1 {
		return nil, errPayload
	}
	for p = p[1:]; len(p) > 0; {
		n, w := binary.Uvarint(p)
		if w <= 0 || n > uint64(len(p)-w) || n == 0 {
			return nil, errPayload
		}
		out = append(out, cloudflare.Message{Body: p[w : w+int(n) : w+int(n)]})
		p = p[w+int(n):]
	}
	return out, nil
}
