package queues

import (
	"encoding/binary"

	"sluice/connectors/internal/cloudflare"
	"sluice/connectors/internal/rowjson"
	"sluice/topology/stream"
)

// writer encodes the rows of one worker into the payload's frames, in memory.
type writer struct {
	s       *sink
	enc     *encoder
	include opSet
	buf     []byte // frames
	one     []byte // the message being written
	counts  map[stream.Lane]stream.Count
	rejects []stream.DeadLetter
}

// Write is part of stream.Writer. It cannot fail half way: a row that has no
// message is this sink's reject.
func (w *writer) Write(c stream.Clean) error {
	lane, rows := c.Lane(), c.Rows()
	if len(rows) == 0 {
		return nil
	}
	var n stream.Count
	for i := range rows {
		r := &rows[i]
		if !w.include[r.Op] {
			n.Filtered++
			continue
		}
		var no rowjson.Refusal
		w.one, no = w.enc.append(w.one[:0], lane, r)
		if no.Code == "" && len(w.one) > cloudflare.MaxMessageBody {
			no.Code = "message_too_large"
		}
		if no.Code != "" {
			n.Rejected++
			w.rejects = append(w.rejects, no.Letter(w.s.env.Pipeline, w.s.env.Name, "queues", lane, r))
			continue
		}
		n.Written++
		w.buf = append(binary.AppendUvarint(w.buf, uint64(len(w.one))), w.one...)
	}
	w.counts[lane] = w.counts[lane].Add(n)
	return nil
}

// Size is part of stream.Writer.
func (w *writer) Size() int64 { return int64(len(w.buf)) + 256*int64(len(w.rejects)) }

// Seal is part of stream.Writer. The buffer goes with the part.
func (w *writer) Seal() (stream.Part, error) {
	p := stream.Part{Counts: w.counts, Rejects: w.rejects, Data: w.buf}
	w.reset(nil)
	return p, nil
}

// Discard is part of stream.Writer.
func (w *writer) Discard() { w.reset(w.buf[:0]) }

func (w *writer) reset(buf []byte) {
	w.buf, w.rejects, w.counts = buf, nil, map[stream.Lane]stream.Count{}
}
