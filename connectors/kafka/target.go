package kafka

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"sluice/topology"
	"sluice/topology/stream"
)

// target is what rows of one table need.
type target struct {
	topic   string
	columns []string // `"name":`
	refused error    // a StateError: the topic cannot be
}

func (w *sinkWriter) target(t *stream.Table) *target {
	if x := w.names[t]; x != nil {
		return x
	}
	table := t.Table
	if table == "" {
		table = t.Topic
	}
	x := &target{topic: strings.NewReplacer("{topic}", t.Topic, "{database}", t.Database, "{namespace}", t.Namespace, "{table}", table).Replace(w.s.cfg.Topic)}
	x.refused = w.s.refuses(x.topic, t.Topic)
	for _, c := range t.Columns {
		n, _ := json.Marshal(c.Name)
		x.columns = append(x.columns, string(n)+":")
	}
	w.names[t] = x
	return x
}

// refuses is why rows of a topic cannot go to the one called name, or nil: a
// broker would refuse the whole transaction, with the rows of all other topics.
func (s *Sink) refuses(name, from string) error {
	parked := func(why, todo string) error {
		return &stream.StateError{State: stream.StateParked, Why: fmt.Sprintf("kafka: rows of topic %s would go to topic %q: %s", from, name, why), Todo: todo}
	}
	switch {
	case len(name) == 0 || len(name) > 249 || name == "." || name == ".." || strings.ContainsFunc(name, illegal):
		return parked("that is no name of a topic", "set topic: of this sink to one of at most 249 letters, digits, points, underscores and hyphens")
	case strings.HasPrefix(name, "_sluice_"):
		return parked("such names are Sluice's own", "set topic: of this sink to another template")
	case s.source != nil && s.source.has(s.cfg.Brokers, name):
		return parked("this pipeline reads it, so that every row would come again, without end", "name it under exclude: of the source, or set topic: of this sink to what the source does not read")
	}
	return nil
}

func illegal(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
}

// reads is what the source of a pipeline reads, for the sinks of the same one.
type reads struct {
	mu  sync.Mutex
	cfg *Config
}

// readsOf is the one that source and sinks of a pipeline share; nil if they share nothing.
func readsOf(env topology.Env) *reads {
	if env.Shared == nil {
		return nil
	}
	return env.Shared("kafka: reads of "+env.Pipeline, func() any { return new(reads) }).(*reads)
}

func (r *reads) set(c *Config) {
	if r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.cfg = c
	}
}

// has reports whether the source reads a topic of a cluster: one that shares an
// address with the source's.
func (r *reads) has(brokers []string, topic string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cfg != nil && r.cfg.reads(topic) && slices.ContainsFunc(brokers, func(b string) bool { return slices.Contains(r.cfg.Brokers, b) })
}
