package topology_test

import (
	"fmt"
	"time"

	"sluice/topology/stream"
)

// step is one thing that goes wrong.
func (h *history) step(what int) {
	w, rng := h.w, h.rng
	i := rng.IntN(2)
	lanes := h.lanes()
	some := lanes[:1+rng.IntN(len(lanes))]
	lane := lanes[rng.IntN(len(lanes))]
	s := h.stores[rng.IntN(len(h.stores))]
	switch what {
	case 0: // kill -9, and a successor
		h.restart(i, true)
	case 1: // a zombie: paused longer than its session, its lanes go to the other
		h.live[i].mu.Lock()
		h.live[i].hold = time.Now().Add(time.Duration(1+rng.IntN(8)) * time.Second)
		h.live[i].mu.Unlock()
		w.lead(h.live[1-i], time.Duration(2+rng.IntN(8))*time.Second)
		w.move(w.held(h.live[i], lanes), h.live[1-i], false)
	case 2, 3: // a clean rebalance
		if rng.IntN(3) == 0 {
			w.lead(h.live[1-i], time.Duration(rng.IntN(2))*time.Second)
		}
		w.move(some, h.live[i], true)
	case 4: // a rebalance without asking
		w.move(some, h.live[i], false)
	case 5: // a clean stop and a restart
		h.restart(i, false)
	case 6: // retention, and perhaps a person
		w.mu.Lock()
		l := w.lanes[lane]
		l.start += rng.Int64N(int64(len(l.recs)) - l.start + 1)
		w.mu.Unlock()
		if rng.IntN(2) == 0 {
			h.mend()
		}
	case 7: // the topic grows
		if len(lanes) < 6 {
			w.mu.Lock()
			ln := stream.Lane{Topic: "t", Partition: int32(len(lanes))}
			w.lanes[ln] = newSimLane(w.lanes[lanes[0]].id)
			for range rng.IntN(5) {
				w.lanes[ln].recs = append(w.lanes[ln].recs, true)
			}
			w.mu.Unlock()
			w.move([]stream.Lane{ln}, h.live[i], false)
		}
	case 8: // the topic is deleted and made anew, under the same name
		if rng.IntN(3) == 0 {
			w.mu.Lock()
			id := fmt.Sprint("t", h.rng.Uint32())
			for _, l := range w.lanes {
				l.logs[l.id] = l.recs
				l.id, l.recs, l.start = id, nil, 0
			}
			w.mu.Unlock()
			for range rng.IntN(4) {
				h.grow()
			}
			if rng.IntN(2) == 0 {
				h.mend()
			}
		}
	case 9: // a store loses everything
		if rng.IntN(3) == 0 {
			w.mu.Lock()
			s.restore(newSimStore(w))
			w.mu.Unlock()
			h.moved, h.stuck = true, true
		}
	case 10: // a store goes back to a backup
		w.mu.Lock()
		c := s.copy()
		w.mu.Unlock()
		h.grow()
		time.Sleep(time.Duration(rng.IntN(3000)) * time.Millisecond)
		w.mu.Lock()
		s.restore(c)
		w.mu.Unlock()
		h.moved, h.stuck = true, true
	case 11: // a store needs a person for a while
		w.mu.Lock()
		s.stated = time.Now().Add(time.Duration(rng.IntN(90)) * time.Second)
		w.mu.Unlock()
	case 12: // a stage refuses a lane: a restart with a mended config
		w.mu.Lock()
		w.refused[lane] = true
		w.mu.Unlock()
		h.stuck = true
	case 13: // a store refuses for good
		w.fatal.Store(1)
	case 14: // another file
		if rng.IntN(2) == 0 {
			h.newPlan()
		}
	case 15: // nothing for a while: lanes go idle
		time.Sleep(time.Duration(rng.IntN(90)) * time.Second)
	case 16:
		if rng.IntN(2) == 0 { // the control log is lost up to here, verdicts nobody read and all
			w.mu.Lock()
			w.cut = len(w.control)
			w.mu.Unlock()
			return
		}
		h.mend()
	case 17: // both lose lanes to each other at once
		w.move(w.held(h.live[i], lanes), h.live[1-i], true)
		w.move(w.held(h.live[1-i], lanes), h.live[i], false)
	case 18: // another writer moves lanes of two stores: their sinks are fenced at once
		h.meddle(some)
	case 19, 20: // tables do not take the rows of a lane, or of some, for a while
		if what == 19 {
			some = []stream.Lane{lane}
		}
		w.mu.Lock()
		s.when = refusing(rng.IntN(3))
		for _, ln := range some {
			s.apart[ln] = time.Now().Add(time.Duration(rng.IntN(120)) * time.Second)
		}
		w.mu.Unlock()
		h.grow()
	case 21: // and then retention passes where it stands, or a person mends it
		w.mu.Lock()
		for ln := range s.apart {
			if l := w.lanes[ln]; rng.IntN(2) == 0 {
				l.start = max(l.start, min(int64(len(l.recs)), s.lanes[ln].Next.Offset+1))
			}
		}
		if rng.IntN(2) == 0 {
			clear(s.apart)
		}
		w.mu.Unlock()
		time.Sleep(time.Duration(rng.IntN(40)) * time.Second)
	}
}

// meddle commits the next records of lanes to the first two stores, as a
// zombie would that comes back: of lanes that both stores know, for nothing is
// read before every sink wrote its start.
func (h *history) meddle(lanes []stream.Lane) {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	for i, s := range h.stores[:2] {
		for _, ln := range lanes {
			l, at := h.w.lanes[ln], s.lanes[ln]
			from := at.Next.Offset
			if h.stores[0].lanes[ln].TopicID != l.id || h.stores[1].lanes[ln].TopicID != l.id || from < l.start || from >= int64(len(l.recs)) || h.plans > 0 {
				continue
			}
			to := from + 1 + h.rng.Int64N(int64(len(l.recs))-from)
			sp := stream.LedgerSpan{Span: stream.Span{Lane: ln, From: at.Next, To: stream.Position{Offset: to}}, TopicID: l.id}
			rows, dead := l.want(ln, sp)
			sp.Count = stream.Count{In: int64(len(rows) + len(dead)), Written: int64(len(rows)), Rejected: int64(len(dead))}
			sp.Masked = fmt.Sprintf(`{"policy":"p","rows":%d,"values":{}}`, len(rows))
			e := stream.Epoch{Commit: fmt.Sprint("z", h.rng.Uint64()), Plan: s.plan, Spans: []stream.LedgerSpan{sp}}
			if i == 1 {
				for _, o := range dead {
					e.Rejects = append(e.Rejects, stream.DeadLetter{ID: fmt.Sprint("z", ln, l.id, o), Lane: ln, Offset: o})
				}
			}
			if err := s.apply(stream.Staged{Epoch: e}, rows); err != nil {
				h.t.Error(err)
			}
		}
	}
}
