package topology_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/topology/stream"
)

// want is what a span of lane ln has to leave in a store: rows, and offsets of
// dead letters.
func (l *simLane) want(ln stream.Lane, sp stream.LedgerSpan) (rows []string, dead []int64) {
	recs := l.log(sp.TopicID)
	for o := sp.From.Offset; o < min(sp.To.Offset, int64(len(recs))); o++ {
		switch {
		case !recs[o]:
		case o%13 == 12:
			dead = append(dead, o)
		default:
			rows = append(rows, fmt.Sprintf("%s#%s@%d", ln, sp.TopicID, o))
		}
	}
	return rows, dead
}

func (h *history) verify() {
	plans := make([]map[string]string, len(h.stores)) // of an offset, by store
	for i, s := range h.stores {
		plans[i] = map[string]string{}
		if s.broken != "" {
			h.t.Errorf("store %d: %s", i, s.broken)
		}
		rows := map[string][]string{}
		for _, r := range s.rows {
			ln := r[:strings.IndexByte(r, '#')]
			rows[ln] = append(rows[ln], r)
		}
		var dead []string
		for _, ln := range stream.SortedLanes(h.w.lanes) {
			got, d := h.verifyLane(i, s, ln, plans[i])
			if !slices.Equal(rows[ln.String()], got) { // D1 D3
				h.t.Errorf("store %d, %v: has rows\n%v, its ledger says\n%v", i, ln, rows[ln.String()], got)
			}
			dead = append(dead, d...)
		}
		if i != 1 {
			dead = nil // store 1 is the home
		}
		letters := slices.Sorted(maps.Values(s.dead))
		slices.Sort(dead)
		if !slices.Equal(dead, letters) {
			h.t.Errorf("store %d has dead letters\n%v, want\n%v", i, letters, dead)
		}
	}
	for row, plan := range plans[0] {
		if other := plans[1][row]; other != "" && other != plan && !h.moved {
			h.t.Errorf("%s went by plan %s to one store and by %s to the other", row, plan, other)
		}
	}
}

// verifyLane proves the ledger of one lane and says what it promises.
func (h *history) verifyLane(i int, s *simStore, ln stream.Lane, plans map[string]string) (rows, dead []string) {
	l := h.w.lanes[ln]
	var next int64
	var id string
	for j, sp := range s.ledger[ln] {
		if j == 0 {
			next, id = sp.From.Offset, sp.TopicID
			if i == 0 && next > 0 && next > l.start && len(l.logs) == 0 {
				h.t.Errorf("store 0: %v begins at %d, the log at %d", ln, next, l.start)
			}
		}
		if sp.From.Offset != next { // D3
			h.t.Errorf("store %d: ledger of %v: span from %d after %d", i, ln, sp.From.Offset, next)
		}
		next = sp.To.Offset
		c := sp.Count
		was := id
		id = sp.TopicID
		switch {
		case l.log(sp.TopicID) == nil && next > 0 || sp.TopicID == "":
			h.t.Errorf("store %d: ledger of %v: topic id %q at %d", i, ln, sp.TopicID, next)
		case id != was && c.In == 0: // rebased
		case id != was:
			h.t.Errorf("store %d: ledger of %v goes from log %s to %s at %d as if it were one", i, ln, was, id, sp.From.Offset) // D3 (was lost)
		case c.Lost > 0:
			if n := sp.To.Offset - sp.From.Offset; c != (stream.Count{In: n, Lost: n}) {
				h.t.Errorf("store %d: ledger of %v: %+v", i, ln, sp)
			}
		case sp.To.Offset < sp.From.Offset:
			h.t.Errorf("store %d: ledger of %v went back: %+v\n%+v", i, ln, sp, s.ledger[ln])
		default:
			r, d := l.want(ln, sp.LedgerSpan)
			if len(r) > 0 && !strings.Contains(sp.Masked, fmt.Sprintf(`"rows":%d,`, len(r))) {
				h.t.Errorf("store %d: ledger of %v: %d rows, attested %q: %+v", i, ln, len(r), sp.Masked, sp)
			}
			if c != (stream.Count{In: int64(len(r) + len(d)), Written: int64(len(r)), Rejected: int64(len(d))}) {
				h.t.Errorf("store %d: ledger of %v: %+v, want %d rows and %d letters", i, ln, sp, len(r), len(d))
			}
			for _, x := range r {
				plans[x] = sp.plan
			}
			rows = append(rows, r...)
			for _, o := range d {
				dead = append(dead, fmt.Sprintf("%s@%d", ln, o))
			}
		}
	}
	return rows, dead
}
