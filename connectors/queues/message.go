package queues

import (
	"encoding/binary"
	"errors"
	"strconv"

	"sluice/connectors/internal/cloudflare"
	"sluice/connectors/internal/rowjson"
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
	tables   rowjson.Tables
}

func newEncoder(pipeline string) *encoder {
	return &encoder{pipeline: rowjson.Inside(pipeline + "/")}
}

// append writes the message of one row.
func (e *encoder) append(b []byte, lane stream.Lane, r *stream.CleanRow) (_ []byte, no rowjson.Refusal) {
	names := e.tables.Of(r.Table)
	b = append(append(append(b, `{"id":"`...), e.pipeline...), names.Topic...)
	b = strconv.AppendInt(append(b, '/'), int64(lane.Partition), 10)
	b = strconv.AppendInt(append(b, '/'), r.Offset, 10)
	b = strconv.AppendInt(append(b, '/'), int64(r.Seq), 10)
	b = append(append(append(b, `","op":"`...), r.Op.String()...), '"')
	if r.Snapshot {
		b = append(b, `,"snapshot":true`...)
	}
	b = append(append(append(b, `,"topic":"`...), names.Topic...), '"')
	b = strconv.AppendInt(append(b, `,"partition":`...), int64(lane.Partition), 10)
	b = strconv.AppendInt(append(b, `,"offset":`...), r.Offset, 10)
	b = strconv.AppendInt(append(b, `,"ts":`...), r.Time, 10)
	if r.Key != nil && len(r.Table.Key) > 0 {
		if b, no = names.Key(append(b, `,"key":`...), r); no.Code != "" {
			return b, no
		}
	}
	if r.Before != nil {
		if b, no = names.Row(append(b, `,"before":`...), r, r.Before); no.Code != "" {
			return b, no
		}
	}
	if r.After != nil {
		if b, no = names.Row(append(b, `,"after":`...), r, r.After); no.Code != "" {
			return b, no
		}
	}
	return append(b, '}'), no
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
