package d1

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/connectors/internal/cloudflare"
	"sluice/topology/stream"
)

// jsonText is v as JSON: names, numbers and positions, which always encode.
func jsonText(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("d1: %T does not encode", v))
	}
	return b
}

// fenceSQL aborts the batch, through a JSON path that cannot be, when a lane
// is not where it was last seen, is there by this very commit, is of another
// topic id, or is under another plan. A lane with ?1[3] = 1 was seen to be absent
// and may still be. // D2
const fenceSQL = `SELECT CASE WHEN count(*) > 0 THEN json_extract('{}', 'sluice_fence_lost ' || json_group_array(json_array(l.value->>0, l.value->>1, o.next))) END ` +
	`FROM json_each(?1) l LEFT JOIN _sluice_offsets o ON o.pipeline = ?2 AND o.sink = ?3 AND o.topic = l.value->>0 AND o.part = l.value->>1 ` +
	`LEFT JOIN _sluice_under u ON u.pipeline = ?2 AND u.sink = ?3 AND u.topic = l.value->>0 AND u.part = l.value->>1 ` +
	`WHERE CASE WHEN o.next IS NULL THEN l.value->>3 = 0 ELSE o.next <> l.value->>2 OR o."commit" = l.value->>4 OR l.value->>5 <> '' AND o.topic_id <> '' AND o.topic_id <> l.value->>5 OR l.value->>6 <> '' AND u.plan <> '' AND ` + underPlan + ` <> l.value->>6 END`

const (
	// stagedSQL aborts the batch when rows that were brought before are gone.
	stagedSQL = `SELECT CASE WHEN count(*) <> json_array_length(?4) THEN json_extract('{}', 'sluice_staged_lost ' || count(*)) END ` +
		`FROM _sluice_staged WHERE pipeline = ?1 AND sink = ?2 AND "commit" = ?3` + andChunks
	unstageSQL = `DELETE FROM _sluice_staged WHERE pipeline = ?1 AND sink = ?2 AND "commit" = ?3`
	andChunks  = ` AND n IN (SELECT value FROM json_each(?4))`
)

const (
	seqSQL = `INSERT INTO _sluice_progress (pipeline, sink, v, seq, plan, cluster, "commit") VALUES (?1, ?2, 1, 1, ?3, ?4, ?5) ` +
		`ON CONFLICT (pipeline, sink) DO UPDATE SET v = 1, seq = seq + 1, plan = CASE WHEN ?6 = '1' AND _sluice_progress.plan <> '' THEN _sluice_progress.plan ELSE excluded.plan END, cluster = excluded.cluster, "commit" = excluded."commit"`
	offsetsSQL = `INSERT INTO _sluice_offsets (pipeline, sink, topic, part, v, topic_id, next, epoch, seq, "commit") ` +
		`SELECT ?2, ?3, l.value->>0, l.value->>1, 1, l.value->>2, l.value->>5, l.value->>6, p.seq, ?4 FROM json_each(?1) l, _sluice_progress p WHERE p.pipeline = ?2 AND p.sink = ?3 ` +
		`ON CONFLICT (pipeline, sink, topic, part) DO UPDATE SET v = 1, topic_id = excluded.topic_id, next = excluded.next, epoch = excluded.epoch, seq = excluded.seq, "commit" = excluded."commit"`
	underSQL = `INSERT INTO _sluice_under (pipeline, sink, topic, part, v, plan) SELECT ?2, ?3, l.value->>0, l.value->>1, 1, ?4 FROM json_each(?1) l WHERE true ` +
		`ON CONFLICT (pipeline, sink, topic, part) DO UPDATE SET v = 1, plan = excluded.plan WHERE plan <> excluded.plan` // rows written are paid for
	ledgerSQL = `INSERT INTO _sluice_ledger (pipeline, sink, seq, topic, part, v, "commit", plan, time, topic_id, start, start_epoch, next, next_epoch, "in", written, folded, filtered, rejected, lost) ` +
		`SELECT ?2, ?3, p.seq, l.value->>0, l.value->>1, 1, ?4, ?5, CAST(?6 AS INTEGER), l.value->>2, l.value->>3, l.value->>4, l.value->>5, l.value->>6, ` +
		`l.value->>7, l.value->>8, l.value->>9, l.value->>10, l.value->>11, l.value->>12 FROM json_each(?1) l, _sluice_progress p WHERE p.pipeline = ?2 AND p.sink = ?3`
	maskedSQL = `INSERT INTO _sluice_masked (pipeline, sink, seq, topic, part, v, text) ` +
		`SELECT ?2, ?3, p.seq, l.value->>0, l.value->>1, 1, l.value->>2 FROM json_each(?1) l, _sluice_progress p WHERE p.pipeline = ?2 AND p.sink = ?3`
	deadSQL = `INSERT INTO _sluice_dead (pipeline, id, v, topic, part, off, seq, time, stage, code, field, sink, key_id, sealed) ` +
		`SELECT ?2, value->>0, 1, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8, value->>9, value->>10, value->>11 FROM json_each(?1) WHERE true ` +
		`ON CONFLICT (pipeline, id) DO NOTHING`
	moreSQL = `INSERT INTO _sluice_dead_more (pipeline, id, n, v, sealed) SELECT ?2, value->>0, value->>1, 1, value->>2 FROM json_each(?1) WHERE true ON CONFLICT (pipeline, id, n) DO NOTHING`
)

// sealedPart is how much base64 of a sealed record one row takes; the rest is
// in _sluice_dead_more: a record may be larger than a value of D1.
const sealedPart = 1_500_000

// pack cuts a list into JSON arrays of bounded size and rows. Each element is
// JSON already and fits a parameter alone.
func pack(elements [][]byte, maxBytes, maxRows int) (ps [][]byte) {
	var b []byte
	n := 0
	for _, e := range elements {
		if n > 0 && (n == maxRows || len(b)+len(e)+2 > maxBytes) {
			b[len(b)-1] = ']'
			ps, b, n = append(ps, b), nil, 0
		}
		if n == 0 {
			b = append(b, '[')
		}
		b = append(append(b, e...), ',')
		n++
	}
	if n > 0 {
		b[len(b)-1] = ']'
		ps = append(ps, b)
	}
	return ps
}

// expectation is what the fence wants of each lane of a commit.
func expectation(es []stream.Epoch, seen map[lane]bool) (elements [][]byte) {
	first := map[lane]stream.Position{}
	log := map[lane]string{} // topic id, or "" for any
	last := map[lane]string{}
	plan := map[lane]string{} // or "" for any
	for _, e := range es {
		for _, sp := range e.Spans {
			if _, ok := first[sp.Lane]; !ok {
				first[sp.Lane] = sp.From
				if !e.PositionsOnly {
					log[sp.Lane], plan[sp.Lane] = sp.TopicID, e.Plan
				}
			}
			last[sp.Lane] = e.Commit
		}
	}
	for _, l := range stream.SortedLanes(first) {
		absent := 0
		if there, asked := seen[l]; asked && !there {
			absent = 1
		}
		elements = append(elements, jsonText([]any{l.Topic, l.Partition, first[l].Offset, absent, last[l], log[l], plan[l]}))
	}
	return elements
}

// fence is the first statement that matters of every commit.
func (s *Sink) fence(es []stream.Epoch, seen map[lane]bool) (ss []cloudflare.Statement) {
	for _, p := range pack(expectation(es, seen), s.cfg.MaxRequestBytes, 1<<20) {
		ss = append(ss, cloudflare.Statement{SQL: fenceSQL, Params: append([][]byte{p}, params(s.env.Pipeline, es[0].Sink)...)})
	}
	return ss
}

// settle moves the positions of e and writes its ledger rows and dead letters.
func (s *Sink) settle(e *stream.Epoch) (ss []cloudflare.Statement) {
	var spans, masked, letters, more [][]byte
	for _, x := range e.Spans {
		n := x.Count
		if x.Masked != "" {
			masked = append(masked, jsonText([]any{x.Lane.Topic, x.Lane.Partition, x.Masked}))
		}
		spans = append(spans, jsonText([]any{x.Lane.Topic, x.Lane.Partition, x.TopicID, x.From.Offset, x.From.Epoch, x.To.Offset, x.To.Epoch,
			n.In, n.Written, n.Folded, n.Filtered, n.Rejected, n.Lost}))
	}
	for _, d := range e.Rejects {
		var sealed any
		if d.Sealed != nil {
			text := base64.StdEncoding.EncodeToString(d.Sealed)
			for i, n := sealedPart, 1; i < len(text); i, n = i+sealedPart, n+1 {
				more = append(more, jsonText([]any{d.ID, n, text[i:min(i+sealedPart, len(text))]}))
			}
			sealed = text[:min(sealedPart, len(text))]
		}
		letters = append(letters, jsonText([]any{d.ID, d.Lane.Topic, d.Lane.Partition, d.Offset, d.Seq, d.Time, d.Stage, d.Code, d.Field, d.Sink, d.KeyID, sealed}))
	}
	for _, p := range pack(letters, s.cfg.MaxRequestBytes, s.cfg.MaxRows) {
		ss = append(ss, cloudflare.Statement{SQL: deadSQL, Params: append([][]byte{p}, params(s.env.Pipeline)...)})
	}
	for _, p := range pack(more, s.cfg.MaxRequestBytes, s.cfg.MaxRows) {
		ss = append(ss, cloudflare.Statement{SQL: moreSQL, Params: append([][]byte{p}, params(s.env.Pipeline)...)})
	}
	keep := "0"
	if e.PositionsOnly {
		keep = "1"
	}
	ss = append(ss, cloudflare.Statement{SQL: seqSQL, Params: params(s.env.Pipeline, e.Sink, e.Plan, e.Cluster, e.Commit, keep)})
	for _, p := range pack(spans, s.cfg.MaxRequestBytes, 1<<20) {
		ss = append(ss,
			cloudflare.Statement{SQL: ledgerSQL, Params: append([][]byte{p}, params(s.env.Pipeline, e.Sink, e.Commit, e.Plan, strconv.FormatInt(e.Time, 10))...)},
			cloudflare.Statement{SQL: offsetsSQL, Params: append([][]byte{p}, params(s.env.Pipeline, e.Sink, e.Commit)...)})
		if e.Plan != "" {
			ss = append(ss, cloudflare.Statement{SQL: underSQL, Params: append([][]byte{p}, params(s.env.Pipeline, e.Sink, e.Plan)...)})
		}
	}
	for _, p := range pack(masked, s.cfg.MaxRequestBytes, 1<<20) {
		ss = append(ss, cloudflare.Statement{SQL: maskedSQL, Params: append([][]byte{p}, params(s.env.Pipeline, e.Sink)...)})
	}
	return ss
}

// apply are the statements of the rows of one table. name is the table's as
// the database spells it.
func (s *Sink) apply(t *tablePlan, name string, e *stream.Epoch, raw []byte) (ss []cloudflare.Statement) {
	if t.Clear {
		ss = append(ss, cloudflare.Statement{SQL: "DELETE FROM " + quote(name)})
	}
	for _, o := range t.Ops {
		from, ps := "json_each(?1) j", [][]byte{raw[o.From : o.From+o.Len]}
		if o.Chunk > 0 {
			from = `_sluice_staged s, json_each(s.rows) j`
			ps = params(s.env.Pipeline, e.Sink, e.Commit, strconv.Itoa(o.Chunk))
		}
		ss = append(ss, cloudflare.Statement{SQL: t.sql(&o, name, from), Params: ps})
	}
	return ss
}

const chunkSQL = ` s.pipeline = ?1 AND s.sink = ?2 AND s."commit" = ?3 AND s.n = CAST(?4 AS INTEGER)`

// sql is one delete or upsert over the rows that from lends.
func (t *tablePlan) sql(o *op, name, from string) string {
	cond := " true"
	if o.Chunk > 0 {
		cond = chunkSQL
	}
	var cols, exprs, sets []string
	for _, c := range o.Cells {
		col := quote(t.Columns[c.Column].Name)
		expr := fmt.Sprintf("j.value->>%d", c.At)
		if c.Hex {
			expr = "unhex(" + expr + ")"
		}
		cols, exprs = append(cols, col), append(exprs, expr)
		if !t.isKey(t.Columns[c.Column].Name) {
			sets = append(sets, col+"=excluded."+col)
		}
		for _, x := range t.others(&t.Columns[c.Column], o) { // else a row had a value of now and one of before
			if set := quote(x) + "=NULL"; !slices.Contains(sets, set) {
				sets = append(sets, set)
			}
		}
	}
	list, values := strings.Join(cols, ","), strings.Join(exprs, ",")
	if o.Delete { // json_each drives: never a correlated subquery
		return "DELETE FROM " + quote(name) + " WHERE (" + list + ") IN (SELECT " + values + " FROM " + from + " WHERE" + cond + ")"
	}
	var keys []string
	for _, k := range t.Key {
		keys = append(keys, quote(k))
	}
	then := "NOTHING"
	if sets != nil {
		then = "UPDATE SET " + strings.Join(sets, ",")
	}
	return "INSERT INTO " + quote(name) + " (" + list + ") SELECT " + values + " FROM " + from + " WHERE" + cond + // without WHERE, ON would join
		" ON CONFLICT (" + strings.Join(keys, ",") + ") DO " + then
}

func (t *tablePlan) isKey(name string) bool {
	for _, k := range t.Key {
		if lower(k) == lower(name) {
			return true
		}
	}
	return false
}
