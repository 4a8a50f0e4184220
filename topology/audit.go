package topology

import (
	"context"
	"fmt"
	"slices"

	"sluice/topology/stream"
)

// Audit is what the stores alone prove: every offset of every lane settled
// once, in = written + folded + filtered + rejected + lost, and the rows there.
type Audit struct {
	Pipeline string      `json:"pipeline"`
	OK       bool        `json:"ok"`
	Sinks    []SinkAudit `json:"sinks"`
}

// SinkAudit is the proof of one sink.
type SinkAudit struct {
	Sink    string       `json:"sink"`
	OK      bool         `json:"ok"`
	Commits int          `json:"commits"`
	Count   stream.Count `json:"count"`
	Rows    int64        `json:"rows"` // rows found in the store; -1: it cannot be counted
	Lanes   []LaneAudit  `json:"lanes"`

	// Masked is what the ledger says was done to the rows, by policy.
	Masked []Attestation `json:"masked,omitempty"`
	Why    []string      `json:"why,omitempty"`
}

// LaneAudit is one lane's ledger: contiguous from From to To.
type LaneAudit struct {
	Lane  stream.Lane  `json:"lane"`
	From  int64        `json:"from"`
	To    int64        `json:"to"`
	Spans int          `json:"spans"`
	Count stream.Count `json:"count"`
}

// RunAudit reads the ledgers of sinks and proves them. Its error means that a
// store could not be read; what is wrong inside of one is in the report.
func RunAudit(ctx context.Context, pipeline string, names []string, sinks []stream.Sink) (Audit, error) {
	a := Audit{Pipeline: pipeline, OK: true}
	for i, s := range sinks {
		x, err := auditSink(ctx, names[i], s)
		if err != nil {
			return a, fmt.Errorf("%s: %w", names[i], err)
		}
		a.OK = a.OK && x.OK
		a.Sinks = append(a.Sinks, x)
	}
	return a, nil
}

// auditSink looks again while the sink moves: a ledger and a progress that were
// read a moment apart are not the same commit. A ledger is read in pages, and
// between two of them old rows may be joined, without a commit: what is wrong is
// wrong again.
func auditSink(ctx context.Context, name string, s stream.Sink) (x SinkAudit, err error) {
	in, ok := s.(stream.Inspector)
	var said []string // by the audit before
	for range 10 {
		var before, after stream.Progress
		if ok {
			if before, err = in.Inspect(ctx); err != nil {
				return x, err
			}
		}
		if x, err = auditOnce(ctx, name, s); err != nil || x.OK || !ok {
			return x, err
		}
		if after, err = in.Inspect(ctx); err != nil {
			return x, err
		}
		again := slices.ContainsFunc(x.Why, func(why string) bool { return slices.Contains(said, why) })
		if said = x.Why; again && after.Commit == before.Commit {
			return x, nil
		}
	}
	return x, err
}

func auditOnce(ctx context.Context, name string, s stream.Sink) (SinkAudit, error) {
	x := SinkAudit{Sink: name, Rows: -1}
	au, ok := s.(stream.Auditor)
	if !ok {
		x.Why = append(x.Why, "this sink keeps no ledger")
		return x, nil
	}
	fault := func(format string, a ...any) {
		if len(x.Why) < 20 { // the first ones tell
			x.Why = append(x.Why, fmt.Sprintf(format, a...))
		}
	}
	lanes := map[stream.Lane]*LaneAudit{}
	commits := map[string]bool{}
	for r, err := range au.Ledger(ctx) {
		if err != nil {
			return x, err
		}
		if r.Sink != name {
			continue
		}
		commits[r.Commit] = true
		l := lanes[r.Lane]
		if l == nil {
			l = &LaneAudit{Lane: r.Lane, From: r.From.Offset, To: r.From.Offset}
			lanes[r.Lane] = l
		}
		if r.From.Offset != l.To { // D3
			fault("%v: commit %s starts at %d, the one before it ended at %d", r.Lane, r.Commit, r.From.Offset, l.To)
		}
		if !r.Count.Balanced() {
			fault("%v: commit %s does not add up: %+v", r.Lane, r.Commit, r.Count)
		}
		rows, err := sumAttestation(&x.Masked, r.Masked)
		if err != nil {
			fault("%v: commit %s: its attestation is not what this version writes", r.Lane, r.Commit)
		} else if r.Masked != "" && rows < r.Count.Written+r.Count.Folded { // P1
			fault("%v: commit %s stored %d rows, %d went through the gate", r.Lane, r.Commit, r.Count.Written+r.Count.Folded, rows)
		}
		l.To, l.Spans, l.Count = r.To.Offset, l.Spans+1, l.Count.Add(r.Count)
		x.Count = x.Count.Add(r.Count)
	}
	x.Commits = len(commits)
	if err := auditProgress(ctx, s, lanes, fault); err != nil {
		return x, err
	}
	rows, err := au.Rows(ctx)
	if err != nil {
		return x, err
	}
	if x.Rows = rows; rows >= 0 && rows != x.Count.Written {
		fault("the ledger says %d rows were written, the store has %d", x.Count.Written, rows)
	}
	for _, ln := range stream.SortedLanes(lanes) {
		x.Lanes = append(x.Lanes, *lanes[ln])
	}
	x.OK = len(x.Why) == 0
	return x, nil
}

// auditProgress wants the ledger to end where the progress stands.
func auditProgress(ctx context.Context, s stream.Sink, lanes map[stream.Lane]*LaneAudit, fault func(string, ...any)) error {
	in, ok := s.(stream.Inspector)
	if !ok {
		return nil
	}
	p, err := in.Inspect(ctx)
	if err != nil {
		return err
	}
	for _, ln := range stream.SortedLanes(p.Lanes) {
		l := lanes[ln]
		if l == nil {
			fault("%v: the progress stands at %d, the ledger does not know the lane", ln, p.Lanes[ln].Next.Offset)
		} else if l.To != p.Lanes[ln].Next.Offset {
			fault("%v: the ledger ends at %d, the progress stands at %d", ln, l.To, p.Lanes[ln].Next.Offset)
		}
	}
	for _, ln := range stream.SortedLanes(lanes) {
		if _, ok := p.Lanes[ln]; !ok {
			fault("%v: the ledger knows the lane, the progress does not", ln)
		}
	}
	return nil
}
