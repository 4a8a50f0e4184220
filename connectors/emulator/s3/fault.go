package s3

import (
	"net/http"
	"strings"
	"sync"
)

// Kind is a way to fail.
type Kind uint8

// The kinds of fault.
const (
	LoseReply Kind = iota // apply, then cut the connection
	Cut                   // cut the connection, do not apply
	Refuse500             // InternalError, not applied
	Refuse503             // SlowDown, not applied
	Refuse403             // ExpiredToken, not applied
	HalfBody              // of GET: half of what was asked for, then cut
)

// Rule fails requests that match.
type Rule struct {
	Method       string // "" is any
	PathContains string // part of the unescaped path and query
	Skip         int    // let that many pass first
	Times        int    // fail that many; 0 is one, below 0 without end
	Kind         Kind
}

type faults struct {
	mu    sync.Mutex
	rules []*Rule
}

// Fail adds a rule. Rules are asked in the order they were added; the first
// that matches and is not used up decides.
func (e *Emulator) Fail(r Rule) {
	if r.Times == 0 {
		r.Times = 1
	}
	e.faults.mu.Lock()
	defer e.faults.mu.Unlock()
	e.faults.rules = append(e.faults.rules, &r)
}

// Heal drops all rules.
func (e *Emulator) Heal() {
	e.faults.mu.Lock()
	defer e.faults.mu.Unlock()
	e.faults.rules = nil
}

func (fs *faults) take(r *http.Request) *Rule {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.rules {
		if f.Times == 0 || f.Method != "" && f.Method != r.Method || !strings.Contains(r.URL.Path+"?"+r.URL.RawQuery, f.PathContains) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return f
	}
	return nil
}

// refusal is what a rule answers instead of applying, nil to go on; ok false cuts.
func (f *Rule) refusal() (no *failure, ok bool) {
	if f == nil {
		return nil, true
	}
	switch f.Kind {
	case Cut:
		return nil, false
	case Refuse500:
		return fail(500, "InternalError", "We encountered an internal error. Please try again."), true
	case Refuse503:
		return fail(503, "SlowDown", "Please reduce your request rate."), true
	case Refuse403:
		return fail(403, "ExpiredToken", "The provided token has expired."), true
	}
	return nil, true
}
