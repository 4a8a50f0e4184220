package iceberg

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"sluice/topology/stream"
)

// record is what is compared and set: a property of the ledger table, one a
// sink. It changes only in a commit that appends to the ledger and requires
// the head it was read at.
type record struct {
	Format   int             `json:"v"` // 1
	Progress stream.Progress `json:"progress"`
	// Recent are the ids of the last commits, newest last: which of them were
	// done is known after a lost reply, other instances committing in between.
	Recent []string `json:"recent,omitempty"`
	// Tables are the data tables this sink wrote, and the seq of its last
	// commit to each: what their stamps have to say.
	Tables map[string]int64 `json:"tables,omitempty"`
	// Intent is a commit that is under way table by table. // mode intent
	Intent *intent `json:"intent,omitempty"`
}

// intent is what a commit still has to do to the tables.
type intent struct {
	Seq    int64         `json:"seq"`
	Commit string        `json:"commit"`
	Tables []stagedTable `json:"tables"`
}

const (
	recordFormat = 1
	recentIDs    = 64
	// Properties longer than this are packed: they are in every metadata file.
	packFrom = 4096
	packed   = "gz:"
)

// progressKey is the ledger's property of one sink's record.
func progressKey(sink string) string { return "sluice.progress." + sink }

// planKey is the ledger's property of a plan's text.
func planKey(hash string) string { return "sluice.plan." + hash }

func newRecord(pipeline, sink string) record {
	return record{Format: recordFormat, Tables: map[string]int64{},
		Progress: stream.Progress{Format: 1, Pipeline: pipeline, Sink: sink, Lanes: map[stream.Lane]stream.LanePos{}}}
}

func (r record) encode() (string, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	return pack(b), nil
}

// decodeRecord reads a property; the empty text is a sink that never committed.
func decodeRecord(text, pipeline, sink string) (record, error) {
	r := newRecord(pipeline, sink)
	if text == "" {
		return r, nil
	}
	b, err := unpack(text)
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	switch {
	case err != nil:
		return r, fmt.Errorf("the progress in the ledger cannot be read: %w", err)
	case r.Format != recordFormat:
		return r, fmt.Errorf("the progress in the ledger has format %d, this version reads %d", r.Format, recordFormat)
	case r.Progress.Pipeline != pipeline || r.Progress.Sink != sink:
		return r, fmt.Errorf("the progress in the ledger is of pipeline %q sink %q, this is %q sink %q", r.Progress.Pipeline, r.Progress.Sink, pipeline, sink)
	}
	if r.Tables == nil {
		r.Tables = map[string]int64{}
	}
	return r, nil
}

// did notes a commit.
func (r *record) did(commit string) {
	r.Recent = append(r.Recent, commit)
	if n := len(r.Recent) - recentIDs; n > 0 {
		r.Recent = slices.Clone(r.Recent[n:])
	}
}

// clone copies what a commit changes.
func (r record) clone() record {
	c := r
	c.Recent = slices.Clone(r.Recent)
	c.Tables = map[string]int64{}
	for k, v := range r.Tables {
		c.Tables[k] = v
	}
	c.Progress.Lanes = map[stream.Lane]stream.LanePos{}
	for k, v := range r.Progress.Lanes {
		c.Progress.Lanes[k] = v
	}
	return c
}

func pack(b []byte) string {
	if len(b) < packFrom {
		return string(b)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(b) // a bytes.Buffer takes everything
	w.Close()
	return packed + base64.StdEncoding.EncodeToString(z.Bytes())
}

// unpackMax bounds what a damaged property may unpack to.
const unpackMax = 1 << 30

func unpack(text string) ([]byte, error) {
	z, ok := strings.CutPrefix(text, packed)
	if !ok {
		return []byte(text), nil
	}
	raw, err := base64.StdEncoding.DecodeString(z)
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, unpackMax))
}
