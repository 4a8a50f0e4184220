package d1

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"sluice/connectors/internal/cloudflare"
	"sluice/topology/stream"
)

const deadOf = `SELECT id, topic, part, CAST(off AS TEXT), seq, CAST(time AS TEXT), stage, code, field, sink, key_id, v, `

// ListDead is part of stream.DeadLetters: the oldest first, those that were
// not sent again, without their sealed records, which may be large.
func (s *Sink) ListDead(ctx context.Context, limit int) ([]stream.DeadLetter, error) {
	rs, err := s.client.D1Query(ctx, s.cfg.Database, []cloudflare.Statement{{SQL: deadOf + `NULL FROM _sluice_dead WHERE pipeline = ?1 AND redriven IS NULL ORDER BY topic, part, off, seq, id LIMIT CAST(?2 AS INTEGER)`,
		Params: params(s.env.Pipeline, strconv.Itoa(limit))}})
	if cloudflare.ClassOf(err) == cloudflare.ClassSchema {
		return nil, nil
	}
	if err != nil {
		return nil, classify(err)
	}
	var list []stream.DeadLetter
	for _, r := range rs[0].Rows {
		d, err := letter(r)
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, nil
}

// GetDead is part of stream.DeadLetters.
func (s *Sink) GetDead(ctx context.Context, id string) (stream.DeadLetter, error) {
	rs, err := s.client.D1Query(ctx, s.cfg.Database, []cloudflare.Statement{
		{SQL: deadOf + `sealed, CAST(redriven AS TEXT) FROM _sluice_dead WHERE pipeline = ?1 AND id = ?2`, Params: params(s.env.Pipeline, id)},
		{SQL: `SELECT sealed FROM _sluice_dead_more WHERE pipeline = ?1 AND id = ?2 ORDER BY n`, Params: params(s.env.Pipeline, id)}})
	if err != nil && cloudflare.ClassOf(err) != cloudflare.ClassSchema {
		return stream.DeadLetter{}, classify(err)
	}
	if err != nil || len(rs[0].Rows) == 0 {
		return stream.DeadLetter{}, fmt.Errorf("d1: there is no dead letter %s", id)
	}
	d, err := letter(rs[0].Rows[0])
	d.Redriven, _ = cloudflare.Int(rs[0].Rows[0][13])
	text, ok := cloudflare.Text(rs[0].Rows[0][12])
	if err != nil || !ok {
		return d, err
	}
	var b strings.Builder
	b.WriteString(text)
	for _, r := range rs[1].Rows {
		more, _ := cloudflare.Text(r[0])
		b.WriteString(more)
	}
	if d.Sealed, err = base64.StdEncoding.DecodeString(b.String()); err != nil {
		return d, fmt.Errorf("d1: dead letter %s: its sealed record is damaged", id)
	}
	return d, nil
}

func letter(r []json.RawMessage) (d stream.DeadLetter, err error) {
	if err := format("_sluice_dead", r[11]); err != nil {
		return d, err
	}
	for i, p := range []*string{0: &d.ID, 1: &d.Lane.Topic, 6: &d.Stage, 7: &d.Code, 8: &d.Field, 9: &d.Sink, 10: &d.KeyID} {
		if p != nil {
			*p, _ = cloudflare.Text(r[i])
		}
	}
	part, _ := cloudflare.Int(r[2])
	seq, _ := cloudflare.Int(r[4])
	d.Lane.Partition, d.Seq = int32(part), int32(seq)
	d.Offset, _ = cloudflare.Int(r[3])
	d.Time, _ = cloudflare.Int(r[5])
	return d, nil
}

// MarkRedriven is part of stream.DeadLetters.
func (s *Sink) MarkRedriven(ctx context.Context, id string, at int64) error {
	rs, err := s.client.D1Query(ctx, s.cfg.Database, []cloudflare.Statement{{SQL: `UPDATE _sluice_dead SET redriven = CAST(?3 AS INTEGER) WHERE pipeline = ?1 AND id = ?2 RETURNING id`,
		Params: params(s.env.Pipeline, id, strconv.FormatInt(at, 10))}})
	if err != nil && cloudflare.ClassOf(err) != cloudflare.ClassSchema {
		return classify(err)
	}
	if err != nil || len(rs[0].Rows) == 0 {
		return fmt.Errorf("d1: there is no dead letter %s", id)
	}
	return nil
}

// SavePlan is part of stream.PlanKeeper.
func (s *Sink) SavePlan(ctx context.Context, hash string, text []byte) error {
	_, err := s.client.D1Query(ctx, s.cfg.Database, append(s.create(), cloudflare.Statement{
		SQL: `INSERT INTO _sluice_plans (pipeline, hash, v, text) VALUES (?1, ?2, 1, ?3) ON CONFLICT (pipeline, hash) DO NOTHING`, Params: append(params(s.env.Pipeline, hash), text)}))
	if err == nil {
		s.setReady(true)
	}
	return classify(s.unready(err))
}

// LoadPlan is part of stream.PlanKeeper.
func (s *Sink) LoadPlan(ctx context.Context, hash string) ([]byte, error) {
	rs, err := s.client.D1Query(ctx, s.cfg.Database, []cloudflare.Statement{{SQL: `SELECT text, v FROM _sluice_plans WHERE pipeline = ?1 AND hash = ?2`, Params: params(s.env.Pipeline, hash)}})
	if err != nil && cloudflare.ClassOf(err) != cloudflare.ClassSchema {
		return nil, classify(err)
	}
	if err != nil || len(rs[0].Rows) == 0 {
		return nil, fmt.Errorf("d1: there is no plan %s of pipeline %s", hash, s.env.Pipeline)
	}
	if err := format("_sluice_plans", rs[0].Rows[0][1]); err != nil {
		return nil, err
	}
	text, _ := cloudflare.Text(rs[0].Rows[0][0])
	return []byte(text), nil
}
