package topology

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"sluice/topology/stream"
)

// output is a sink and the goroutine that seals, uploads and commits its
// epochs. While it commits one epoch the workers fill the next: at most two.
type output struct {
	p     *Pipeline
	index int
	name  string
	spec  SinkSpec
	sink  stream.Sink

	reqs    chan func(context.Context) error
	ended   chan struct{} // closed when the goroutine is gone
	nudge   chan string
	pending atomic.Bool  // something was admitted since the last seal
	size    atomic.Int64 // memory of all writers

	waiting bool                 // p.mu: between a fence and its recovery: gets no batches
	fences  int                  // in a row
	hurry   bool                 // the epoch that is committed cannot wait for a leader's timer
	tickets int                  // proposals made
	leads   bool                 // this process committed for all instances when it looked last
	said    []string             // tickets it gave a verdict on
	planned bool                 // the plan is kept in this store
	seen    map[stream.Lane]bool // lanes this store knew, so that it may not forget them
	trying  string               // p.mu: the call that fails and is made again, and why
	since   int64                // p.mu: when it failed first, in microseconds since 1970 UTC
}

func newOutput(p *Pipeline, index int, s SinkSpec, sink stream.Sink) *output {
	return &output{p: p, index: index, name: s.Name, spec: s, sink: sink,
		seen: map[stream.Lane]bool{}, reqs: make(chan func(context.Context) error, 64), ended: make(chan struct{}), nudge: make(chan string, 1)}
}

func (o *output) grow(n int64) {
	if o.size.Add(n) > int64(o.spec.Commit.Bytes) && n > 0 {
		o.poke("bytes")
	}
}

// poke asks for a seal soon; it never waits.
func (o *output) poke(reason string) {
	select {
	case o.nudge <- reason:
	default:
	}
}

// do has f run by the sink's goroutine and returns a wait for its end, which
// fails when ctx is done or the goroutine has ended.
func (o *output) do(ctx context.Context, f func(context.Context) error) (wait func() error) {
	done := make(chan struct{})
	select {
	case o.reqs <- func(ctx context.Context) error { defer close(done); return f(ctx) }:
	case <-ctx.Done():
	case <-o.ended:
	}
	return func() error {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-o.ended:
			return errEnded
		}
	}
}

var errEnded = errors.New("the pipeline is ending")

// run serves the sink until quit closes or ctx is done. Its error is fatal.
func (o *output) run(ctx context.Context, quit <-chan struct{}) error {
	defer close(o.ended)
	tick := time.NewTicker(time.Duration(o.spec.Commit.Every))
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-quit:
			return nil
		case <-tick.C:
			if err = o.cycle(ctx, "timer"); err == nil {
				o.maintain(ctx)
			}
		case reason := <-o.nudge:
			err = o.cycle(ctx, reason)
		case f := <-o.reqs:
			err = f(ctx)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// maintain lets the store be looked after when nobody waits for it: between two
// commits, and neither before a revoke nor before the end.
func (o *output) maintain(ctx context.Context) {
	if m, ok := o.sink.(stream.Maintainer); ok {
		m.Maintain(ctx)
	}
}

// cycle ends the filling epoch and commits it, if anything moved.
func (o *output) cycle(ctx context.Context, reason string) error {
	if !o.pending.Swap(false) {
		if o.grouped() {
			return o.lead(ctx)
		}
		return nil
	}
	o.hurry = reason != "timer" && reason != "bytes"
	e, parts, tokens, err := o.seal(ctx)
	if err != nil || len(e.Spans) == 0 {
		give(tokens)
		letGo(parts)
		if apart, is := err.(*stream.ApartError); is { // not one among other errors, which are fatal
			return o.setApart(ctx, apart)
		}
		return err
	}
	o.p.Observer.sealed(Sealed{Sink: o.name, Lanes: len(e.Spans), Reason: reason})
	begin := o.p.env.Now()
	err = o.commit(ctx, e, parts)
	give(tokens)
	letGo(parts)
	apart, is := errors.AsType[*stream.ApartError](err)
	switch {
	case is:
		return o.setApart(ctx, apart)
	case errors.Is(err, stream.ErrFenced):
		return o.reset(ctx)
	case err != nil:
		return err
	}
	o.fences = 0
	o.durable(ctx, e, o.p.env.Now().Sub(begin))
	return nil
}

func give(tokens []*token) {
	for _, t := range tokens {
		t.drop()
	}
}

func letGo(parts []stream.Part) {
	for _, x := range parts {
		if r, ok := x.Data.(interface{ Release() }); ok {
			r.Release()
		}
	}
}

// seal sends a marker through every worker and joins what they give up. A lane
// is at home on one worker, so spans never overlap. // D3
func (o *output) seal(ctx context.Context) (e stream.Epoch, parts []stream.Part, tokens []*token, err error) {
	all := make(chan sealed, len(o.p.workers))
	o.p.mark(func(w *worker) { all <- w.seal(o.index) })
	spans := map[stream.Lane]stream.LedgerSpan{}
	apart := map[stream.Lane]*stream.StateError{}
	e = o.epoch()
	for range o.p.workers {
		var x sealed
		select {
		case x = <-all:
		case <-ctx.Done():
			return e, nil, tokens, ctx.Err()
		}
		tokens = append(tokens, x.tokens...)
		maps.Copy(apart, x.apart)
		if x.err != nil {
			err = errors.Join(err, fmt.Errorf("seal: %w", x.err))
			continue
		}
		for l := range x.part.Counts {
			if x.spans[l] == nil { // a writer that panicked half way
				err = errors.Join(err, fmt.Errorf("rows of %v without a span", l)) // D3
			}
		}
		for l, s := range x.spans {
			if _, twice := spans[l]; twice {
				err = errors.Join(err, fmt.Errorf("two workers have %v", l)) // D3
			}
			s.Count = s.Count.Add(x.part.Counts[l])
			if !s.Count.Balanced() {
				err = errors.Join(err, fmt.Errorf("the ledger of %v [%d,%d) does not add up: %+v", l, s.From.Offset, s.To.Offset, s.Count)) // D3
			}
			spans[l] = *s
		}
		if len(x.spans) > 0 {
			parts = append(parts, x.part)
		}
		ofSink(x.part.Rejects, o.name, spans)
		e.Rejects = append(append(e.Rejects, x.rejects...), x.part.Rejects...)
	}
	for _, l := range stream.SortedLanes(spans) {
		e.Spans = append(e.Spans, spans[l])
	}
	if len(apart) > 0 && err == nil {
		refused := &stream.ApartError{}
		for _, l := range stream.SortedLanes(apart) {
			refused.States = append(refused.States, apart[l])
		}
		return e, parts, tokens, refused
	}
	return e, parts, tokens, err
}

// epoch names a new commit.
func (o *output) epoch() stream.Epoch {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	var id [16]byte
	for i := range id {
		id[i] = byte(o.p.env.Rand.Uint32())
	}
	return stream.Epoch{Pipeline: o.p.env.Pipeline, Sink: o.name, Commit: hex.EncodeToString(id[:]),
		Plan: o.p.env.Plan, Cluster: o.p.cluster, Time: o.p.env.Now().UnixMicro()}
}

// commit uploads and commits, again and again while the store is down.
func (o *output) commit(ctx context.Context, e stream.Epoch, parts []stream.Part) error {
	var st stream.Staged
	begin := o.p.env.Now()
	err := o.retry(ctx, "upload", e.Spans, func() (err error) { st, err = o.sink.Upload(ctx, e, parts); return err })
	if err != nil {
		return err
	}
	st.Format, st.Epoch = 1, e
	o.p.Observer.staged(Staged{Sink: o.name, Took: o.p.env.Now().Sub(begin)})
	return o.retry(ctx, "commit", e.Spans, func() error {
		if o.grouped() {
			return o.propose(ctx, st)
		}
		return o.sink.Commit(ctx, []stream.Staged{st})
	})
}

const (
	retryMin  = 100 * time.Millisecond
	retryMax  = 30 * time.Second
	stateWait = 30 * time.Second // how often a state that a person mends is looked at again
)

// retry calls f until it succeeds or fails for good. Passing errors are tried
// without end; a StateError shows in the lanes and is tried slowly.
func (o *output) retry(ctx context.Context, call string, spans []stream.LedgerSpan, f func() error) error {
	var stated []stream.Lane
	defer o.tries("", nil)
	for attempt := 1; ; attempt++ {
		err := f()
		if _, is := errors.AsType[*stream.ApartError](err); is {
			return err // nobody waits for the lanes that are refused
		}
		wait := min(retryMax, retryMin<<min(attempt-1, 9))
		code := "state"
		var re *stream.RetryError
		var se *stream.StateError
		switch stream.KindOf(err) {
		case stream.KindNone:
			if stated != nil {
				o.p.setAll(o.name, stated, &stream.StateError{State: stream.StateRunning})
			}
			return nil
		case stream.KindRetry:
			errors.As(err, &re)
			code, wait = re.Code, max(wait, re.After)
			o.tries(call, err)
		case stream.KindState:
			errors.As(err, &se)
			stated = append(stated, o.p.setStates(o.name, spans, se)...)
			slices.SortFunc(stated, stream.Lane.Compare)
			stated, wait = slices.Compact(stated), stateWait
		default:
			return err
		}
		o.p.Observer.retried(Retried{Sink: o.name, Call: call, Code: code, Attempt: attempt, Wait: wait})
		o.p.env.Log.Warn("will be tried again", "sink", o.name, "call", call, "code", code, "attempt", attempt, "wait", wait, "error", err)
		if err := o.sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// tries keeps what the store answers to a call that is made again, for who asks
// why nothing becomes durable; without an error nothing is.
func (o *output) tries(call string, err error) {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	switch {
	case err == nil:
		o.trying, o.since = "", 0
	case o.trying == "":
		o.since = o.p.env.Now().UnixMicro()
		fallthrough
	default:
		o.trying = call + ": " + err.Error()
	}
}

// sleep waits d with up to a fifth of jitter.
func (o *output) sleep(ctx context.Context, d time.Duration) error {
	o.p.mu.Lock()
	d += time.Duration(o.p.env.Rand.Int64N(int64(d)/5 + 1))
	o.p.mu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// durable publishes a commit: positions, observers, the source's own offsets.
func (o *output) durable(ctx context.Context, e stream.Epoch, took time.Duration) {
	p := o.p
	at := map[stream.Lane]stream.Position{}
	var mended []stream.Lane
	p.seeking.Lock()
	p.mu.Lock()
	for _, s := range e.Spans {
		l := p.lanes[s.Lane]
		if l == nil || l.at[o.index].durable.Offset > s.To.Offset {
			continue
		}
		l.at[o.index].durable = s.To
		if l.at[o.index].accept(s) {
			mended = append(mended, s.Lane)
		}
		at[s.Lane] = l.settle()
	}
	done := p.Align && p.alignedLocked()
	grown := p.release()
	p.mu.Unlock()
	if grown != nil {
		p.source.Seek(grown)
	}
	p.seeking.Unlock()
	for _, ln := range mended {
		p.Observer.laneState(LaneChanged{Lane: ln, Sink: o.name, State: stream.StateRunning})
	}
	p.Observer.committed(Committed{Sink: o.name, Commit: e.Commit, Spans: e.Spans, Took: took})
	if err := p.source.Commit(ctx, at); err != nil {
		p.env.Log.Warn("the group's offsets were not stored; sinks are believed, foreign lag tools are behind", "error", err)
	}
	if done {
		p.stop()
	}
}

// settle forgets marks that every sink is past, but those that do not get the lane, and returns the least durable position.
func (l *lane) settle() stream.Position {
	least, flowing := l.at[0].durable, int64(math.MaxInt64)
	for _, a := range l.at {
		if a.durable.Offset < least.Offset {
			least = a.durable
		}
		if !a.apart() {
			flowing = min(flowing, a.durable.Offset)
		}
	}
	n := 0
	for n+1 < len(l.marks) && l.marks[n+1].from <= flowing {
		n++
	}
	if n < len(l.marks) && l.pos.Offset <= flowing {
		n = len(l.marks)
	}
	l.marks = append(l.marks[:0], l.marks[n:]...)
	return least
}

// mark sends f through every worker's queue.
func (p *Pipeline) mark(f func(*worker)) {
	for _, w := range p.workers {
		w.queue.put(item{marker: &marker{f}})
	}
}
