package topology

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/topology/stream"
)

// Where many instances share a store that bears few commits, an output hands
// its staged epochs to the control log, and the process that leads commits
// what all of them staged. Everything here runs on the output's own
// goroutine. The store's compare-and-set is the truth; a verdict other than
// `landed` only makes the owner read the store. // D2

// grouped reports whether this sink's epochs go by the control log.
func (o *output) grouped() bool {
	_, one := o.sink.(stream.OneCommitter)
	return one && o.p.control != nil
}

const (
	verdictWait = 5 * time.Minute // then it is proposed anew: the log may have lost it
	syncWait    = 5 * time.Second
	groupMax    = 64 // epochs in one commit

	togetherTries = 4
)

// propose has the leader commit st and waits for its verdict.
func (o *output) propose(ctx context.Context, st stream.Staged) error {
	c := o.p.control
	o.tickets++
	r := controlRecord{Sink: o.name, Proposal: &proposal{Ticket: fmt.Sprintf("%s.%d", st.Commit, o.tickets), Hurry: o.hurry, Apart: true, Staged: st}}
	ticket := r.Proposal.Ticket
	c.mu.Lock()
	c.waiting[ticket] = nil
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.waiting, ticket)
		c.mu.Unlock()
	}()
	if err := c.append(ctx, r); err != nil {
		if stream.KindOf(err) == stream.KindState {
			return err
		}
		return stream.Retry("control_append", 0, fmt.Errorf("control log: %w", err))
	}
	for begin := o.p.env.Now(); ; {
		c.mu.Lock()
		v, changed := c.waiting[ticket], c.changed
		there := slices.ContainsFunc(c.pending[o.name], func(p proposal) bool { return p.Ticket == ticket })
		c.mu.Unlock()
		if v != nil {
			return v.err()
		}
		if o.p.env.Now().Sub(begin) > verdictWait {
			return stream.Retry("control_silent", 0, fmt.Errorf("control log: nobody gave a verdict for %v: does an instance hold its partition?", verdictWait))
		}
		if there || o.hurried() {
			if err := o.lead(ctx); err != nil {
				return err
			}
		}
		if err := c.wait(ctx, changed); err != nil {
			return err
		}
	}
}

// err is what the verdict means to the owner.
func (v *verdict) err() error {
	switch v.Kind {
	case "landed":
		return nil
	case "state":
		return v.state()
	case "apart":
		e := &stream.ApartError{}
		for _, x := range v.Apart {
			e.States = append(e.States, x.state())
		}
		return e
	case "failed":
		return errors.New(v.Why)
	}
	return stream.ErrFenced
}

func (v *verdict) state() *stream.StateError {
	s := stream.StateParked
	for x := stream.StateRunning; x <= stream.StateStateAhead; x++ {
		if x.String() == v.State {
			s = x
		}
	}
	return &stream.StateError{State: s, Lanes: v.Lanes, Why: v.Why, Todo: v.Todo}
}

// setState is what the owner is told of a state.
func (v *verdict) setState(e *stream.StateError) {
	v.Kind, v.State, v.Why, v.Todo, v.Lanes = "state", e.State.String(), e.Why, e.Todo, e.Lanes
}

// hurried reports whether somebody cannot wait for the timer.
func (o *output) hurried() bool {
	return slices.ContainsFunc(o.p.control.proposals(o.name), func(p proposal) bool { return p.Hurry })
}

// lead commits what waits, if this process leads.
func (o *output) lead(ctx context.Context) error {
	c := o.p.control
	leads := c.log.Leads()
	if leads != o.leads {
		o.leads, o.said = leads, nil
		o.p.env.Log.Info("the control log", "sink", o.name, "commits_for_all", leads)
	}
	for leads && c.log.Leads() {
		todo := c.proposals(o.name)
		todo = slices.DeleteFunc(todo, func(p proposal) bool { return slices.Contains(o.said, p.Ticket) })
		if len(todo) == 0 {
			return nil
		}
		vs, err := o.judge(ctx, todo[:min(groupMax, len(todo))])
		if errors.Is(err, errNotLeading) {
			return nil
		}
		if err != nil {
			return err
		}
		err = o.retry(ctx, "verdict", nil, func() error {
			if err := c.append(ctx, controlRecord{Sink: o.name, Verdicts: vs}); err != nil {
				return stream.Retry("control_append", 0, fmt.Errorf("control log: %w", err))
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, v := range vs {
			o.said = append(o.said, v.Ticket)
		}
		o.said = o.said[max(0, len(o.said)-16*groupMax):]
		if err := c.trim(ctx); err != nil {
			o.p.env.Log.Warn("the control log was not cut; its retention will do it", "error", err)
		}
	}
	return nil
}

// errTogether ends tries of a commit of many that does not come through: one
// by one the store may take them, and one of them may be why (none was).
var errTogether = errors.New("the epochs are not taken together")

var errNotLeading = errors.New("another process leads")

// judge commits proposals: those that follow on what the store has together,
// then the others one by one. A commit that another leader made already is
// known to the store by its id.
func (o *output) judge(ctx context.Context, all []proposal) (vs []verdict, err error) {
	var lanes []stream.Lane
	var todo []proposal
	for _, p := range all {
		if e := &p.Staged; e.Plan != o.p.env.Plan && !e.PositionsOnly {
			// An instance that runs another plan, or ran it: its rows may not
			// pass one sink now that this plan goes on behind all of them.
			vs = append(vs, verdict{Ticket: p.Ticket, Kind: "state", State: stream.StateParked.String(),
				Why: fmt.Sprintf("the instance that commits for all runs plan %s, this one %s", o.p.env.Plan, e.Plan), Todo: "run one file in all instances: restart those with the old one"})
			continue
		}
		todo = append(todo, p)
		for _, s := range p.Staged.Spans {
			lanes = append(lanes, s.Lane)
		}
	}
	slices.SortFunc(lanes, stream.Lane.Compare)
	if len(todo) == 0 {
		return vs, nil
	}
	var prog stream.Progress
	err = o.retry(ctx, "recover", nil, func() (err error) {
		prog, err = o.sink.Recover(ctx, slices.Compact(lanes))
		return o.stillLeading(err)
	})
	if err != nil {
		return nil, err
	}
	together, alone := fold(prog, todo)
	if len(together) > 0 {
		switch err := o.commitFor(ctx, together); stream.KindOf(err) {
		case stream.KindNone:
			for _, p := range together {
				vs = append(vs, verdict{Ticket: p.Ticket, Kind: "landed"})
			}
		default:
			if ctx.Err() != nil || errors.Is(err, errNotLeading) {
				return nil, err
			}
			alone = todo // one of them may be what is wrong
		}
	}
	for _, p := range alone {
		if wiped(prog, p) {
			vs = append(vs, verdict{Ticket: p.Ticket, Kind: "fenced"})
			continue
		}
		err := o.commitFor(ctx, []proposal{p})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		v := verdict{Ticket: p.Ticket, Kind: "landed"}
		var se *stream.StateError
		apart, is := errors.AsType[*stream.ApartError](err)
		switch {
		case errors.Is(err, errNotLeading):
			return nil, err
		case errors.Is(err, stream.ErrFenced): // before the state that may be why: read again, it may pass
			v.Kind = "fenced"
		case is && !p.Apart: // it took the verdict for a fence, and read the same rows again and again
			errors.As(err, &se)
			v.setState(se)
			v.Lanes = nil // all of them wait
			o.p.env.Log.Warn("an instance of an older version has rows that a table refuses: all of its lanes wait in this sink until the table is mended, or until it runs this version",
				"sink", o.name, "lanes", len(p.Staged.Spans), "why", se.Why, "todo", se.Todo)
		case is:
			v.Kind, v.Apart = "apart", make([]verdict, len(apart.States))
			for i, e := range apart.States {
				v.Apart[i].setState(e)
			}
		case errors.As(err, &se):
			v.setState(se)
		case err != nil:
			v.Kind, v.Why = "failed", err.Error()
		}
		vs = append(vs, v)
	}
	return vs, nil
}

// commitFor tries while the error is a passing one; states go to the owners.
func (o *output) commitFor(ctx context.Context, ps []proposal) (err error) {
	var staged []stream.Staged
	var spans []stream.LedgerSpan
	for _, p := range ps {
		staged, spans = append(staged, p.Staged), append(spans, p.Staged.Spans...)
	}
	var stated error
	tries := 0
	err = o.retry(ctx, "commit", spans, func() error {
		err := o.stillLeading(o.sink.Commit(ctx, staged))
		switch tries++; stream.KindOf(err) {
		case stream.KindState:
			stated = err
			return nil
		case stream.KindRetry:
			if len(ps) > 1 && tries == togetherTries {
				return errTogether
			}
		}
		return err
	})
	if err == nil {
		return stated
	}
	return err
}

// stillLeading ends tries that another process makes by now.
func (o *output) stillLeading(err error) error {
	if stream.KindOf(err) == stream.KindRetry && !o.p.control.log.Leads() {
		return errNotLeading
	}
	return err
}

// fold parts proposals into those that follow, one after the other, on what
// the store has, and the others. // D3
func fold(prog stream.Progress, todo []proposal) (together, alone []proposal) {
	at := map[stream.Lane]stream.LanePos{}
	for l, p := range prog.Lanes {
		at[l] = p
	}
	for _, p := range todo {
		follows := true
		for _, s := range p.Staged.Spans {
			known, ok := at[s.Lane]
			follows = follows && (ok && p.Staged.Follows(known, s) || !ok && s.From == s.To && s.From.Epoch < 0)
		}
		if !follows {
			alone = append(alone, p)
			continue
		}
		for _, s := range p.Staged.Spans {
			at[s.Lane] = p.Staged.Move(at[s.Lane], s)
		}
		together = append(together, p)
	}
	return together, alone
}

// wiped reports that p goes on with a lane that the store does not have any more:
// a store that was wiped. The owner of the lane saw it there and this process
// may not have, whose sink would take a claim of it for its start. // D3
func wiped(prog stream.Progress, p proposal) bool {
	return slices.ContainsFunc(p.Staged.Spans, func(s stream.LedgerSpan) bool {
		_, ok := prog.Lanes[s.Lane]
		return !ok && s.From.Epoch >= 0
	})
}

// sync waits until this process has read the control log up to now and until
// nothing of lanes waits in it, as their last owner left it; not for long: what
// lands later is fenced off. // D2
func (o *output) sync(ctx context.Context, lanes []stream.Lane) error {
	c := o.p.control
	id := o.epoch().Commit
	c.mu.Lock()
	c.synced[id] = false
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.synced, id)
		c.mu.Unlock()
	}()
	err := o.retry(ctx, "sync", nil, func() error {
		if err := c.append(ctx, controlRecord{Sync: id}); err != nil {
			return stream.Retry("control_append", 0, fmt.Errorf("control log: %w", err))
		}
		return nil
	})
	if err != nil {
		return err
	}
	ctx2, cancel := context.WithTimeout(ctx, syncWait)
	defer cancel()
	of := func(p proposal) bool {
		return slices.ContainsFunc(p.Staged.Spans, func(s stream.LedgerSpan) bool { return slices.Contains(lanes, s.Lane) })
	}
	for ctx2.Err() == nil {
		c.mu.Lock()
		changed := c.changed
		quiet := c.synced[id] && !slices.ContainsFunc(c.pending[o.name], of)
		c.mu.Unlock()
		if quiet {
			return nil
		}
		if err := o.lead(ctx); err != nil {
			return err
		}
		c.wait(ctx2, changed)
	}
	return ctx.Err()
}
