package stream

import (
	"cmp"
	"fmt"
)

// Lane is one ordered sequence of records: a Kafka partition. Order holds
// within a lane and nowhere else.
type Lane struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
}

func (l Lane) String() string { return fmt.Sprintf("%s/%d", l.Topic, l.Partition) }

// Compare orders lanes by topic, then partition.
func (l Lane) Compare(m Lane) int {
	return cmp.Or(cmp.Compare(l.Topic, m.Topic), cmp.Compare(l.Partition, m.Partition))
}

// Position is the next offset to read of a lane, and the leader epoch under
// which the record before it was read (-1: unknown).
type Position struct {
	Offset int64 `json:"offset"`
	Epoch  int32 `json:"epoch"`
}

// Span is a stretch of one lane, From included and To not.
type Span struct {
	Lane Lane     `json:"lane"`
	From Position `json:"from"`
	To   Position `json:"to"`
}

// LaneInfo is what a source knows of a lane when it is assigned.
type LaneInfo struct {
	Lane     Lane
	TopicID  string // 22 characters base64, or "" where the broker has none
	LogStart int64  // first offset that can still be read
	End      int64  // last stable offset
}

// LaneState says whether a lane flows. Only StateRunning does; the others
// hold their lane, never the process.
type LaneState uint8

// The states of a lane.
const (
	StateRunning    LaneState = iota
	StateFenced               // another writer moved the lane; recovering
	StateDataLost             // retention passed the position; `sluice accept-loss`
	StateRewound              // the store went back; `replay` or `accept-rewind`
	StateTorn                 // a catalog's transaction was not atomic
	StateParked               // stopped by an error that only a person can mend
	StateStateAhead           // keyed state is ahead of a sink
)

var stateNames = [...]string{"RUNNING", "FENCED", "DATA_LOST", "REWOUND", "TORN", "PARKED", "STATE_AHEAD"}

func (s LaneState) String() string { return stateNames[s] }
