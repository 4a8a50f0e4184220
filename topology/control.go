package topology

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"sluice/topology/stream"
)

// control is what this process knows of the control log of `scale: group`:
// epochs that instances staged and that nobody gave a verdict on, by sink, in
// the order of the log, and the verdicts on its own.
type control struct {
	log  stream.ControlLog
	poke func(sink string) // somebody waits for this process, which leads

	mu      sync.Mutex
	pending map[string][]proposal
	waiting map[string]*verdict // by ticket; nil: none yet
	synced  map[string]bool     // syncs of this process that came by
	read    int64               // offset of the last record
	trimmed int64               // where the log begins, as far as this process knows
	changed chan struct{}       // closed and replaced when a record came
}

// proposal is a staged epoch that waits for the leader. A ticket is one wish
// to commit it: a record may be in the log twice under one ticket.
type proposal struct {
	Ticket string        `json:"ticket"`
	Hurry  bool          `json:"hurry,omitempty"` // a lane moves, or memory is short: do not wait for the timer
	Apart  bool          `json:"apart,omitempty"` // its owner knows that verdict; older versions do not
	Staged stream.Staged `json:"staged"`
	offset int64         // in the log
}

// verdict is the leader's answer. Only `landed` is a promise, made after the
// store said so; anything else tells the owner to ask the store itself.
type verdict struct {
	Ticket string        `json:"ticket"`
	Kind   string        `json:"kind"` // landed, fenced, state, apart, failed
	Why    string        `json:"why,omitempty"`
	Todo   string        `json:"todo,omitempty"`
	Lanes  []stream.Lane `json:"lanes,omitempty"`
	State  string        `json:"state,omitempty"`
	Apart  []verdict     `json:"apart,omitempty"` // of kind state: each with the lanes that a table refuses
}

// controlRecord is a record of the control log: one of its parts.
type controlRecord struct {
	Format   int       `json:"v"` // 1
	Sink     string    `json:"sink,omitempty"`
	Proposal *proposal `json:"proposal,omitempty"`
	Verdicts []verdict `json:"verdicts,omitempty"`
	Sync     string    `json:"sync,omitempty"` // shows its writer how far it has read
}

func newControl(log stream.ControlLog, poke func(sink string)) *control {
	return &control{log: log, poke: poke, pending: map[string][]proposal{}, waiting: map[string]*verdict{}, synced: map[string]bool{}, changed: make(chan struct{})}
}

func (c *control) append(ctx context.Context, r controlRecord) error {
	r.Format = 1
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return c.log.Append(ctx, b)
}

// apply takes one record of the log.
func (c *control) apply(offset int64, b []byte) error {
	var r controlRecord
	if err := json.Unmarshal(b, &r); err != nil {
		return fmt.Errorf("control log: a record that is none of sluice: %w", err)
	}
	if r.Format != 1 {
		return fmt.Errorf("control log: a record has format %d, this version reads 1: a newer sluice runs beside this one", r.Format)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = offset
	if p := r.Proposal; p != nil {
		p.offset = offset
		if !slices.ContainsFunc(c.pending[r.Sink], func(x proposal) bool { return x.Ticket == p.Ticket }) {
			c.pending[r.Sink] = append(c.pending[r.Sink], *p)
		}
		if p.Hurry && c.log.Leads() {
			c.poke(r.Sink)
		}
	}
	for _, v := range r.Verdicts {
		c.pending[r.Sink] = slices.DeleteFunc(c.pending[r.Sink], func(x proposal) bool { return x.Ticket == v.Ticket })
		if w, ok := c.waiting[v.Ticket]; ok && w == nil {
			c.waiting[v.Ticket] = &v
		}
	}
	if _, ours := c.synced[r.Sync]; ours {
		c.synced[r.Sync] = true
	}
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}

// proposals lists what waits for a verdict.
func (c *control) proposals(sink string) []proposal {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.pending[sink])
}

const (
	trimEvery = 1000 // records settled before the log is cut
	trimSlack = 1000 // records kept for those that read slowly
)

// trim cuts off what is settled, now and then: else a process that starts reads
// a day of it. Who misses a verdict by it proposes anew.
func (c *control) trim(ctx context.Context) error {
	c.mu.Lock()
	keep := c.read
	for _, ps := range c.pending {
		for _, p := range ps {
			keep = min(keep, p.offset)
		}
	}
	keep -= trimSlack
	due := keep-c.trimmed >= trimEvery
	if due {
		c.trimmed = keep
	}
	c.mu.Unlock()
	if !due {
		return nil
	}
	return c.log.Trim(ctx, keep)
}

// wait waits for the next record, at most a second: who leads may change
// without one.
func (c *control) wait(ctx context.Context, was <-chan struct{}) error {
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-was:
	case <-t.C:
	}
	return nil
}
