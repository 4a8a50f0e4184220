package topology

import (
	"time"

	"sluice/topology/stream"
)

// Observer hears what a pipeline does, per batch or epoch and never per
// record. Nil fields are skipped. Functions are called from many goroutines
// and return at once. Labels come from enums: no record content. // P1
type Observer struct {
	Admitted  func(Admitted)
	Sealed    func(Sealed)
	Staged    func(Staged)
	Committed func(Committed)
	Rejected  func(Rejected)
	Fenced    func(Fenced)
	Retried   func(Retried)
	LaneState func(LaneChanged)
	Passed    func(stream.Clean) // rows behind the gate, lent for the length of the call
}

// Admitted is a batch that was taken from the source.
type Admitted struct {
	Span    stream.Span
	Records int64
	Bytes   int64
}

// Sealed is an epoch that stopped filling.
type Sealed struct {
	Sink   string
	Lanes  int
	Reason string // timer, bytes, pressure, revoke, drain
}

// Staged is an epoch whose data is durable and invisible.
type Staged struct {
	Sink string
	Took time.Duration
}

// Committed is an epoch that became visible.
type Committed struct {
	Sink   string
	Commit string
	Spans  []stream.LedgerSpan
	Took   time.Duration // upload and commit
}

// Rejected is the records of a batch that were refused for one reason.
type Rejected struct {
	Lane        stream.Lane
	Stage, Code string
	Field       string
	Records     int64
}

// Fenced is an epoch that was dropped because another writer moved its lanes.
type Fenced struct {
	Sink  string
	Lanes int
}

// Retried is a call that will be made again.
type Retried struct {
	Sink    string
	Call    string // recover, upload, commit; mask, of no sink
	Code    string
	Attempt int
	Wait    time.Duration
}

// LaneChanged is a lane that entered a state.
type LaneChanged struct {
	Lane  stream.Lane
	Sink  string // "" when it is the source or a stage that holds the lane
	State stream.LaneState
	Why   string
	Todo  string
}

// Observers makes one of many.
func Observers(list ...Observer) Observer {
	return Observer{
		Admitted:  each(list, func(o Observer) func(Admitted) { return o.Admitted }),
		Sealed:    each(list, func(o Observer) func(Sealed) { return o.Sealed }),
		Staged:    each(list, func(o Observer) func(Staged) { return o.Staged }),
		Committed: each(list, func(o Observer) func(Committed) { return o.Committed }),
		Rejected:  each(list, func(o Observer) func(Rejected) { return o.Rejected }),
		Fenced:    each(list, func(o Observer) func(Fenced) { return o.Fenced }),
		Retried:   each(list, func(o Observer) func(Retried) { return o.Retried }),
		LaneState: each(list, func(o Observer) func(LaneChanged) { return o.LaneState }),
		Passed:    each(list, func(o Observer) func(stream.Clean) { return o.Passed }),
	}
}

func each[E any](list []Observer, pick func(Observer) func(E)) func(E) {
	var fs []func(E)
	for _, o := range list {
		if f := pick(o); f != nil {
			fs = append(fs, f)
		}
	}
	return func(e E) {
		for _, f := range fs {
			f(e)
		}
	}
}

func (o Observer) admitted(e Admitted)     { call(o.Admitted, e) }
func (o Observer) sealed(e Sealed)         { call(o.Sealed, e) }
func (o Observer) staged(e Staged)         { call(o.Staged, e) }
func (o Observer) committed(e Committed)   { call(o.Committed, e) }
func (o Observer) rejected(e Rejected)     { call(o.Rejected, e) }
func (o Observer) fenced(e Fenced)         { call(o.Fenced, e) }
func (o Observer) retried(e Retried)       { call(o.Retried, e) }
func (o Observer) laneState(e LaneChanged) { call(o.LaneState, e) }
func (o Observer) passed(c stream.Clean)   { call(o.Passed, c) }

func call[E any](f func(E), e E) {
	if f != nil {
		f(e)
	}
}
