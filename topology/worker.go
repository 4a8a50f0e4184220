package topology

import (
	"errors"
	"fmt"
	"math/bits"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"sluice/topology/stream"
)

// item is one entry of a worker's queue: a batch with the sinks that need it,
// or a marker.
type item struct {
	batch  *stream.Batch
	mask   uint64
	token  *token
	marker *marker

	topicID string // of the log the batch is from
}

// marker runs between two batches on every worker.
type marker struct {
	run func(w *worker)
}

// queue is unbounded: what it holds was admitted, so the byte budget bounds it.
type queue struct {
	mu    sync.Mutex
	wake  sync.Cond
	items []item
	head  int
	done  bool
}

func (q *queue) put(i item) {
	q.mu.Lock()
	q.items = append(q.items, i)
	q.mu.Unlock()
	q.wake.Signal()
}

func (q *queue) take() (item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.head == len(q.items) && !q.done {
		q.wake.Wait()
	}
	if q.head == len(q.items) {
		return item{}, false
	}
	i := q.items[q.head]
	q.items[q.head] = item{}
	if q.head++; q.head > len(q.items)/2 { // a queue that is never empty would grow for ever // D7
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	return i, true
}

func (q *queue) close() {
	q.mu.Lock()
	q.done = true
	q.mu.Unlock()
	q.wake.Signal()
}

// worker takes the batches of its lanes through the stages into its writers.
// It never waits for memory, nor for the network but for keys that its gate needs.
type worker struct {
	p     *Pipeline
	queue queue
	outs  []*filling
	held  map[stream.Lane]bool // lanes that a stage stopped
}

// filling is the epoch that a worker writes for one sink.
type filling struct {
	writer  stream.Writer
	spans   map[stream.Lane]*stream.LedgerSpan
	attests map[stream.Lane]attest
	tokens  []*token
	rejects []stream.DeadLetter
	size    int64
	apart   map[stream.Lane]*stream.StateError // lanes that the writer refuses: nothing of the epoch will be committed
}

func newFilling(w stream.Writer) *filling {
	return &filling{writer: w, spans: map[stream.Lane]*stream.LedgerSpan{}, attests: map[stream.Lane]attest{}}
}

func newWorker(p *Pipeline, _ int) *worker {
	w := &worker{p: p, held: map[stream.Lane]bool{}}
	w.queue.wake.L = &w.queue.mu
	for _, o := range p.outs {
		w.outs = append(w.outs, newFilling(o.sink.Writer()))
	}
	return w
}

func (w *worker) run() {
	for {
		i, ok := w.queue.take()
		switch {
		case !ok:
			return
		case i.marker != nil:
			w.guard("marker", stream.Span{}, func() error { i.marker.run(w); return nil })
		default:
			w.batch(i)
		}
	}
}

// batch processes one batch. Errors of stages hold the lane; others stop the pipeline.
func (w *worker) batch(i item) {
	b, span := i.batch, i.batch.Span()
	if w.held[b.Lane] || !w.guard("stage", span, func() error { return w.process(&i) }) {
		w.held[b.Lane] = true
		for range bits.OnesCount64(i.mask) { // sinks that did not take it
			i.token.drop()
		}
	}
	b.Release()
	i.token.read()
	i.token.drop()
}

// guard runs f, turns panics into errors that hold no values, and reports
// whether it went well. // P1
func (w *worker) guard(what string, at stream.Span, f func() error) (ok bool) {
	var err error
	func() {
		defer func() {
			if r := recover(); r != nil {
				text := fmt.Sprintf("panic of type %T", r)
				if re, is := r.(runtime.Error); is {
					text = digits.ReplaceAllString(re.Error(), "N") // an index may be a value
				}
				err = fmt.Errorf("%s at %v [%d,%d): %s\n%s", what, at.Lane, at.From.Offset, at.To.Offset, text, stack())
			}
		}()
		err = f()
	}()
	switch stream.KindOf(err) {
	case stream.KindNone:
		return true
	case stream.KindState:
		w.p.hold(at.Lane, err, false)
	default:
		w.p.fail(fmt.Errorf("%v [%d,%d): %w", at.Lane, at.From.Offset, at.To.Offset, err))
	}
	return false
}

var digits = regexp.MustCompile(`[0-9]+`)

// stack is where a panic came from: names and lines without arguments, which
// the runtime would print, and which may be values. // P1
func stack() string {
	pc := make([]uintptr, 40)
	frames := runtime.CallersFrames(pc[:runtime.Callers(4, pc)])
	var s strings.Builder
	for {
		f, more := frames.Next()
		fmt.Fprintf(&s, "\t%s %s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return s.String()
		}
	}
}

func (w *worker) process(i *item) error {
	p, b := w.p, i.batch
	for _, s := range p.raw {
		if err := s.Process(b); err != nil {
			return err
		}
	}
	clean, err := w.pass(b)
	if err != nil {
		return err
	}
	letters, err := p.letters(b, i.mask)
	if err != nil {
		return err
	}
	for _, s := range p.stages {
		if clean, err = s.Process(clean); err != nil {
			return err
		}
	}
	p.Observer.passed(clean)
	for s, f := range w.outs {
		if i.mask&(1<<s) == 0 {
			continue
		}
		if f.apart[b.Lane] != nil {
			i.leave(s)
			continue
		}
		if err := f.write(p.outs[s], clean, i.topicID); stream.KindOf(err) == stream.KindState {
			f.refuse(p.outs[s], b.Lane, err)
			i.leave(s)
			continue
		} else if err != nil {
			return fmt.Errorf("%s: %w", p.outs[s].name, err)
		}
		if s == p.home {
			f.rejects = append(f.rejects, letters...)
		}
		f.tokens = append(f.tokens, i.token)
		i.mask &^= 1 << s
	}
	return nil
}

// leave gives up the batch for sink s.
func (i *item) leave(s int) {
	i.mask &^= 1 << s
	i.token.drop()
}

// refuse notes that the writer does not take the lane as things are: a state of
// this sink alone (it held the lane for all of them, until a restart). // D3
func (f *filling) refuse(o *output, lane stream.Lane, err error) {
	var e *stream.StateError
	errors.As(err, &e)
	x := *e
	x.Lanes = []stream.Lane{lane}
	if f.apart == nil {
		f.apart = map[stream.Lane]*stream.StateError{}
	}
	f.apart[lane] = &x
	o.poke("refused")
}

// pass has the gate mask b. What the gate needs and does not answer is asked for
// again, without end: nothing goes on without it, and the lanes of this worker
// wait. A revoke meanwhile drops what they have, which is always safe. // P2
func (w *worker) pass(b *stream.Batch) (stream.Clean, error) {
	for attempt := 1; ; attempt++ {
		clean, err := w.p.gate.Pass(b) // P1
		var re *stream.RetryError
		if stream.KindOf(err) != stream.KindRetry || !errors.As(err, &re) {
			return clean, err
		}
		wait := max(min(retryMax, retryMin<<min(attempt-1, 9)), re.After)
		w.p.Observer.retried(Retried{Call: "mask", Code: re.Code, Attempt: attempt, Wait: wait})
		w.p.env.Log.Warn("will be tried again", "stage", "mask", "lane", b.Lane.String(), "code", re.Code, "attempt", attempt, "wait", wait, "error", err)
		t := time.NewTimer(wait)
		select {
		case <-w.p.over:
			t.Stop()
			return clean, err
		case <-t.C:
		}
	}
}

// write gives clean to the sink's writer, or only its span if the sink does
// not want the topic.
func (f *filling) write(o *output, clean stream.Clean, topicID string) error {
	c := clean.Count()
	sp := f.spans[clean.Lane()]
	if at := clean.Span().From.Offset; sp != nil && sp.To.Offset != at {
		return fmt.Errorf("gap in an epoch: it ends at %d, the next batch starts at %d", sp.To.Offset, at) // D3
	}
	if o.spec.wants(clean.Lane().Topic) {
		if err := f.writer.Write(clean); err != nil {
			return err
		}
		if rows := clean.Rows(); len(rows) > 0 {
			if f.attests[clean.Lane()] == nil {
				f.attests[clean.Lane()] = attest{}
			}
			f.attests[clean.Lane()].add(rows)
		}
		size := f.writer.Size()
		o.grow(size - f.size)
		f.size = size
	} else {
		c.Filtered = c.In - c.Rejected
	}
	if sp == nil {
		sp = &stream.LedgerSpan{Span: clean.Span(), TopicID: topicID}
		f.spans[clean.Lane()] = sp
	}
	sp.To = clean.Span().To
	sp.Count = sp.Count.Add(c)
	return nil
}

// sealed is what one worker gives up for an epoch.
type sealed struct {
	spans   map[stream.Lane]*stream.LedgerSpan
	part    stream.Part
	rejects []stream.DeadLetter
	tokens  []*token
	apart   map[stream.Lane]*stream.StateError
	err     error
}

// seal ends the epoch of sink s on this worker.
func (w *worker) seal(s int) sealed {
	f := w.outs[s]
	if f.apart != nil { // the lane's writer may have taken half a batch: nothing of it is looked at
		f.writer.Discard()
		x := sealed{tokens: f.tokens, apart: f.apart}
		w.fresh(s)
		return x
	}
	part, err := f.writer.Seal()
	for l, a := range f.attests {
		if sp := f.spans[l]; sp != nil {
			sp.Masked = a.text(w.p.policy)
		}
	}
	x := sealed{spans: f.spans, part: part, rejects: f.rejects, tokens: f.tokens, err: err}
	w.fresh(s)
	return x
}

// discard drops the epoch of sink s on this worker.
func (w *worker) discard(s int) {
	f := w.outs[s]
	f.writer.Discard()
	for _, t := range f.tokens {
		t.drop()
	}
	w.fresh(s)
}

func (w *worker) fresh(s int) {
	f := w.outs[s]
	w.p.outs[s].grow(-f.size)
	w.outs[s] = newFilling(f.writer)
}
