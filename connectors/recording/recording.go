// Package recording reads recordings of Kafka topics: JSON Lines, gzip'd or
// not, one record a line:
//
//	{"topic":"t","partition":0,"offset":7,"timestamp":1700000000000,
//	 "key":"base64 or null","value":"base64 or null","headers":[["name","base64 or null"]]}
//
// timestamp is in milliseconds since 1970 UTC. null is Kafka's null, which is
// not an empty value.
package recording

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sluice/topology/stream"
)

// batchRecords and batchBytes bound a batch.
const (
	batchRecords = 1000
	batchBytes   = 4 << 20
)

// maxLine bounds a line: a record of the largest message Kafka is commonly set
// to, in base64, twice.
const maxLine = 256 << 20

// Reader reads a recording in batches.
type Reader struct {
	in   *bufio.Reader
	line int
	held *line // the first record of the next batch
	err  error
}

// line is one record.
type line struct {
	Topic     string       `json:"topic"`
	Partition int32        `json:"partition"`
	Offset    int64        `json:"offset"`
	Timestamp int64        `json:"timestamp"`
	Key       *[]byte      `json:"key"`
	Value     *[]byte      `json:"value"`
	Headers   [][2]*string `json:"headers"` // the second one base64
}

// NewReader reads from r; gzip is told by its first bytes.
func NewReader(r io.Reader) (*Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if head, _ := in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		in = bufio.NewReaderSize(z, 64<<10)
	}
	return &Reader{in: in}, nil
}

// Next returns the next records of one lane in rising order of offset, or
// io.EOF. Errors name the line, never what stands in it. // P1
func (r *Reader) Next() (*stream.Batch, error) {
	first, err := r.take()
	if err != nil {
		return nil, err
	}
	lane := stream.Lane{Topic: first.Topic, Partition: first.Partition}
	b := stream.NewBatch(lane, stream.Position{Offset: first.Offset}, nil)
	for l := first; ; {
		rec, err := l.record()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", r.line, err)
		}
		b.Records = append(b.Records, rec)
		b.Bytes += int64(rec.Key.Len() + rec.Value.Len())
		b.To.Offset = l.Offset + 1
		if l, err = r.take(); err != nil {
			r.err = err // said by the next call
			break
		}
		if l.Topic != lane.Topic || l.Partition != lane.Partition || l.Offset < b.To.Offset || len(b.Records) >= batchRecords || b.Bytes >= batchBytes {
			r.held = l
			break
		}
	}
	b.In = int64(len(b.Records))
	return b, nil
}

func (l *line) record() (stream.Record, error) {
	rec := stream.Record{Offset: l.Offset, Time: l.Timestamp * 1000}
	if l.Key != nil {
		rec.Key = stream.ViewOf(*l.Key)
	}
	if l.Value != nil {
		rec.Value = stream.ViewOf(*l.Value)
	}
	for _, h := range l.Headers {
		if h[0] == nil {
			return rec, errors.New("a header without a name")
		}
		hd := stream.Header{Key: *h[0]}
		if h[1] != nil {
			var v []byte
			if err := json.Unmarshal([]byte(`"`+*h[1]+`"`), &v); err != nil {
				return rec, errors.New("a header's value is not base64")
			}
			hd.Value = stream.ViewOf(v)
		}
		rec.Headers = append(rec.Headers, hd)
	}
	return rec, nil
}

// take reads the next line that is not empty.
func (r *Reader) take() (*line, error) {
	if l := r.held; l != nil {
		r.held = nil
		return l, nil
	}
	for r.err == nil {
		text, err := r.read()
		if len(bytes.TrimSpace(text)) > 0 {
			r.err = err
			if err == io.EOF {
				err = nil
			}
			if err != nil {
				break
			}
			var l line
			d := json.NewDecoder(bytes.NewReader(text))
			d.DisallowUnknownFields()
			if err := d.Decode(&l); err != nil {
				r.err = fmt.Errorf("line %d: not a record of a recording: {topic, partition, offset, timestamp, key, value, headers}, key and value in base64 or null", r.line) // P1: not err, which quotes
				break
			}
			if l.Topic == "" || l.Offset < 0 || l.Partition < 0 {
				r.err = fmt.Errorf("line %d: topic, partition and offset are needed, and not negative", r.line)
				break
			}
			return &l, nil
		}
		r.err = err
	}
	return nil, r.err
}

// read returns one line of bounded length.
func (r *Reader) read() (text []byte, err error) {
	r.line++
	for {
		part, err := r.in.ReadSlice('\n')
		if text = append(text, part...); err != bufio.ErrBufferFull {
			if err != nil && err != io.EOF {
				err = fmt.Errorf("line %d: %w", r.line, err)
			}
			return text, err
		}
		if len(text) > maxLine {
			return nil, fmt.Errorf("line %d: longer than %d MB", r.line, maxLine>>20)
		}
	}
}
