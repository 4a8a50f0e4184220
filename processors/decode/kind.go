package decode

import (
	"bytes"
	"slices"
	"strings"

	"sluice/schemas"
	"sluice/topology/stream"
)

// heartbeatKey is in the key of every heartbeat.
var heartbeatKey = []byte(`"serverName"`)

// heartbeatTopic is topic.heartbeat.prefix by default.
const heartbeatTopic = "__debezium-heartbeat"

// The kinds of objects on Debezium's topics.
type kind uint8

const (
	kindOther  kind = iota // no shape of Debezium's
	kindChange             // has an op
	kindBroken             // an envelope without one
	kindCloud              // a change within a CloudEvent
	kindHeartbeat
	kindTransaction  // BEGIN and END
	kindSchemaChange // and schema history
	kindNotification
)

// classify tells Debezium's records by the members they cannot do without: of
// a change an op, and a source that is an object or a row that is one or null.
func (w *worker) classify(r *stream.Record, e *schemas.Target) kind {
	has := func(i int) bool { return !e.Cells[i].Absent() }
	row := func(i int) bool { return e.Cells[i].IsNull() || e.Cells[i].Enc == schemas.EncJSON }
	switch {
	case has(ordOp) && (w.source.Found && (has(ordAfter) || has(ordBefore) || has(ordMessage)) || bare(e) && (row(ordAfter) || row(ordBefore))):
		return kindChange
	case has(ordStatus) && has(ordID) && has(ordEventCount) && has(ordCollections) && w.beginOrEnd(r, e) &&
		only(e, ordStatus, ordID, ordTsMs, ordTsUs, ordTsNs, ordEventCount, ordCollections):
		return kindTransaction
	case has(ordDatabase) && w.source.Found && (has(ordDDL) || has(ordTableChanges)) && !has(ordOp) && !has(ordAfter):
		return kindSchemaChange
	case w.source.Found && !w.source.Cells[srcConnector].Absent() && has(ordAfter) && has(ordBefore) && !has(ordOp):
		return kindBroken
	case has(ordSpecVersion) && has(ordData) && e.Cells[ordSource].Enc == schemas.EncText && w.cloudEvent(r, e):
		return kindCloud
	case len(e.Extra) > 0:
		return kindOther
	case has(ordTsMs) && only(e, ordTsMs, ordTsUs, ordTsNs) && (bytes.Contains(r.Key.Bytes(), heartbeatKey) || strings.HasPrefix(w.t.name, heartbeatTopic)):
		return kindHeartbeat
	case has(ordAggregate) && has(ordTimestamp) && only(e, ordID, ordAggregate, ordType, ordAdditional, ordTimestamp):
		return kindNotification
	}
	return kindOther
}

// beginOrEnd reports the status of a transaction: a table may have columns of
// these names.
func (w *worker) beginOrEnd(r *stream.Record, e *schemas.Target) bool {
	s := string(w.bytes(r, e.Cells[ordStatus]))
	return s == "BEGIN" || s == "END"
}

// bare reports an envelope without a source block.
func bare(e *schemas.Target) bool {
	return len(e.Extra) == 0 && only(e, ordBefore, ordAfter, ordOp, ordTsMs, ordTsUs, ordTsNs, ordTransaction)
}

// only reports that e has no members but these.
func only(e *schemas.Target, names ...int) bool {
	for i, c := range e.Cells {
		if !c.Absent() && !slices.Contains(names, i) {
			return false
		}
	}
	return true
}
