package d1

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"sluice/connectors/internal/cloudflare"
	"sluice/topology/stream"
)

// Recover is part of stream.Sink.
func (s *Sink) Recover(ctx context.Context, lanes []stream.Lane) (stream.Progress, error) {
	s.mu.Lock()
	clear(s.tables) // who had the lanes may have given a table columns
	s.mu.Unlock()
	return s.LoadProgress(ctx, s.env.Name, lanes)
}

// LoadProgress is part of stream.ProgressStore. A lane that this process saw
// in the store and that is gone is a StateError: a wiped store must not be
// filled from the beginning in silence (was lost).
func (s *Sink) LoadProgress(ctx context.Context, sink string, lanes []stream.Lane) (stream.Progress, error) {
	p, all, err := s.progress(ctx, sink, lanes)
	if err != nil {
		return stream.Progress{}, classify(err)
	}
	var gone []stream.Lane
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.partly, sink)
	seen := s.seen(sink)
	for _, l := range lanes {
		at, ok := all[l]
		if !ok && seen[l] {
			gone = append(gone, l)
			continue
		}
		if seen[l] = ok; ok {
			p.Lanes[l] = at.pos
		}
	}
	if gone != nil {
		return stream.Progress{}, &stream.StateError{State: stream.StateParked, Lanes: gone, Why: "d1: the database lost progress it had",
			Todo: "restore the database, or start the pipeline anew under another id"}
	}
	return p, nil
}

// Inspect is part of stream.Inspector.
func (s *Sink) Inspect(ctx context.Context) (stream.Progress, error) {
	p, all, err := s.progress(ctx, s.env.Name, nil)
	if err != nil {
		return p, classify(err)
	}
	for l, at := range all {
		p.Lanes[l] = at.pos
	}
	return p, nil
}

// SwapProgress is part of stream.ProgressStore.
func (s *Sink) SwapProgress(ctx context.Context, e stream.Epoch) error {
	return s.commit(ctx, []stream.Epoch{e}, nil)
}

// stands is where a lane is, and by which commit.
type stands struct {
	pos    stream.LanePos
	next   int64
	commit string
}

const (
	offsetsOf = `SELECT o.topic, o.part, o.topic_id, CAST(o.next AS TEXT), o.epoch, o."commit", o.v, %s FROM _sluice_offsets o WHERE o.pipeline = ?1 AND o.sink = ?2`
	underOf   = `(SELECT ` + underPlan + ` FROM _sluice_under u WHERE u.pipeline = o.pipeline AND u.sink = o.sink AND u.topic = o.topic AND u.part = o.part)`

	// underPlan is the plan of _sluice_under u, unless the commit that moved the lane
	// of o last was of another: of an older version, which does not write it down.
	underPlan = `coalesce((SELECT nullif(g.plan, '') FROM _sluice_ledger g WHERE g.pipeline = o.pipeline AND g.sink = o.sink AND g.seq = o.seq AND g.topic = o.topic AND g.part = o.part), u.plan)`
)

// query runs statements that read offsets, which make answers with what %s in
// offsetsOf is. It answers nil if the database has none of our tables.
func (s *Sink) query(ctx context.Context, make func(under string) []cloudflare.Statement) ([]cloudflare.StatementResult, error) {
	rs, err := s.client.D1Query(ctx, s.cfg.Database, make(underOf))
	if cloudflare.ClassOf(err) == cloudflare.ClassSchema {
		s.setReady(false)
		rs, err = s.client.D1Query(ctx, s.cfg.Database, make(`''`)) // an older version made the tables
	}
	if cloudflare.ClassOf(err) == cloudflare.ClassSchema {
		return nil, nil
	}
	return rs, err
}

// progress reads the head of a sink and its lanes, all of them for nil. A
// database without our tables has none.
func (s *Sink) progress(ctx context.Context, sink string, lanes []lane) (p stream.Progress, at map[lane]stands, err error) {
	p = stream.Progress{Format: 1, Pipeline: s.env.Pipeline, Sink: sink, Lanes: map[lane]stream.LanePos{}}
	rs, err := s.query(ctx, func(under string) []cloudflare.Statement {
		return append([]cloudflare.Statement{{SQL: `SELECT CAST(seq AS TEXT), plan, cluster, "commit", v FROM _sluice_progress WHERE pipeline = ?1 AND sink = ?2`, Params: params(s.env.Pipeline, sink)}},
			s.selectOffsets(sink, lanes, under)...)
	})
	if err != nil || rs == nil {
		return p, nil, err
	}
	for _, r := range rs[0].Rows {
		if err := format("_sluice_progress", r[4]); err != nil {
			return p, nil, err
		}
		p.Seq, _ = cloudflare.Int(r[0])
		p.Plan, _ = cloudflare.Text(r[1])
		p.Cluster, _ = cloudflare.Text(r[2])
		p.Commit, _ = cloudflare.Text(r[3])
	}
	at, err = readOffsets(rs[1:])
	return p, at, err
}

// offsets reads where lanes stand.
func (s *Sink) offsets(ctx context.Context, sink string, lanes []lane) (map[lane]stands, error) {
	rs, err := s.query(ctx, func(under string) []cloudflare.Statement { return s.selectOffsets(sink, lanes, under) })
	if err != nil || rs == nil {
		return nil, err
	}
	return readOffsets(rs)
}

func (s *Sink) selectOffsets(sink string, lanes []lane, under string) (ss []cloudflare.Statement) {
	all := fmt.Sprintf(offsetsOf, under)
	if lanes == nil {
		return []cloudflare.Statement{{SQL: all, Params: params(s.env.Pipeline, sink)}}
	}
	var elements [][]byte
	for _, l := range lanes {
		elements = append(elements, jsonText([]any{l.Topic, l.Partition}))
	}
	for _, p := range pack(elements, s.cfg.MaxRequestBytes, 1<<20) {
		ss = append(ss, cloudflare.Statement{SQL: all + ` AND (o.topic, o.part) IN (SELECT value->>0, value->>1 FROM json_each(?3))`,
			Params: append(params(s.env.Pipeline, sink), p)})
	}
	return ss
}

func readOffsets(rs []cloudflare.StatementResult) (map[lane]stands, error) {
	at := map[lane]stands{}
	for _, res := range rs {
		for _, r := range res.Rows {
			if err := format("_sluice_offsets", r[6]); err != nil {
				return nil, err
			}
			var x stands
			topic, ok1 := cloudflare.Text(r[0])
			part, ok2 := cloudflare.Int(r[1])
			next, ok3 := cloudflare.Int(r[3])
			epoch, ok4 := cloudflare.Int(r[4])
			if !ok1 || !ok2 || !ok3 || !ok4 {
				return nil, fmt.Errorf("d1: a row of _sluice_offsets is not what this version writes: was it edited?")
			}
			x.pos.TopicID, _ = cloudflare.Text(r[2])
			x.commit, _ = cloudflare.Text(r[5])
			x.pos.Under, _ = cloudflare.Text(r[7]) // null of a lane that only older versions moved
			x.next, x.pos.Next = next, stream.Position{Offset: next, Epoch: int32(epoch)}
			at[lane{Topic: topic, Partition: int32(part)}] = x
		}
	}
	return at, nil
}

// format refuses rows of a version that is newer.
func format(table string, v json.RawMessage) error {
	if n, ok := cloudflare.Int(v); !ok || n != 1 {
		return fmt.Errorf("d1: %s has rows of format %s, this version reads 1: run the newer version", table, v)
	}
	return nil
}

// Ledger is part of stream.Auditor.
func (s *Sink) Ledger(ctx context.Context) iter.Seq2[stream.LedgerRow, error] {
	return s.ProgressLedger(ctx, s.env.Name)
}

const ledgerPage = 5_000

// ledgerOf reads a page of a ledger: what %s are is how rows were masked, a condition, and the limit.
const ledgerOf = `SELECT v, CAST(seq AS TEXT), topic, part, "commit", plan, CAST(time AS TEXT), topic_id, ` +
	`json_array(start, start_epoch, next, next_epoch, "in", written, folded, filtered, rejected, lost), %s FROM _sluice_ledger l WHERE pipeline = ?1 AND sink = ?2 ` +
	`AND (seq, topic, part) > (CAST(?3 AS INTEGER), ?4, CAST(?5 AS INTEGER)) %s ORDER BY seq, topic, part LIMIT %d`

const maskedOf = `(SELECT m.text FROM _sluice_masked m WHERE m.pipeline = l.pipeline AND m.sink = l.sink AND m.seq = l.seq AND m.topic = l.topic AND m.part = l.part)`

// ProgressLedger is part of stream.ProgressStore. It reads in pages, in order
// of seq, then lane.
func (s *Sink) ProgressLedger(ctx context.Context, sink string) iter.Seq2[stream.LedgerRow, error] {
	return func(yield func(stream.LedgerRow, error) bool) {
		seq, topic, part := "-1", "", "-1"
		masked := maskedOf
		for {
			rs, err := s.client.D1Query(ctx, s.cfg.Database, []cloudflare.Statement{{SQL: fmt.Sprintf(ledgerOf, masked, "", ledgerPage), Params: params(s.env.Pipeline, sink, seq, topic, part)}})
			if cloudflare.ClassOf(err) == cloudflare.ClassSchema {
				if masked == maskedOf { // an older version made the tables
					masked = `''`
					continue
				}
				return
			}
			if err != nil {
				yield(stream.LedgerRow{}, classify(err))
				return
			}
			for _, r := range rs[0].Rows {
				row, err := ledgerRow(sink, r)
				if !yield(row, err) || err != nil {
					return
				}
				seq, topic, part = fmt.Sprint(row.Seq), row.Lane.Topic, fmt.Sprint(row.Lane.Partition)
			}
			if len(rs[0].Rows) < ledgerPage {
				return
			}
		}
	}
}

func ledgerRow(sink string, r []json.RawMessage) (row stream.LedgerRow, err error) {
	if err := format("_sluice_ledger", r[0]); err != nil {
		return row, err
	}
	row.Sink = sink
	row.Seq, _ = cloudflare.Int(r[1])
	row.Lane.Topic, _ = cloudflare.Text(r[2])
	part, _ := cloudflare.Int(r[3])
	row.Lane.Partition = int32(part)
	row.Commit, _ = cloudflare.Text(r[4])
	row.Plan, _ = cloudflare.Text(r[5])
	row.Time, _ = cloudflare.Int(r[6])
	row.TopicID, _ = cloudflare.Text(r[7])
	numbers, _ := cloudflare.Text(r[8])
	var n []int64
	if err := json.Unmarshal([]byte(numbers), &n); err != nil || len(n) != 10 {
		return row, fmt.Errorf("d1: a row of _sluice_ledger is not what this version writes: was it edited?")
	}
	row.Masked, _ = cloudflare.Text(r[9])
	row.From, row.To = stream.Position{Offset: n[0], Epoch: int32(n[1])}, stream.Position{Offset: n[2], Epoch: int32(n[3])}
	row.Count = stream.Count{In: n[4], Written: n[5], Folded: n[6], Filtered: n[7], Rejected: n[8], Lost: n[9]}
	return row, nil
}

// Rows is part of stream.Auditor: appended rows can be counted, a replica's
// keys cannot.
func (s *Sink) Rows(ctx context.Context) (int64, error) {
	rs, err := s.client.D1Query(ctx, s.cfg.Database, []cloudflare.Statement{{SQL: `SELECT t.name, (SELECT count(*) FROM pragma_table_info(t.name) p WHERE p.pk > 0 AND p.name IN ('_partition', '_offset', '_seq')) ` +
		`FROM _sluice_tables t WHERE t.pipeline = ?1 AND t.sink = ?2`, Params: params(s.env.Pipeline, s.env.Name)}})
	if cloudflare.ClassOf(err) == cloudflare.ClassSchema {
		return -1, nil
	}
	if err != nil {
		return -1, classify(err)
	}
	var ss []cloudflare.Statement
	for _, r := range rs[0].Rows {
		name, _ := cloudflare.Text(r[0])
		if n, _ := cloudflare.Int(r[1]); n != 3 {
			return -1, nil
		}
		ss = append(ss, cloudflare.Statement{SQL: "SELECT count(*) FROM " + quote(name)})
	}
	if ss == nil {
		return -1, nil
	}
	sum := int64(0)
	for c := range slices.Chunk(ss, 900) {
		rs, err := s.client.D1Query(ctx, s.cfg.Database, c)
		if err != nil {
			return -1, classify(err)
		}
		for _, r := range rs {
			n, _ := cloudflare.Int(r.Rows[0][0])
			sum += n
		}
	}
	return sum, nil
}
