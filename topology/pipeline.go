package topology

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"sluice/topology/stream"
)

// Pipeline is a source, stages and sinks that run together.
type Pipeline struct {
	// Observer hears what happens. Set it before Run.
	Observer Observer
	// Align makes Run stop once all sinks stand where the furthest one stood
	// at the start. Set it before Run.
	Align bool

	spec   *Spec
	env    Env
	source stream.Source
	raw    []stream.Raw
	gate   stream.Gate
	policy string // hash of the gate's config, "none" without one
	stages []stream.Stage
	outs   []*output
	home   int // index of the sink that keeps dead letters, or -1
	sealer *Sealer

	// seeking is held over {set lane.pos, source.Seek}: two sinks that recover
	// at once would else hand the source their seeks in the other order than
	// they set the lane's position, and the lane would stand still.
	seeking sync.Mutex

	budget  *budget
	workers []*worker
	control *control // of `scale: group`, or nil

	mu      sync.Mutex // lanes and all of their fields; output.waiting
	lanes   map[stream.Lane]*lane
	cluster string

	stop  context.CancelFunc      // ends the source: drain
	abort context.CancelCauseFunc // ends everything
	over  <-chan struct{}         // it was called
	up    atomic.Bool             // lanes were assigned at least once
}

// lane is what the pipeline knows of one lane it was assigned.
type lane struct {
	info    stream.LaneInfo
	worker  int
	pos     stream.Position // what the source delivers next // D3
	reading bool
	state   stream.LaneState
	why     string
	todo    string
	by      string                // the sink whose state it is; "": the source's, or a stage's
	held    bool                  // by the log, the group or a stage: a sink that runs does not make it run
	refused bool                  // by a stage: only a restart lets it go
	after   map[stream.Lane]int64 // of a new partition: wait until these lanes are durable to there
	again   bool                  // held by the log: look again whether somebody mended it
	rests   bool                  // no sink takes it: it is not read until one is asked anew
	until   int64                 // of align; -1: no end
	at      []progressAt
	marks   []mark
}

// progressAt is where one sink stands on a lane.
type progressAt struct {
	want    stream.Position // what it needs next; from durable to want is under way
	durable stream.Position
	refused *refusal // why it does not get the lane, or got it once more to see; nil: it flows
}

// mark remembers when a stretch of a lane was produced, until it is durable.
type mark struct {
	from int64
	time int64
}

func newPipeline(s *Spec, env Env) *Pipeline {
	n := s.Engine.Workers
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	env.Workers = n
	return &Pipeline{spec: s, env: env, home: -1, budget: newBudget(int64(s.Engine.Budget)), lanes: map[stream.Lane]*lane{}}
}

// ID is the pipeline's id.
func (p *Pipeline) ID() string { return p.env.Pipeline }

// Plan is the hash of the plan.
func (p *Pipeline) Plan() string { return p.env.Plan }

// Sinks lists the sinks by name, opened, in the order of the file.
func (p *Pipeline) Sinks() (names []string, sinks []stream.Sink) {
	for _, o := range p.outs {
		names, sinks = append(names, o.name), append(sinks, o.sink)
	}
	return names, sinks
}

// Sealer opens the dead letters of this pipeline; nil without a home.
func (p *Pipeline) Sealer() *Sealer { return p.sealer }

// Home is the sink that keeps dead letters, or nil.
func (p *Pipeline) Home() stream.Sink {
	if p.home < 0 {
		return nil
	}
	return p.outs[p.home].sink
}

// Close closes what Build opened, for a pipeline that does not Run.
func (p *Pipeline) Close() error { return p.close() }

func (p *Pipeline) close() (err error) {
	for _, o := range p.outs {
		err = errors.Join(err, o.sink.Close())
	}
	return err
}

// Run runs until ctx is done, then drains: it seals, uploads and commits what
// was admitted within the drain time of the file. It returns nil after a
// clean drain, and the first fatal error otherwise; a restart recovers.
func (p *Pipeline) Run(ctx context.Context) error {
	hard, abort := context.WithCancelCause(context.WithoutCancel(ctx))
	soft, stop := context.WithCancel(ctx)
	p.stop, p.abort, p.over = stop, func(err error) { abort(err); stop() }, hard.Done()
	defer stop()
	follow, unfollow := context.WithCancel(hard)
	defer unfollow()
	drain := time.Duration(p.spec.Engine.Drain)
	defer context.AfterFunc(soft, func() {
		time.AfterFunc(drain, func() { abort(ErrDrain) })
	})()

	var workers, outs, followers sync.WaitGroup
	for i := range p.env.Workers {
		w := newWorker(p, i)
		p.workers = append(p.workers, w)
		workers.Go(w.run)
	}
	quit := make(chan struct{})
	if k, ok := p.source.(stream.ControlKeeper); ok && p.spec.Scale == "group" && !p.Align {
		p.control = newControl(k.Control(), p.pokeSink)
		followers.Go(func() {
			if err := p.control.log.Follow(follow, p.control.apply); err != nil && hard.Err() == nil {
				p.abort(fmt.Errorf("control log: %w", err))
			}
		})
	}
	for _, o := range p.outs {
		outs.Go(func() {
			if err := o.run(hard, quit); err != nil {
				p.abort(fmt.Errorf("%s: %w", o.name, err))
			}
		})
	}
	outs.Go(func() { p.recheck(hard, quit) })
	err := p.source.Run(soft, p)
	stop()
	if err == nil && hard.Err() == nil {
		p.flush(hard, "drain")
	}
	close(quit)
	if err != nil {
		abort(err)
	}
	outs.Wait()
	unfollow()
	followers.Wait()
	for _, w := range p.workers {
		w.queue.close()
	}
	workers.Wait()
	if err == nil {
		err = context.Cause(hard)
	}
	abort(nil)
	return errors.Join(err, p.close())
}

// ErrDrain is what Run returns when the drain time was too short: nothing is
// lost, the rest is read again.
var ErrDrain = errors.New("the drain time is over: what was not committed will be read again")

// Started reports whether lanes were assigned and every sink recovered.
func (p *Pipeline) Started() bool { return p.up.Load() }

// fail stops the pipeline with an error.
func (p *Pipeline) fail(err error) { p.abort(err) }

// flush seals and commits every sink and waits for it, until ctx is done.
func (p *Pipeline) flush(ctx context.Context, reason string) {
	var waits []func() error
	for _, o := range p.outs {
		waits = append(waits, o.do(ctx, func(ctx context.Context) error { return o.cycle(ctx, reason) }))
	}
	for _, wait := range waits {
		wait() // a sink that is gone has nothing left to flush
	}
}

// pressure makes every sink seal: the budget is spent.
func (p *Pipeline) pressure() {
	for _, o := range p.outs {
		o.poke("pressure")
	}
}

// pokeSink has the sink's goroutine look at the control log. It never waits.
func (p *Pipeline) pokeSink(name string) {
	for _, o := range p.outs {
		if o.name == name {
			o.poke("control")
		}
	}
}

// Admit is part of stream.Feed.
func (p *Pipeline) Admit(ctx context.Context, b *stream.Batch) error {
	seen, state := p.follows(b)
	if state != nil {
		p.hold(b.Lane, state, true)
	}
	if seen == nil || state != nil {
		b.Release()
		return nil
	}
	cost, reading := b.Bytes+512, int64(len(b.Records))*recordCost // D7
	if err := p.budget.take(ctx, cost+reading, reading, p.pressure); err != nil {
		b.Release()
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lanes[b.Lane]
	if l != seen || !l.follows(b) || l.otherLog(b) != nil { // sought or lost while it waited
		p.budget.done(cost+reading, reading)
		p.budget.give(cost)
		b.Release()
		return nil
	}
	if b.From.Offset < l.pos.Offset { // a seek to where a batch under way began (the lane stood still)
		head := b
		b = head.Split(l.pos)
		head.Release()
	}
	p.Observer.admitted(Admitted{Span: b.Span(), Records: b.In, Bytes: b.Bytes})
	if l.until >= 0 && b.To.Offset > l.until { // align: the rest belongs to the new plan
		if l.until > b.From.Offset {
			b.Split(stream.Position{Offset: l.until, Epoch: -1}).Release()
		} else {
			p.budget.done(cost+reading, reading)
			p.budget.give(cost)
			b.Release()
			return nil
		}
	}
	if len(b.Records) > 0 {
		l.marks = append(l.marks, mark{b.From.Offset, b.Records[0].Time})
	}
	l.pos = b.To
	t := &token{budget: p.budget, bytes: cost}
	t.refs.Store(1)
	t.reads.Store(1)
	t.reading = reading
	for b != nil {
		b = p.dispatch(l, b, t)
	}
	t.read()
	t.drop()
	return nil
}

// follows is the lane that b goes on with, or nil.
func (p *Pipeline) follows(b *stream.Batch) (*lane, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.lanes[b.Lane]; l != nil && l.follows(b) {
		return l, l.otherLog(b)
	}
	return nil, nil
}

// follows reports whether b has what comes next. It may begin before that: a
// batch that was under way when the lane was sought to the same place is
// taken, and the source reads those records again. // D3
func (l *lane) follows(b *stream.Batch) bool {
	return l.reading && b.From.Offset <= l.pos.Offset && l.pos.Offset < b.To.Offset
}

// dispatch queues the first stretch of b that the same sinks need and returns
// the rest, or nil. p.mu is held.
func (p *Pipeline) dispatch(l *lane, b *stream.Batch, t *token) (rest *stream.Batch) {
	cut := b.To
	for i, o := range p.outs {
		want := l.at[i].want
		switch {
		case o.waiting, l.at[i].apart():
		case want.Offset > b.From.Offset && want.Offset < cut.Offset:
			cut = want
		case want.Offset < b.From.Offset:
			p.fail(fmt.Errorf("%s: %v: gap: needs %d, is given %d", o.name, b.Lane, want.Offset, b.From.Offset)) // D3
		}
	}
	if cut.Offset < b.To.Offset {
		rest = b.Split(cut)
	}
	var mask uint64
	for i, o := range p.outs {
		if !o.waiting && !l.at[i].apart() && l.at[i].want.Offset == b.From.Offset {
			mask |= 1 << i
			l.at[i].want = b.To
		}
	}
	if mask == 0 {
		b.Release()
		return rest
	}
	t.refs.Add(int32(1 + bits.OnesCount64(mask)))
	t.reads.Add(1)
	p.workers[l.worker].queue.put(item{batch: b, mask: mask, token: t, topicID: l.info.TopicID})
	for i, o := range p.outs {
		if mask&(1<<i) != 0 {
			o.pending.Store(true) // behind the put: a seal between the two would leave b in memory for ever
		}
	}
	return rest
}

// otherLog is why b is not of the log that the lane's position is of: read on
// from there, what the new log has before it would be lost in silence.
func (l *lane) otherLog(b *stream.Batch) error {
	if b.TopicID == "" || l.info.TopicID == "" || b.TopicID == l.info.TopicID {
		return nil
	}
	return &stream.StateError{State: stream.StateParked, Why: fmt.Sprintf("the topic was deleted and made anew (it was %s, it is now %s)", l.info.TopicID, b.TopicID),
		Todo: fmt.Sprintf("sluice rebase FILE --lane %v --yes", b.Lane)}
}

// token is the part of the byte budget one batch took. // D7
type token struct {
	budget  *budget
	bytes   int64
	refs    atomic.Int32
	reading int64 // beside bytes, while workers read
	reads   atomic.Int32
}

// read says that one part of the batch was read.
func (t *token) read() {
	if t.reads.Add(-1) == 0 {
		t.budget.done(t.bytes+t.reading, t.reading)
	}
}

func (t *token) drop() {
	if t.refs.Add(-1) == 0 {
		t.budget.give(t.bytes)
	}
}
