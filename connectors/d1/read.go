package d1

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"sluice/connectors/internal/cloudflare"
	"sluice/topology/stream"
)

const readRows = 500 // a request; an answer of D1 holds some megabytes

// ReadTable is part of stream.TableReader. Pages follow the table's key, so that
// rows which are written meanwhile may be missed.
func (s *Sink) ReadTable(ctx context.Context, name string, limit int64, f func(row int64, column string, value []byte)) (rows int64, topic string, err error) {
	rs, err := s.client.D1Query(ctx, s.cfg.Database, []cloudflare.Statement{
		{SQL: `SELECT name FROM pragma_table_info(?1)`, Params: params(name)}, {SQL: `SELECT topic FROM _sluice_tables WHERE name = ?1`, Params: params(name)}})
	if cloudflare.ClassOf(err) == cloudflare.ClassSchema { // no table of ours: no table at all
		return 0, "", stream.ErrNoTable
	}
	if err != nil {
		return 0, "", classify(err)
	}
	var columns, selected []string
	for _, r := range rs[0].Rows {
		c, _ := cloudflare.Text(r[0])
		columns = append(columns, c)
		selected = append(selected, "CAST("+quote(c)+" AS TEXT)") // D1 rounds integers
	}
	if len(columns) == 0 {
		return 0, "", stream.ErrNoTable
	}
	for _, r := range rs[1].Rows {
		topic, _ = cloudflare.Text(r[0])
	}
	query := fmt.Sprintf("SELECT %s FROM %s LIMIT CAST(?1 AS INTEGER) OFFSET CAST(?2 AS INTEGER)", strings.Join(selected, ", "), quote(name))
	for {
		n := int64(readRows)
		if limit > 0 {
			n = min(n, limit-rows)
		}
		rs, err := s.client.D1Query(ctx, s.cfg.Database, []cloudflare.Statement{{SQL: query, Params: params(strconv.FormatInt(n, 10), strconv.FormatInt(rows, 10))}})
		if err != nil {
			return rows, topic, classify(err)
		}
		for at, r := range rs[0].Rows {
			for i := range columns {
				if v, ok := cloudflare.Text(r[i]); ok {
					f(rows+int64(at), columns[i], []byte(v))
				}
			}
		}
		if rows += int64(len(rs[0].Rows)); int64(len(rs[0].Rows)) < n || rows == limit {
			return rows, topic, nil
		}
	}
}
