package topology

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"sluice/topology/stream"
)

// claims are, by sink, the lanes that another plan may go on with. What is under
// none although it was claimed was written by an instance of an older version,
// which commits for all: it does not keep plans, and the new ones must not wait
// for the last of the old.
func (p *Pipeline) claims(infos []stream.LaneInfo, j *joined, claimed []map[stream.Lane]bool) (claims [][]stream.LedgerSpan) {
	for i := range p.outs {
		for _, info := range infos {
			at, ok := j.at[i][info.Lane]
			if !ok || j.held[info.Lane] != nil || j.under[i][info.Lane] == p.env.Plan {
				continue
			}
			if claimed[i][info.Lane] && j.under[i][info.Lane] == "" {
				p.env.Log.Warn("the lane's plan was not kept: does an older version run beside this one?", "sink", p.outs[i].name, "lane", info.Lane.String())
				continue
			}
			if claims == nil {
				claims = make([][]stream.LedgerSpan, len(p.outs))
			}
			claims[i] = append(claims[i], stream.LedgerSpan{Span: stream.Span{Lane: info.Lane, From: at, To: at}, TopicID: info.TopicID})
		}
	}
	return claims
}

// claimAll writes claims, each if its lanes still stand where they stood, and adds
// those to claimed. A lane that moved meanwhile is asked for again by the caller.
func (p *Pipeline) claimAll(ctx context.Context, claims [][]stream.LedgerSpan, claimed []map[stream.Lane]bool) error {
	for i, o := range p.outs {
		if claims[i] == nil {
			continue
		}
		var failed error
		wait := o.do(ctx, func(hard context.Context) error {
			switch failed = o.place(hard, claims[i]); {
			case errors.Is(failed, stream.ErrFenced):
				failed = o.sleep(hard, retryMin)
			case failed == nil:
				claimed[i] = laneSet(claimed[i], claims[i])
			}
			return nil
		})
		if err := wait(); err != nil {
			return err
		}
		if failed != nil {
			return fmt.Errorf("%s: claim: %w", o.name, failed)
		}
	}
	return nil
}

// laneSet adds the lanes of spans to set.
func laneSet(set map[stream.Lane]bool, spans []stream.LedgerSpan) map[stream.Lane]bool {
	if set == nil {
		set = map[stream.Lane]bool{}
	}
	for _, s := range spans {
		set[s.Lane] = true
	}
	return set
}

// place commits positions without rows: lanes' starts, or that they are under
// this plan where they stand.
func (o *output) place(ctx context.Context, spans []stream.LedgerSpan) error {
	e := o.epoch()
	slices.SortFunc(spans, func(a, b stream.LedgerSpan) int { return a.Lane.Compare(b.Lane) })
	e.Spans, e.PositionsOnly = spans, true // the change is still to be judged, and another instance may run the new plan already
	return o.commit(ctx, e, nil)
}

// keepPlan stores the plan's text once, so that align can run it later, and
// reads which sinks the plans before had.
func (o *output) keepPlan(ctx context.Context, prog stream.Progress, infos []stream.LaneInfo, j *joined) error {
	k, ok := o.sink.(stream.PlanKeeper)
	if !ok {
		return nil
	}
	before := map[string]bool{prog.Plan: true}
	for _, info := range infos {
		before[prog.Lanes[info.Lane].Under] = true
	}
	for plan := range before {
		if plan != "" && plan != o.p.env.Plan && j.had[plan] == nil {
			if text, err := k.LoadPlan(ctx, plan); err == nil {
				j.had[plan] = sinkNames(text)
			}
		}
	}
	if o.planned || prog.Plan == o.p.env.Plan {
		return nil
	}
	err := o.retry(ctx, "plan", nil, func() error { return k.SavePlan(ctx, o.p.env.Plan, o.p.spec.text) })
	o.planned = err == nil
	return err
}

// sinkNames are the sinks of a pipeline file, or nil if it is none.
func sinkNames(text []byte) (names []string) {
	var f struct {
		Sinks []struct {
			Name string `yaml:"name"`
		} `yaml:"sinks"`
	}
	if yaml.Unmarshal(text, &f) != nil {
		return nil
	}
	for _, k := range f.Sinks {
		names = append(names, k.Name)
	}
	return names
}

// samePlan refuses to go on under a new plan while a sink stands behind one
// that ran another plan up to where it stands: rows between the two would go
// by one plan to one sink and by the other to the next (was lost and doubled).
// A sink that the other plan did not have may be behind, whatever it ran before
// that: it fills up. (One that was taken out of the file and put back under a third
// plan was sent to align for ever, which runs the plan without it.)
func (p *Pipeline) samePlan(infos []stream.LaneInfo, j *joined) error {
	for i := range p.outs {
		for k := range p.outs {
			for _, info := range infos {
				plan := j.plan(i, info.Lane)
				a, ok := j.at[i][info.Lane]
				b, ok2 := j.at[k][info.Lane]
				if plan == "" || plan == p.env.Plan || !ok || !ok2 || b.Offset >= a.Offset || a.Offset <= info.LogStart { // what retention took went by no plan
					continue
				}
				other, had := j.plan(k, info.Lane), j.had[plan]
				if other == "" || had != nil && !slices.Contains(had, p.outs[k].name) {
					continue
				}
				apart := fmt.Sprintf("the plan changed (%s is now %s) while sinks stand at different positions (%v: %s at %d, %s at %d)",
					plan, p.env.Plan, info.Lane, p.outs[i].name, a.Offset, p.outs[k].name, b.Offset)
				if !p.Align {
					return errors.New(apart + ": run `sluice align` first")
				}
				if j.held[info.Lane] == nil && !p.ran(info.Lane, j) { // lanes that stopped under different plans are aligned one plan after the other
					j.held[info.Lane] = &stream.StateError{State: stream.StateParked, Why: apart, Todo: "run `sluice align FILE` again behind this one"}
				}
			}
		}
	}
	return nil
}

// ran reports whether a sink was brought past the last one by this plan. If
// others were by another, a store was restored, and no order of plans is right.
func (p *Pipeline) ran(lane stream.Lane, j *joined) bool {
	for i := range p.outs {
		for k := range p.outs {
			if j.plan(i, lane) == p.env.Plan && j.at[i][lane].Offset > j.at[k][lane].Offset {
				return true
			}
		}
	}
	return false
}
