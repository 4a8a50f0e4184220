package stream

import (
	"cmp"
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

	// Under is the hash of the plan that goes on from Next: rows of another are
	// refused. "" in records of older versions: any may go on.
	Under string `json:"under,omitempty"`
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
	Commit        string       `json:"commit"`                   // unique id of this commit
	Plan          string       `json:"plan"`                     // "": a repair, which is by no plan
	PositionsOnly bool         `json:"positions_only,omitempty"` // a start, a claim or a repair, without rows: Progress.Plan stays, topic ids and the lanes' plans may change
	Cluster       string       `json:"cluster"`
	Time          int64        `json:"time"`  // wall clock of the seal, microseconds since 1970 UTC
	Spans         []LedgerSpan `json:"spans"` // every lane of the epoch, with or without rows, sorted by lane
	Rejects       []DeadLetter `json:"rejects,omitempty"`
}

// Follows reports whether span may follow on at: every store asks it, of each
// lane, in the transaction that moves the lane. // D2
//
//   - Offsets join. // D3
//   - Offsets of a topic that was deleted and made anew mean nothing in the old
//     one, even where they are equal.
//   - Rows are of the plan that the lane is under. Else what a process sent
//     before it died could land after its successor, of another plan, read the
//     store: an offset would be under one plan in one sink and under another in
//     the next.
func (e *Epoch) Follows(at LanePos, span LedgerSpan) bool {
	return at.Next.Offset == span.From.Offset && (e.PositionsOnly || agree(at.TopicID, span.TopicID) && agree(at.Under, e.Plan))
}

func agree(a, b string) bool { return a == "" || b == "" || a == b }

// Move is where span of e leaves its lane, which stood at at; the zero LanePos
// for one that was not known.
func (e *Epoch) Move(at LanePos, span LedgerSpan) LanePos {
	return LanePos{TopicID: span.TopicID, Next: span.To, Under: cmp.Or(e.Plan, at.Under)}
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
	ID     string `json:"id"` // stable: pipeline, lane, offset, seq, log, sink that refused it: the redrive id
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

	Redriven int64 `json:"redriven,omitempty"` // when it was sent again, microseconds since 1970 UTC; 0: never. GetDead says it
}
