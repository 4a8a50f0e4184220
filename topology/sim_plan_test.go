package topology_test

import (
	"fmt"
	"strings"
	"time"

	"sluice/topology/stream"
)

// newPlan stops both processes and starts others under another file: at once
// if the sinks stand together, else after align.
func (h *history) newPlan() {
	lanes := h.lanes()
	for i, m := range h.live {
		kill := h.rng.IntN(2) == 0
		m.mu.Lock()
		m.dead = kill // what it sent before may still arrive
		m.mu.Unlock()
		h.w.owned(m, lanes)
		m.cancel()
		if !kill {
			<-m.ended
		}
		h.live[i] = nil
	}
	old := h.w.file
	h.before = old
	h.plans++
	next := strings.Replace(old, "{pass: {}}", "{pass: {}}, {noop: {}}", 1)
	if at := strings.Index(next, "- {name: c"); at >= 0 && h.rng.IntN(3) == 0 { // taken out, and perhaps put back by a later file
		next = next[:at] + next[at+strings.IndexByte(next[at:], '\n')+1:]
	} else if h.rng.IntN(3) == 0 && at < 0 {
		next = strings.Replace(next, "dead_letters:", "- {name: c, start: "+[]string{"earliest", "latest", "like a"}[h.rng.IntN(3)]+", sim: {store: 2}}\ndead_letters:", 1)
	}
	if h.rng.IntN(3) == 0 && len(lanes) < 6 {
		h.w.mu.Lock()
		h.w.lanes[stream.Lane{Topic: "t", Partition: int32(len(lanes))}] = newSimLane(h.w.lanes[lanes[0]].id, true, true)
		h.w.mu.Unlock()
		lanes = h.lanes()
	}
	for try := 0; ; try++ {
		h.w.file = next
		if h.rng.IntN(2) == 0 {
			h.mend()
		}
		h.boot(0)
		h.w.owned(nil, lanes)
		h.w.move(lanes, h.live[0], false)
		for range 600 {
			if time.Sleep(time.Second); h.live[0].p.Started() || h.live[0].isEnded() {
				break
			}
		}
		select {
		case <-h.live[0].ended:
			h.expect(h.live[0])
		default:
			h.boot(1)
			return
		}
		h.w.owned(h.live[0], lanes)
		if try%2 == 0 {
			continue // a supervisor starts it again
		}
		h.w.file = h.recorded(h.live[0].err, old)
		clear(h.w.refused)
		h.align(lanes)
		if try > 20 {
			h.t.Fatalf("sinks stay apart: %v", h.live[0].err)
		}
	}
}

// alignBefore is a person who reads that the sinks have to be aligned first.
func (h *history) alignBefore(stopped error) {
	lanes := h.lanes()
	for _, m := range h.live {
		h.w.owned(m, lanes)
		m.cancel()
		<-m.ended
	}
	file := h.w.file
	h.w.file = h.recorded(stopped, h.before)
	clear(h.w.refused)
	h.align(lanes)
	h.w.file = file
	h.boot(0)
	h.boot(1)
	h.w.move(lanes, h.live[0], false)
}

// recorded is the file of the plan that err says the sinks stopped under: after
// a store went back to a backup it may be one from before the last.
func (h *history) recorded(err error, last string) string {
	for plan, file := range h.files {
		if strings.Contains(err.Error(), "("+plan+" is now") {
			return file
		}
	}
	return last
}

// align runs the old plan until it ends by itself.
func (h *history) align(lanes []stream.Lane) {
	h.boots++
	m := newMember(h.w, fmt.Sprint("align", h.boots))
	m.p = simPipeline(h.t, h.w, m, h.stores, 1, h.rng.Uint64())
	m.p.Align = true
	m.start()
	h.w.move(lanes, m, false)
	for range 30 {
		select {
		case <-m.ended:
			h.expect(m)
			h.w.owned(m, lanes)
			if m.err != nil && strings.Contains(m.err.Error(), "a table refuses rows of it") {
				h.w.mu.Lock()
				for _, s := range h.stores {
					clear(s.apart)
				}
				h.w.mu.Unlock()
				h.align(lanes)
			}
			return
		case <-time.After(time.Minute):
			h.mend()
		}
	}
	h.t.Fatalf("align does not end: %+v", m.p.Positions())
}
