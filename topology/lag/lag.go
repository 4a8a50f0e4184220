// Package lag turns positions into verdicts. It is pure: no I/O, no clock.
package lag

import (
	"cmp"
	"fmt"
	"time"

	"sluice/topology/stream"
)

// Positions is where one sink stands on one lane. Offsets are next to be read.
type Positions struct {
	Lane     stream.Lane `json:"lane"`
	Sink     string      `json:"sink"`
	LogStart int64       `json:"log_start"` // first offset that can still be read; -1 unknown
	End      int64       `json:"end"`       // last stable offset; -1 unknown
	Fetched  int64       `json:"fetched"`   // given to the engine; -1 when no process runs
	Staged   int64       `json:"staged"`    // handed to the sink, not durable; -1 when no process runs
	Durable  int64       `json:"durable"`   // in the store; -1: the store does not know the lane
	// Oldest is when the first record was produced that is not durable, in
	// microseconds since 1970 UTC; 0: none, or unknown.
	Oldest int64  `json:"oldest"`
	State  string `json:"state"`
	Why    string `json:"why,omitempty"`
	Todo   string `json:"todo,omitempty"`   // what a person has to do
	Trying string `json:"trying,omitempty"` // call of the sink that fails and is made again, and what the store says
	Since  int64  `json:"since,omitempty"`  // when it failed first, in microseconds since 1970 UTC
}

// Verdict is one line for the one who is called at night.
type Verdict struct {
	Positions
	Lag     int64         `json:"lag"`       // records (offsets) that are not durable; control records count
	Behind  time.Duration `json:"behind_ns"` // age of the oldest record that is not durable
	Verdict string        `json:"verdict"`   // OK, BEHIND, RETRYING, a lane's state, UNKNOWN; UNKNOWN is never green
	Detail  string        `json:"detail"`
}

// patience is how long a store may fail before that is a verdict of its own.
const patience = time.Minute

// Judge works out the verdict at now. lag is counted against the last stable
// offset and from the log start, so that neither a transaction's marker nor
// what retention took shows as work.
func Judge(p Positions, now time.Time) Verdict {
	v := Verdict{Positions: p, Verdict: "OK", Detail: "durable to the end"}
	switch {
	case p.End < 0:
		v.Verdict, v.Detail = "UNKNOWN", "the broker did not answer"
		return v
	case p.Durable < 0:
		v.Lag = max(0, p.End-max(0, p.LogStart))
		v.Verdict, v.Detail = "UNKNOWN", "the sink never committed this lane"
		if p.Why != "" {
			v.Detail += ", " + p.Why
		}
	case p.Durable < p.LogStart:
		v.Lag = max(0, p.End-p.LogStart)
		v.Verdict, v.Detail = "DATA_LOST", fmt.Sprintf("retention took %d offsets", p.LogStart-p.Durable)
		v.Todo = cmp.Or(p.Todo, fmt.Sprintf("sluice accept-loss FILE --lane %v --yes", p.Lane))
	default:
		v.Lag = max(0, p.End-p.Durable)
	}
	if v.Lag > 0 && p.Oldest > 0 {
		v.Behind = max(0, now.Sub(time.UnixMicro(p.Oldest)))
	}
	switch {
	case p.State != "" && p.State != stream.StateRunning.String():
		v.Verdict, v.Detail = p.State, p.Why
	case v.Verdict == "OK" && v.Lag > 0 && p.Trying != "":
		v.Verdict, v.Detail = "BEHIND", p.Trying
		if d := now.Sub(time.UnixMicro(p.Since)); d >= patience {
			v.Verdict, v.Detail = "RETRYING", fmt.Sprintf("fails for %v: %s", d.Round(time.Second), p.Trying)
			v.Todo = cmp.Or(p.Todo, "see whether the store is up and reachable from the process; it is tried again without end")
		}
	case v.Verdict == "OK" && v.Lag > 0:
		v.Verdict, v.Detail = "BEHIND", cmp.Or(p.Why, fmt.Sprintf("%d offsets are not durable yet", v.Lag))
	}
	return v
}

// Worst orders verdicts: the worst first wins.
func Worst(a, b string) string {
	if rank(a) >= rank(b) {
		return a
	}
	return b
}

func rank(v string) int {
	for i, s := range []string{"OK", "BEHIND", "FENCED", "RETRYING", "UNKNOWN", "STATE_AHEAD", "REWOUND", "TORN", "PARKED", "DATA_LOST"} {
		if s == v {
			return i
		}
	}
	return 4
}
