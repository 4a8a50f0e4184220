package d1

import (
	"context"
	"fmt"
	"strings"

	"sluice/connectors/internal/cloudflare"
	"sluice/topology/stream"
)

// D1 does not say which statement of a batch it refused. A constraint or a trigger
// that somebody gave one table, or a row that is too large together with what is
// there, must not hold the other tables of the commit: which ones it is about is
// asked, in batches that abort themselves.

// probeSQL ends a batch that is to leave nothing, as a lost fence does.
const probeSQL = `SELECT json_extract('{}', 'sluice_probe')`

// blame is what becomes of a commit that was refused for good with cause.
func (s *Sink) blame(ctx context.Context, es []stream.Epoch, ps []payload, cause error) error {
	var names []string
	topics := map[string]string{}
	for i := range ps {
		for j := range ps[i].Tables {
			t := &ps[i].Tables[j]
			if name := lower(t.Name); topics[name] == "" {
				names, topics[name] = append(names, name), t.Topic
			}
		}
	}
	var refused []stream.Refusal
	if err := s.ask(ctx, es, ps, names, topics, &refused); err != nil {
		return err
	}
	if refused == nil { // none alone
		return classify(cause)
	}
	s.takeBack(ctx, es, ps)
	return stream.Apart(refused, es...)
}

// ask finds those of the tables called names whose rows D1 refuses.
func (s *Sink) ask(ctx context.Context, es []stream.Epoch, ps []payload, names []string, topics map[string]string, refused *[]stream.Refusal) error {
	if len(names) == 0 {
		return nil
	}
	err := s.probe(ctx, es, ps, names)
	switch {
	case strings.HasPrefix(raisedBy(err), "sluice_probe"):
		return nil
	case !refusedForGood(err):
		return stream.Retry("probe", cloudflare.RetryAfter(err), fmt.Errorf("d1: asking which table a commit was refused for: %w", err))
	case len(names) > 1:
		if err := s.ask(ctx, es, ps, names[:len(names)/2], topics, refused); err != nil {
			return err
		}
		return s.ask(ctx, es, ps, names[len(names)/2:], topics, refused)
	}
	state := parked(fmt.Sprintf("table %q does not take the rows of topic %s: %v", names[0], topics[names[0]], err), "drop the constraint or the trigger that refuses them; nothing was applied")
	if cloudflare.ClassOf(err) == cloudflare.ClassTooLarge {
		state.Todo = "lower commit.bytes of this sink, or drop large columns in the mask policy: D1 holds 2,000,000 bytes a row"
	}
	*refused = append(*refused, stream.Refusal{StateError: state, Topics: []string{topics[names[0]]}})
	return nil
}

// probe does what a commit does to the tables called names, and undoes it.
func (s *Sink) probe(ctx context.Context, es []stream.Epoch, ps []payload, names []string) error {
	wanted := map[string]bool{}
	for _, n := range names {
		wanted[n] = true
	}
	tables := map[string]*stored{}
	var shapes, rows []cloudflare.Statement
	var refused []stream.Refusal
	for i := range ps {
		some := ps[i]
		some.Tables = nil
		for _, t := range ps[i].Tables {
			if wanted[lower(t.Name)] {
				some.Tables = append(some.Tables, t)
			}
		}
		var err error
		if shapes, rows, err = s.rows(&es[i], &some, tables, shapes, rows, &refused); err != nil {
			return err
		}
	}
	if refused != nil { // it was another table a moment ago
		return stream.Retry("probe", 0, stream.Apart(refused, es...))
	}
	ss := append(append(s.create(), shapes...), rows...)
	_, err := s.client.D1Query(ctx, s.cfg.Database, append(ss, cloudflare.Statement{SQL: probeSQL}))
	return err
}

// refusedForGood reports that D1 did not take what was sent, whenever it comes.
func refusedForGood(err error) bool {
	switch cloudflare.ClassOf(err) {
	case cloudflare.ClassConstraint, cloudflare.ClassSQL, cloudflare.ClassTooLarge:
		return true
	}
	return false
}
