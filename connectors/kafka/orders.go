package kafka

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/topology/stream"
)

// order starts, moves or ends the reading of a lane. One goroutine carries
// orders out, between polls, so that no record of an old position follows one.
type order struct {
	lane stream.Lane
	at   stream.Position
	gone int
	stop bool
}

// begin orders the lanes to be read, unless they were taken away or sought
// meanwhile: a seek that came while Assign ran is newer than its answer, and
// may have been carried out already. (A lane that is read from the older one
// stands still: the feed ignores what does not follow its position.)
func (s *Source) begin(start map[stream.Lane]stream.Position, gone, sought map[stream.Lane]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range stream.SortedLanes(start) {
		if s.sought[l] == sought[l] {
			s.todo = append(s.todo, order{lane: l, at: start[l], gone: gone[l]})
		}
	}
	s.poke()
}

func (s *Source) poke() {
	if s.wake != nil {
		s.wake()
	}
}

// Seek is stream.Source.
func (s *Source) Seek(at map[stream.Lane]stream.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range stream.SortedLanes(at) {
		s.sought[l]++
		s.todo = append(s.todo, order{lane: l, at: at[l], gone: s.gone[l]})
	}
	s.poke()
}

// Pause is stream.Pauser.
func (s *Source) Pause(lanes []stream.Lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range lanes {
		s.sought[l]++ // newer than the answer of an Assign that runs, as a seek is
		s.todo = append(s.todo, order{lane: l, gone: s.gone[l], stop: true})
	}
	s.poke()
}

func (s *Source) reading() []stream.Lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	return stream.SortedLanes(s.next)
}

// takeAway forgets lanes and returns them. The member's callbacks also come
// with no lanes at all, at the end of a session that changes nothing.
func (s *Source) takeAway(lanes []stream.Lane) []stream.Lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range lanes {
		s.gone[l]++
		delete(s.next, l)
		s.todo = append(s.todo, order{lane: l, gone: s.gone[l], stop: true})
	}
	s.poke()
	return lanes
}

// carryOut applies the orders, on the reading goroutine.
func (s *Source) carryOut() {
	s.mu.Lock()
	todo := s.todo
	s.todo = nil
	last := map[stream.Lane]order{} // the latest order of a lane decides
	for _, o := range todo {
		if o.gone == s.gone[o.lane] {
			last[o.lane] = o
		}
	}
	remove := map[string][]int32{}
	add := map[string]map[int32]kgo.Offset{}
	for _, l := range stream.SortedLanes(last) {
		o := last[l]
		remove[l.Topic] = append(remove[l.Topic], l.Partition)
		if o.stop {
			delete(s.next, l)
			continue
		}
		s.next[l] = o.at
		if add[l.Topic] == nil {
			add[l.Topic] = map[int32]kgo.Offset{}
		}
		add[l.Topic][l.Partition] = kgo.NewOffset().At(o.at.Offset).WithEpoch(o.at.Epoch)
	}
	var forget []string
	for topic, lanes := range add {
		if !s.stale[topic] {
			continue
		}
		delete(s.stale, topic)
		forget = append(forget, topic)
		for l, at := range s.next { // lanes that have not met the error yet go with it: their batches will name the new log
			if _, ordered := lanes[l.Partition]; l.Topic == topic && !ordered {
				lanes[l.Partition] = kgo.NewOffset().At(at.Offset).WithEpoch(at.Epoch)
			}
		}
	}
	s.mu.Unlock()
	if len(remove) > 0 {
		s.reader.RemoveConsumePartitions(remove) // drops what is buffered of them
	}
	if len(forget) > 0 { // without it a rebased lane met the old id's error for ever
		s.reader.PurgeTopicsFromConsuming(forget...)
	}
	if len(add) > 0 {
		s.reader.AddConsumePartitions(add)
	}
}
