package kafka

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/topology/stream"
)

// A broker says of each record whether it takes it. One that it refuses for what it is,
// or for its topic, must not hold the lanes of all others.

// produceError is what became of the records of a transaction that was given up.
type produceError struct{ results kgo.ProduceResults }

func (e *produceError) Error() string { return e.Unwrap().Error() }
func (e *produceError) Unwrap() error { return e.results.FirstErr() }

// refusal is an error that is about a record or its topic, and what to do.
type refusal struct {
	error
	todo string
}

var refusals = []refusal{
	{kerr.MessageTooLarge, "raise max.message.bytes of the topic above max_message_bytes of this sink, or lower that one: rows that are larger are dead letters"},
	{kerr.InvalidRecord, "see why the topic does not take them: a compacted one takes no rows without a key"},
	{kerr.TopicAuthorizationFailed, "give the user WRITE on the topic"},
}

// apart is the ApartError of rows that the broker refused for themselves, nil for every
// other error. Nothing of their transaction is in the log. // P1: says no record
func apart(err error) error {
	var produced *produceError
	if !errors.As(err, &produced) {
		return nil
	}
	e := &stream.ApartError{}
	for _, r := range produced.results {
		i := slices.IndexFunc(refusals, func(x refusal) bool { return errors.Is(r.Err, x.error) })
		lane, ok := laneOf(r.Record)
		if i < 0 || !ok || slices.ContainsFunc(e.States, func(s *stream.StateError) bool { return slices.Contains(s.Lanes, lane) }) {
			continue
		}
		e.States = append(e.States, &stream.StateError{State: stream.StateParked, Lanes: []stream.Lane{lane}, Todo: refusals[i].todo,
			Why: fmt.Sprintf("kafka: topic %s does not take rows of %v: %s", r.Record.Topic, lane, refusals[i].error)})
	}
	if e.States == nil {
		return nil
	}
	return e
}

// missingTopics are topics that rows go to and the broker does not make, with why.
type missingTopics map[string]error

func (m missingTopics) Error() string {
	name := slices.Sorted(maps.Keys(m))[0]
	return fmt.Sprintf("topic %s: %v", name, m[name])
}

func (m missingTopics) Unwrap() []error { return slices.Collect(maps.Values(m)) }

// apart is the ApartError of the lanes that rows of rs for these topics came from.
func (m missingTopics) apart(rs []*kgo.Record) error {
	lanes := map[string][]stream.Lane{}
	for _, r := range rs {
		if m[r.Topic] == nil {
			continue
		}
		if l, ok := laneOf(r); ok && !slices.Contains(lanes[r.Topic], l) {
			lanes[r.Topic] = append(lanes[r.Topic], l)
		}
	}
	e := &stream.ApartError{}
	for _, topic := range slices.Sorted(maps.Keys(lanes)) {
		e.States = append(e.States, &stream.StateError{State: stream.StateParked, Lanes: lanes[topic], Todo: "make the topic, or let the user CREATE it",
			Why: fmt.Sprintf("kafka: topic %s, where rows of %v go, is not there and the broker does not make it: %v", topic, lanes[topic][0], m[topic])})
	}
	if e.States == nil {
		return m
	}
	return e
}

// laneOf is where a row's record came from; those of Sluice's own do not say.
func laneOf(r *kgo.Record) (l stream.Lane, ok bool) {
	for _, h := range r.Headers {
		if h.Key == headerSource { // topic/partition/offset/seq
			part := strings.Split(string(h.Value), "/")
			if len(part) == 4 {
				l, err := parseLane(part[0] + "/" + part[1])
				return l, err == nil
			}
		}
	}
	return l, false
}
