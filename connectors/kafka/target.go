package kafka

import (
	"cmp"
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
	x := &target{topic: w.s.cfg.topic(t)}
	x.refused = w.s.refuses(x.topic, t)
	for _, c := range t.Columns {
		n, _ := json.Marshal(c.Name)
		x.columns = append(x.columns, string(n)+":")
	}
	w.names[t] = x
	return x
}

// topic is where rows of t go.
func (c *SinkConfig) topic(t *stream.Table) string {
	return strings.NewReplacer("{topic}", t.Topic, "{database}", t.Database, "{namespace}", t.Namespace, "{table}", cmp.Or(t.Table, t.Topic)).Replace(c.Topic)
}

// refuses is why rows of t cannot go to the topic called name, or nil: a broker
// would refuse the whole transaction, with the rows of all other topics.
func (s *Sink) refuses(name string, t *stream.Table) error {
	parked := func(why, todo string) error {
		return &stream.StateError{State: stream.StateParked, Why: fmt.Sprintf("kafka: rows of topic %s would go to topic %q: %s", t.Topic, name, why), Todo: todo}
	}
	switch {
	case len(name) == 0 || len(name) > 249 || name == "." || name == ".." || strings.ContainsFunc(name, illegal):
		return parked("that is no name of a topic", "set topic: of this sink to one of at most 249 letters, digits, points, underscores and hyphens")
	case strings.HasPrefix(name, "_sluice_"):
		return parked("such names are Sluice's own", "set topic: of this sink to another template")
	case s.source != nil && s.source.endless(s.cfg.Brokers, name, t):
		return parked("this pipeline reads it and writes what it reads there, so that every row would come again, without end", "name it under exclude: of the source, or set topic: of this sink to what the source does not read")
	}
	return nil
}

func illegal(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
}

// reads is what the source of a pipeline reads, and the sinks by which that leaves.
type reads struct {
	mu    sync.Mutex
	cfg   *Config
	sinks []*Sink
	names map[string]stream.Table // of topics that rows came from: where they are from stays with a topic
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
		r.cfg, r.sinks, r.names = c, nil, map[string]stream.Table{}
	}
}

func (r *reads) leavesBy(s *Sink) {
	if r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sinks = append(r.sinks, s)
	}
}

// again is how often a row may be read and written in a pipeline: more is taken for without end.
const again = 16

// endless reports whether rows of t in a topic of a cluster are read by the source and
// written by a sink, and those again, and so on. Clusters are one that share an
// address. What is read back from a topic has the database and table that other rows
// of it had: behind one of Debezium's those of the change events there.
func (r *reads) endless(brokers []string, topic string, t *stream.Table) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cfg == nil || !meet(brokers, r.cfg.Brokers) {
		return false
	}
	r.names[t.Topic] = stream.Table{Topic: t.Topic, Database: t.Database, Namespace: t.Namespace, Table: t.Table}
	return r.goesOn(topic, 0, map[string]bool{})
}

// goesOn reports whether rows in topic, read and written that many times, are so up to
// again times. It follows one way to its end before the next: of three sinks that add
// to a name there are millions of ways. ended are topics of which none goes on.
func (r *reads) goesOn(topic string, times int, ended map[string]bool) bool {
	switch {
	case times == again:
		return true
	case ended[topic] || !r.cfg.reads(topic):
		return false
	}
	t, known := r.names[topic]
	if !known {
		t.Topic = topic
	}
	for _, s := range r.sinks {
		if meet(s.cfg.Brokers, r.cfg.Brokers) && (s.env.Wants == nil || s.env.Wants(topic)) && r.goesOn(s.cfg.topic(&t), times+1, ended) {
			return true
		}
	}
	ended[topic] = true
	return false
}

func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}
