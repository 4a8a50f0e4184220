package topology

import (
	"sluice/topology/lag"
	"sluice/topology/stream"
)

// Positions is where every sink stands on every assigned lane, sorted. End is
// what the broker said when the lane was assigned or, when more was read
// since, the position read to: ask the broker for the current one.
func (p *Pipeline) Positions() []lag.Positions {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []lag.Positions
	for _, ln := range stream.SortedLanes(p.lanes) {
		l := p.lanes[ln]
		for i, o := range p.outs {
			x := lag.Positions{Lane: ln, Sink: o.name, LogStart: l.info.LogStart, End: max(l.info.End, l.pos.Offset),
				Fetched: l.pos.Offset, Staged: l.at[i].want.Offset, Durable: l.at[i].durable.Offset, State: stream.StateRunning.String(), Trying: o.trying, Since: o.since}
			if l.by == "" || l.by == o.name {
				x.State, x.Why, x.Todo = l.state.String(), l.why, l.todo
			}
			if r := l.at[i].refused; r != nil {
				if x.Oldest = r.oldest; !l.held { // what holds the lane for all sinks is to be mended first
					x.State, x.Why, x.Todo = r.State.String(), r.Why, r.Todo
				}
				all = append(all, x)
				continue
			}
			if e := p.waitsFor(l); e != nil && !l.held {
				x.State, x.Why, x.Todo = e.State.String(), e.Why, e.Todo
			}
			for _, m := range l.marks {
				if m.from >= x.Durable || x.Oldest == 0 {
					x.Oldest = m.time
				}
				if m.from >= x.Durable {
					break
				}
			}
			if x.Durable >= l.pos.Offset {
				x.Oldest = 0
			}
			all = append(all, x)
		}
	}
	return all
}

// Budget is the bytes under way and the most they may be.
func (p *Pipeline) Budget() (used, limit int64) { return p.budget.inUse(), p.budget.max }
