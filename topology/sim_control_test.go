package topology_test

import (
	"context"
	"errors"
	"time"

	"sluice/topology/stream"
)

// Control is stream.ControlKeeper: the log is part of the world.
func (m *member) Control() stream.ControlLog { return simControl{m} }

type simControl struct{ m *member }

func (c simControl) Append(_ context.Context, record []byte) error {
	if err := c.m.alive(); err != nil {
		return err
	}
	w := c.m.w
	fault := 100
	if w.faults.Load() {
		fault = w.random(25)
	}
	w.call()
	if fault == 0 {
		return errors.New("not appended")
	}
	w.mu.Lock()
	w.control = append(w.control, record)
	if fault == 1 { // a producer's second try
		w.control = append(w.control, record)
	}
	w.mu.Unlock()
	if fault == 2 {
		return errors.New("appended, and the reply is lost")
	}
	return nil
}

func (c simControl) Follow(ctx context.Context, f func([]byte) error) error {
	w := c.m.w
	for at := 0; ; {
		if err := c.m.alive(); err != nil {
			return err
		}
		w.mu.Lock()
		records := w.control[at:]
		w.mu.Unlock()
		for _, r := range records {
			if err := f(r); err != nil {
				return err
			}
			at++
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(1+w.random(30)) * time.Millisecond):
		}
	}
}

func (c simControl) Leads() bool {
	c.m.w.mu.Lock()
	leader := c.m.w.leader
	c.m.w.mu.Unlock()
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	return leader == c.m || time.Now().Before(c.m.leads)
}

// lead makes m the leader; the one before may not know it for a while.
func (w *world) lead(m *member, late time.Duration) {
	w.mu.Lock()
	old := w.leader
	w.leader = m
	w.mu.Unlock()
	if old != nil && old != m {
		old.mu.Lock()
		old.leads = time.Now().Add(late)
		old.mu.Unlock()
	}
}
