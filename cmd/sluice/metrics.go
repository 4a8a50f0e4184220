package main

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"sluice/topology"
	"sluice/topology/lag"
	"sluice/topology/stream"
)

// metrics is the catalogue: every metric there is, in this file. Labels come
// from the pipeline file, topic names and enums, never from records. // P1
type metrics struct {
	registry *prometheus.Registry

	admitted, admittedBytes, rejected, commits, rows, fenced, retries *prometheus.CounterVec

	commitSeconds *prometheus.HistogramVec
	lastCommit    *prometheus.GaugeVec
	laneStates    *prometheus.CounterVec
}

func newMetrics(p *topology.Pipeline) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "sluice", Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	m.admitted = counter("admitted_records_total", "Records taken from Kafka.", "topic")
	m.admittedBytes = counter("admitted_bytes_total", "Bytes of keys, values and headers taken from Kafka.", "topic")
	m.rejected = counter("rejected_records_total", "Records refused before the gate.", "topic", "stage", "code")
	m.commits = counter("commits_total", "Epochs that became durable.", "sink")
	m.rows = counter("settled_records_total", "Records settled in a sink, by what became of them.", "sink", "outcome")
	m.fenced = counter("fenced_total", "Epochs dropped because another writer moved their lanes.", "sink")
	m.retries = counter("retries_total", "Calls to a store that will be made again.", "sink", "call", "code")
	m.laneStates = counter("lane_state_changes_total", "Lanes that entered a state.", "state")
	m.commitSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "sluice", Name: "commit_seconds",
		Help: "Upload and commit of one epoch.", Buckets: prometheus.ExponentialBuckets(.005, 2, 15)}, []string{"sink"})
	m.lastCommit = prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "sluice", Name: "last_commit_timestamp_seconds",
		Help: "When the sink last became durable."}, []string{"sink"})
	m.registry.MustRegister(m.commitSeconds, m.lastCommit, positions{p}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) observer() topology.Observer {
	return topology.Observer{
		Admitted: func(e topology.Admitted) {
			m.admitted.WithLabelValues(e.Span.Lane.Topic).Add(float64(e.Records))
			m.admittedBytes.WithLabelValues(e.Span.Lane.Topic).Add(float64(e.Bytes))
		},
		Rejected: func(e topology.Rejected) {
			m.rejected.WithLabelValues(e.Lane.Topic, e.Stage, e.Code).Add(float64(e.Records))
		},
		Committed: func(e topology.Committed) {
			var c stream.Count
			for _, s := range e.Spans {
				c = c.Add(s.Count)
			}
			m.commits.WithLabelValues(e.Sink).Inc()
			for outcome, n := range map[string]int64{"written": c.Written, "folded": c.Folded, "filtered": c.Filtered, "rejected": c.Rejected, "lost": c.Lost} {
				m.rows.WithLabelValues(e.Sink, outcome).Add(float64(n))
			}
			m.commitSeconds.WithLabelValues(e.Sink).Observe(e.Took.Seconds())
			m.lastCommit.WithLabelValues(e.Sink).SetToCurrentTime()
		},
		Fenced:    func(e topology.Fenced) { m.fenced.WithLabelValues(e.Sink).Inc() },
		Retried:   func(e topology.Retried) { m.retries.WithLabelValues(e.Sink, e.Call, e.Code).Inc() },
		LaneState: func(e topology.LaneChanged) { m.laneStates.WithLabelValues(e.State.String()).Inc() },
	}
}

// positions collects what changes by the second when it is asked for.
type positions struct{ p *topology.Pipeline }

var (
	lagRecords = desc("lag_records", "Offsets of the lane that are not durable in the sink.", "sink", "topic", "partition")
	lagSeconds = desc("lag_seconds", "Age of the oldest record of the lane that is not durable in every sink.", "sink", "topic", "partition")
	laneState  = desc("lane_held", "1 while the lane is held by a state.", "topic", "partition", "state")
	budget     = desc("budget_bytes", "Bytes of records under way.")
	budgetMax  = desc("budget_limit_bytes", "The byte budget.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("sluice_"+name, help, labels, nil)
}

// Describe is part of prometheus.Collector.
func (c positions) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lagRecords, lagSeconds, laneState, budget, budgetMax} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector.
func (c positions) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	type state struct {
		lane stream.Lane
		name string
	}
	held := map[state]bool{} // sinks may stand in several on one lane
	for _, x := range c.p.Positions() {
		v := lag.Judge(x, time.Now())
		part := strconv.Itoa(int(x.Lane.Partition))
		gauge(lagRecords, float64(v.Lag), x.Sink, x.Lane.Topic, part)
		gauge(lagSeconds, v.Behind.Seconds(), x.Sink, x.Lane.Topic, part)
		if s := (state{x.Lane, x.State}); x.State != stream.StateRunning.String() && !held[s] {
			held[s] = true
			gauge(laneState, 1, x.Lane.Topic, part, x.State)
		}
	}
	used, limit := c.p.Budget()
	gauge(budget, float64(used))
	gauge(budgetMax, float64(limit))
}
