package stream

import (
	"encoding/json"
	"fmt"
)

// Count is the ledger of a span: In = Written + Folded + Filtered + Rejected + Lost
// holds for every span of every commit of every sink.
type Count struct {
	In       int64 `json:"in"`       // records the source admitted, and lost offsets
	Written  int64 `json:"written"`  // rows this sink stored
	Folded   int64 `json:"folded"`   // rows superseded by a later one of the same key in the epoch
	Filtered int64 `json:"filtered"` // not data, or not for this sink
	Rejected int64 `json:"rejected"` // refused; in the dead letters
	Lost     int64 `json:"lost"`     // offsets that retention took before they were read, accepted by a person
}

// Add sums two counts.
func (c Count) Add(d Count) Count {
	return Count{c.In + d.In, c.Written + d.Written, c.Folded + d.Folded, c.Filtered + d.Filtered, c.Rejected + d.Rejected, c.Lost + d.Lost}
}

// Balanced reports whether the ledger's equation holds. // D3
func (c Count) Balanced() bool {
	return c.In == c.Written+c.Folded+c.Filtered+c.Rejected+c.Lost
}

// LedgerSpan is one lane's part of a commit.
type LedgerSpan struct {
	Span
	TopicID string `json:"topic_id"`
	Count   Count  `json:"count"`
	Masked  string `json:"masked,omitempty"` // how its rows were masked: a topology.Attestation as JSON, "" without rows
}

// LanePos is what a store knows of a lane.
type LanePos struct {
	TopicID string   `json:"topic_id"`
	Next    Position `json:"next"`
}

// Progress is the one record per (pipeline id, sink) that is compared and set.
type Progress struct {
	Format   int              `json:"v"` // 1
	Pipeline string           `json:"pipeline"`
	Sink     string           `json:"sink"`
	Seq      int64            `json:"seq"`
	Plan     string           `json:"plan"`    // hash of the plan of the last commit
	Cluster  string           `json:"cluster"` // Kafka cluster id
	Commit   string           `json:"commit"`  // id of the last commit
	Lanes    map[Lane]LanePos `json:"-"`       // see MarshalJSON
}

type laneProgress struct {
	Lane
	LanePos
}

type progressJSON Progress

// MarshalJSON writes lanes as a sorted list: equal progress has equal bytes.
func (p Progress) MarshalJSON() ([]byte, error) {
	x := struct {
		progressJSON
		Lanes []laneProgress `json:"lanes"`
	}{progressJSON: progressJSON(p), Lanes: []laneProgress{}}
	for _, l := range SortedLanes(p.Lanes) {
		x.Lanes = append(x.Lanes, laneProgress{l, p.Lanes[l]})
	}
	return json.Marshal(x)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *Progress) UnmarshalJSON(b []byte) error {
	var x struct {
		progressJSON
		Lanes []laneProgress `json:"lanes"`
	}
	if err := json.Unmarshal(b, &x); err != nil {
		return err
	}
	if x.Format != 1 {
		return fmt.Errorf("progress has format %d, this version reads 1", x.Format)
	}
	*p = Progress(x.progressJSON)
	p.Lanes = make(map[Lane]LanePos, len(x.Lanes))
	for _, l := range x.Lanes {
		p.Lanes[l.Lane] = l.LanePos
	}
	return nil
}

// Epoch names what is being committed.
type Epoch struct {
	Pipeline      string       `json:"pipeline"` // immutable id
	Sink          string       `json:"sink"`
	Commit        string       `json:"commit"` // unique id of this commit
	Plan          string       `json:"plan"`
	PositionsOnly bool         `json:"positions_only,omitempty"` // a start or a repair, without rows: a plan that the store has stays, and topic ids may change
	Cluster       string       `json:"cluster"`
	Time          int64        `json:"time"`  // wall clock of the seal, microseconds since 1970 UTC
	Spans         []LedgerSpan `json:"spans"` // every lane of the epoch, with or without rows, sorted by lane
	Rejects       []DeadLetter `json:"rejects,omitempty"`
}

// SameLog reports whether span may follow on at, by topic ids: offsets of a
// topic that was deleted and made anew mean nothing in the old one, even where
// they are equal. // D2
func (e *Epoch) SameLog(at LanePos, span LedgerSpan) bool {
	return e.PositionsOnly || at.TopicID == "" || span.TopicID == "" || at.TopicID == span.TopicID
}

// Staged is an epoch whose data is durable and invisible: plain data that
// another process can commit.
type Staged struct {
	Format int `json:"v"` // 1
	Epoch
	Payload []byte `json:"payload,omitempty"` // the sink's own, versioned by itself
}

// DeadLetter is a record that was refused, as it is stored. Sealed holds the
// raw record encrypted; it is shredded by destroying its key. // P2
type DeadLetter struct {
	ID     string `json:"id"` // stable: pipeline, lane, offset, seq: the redrive id
	Lane   Lane   `json:"lane"`
	Offset int64  `json:"offset"`
	Seq    int32  `json:"seq"`
	Time   int64  `json:"time"` // of the record, microseconds since 1970 UTC
	Stage  string `json:"stage"`
	Code   string `json:"code"`
	Field  string `json:"field,omitempty"`
	Sink   string `json:"sink,omitempty"` // the sink that refused it, "" before the gate
	KeyID  string `json:"key_id,omitempty"`
	Sealed []byte `json:"sealed,omitempty"`
}
