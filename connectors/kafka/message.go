package kafka

import (
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/topology/stream"
)

// A row is one record: the key is a JSON object of the key columns (null
// without a key), the value a JSON object of the columns, a delete has a null
// value, a truncate an empty object. Columns the source left out because they
// did not change (TOAST) are left out. Headers: sluice.op, and sluice.source as
// topic/partition/offset/seq of the record it was made from: unique, so that a
// reader of another store can join or deduplicate by it.
const (
	headerOp     = "sluice.op"
	headerSource = "sluice.source"
)

// sinkWriter takes the rows of one worker as encoded messages.
type sinkWriter struct {
	s          *Sink
	buf        []byte
	names      map[*stream.Table]*target
	counts     map[stream.Lane]stream.Count
	rejects    []stream.DeadLetter
	key, value []byte
}

// Writer is part of stream.Sink.
func (s *Sink) Writer() stream.Writer {
	return &sinkWriter{s: s, names: map[*stream.Table]*target{}, counts: map[stream.Lane]stream.Count{}}
}

// Write is part of stream.Writer.
func (w *sinkWriter) Write(c stream.Clean) error {
	n := w.counts[c.Lane()]
	rows := c.Rows()
	var last *stream.Table
	for i := range rows {
		if t := rows[i].Table; t != last {
			if err := w.target(t).refused; err != nil {
				return err
			}
			last = t
		}
	}
	for i := range rows {
		r := &rows[i]
		code, field := w.row(c.Lane(), r)
		if code == "" {
			n.Written++
			continue
		}
		n.Rejected++
		w.rejects = append(w.rejects, stream.DeadLetter{ID: w.s.env.Pipeline + "/" + c.Lane().String() + "/" + strconv.FormatInt(r.Offset, 10) + "/" + strconv.Itoa(int(r.Seq)) + "/" + w.s.env.Name,
			Lane: c.Lane(), Offset: r.Offset, Seq: r.Seq, Time: r.Time, Stage: "sink", Code: code, Field: field, Sink: w.s.env.Name})
	}
	w.counts[c.Lane()] = n
	return nil
}

// messageBeside is what a message has beside key and value: headers, and the
// frame of a batch.
const messageBeside = 4 << 10

// row appends the message of one row, or says why there can be none.
func (w *sinkWriter) row(lane stream.Lane, r *stream.CleanRow) (code, field string) {
	t := w.target(r.Table)
	w.key, w.value = w.key[:0], w.value[:0]
	hasKey := len(r.Table.Key) > 0 && r.Op != stream.Truncate
	if hasKey {
		w.key = append(w.key, '{')
		for _, i := range r.Table.Key {
			cells := r.Key
			if cells == nil || !cells[i].Has() {
				cells = r.After
			}
			if cells == nil || i >= len(cells) {
				return "null_key", r.Table.Columns[i].Name
			}
			if w.key, code = t.field(w.key, r, i, cells); code != "" {
				return code, r.Table.Columns[i].Name
			}
		}
		w.key = append(w.key, '}')
	}
	if r.Op != stream.Delete {
		w.value = append(w.value, '{')
		for i := range r.After {
			if w.value, code = t.field(w.value, r, i, r.After); code != "" {
				return code, r.Table.Columns[i].Name
			}
		}
		w.value = append(w.value, '}')
	}
	if len(w.key)+len(w.value) > int(w.s.cfg.MaxMessage) {
		return "message_too_large", ""
	}
	b := appendBytes(w.buf, []byte(t.topic))
	b = binary.AppendUvarint(b, uint64(lane.Partition))
	b = binary.AppendVarint(b, r.Time)
	b = appendNullable(b, w.key, hasKey)
	b = appendNullable(b, w.value, r.Op != stream.Delete)
	b = appendBytes(b, []byte(r.Op.String()))
	at := len(b)
	b = append(b, 0, 0)
	b = append(append(b, lane.Topic...), '/')
	b = append(strconv.AppendInt(b, int64(lane.Partition), 10), '/')
	b = append(strconv.AppendInt(b, r.Offset, 10), '/')
	b = strconv.AppendInt(b, int64(r.Seq), 10)
	binary.BigEndian.PutUint16(b[at:], uint16(len(b)-at-2))
	w.buf = b
	return "", ""
}

// field appends `"name":value` with a comma before it unless it is the first.
func (t *target) field(dst []byte, r *stream.CleanRow, i int, cells []schemas.Cell) ([]byte, string) {
	c := cells[i]
	if c.Absent() || c.Flags&schemas.Unavailable != 0 {
		return dst, ""
	}
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	f := &r.Table.Columns[i]
	return schemas.AppendJSON(append(dst, t.columns[i]...), f.Type, f.Wire, c, r.Bytes(c))
}

func appendBytes(b, p []byte) []byte { return append(binary.AppendUvarint(b, uint64(len(p))), p...) }

// appendNullable writes length+1, 0 being null.
func appendNullable(b, p []byte, has bool) []byte {
	if !has {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(p))+1), p...)
}

var errPayload = errors.New("kafka: what was staged cannot be read")

// decodeMessages reads what writers staged.
func decodeMessages(p []byte) (rs []*kgo.Record, err error) {
	if len(p) == 0 || p[0] != 1 {
		return nil, errPayload
	}
	p = p[1:]
	take := func(n uint64) []byte {
		if n > uint64(len(p)) {
			err, p = errPayload, nil
			return nil
		}
		x := p[:n:n]
		p = p[n:]
		return x
	}
	number := func() uint64 {
		v, n := binary.Uvarint(p)
		if n <= 0 {
			err, p = errPayload, nil
			return 0
		}
		p = p[n:]
		return v
	}
	nullable := func() []byte {
		if n := number(); n > 0 {
			return take(n - 1)
		}
		return nil
	}
	for len(p) > 0 && err == nil {
		r := &kgo.Record{Topic: string(take(number())), Partition: int32(number())}
		ts, n := binary.Varint(p)
		if n <= 0 {
			return nil, errPayload
		}
		p = p[n:]
		r.Timestamp = time.UnixMicro(ts)
		r.Key, r.Value = nullable(), nullable()
		op := take(number())
		size := take(2)
		if err != nil {
			return nil, err
		}
		r.Headers = []kgo.RecordHeader{{Key: headerOp, Value: op}, {Key: headerSource, Value: take(uint64(binary.BigEndian.Uint16(size)))}}
		rs = append(rs, r)
	}
	return rs, err
}

// Size is part of stream.Writer.
func (w *sinkWriter) Size() int64 { return int64(cap(w.buf)) }

// Seal is part of stream.Writer.
func (w *sinkWriter) Seal() (stream.Part, error) {
	p := stream.Part{Counts: w.counts, Rejects: w.rejects, Data: w.buf}
	w.Discard()
	return p, nil
}

// Discard is part of stream.Writer.
func (w *sinkWriter) Discard() {
	w.buf, w.rejects, w.counts = nil, nil, map[stream.Lane]stream.Count{}
}
