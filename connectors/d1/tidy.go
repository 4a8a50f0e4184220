package d1

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"sluice/connectors/internal/cloudflare"
	"sluice/topology"
	"sluice/topology/stream"
)

// A ledger grows by a row a lane and commit: 500 lanes fill the 10 GB of a
// database (d1/platform/limits) in days, and then the replica stands. The newest
// rows stay as they are. Older ones of one lane that follow each other, of one
// day, plan, log and policy, become one: what they settled, summed up. It has the
// seq, the commit and the time of the last of them, so that the row which a lane's
// position names is always there, and the proof of `audit` holds as before.
const (
	ledgerDetail = 100_000 // rows of a sink that stay as they are
	ledgerTidy   = 20_000  // rows that this process adds before it looks
	ledgerFirst  = 100     // and before it looks first: it may never live to add more
	tidyRows     = 2_000   // joined at a time
	tidyPages    = 20      // of so many rows, at most, between two commits
)

// tidying is how far the ledger of a sink is joined. Commits count under Sink.mu, the
// rest is of who maintains.
type tidying struct {
	added int   // rows since it was looked at
	fresh int   // and since something was joined
	from  int64 // rows with a seq up to this are joined as far as they will ever be
	job   *joining
}

// joining goes through the old rows of a ledger, page by page.
type joining struct {
	joiner
	last   stream.LedgerRow // that was read
	before int64            // rows of this seq and later ones stay
	day    int64            // of last
	to     int64            // rows with a seq up to this are of a day that is over
}

// added counts the ledger rows of es.
func (s *Sink) added(es []stream.Epoch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tidied[es[0].Sink]
	if t == nil {
		t = &tidying{added: ledgerTidy - ledgerFirst, from: -1}
		s.tidied[es[0].Sink] = t
	}
	for i := range es {
		t.added += len(es[i].Spans)
		t.fresh += len(es[i].Spans)
	}
}

// Maintain is part of stream.Maintainer: it joins old rows of ledgers, now and then
// and a page at a time, or twice what was added since. What goes wrong is tried again.
func (s *Sink) Maintain(ctx context.Context) {
	s.mu.Lock()
	sinks := slices.Sorted(maps.Keys(s.tidied))
	s.mu.Unlock()
	for _, sink := range sinks {
		if err := s.tidy(ctx, sink); err != nil {
			s.env.Log.Warn("d1: old rows of the ledger were not joined, it is tried again", "sink", sink, "error", err)
		}
	}
}

func (s *Sink) tidy(ctx context.Context, sink string) (err error) {
	s.mu.Lock()
	t := s.tidied[sink]
	rows := min(max(1, 2*t.fresh), tidyPages*tidyRows)
	t.fresh = 0
	due := t.added >= ledgerTidy && t.job == nil
	if due {
		t.added = 0
	}
	s.mu.Unlock()
	if due {
		t.job, err = s.beginJoining(ctx, sink, t.from)
	}
	for ; t.job != nil && rows > 0; rows -= tidyRows {
		done, err := s.joinPage(ctx, sink, t.job)
		if err != nil {
			t.job = nil // another process may have joined what it remembers
			return err
		}
		if done {
			t.from, t.job = t.job.to, nil
		}
	}
	return err
}

// beginJoining finds the rows behind from that are old enough; nil if none are.
func (s *Sink) beginJoining(ctx context.Context, sink string, from int64) (*joining, error) {
	rs, err := s.client.D1Query(ctx, s.cfg.Database, []cloudflare.Statement{{SQL: `SELECT CAST(seq AS TEXT) FROM _sluice_ledger WHERE pipeline = ?1 AND sink = ?2 ORDER BY seq DESC LIMIT 1 OFFSET CAST(?3 AS INTEGER)`,
		Params: params(s.env.Pipeline, sink, strconv.Itoa(s.detail))}})
	if err != nil || len(rs[0].Rows) == 0 {
		return nil, err
	}
	before, _ := cloudflare.Int(rs[0].Rows[0][0])
	return &joining{joiner: joiner{at: map[lane]*joinedRow{}}, last: stream.LedgerRow{Seq: from, LedgerSpan: stream.LedgerSpan{Span: stream.Span{Lane: lane{Partition: -1}}}}, before: before, day: -1, to: from}, nil
}

// joinPage joins the next rows, and reports whether they were the last.
func (s *Sink) joinPage(ctx context.Context, sink string, x *joining) (done bool, err error) {
	rows, err := s.pageOf(ctx, sink, x.last, x.before, tidyRows)
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		if d := dayOf(r.Time); d != x.day {
			x.day, x.to = d, r.Seq-1
		}
		x.take(r)
		x.last = r
	}
	return len(rows) < tidyRows, s.replace(ctx, sink, &x.joiner)
}

func dayOf(micros int64) int64 { return micros / (24 * time.Hour).Microseconds() }

// joinedRow is a row of the ledger, as it is stored or to be stored.
type joinedRow struct {
	stream.LedgerRow
	stored bool
}

// joiner joins rows that come in the order of their seq.
type joiner struct {
	at   map[lane]*joinedRow // the last one of each lane
	gone []stream.LedgerRow  // stored rows that go
	new  []stream.LedgerRow  // and what comes in their place, but for the last ones of lanes
}

func (j *joiner) take(r stream.LedgerRow) {
	a := j.at[r.Lane]
	if a == nil || !a.join(r) {
		if a != nil && !a.stored {
			j.new = append(j.new, a.LedgerRow)
		}
		j.at[r.Lane] = &joinedRow{r, true}
		return
	}
	if a.stored {
		j.gone = append(j.gone, a.LedgerRow)
	}
	j.gone = append(j.gone, r)
	masked, _ := addMasked(a.Masked, r.Masked)
	first := a.From
	count := a.Count.Add(r.Count)
	a.LedgerRow, a.stored = r, false
	a.From, a.Count, a.Masked = first, count, masked
}

// join reports whether r goes on with a. What a person settled stays as it is.
func (a *joinedRow) join(r stream.LedgerRow) bool {
	_, ok := addMasked(a.Masked, r.Masked)
	return ok && proves(a.LedgerRow) && proves(r) && !(untold(a.LedgerRow) && r.Masked != "") && !(untold(r) && a.Masked != "") && a.To.Offset == r.From.Offset && a.TopicID == r.TopicID && a.Plan == r.Plan && a.Plan != "" &&
		a.Count.Lost == 0 && r.Count.Lost == 0 && dayOf(a.Time) == dayOf(r.Time)
}

// untold are rows of a version that did not say how they were masked. Joined to ones
// of which that is said, more would be stored than went through the gate. // P1
func untold(r stream.LedgerRow) bool { return r.Masked == "" && r.Count.Written+r.Count.Folded > 0 }

// proves reports that the audit finds nothing wrong with r: what it does find, a sum
// with its neighbours could hide. // D3
func proves(r stream.LedgerRow) bool {
	var x topology.Attestation
	return r.Count.Balanced() && (r.Masked == "" || json.Unmarshal([]byte(r.Masked), &x) == nil && x.Rows >= r.Count.Written+r.Count.Folded)
}

// addMasked sums two attestations of one policy.
func addMasked(a, b string) (sum string, ok bool) {
	if a == "" || b == "" {
		return a + b, true
	}
	var x, y topology.Attestation
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil || x.Policy != y.Policy {
		return "", false
	}
	values := maps.Clone(y.Values)
	for k, n := range x.Values {
		if values == nil {
			values = map[string]int64{}
		}
		values[k] += n
	}
	x.Rows, x.Values = x.Rows+y.Rows, values
	return string(jsonText(x)), true
}

const (
	// Another process may have joined the same rows: then nothing changes. Each is
	// looked up: SQLite may go through the ledger instead, and through all of the
	// list for each row of it, which takes longer than the 30 s that D1 gives.
	joinSQL = `SELECT CASE WHEN count(*) <> json_array_length(?1) THEN json_extract('{}', 'sluice_joined_before') END FROM json_each(?1) l CROSS JOIN _sluice_ledger g ` +
		`WHERE g.pipeline = ?2 AND g.sink = ?3 AND g.seq = l.value->>0 AND g.topic = l.value->>1 AND g.part = l.value->>2 AND g.start = l.value->>3 AND g.next = l.value->>4`
	goneSQL = ` WHERE pipeline = ?2 AND sink = ?3 AND (seq, topic, part) IN (SELECT value->>0, value->>1, value->>2 FROM json_each(?1))`

	joinedSQL = `INSERT INTO _sluice_ledger (pipeline, sink, seq, topic, part, v, "commit", plan, time, topic_id, start, start_epoch, next, next_epoch, "in", written, folded, filtered, rejected, lost) ` +
		`SELECT ?2, ?3, l.value->>0, l.value->>1, l.value->>2, 1, l.value->>3, l.value->>4, l.value->>5, l.value->>6, l.value->>7, l.value->>8, l.value->>9, l.value->>10, ` +
		`l.value->>11, l.value->>12, l.value->>13, l.value->>14, l.value->>15, l.value->>16 FROM json_each(?1) l`
	joinedMaskedSQL = `INSERT INTO _sluice_masked (pipeline, sink, seq, topic, part, v, text) SELECT ?2, ?3, l.value->>0, l.value->>1, l.value->>2, 1, l.value->>3 FROM json_each(?1) l`
)

// replace writes what j has joined, all or nothing. // D6
func (s *Sink) replace(ctx context.Context, sink string, j *joiner) error {
	if len(j.gone) == 0 {
		return nil
	}
	for _, l := range stream.SortedLanes(j.at) {
		if a := j.at[l]; !a.stored {
			j.new = append(j.new, a.LedgerRow)
			a.stored = true
		}
	}
	var gone, rows, masked [][]byte
	for i := range j.gone {
		r := &j.gone[i]
		gone = append(gone, jsonText([]any{r.Seq, r.Lane.Topic, r.Lane.Partition, r.From.Offset, r.To.Offset}))
	}
	for i := range j.new {
		r := &j.new[i]
		n := r.Count
		rows = append(rows, jsonText([]any{r.Seq, r.Lane.Topic, r.Lane.Partition, r.Commit, r.Plan, r.Time, r.TopicID, r.From.Offset, r.From.Epoch, r.To.Offset, r.To.Epoch,
			n.In, n.Written, n.Folded, n.Filtered, n.Rejected, n.Lost}))
		if r.Masked != "" {
			masked = append(masked, jsonText([]any{r.Seq, r.Lane.Topic, r.Lane.Partition, r.Masked}))
		}
	}
	j.gone, j.new = nil, nil
	var ss []cloudflare.Statement
	add := func(sql string, list [][]byte) {
		for _, p := range pack(list, s.cfg.MaxRequestBytes, tidyRows) {
			ss = append(ss, cloudflare.Statement{SQL: sql, Params: append([][]byte{p}, params(s.env.Pipeline, sink)...)})
		}
	}
	add(joinSQL, gone)
	add(`DELETE FROM _sluice_ledger`+goneSQL, gone)
	add(`DELETE FROM _sluice_masked`+goneSQL, gone)
	add(joinedSQL, rows)
	add(joinedMaskedSQL, masked)
	if _, err := s.client.D1Query(ctx, s.cfg.Database, ss); err != nil {
		return fmt.Errorf("joining %d rows: %w", len(gone), err)
	}
	return nil
}

// pageOf reads rows behind one of the ledger, in order, up to a seq.
func (s *Sink) pageOf(ctx context.Context, sink string, last stream.LedgerRow, before int64, limit int) (rows []stream.LedgerRow, err error) {
	rs, err := s.client.D1Query(ctx, s.cfg.Database, []cloudflare.Statement{{SQL: fmt.Sprintf(ledgerOf, maskedOf, `AND seq < CAST(?6 AS INTEGER)`, limit),
		Params: params(s.env.Pipeline, sink, strconv.FormatInt(last.Seq, 10), last.Lane.Topic, strconv.Itoa(int(last.Lane.Partition)), strconv.FormatInt(before, 10))}})
	if err != nil {
		return nil, err
	}
	for _, r := range rs[0].Rows {
		row, err := ledgerRow(sink, r)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}
