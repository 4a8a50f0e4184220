package d1

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sluice/connectors/internal/cloudflare"
)

// stored is a table as the database has it.
type stored struct {
	name    string
	topic   string // by _sluice_tables, "" if it is not ours
	owner   string // pipeline and sink, by the same
	columns []storedColumn
}

type storedColumn struct {
	name string
	sql  string
	key  int // place in the primary key from 1, 0: none
}

func (t *stored) column(name string) *storedColumn {
	for i := range t.columns {
		if lower(t.columns[i].name) == lower(name) {
			return &t.columns[i]
		}
	}
	return nil
}

// system are our own tables. The format of a row is in its column v.
var system = []string{
	`CREATE TABLE IF NOT EXISTS _sluice_progress (pipeline TEXT NOT NULL, sink TEXT NOT NULL, v INTEGER NOT NULL, seq INTEGER NOT NULL, plan TEXT NOT NULL, ` +
		`cluster TEXT NOT NULL, "commit" TEXT NOT NULL, PRIMARY KEY (pipeline, sink)) STRICT, WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS _sluice_offsets (pipeline TEXT NOT NULL, sink TEXT NOT NULL, topic TEXT NOT NULL, part INTEGER NOT NULL, v INTEGER NOT NULL, ` +
		`topic_id TEXT NOT NULL, next INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, "commit" TEXT NOT NULL, ` +
		`PRIMARY KEY (pipeline, sink, topic, part)) STRICT, WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS _sluice_under (pipeline TEXT NOT NULL, sink TEXT NOT NULL, topic TEXT NOT NULL, part INTEGER NOT NULL, v INTEGER NOT NULL, ` +
		`plan TEXT NOT NULL, PRIMARY KEY (pipeline, sink, topic, part)) STRICT, WITHOUT ROWID`, // beside the offsets, which older versions made without it
	`CREATE TABLE IF NOT EXISTS _sluice_ledger (pipeline TEXT NOT NULL, sink TEXT NOT NULL, seq INTEGER NOT NULL, topic TEXT NOT NULL, part INTEGER NOT NULL, v INTEGER NOT NULL, ` +
		`"commit" TEXT NOT NULL, plan TEXT NOT NULL, time INTEGER NOT NULL, topic_id TEXT NOT NULL, start INTEGER NOT NULL, start_epoch INTEGER NOT NULL, next INTEGER NOT NULL, ` +
		`next_epoch INTEGER NOT NULL, "in" INTEGER NOT NULL, written INTEGER NOT NULL, folded INTEGER NOT NULL, filtered INTEGER NOT NULL, rejected INTEGER NOT NULL, lost INTEGER NOT NULL, ` +
		`PRIMARY KEY (pipeline, sink, seq, topic, part)) STRICT, WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS _sluice_masked (pipeline TEXT NOT NULL, sink TEXT NOT NULL, seq INTEGER NOT NULL, topic TEXT NOT NULL, part INTEGER NOT NULL, v INTEGER NOT NULL, ` +
		`text TEXT NOT NULL, PRIMARY KEY (pipeline, sink, seq, topic, part)) STRICT, WITHOUT ROWID`, // beside the ledger, which older versions made without it
	`CREATE TABLE IF NOT EXISTS _sluice_dead (pipeline TEXT NOT NULL, id TEXT NOT NULL, v INTEGER NOT NULL, topic TEXT NOT NULL, part INTEGER NOT NULL, off INTEGER NOT NULL, ` +
		`seq INTEGER NOT NULL, time INTEGER NOT NULL, stage TEXT NOT NULL, code TEXT NOT NULL, field TEXT NOT NULL, sink TEXT NOT NULL, key_id TEXT NOT NULL, sealed TEXT, redriven INTEGER, ` +
		`PRIMARY KEY (pipeline, id)) STRICT, WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS _sluice_dead_more (pipeline TEXT NOT NULL, id TEXT NOT NULL, n INTEGER NOT NULL, v INTEGER NOT NULL, sealed TEXT NOT NULL, PRIMARY KEY (pipeline, id, n)) STRICT`,
	`CREATE TABLE IF NOT EXISTS _sluice_plans (pipeline TEXT NOT NULL, hash TEXT NOT NULL, v INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (pipeline, hash)) STRICT, WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS _sluice_tables (name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE, v INTEGER NOT NULL, pipeline TEXT NOT NULL, sink TEXT NOT NULL, topic TEXT NOT NULL) STRICT, WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS _sluice_staged (pipeline TEXT NOT NULL, sink TEXT NOT NULL, "commit" TEXT NOT NULL, n INTEGER NOT NULL, v INTEGER NOT NULL, time INTEGER NOT NULL, ` +
		`rows TEXT NOT NULL, PRIMARY KEY (pipeline, sink, "commit", n)) STRICT`,
}

// create are the statements that make our own tables, nil once they are there.
func (s *Sink) create() (ss []cloudflare.Statement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready {
		return nil
	}
	for _, sql := range system {
		ss = append(ss, cloudflare.Statement{SQL: sql})
	}
	return ss
}

func (s *Sink) setReady(ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready = ready; !ready {
		clear(s.tables)
	}
}

func (s *Sink) owner() string { return s.env.Pipeline + " " + s.env.Name }

// learn reads the tables of plans that this process does not know yet.
func (s *Sink) learn(ctx context.Context, plans []tablePlan) error {
	var names []string
	s.mu.Lock()
	for _, t := range plans {
		if s.tables[lower(t.Name)] == nil {
			names = append(names, lower(t.Name))
		}
	}
	s.mu.Unlock()
	if names == nil {
		return nil
	}
	slices.Sort(names)
	names = slices.Compact(names)
	list := jsonText(names)
	ss := append(s.create(),
		// each column its own name: a bridge sees rows as JavaScript objects
		cloudflare.Statement{SQL: `SELECT m.name AS "table", p.name, upper(p.type), p.pk FROM sqlite_master m, pragma_table_info(m.name) p ` +
			`WHERE m.type IN ('table','view') AND lower(m.name) IN (SELECT value FROM json_each(?1)) ORDER BY m.name, p.cid`, Params: [][]byte{list}},
		cloudflare.Statement{SQL: `SELECT name, pipeline || ' ' || sink, topic FROM _sluice_tables WHERE lower(name) IN (SELECT value FROM json_each(?1))`, Params: [][]byte{list}})
	rs, err := s.client.D1Query(ctx, s.cfg.Database, ss)
	if err != nil {
		return err
	}
	s.setReady(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range names {
		s.tables[n] = &stored{}
	}
	for _, r := range rs[len(rs)-2].Rows {
		table, _ := cloudflare.Text(r[0])
		name, _ := cloudflare.Text(r[1])
		typ, _ := cloudflare.Text(r[2])
		key, _ := cloudflare.Int(r[3])
		if t := s.tables[lower(table)]; t != nil {
			t.name = table
			t.columns = append(t.columns, storedColumn{name, typ, int(key)})
		}
	}
	for _, r := range rs[len(rs)-1].Rows {
		table, _ := cloudflare.Text(r[0])
		if t := s.tables[lower(table)]; t != nil {
			t.owner, _ = cloudflare.Text(r[1])
			t.topic, _ = cloudflare.Text(r[2])
		}
	}
	return nil
}

// shape are the statements that give table t what its rows need, and what it
// is then. have is what an earlier epoch of this commit left. Its error is a
// StateError.
func (s *Sink) shape(t *tablePlan, have *stored) (ss []cloudflare.Statement, now *stored, err error) {
	if have == nil {
		s.mu.Lock()
		have = s.tables[lower(t.Name)]
		s.mu.Unlock()
	}
	if s.cfg.Evolve == "auto" {
		t.place(have)
	}
	if len(t.Columns) == 0 { // a truncate of a table that has never had a row
		if have != nil && have.name != "" && have.column("_offset") == nil { // rows of a table without a key are a log: they stay
			return nil, have, s.mine(t, have)
		}
		return nil, nil, nil
	}
	if have != nil && have.name == "" && have.owner != "" { // dropped by a person: a new, empty one would hide it
		return nil, nil, parked(fmt.Sprintf("table %q of topic %s was made by this sink and is gone", t.Name, t.Topic),
			"restore the database, or delete the table's row of _sluice_tables and replay the topic")
	}
	if have == nil || have.name == "" {
		if ss, now = s.createTable(t); s.cfg.Evolve != "auto" {
			for _, c := range t.Columns {
				if err := t.fits(now, &c); err != nil {
					return nil, nil, err
				}
			}
		}
		t.now = now
		return ss, now, nil
	}
	if err := s.mine(t, have); err != nil {
		return nil, nil, err
	}
	now = &stored{name: have.name, topic: have.topic, owner: have.owner, columns: slices.Clone(have.columns)}
	for _, c := range t.Columns {
		old := now.column(c.Name)
		if old == nil && s.cfg.Evolve == "freeze" {
			return nil, nil, parked(fmt.Sprintf("column %q of topic %s is not in table %q, and evolve is freeze", c.Name, t.Topic, have.name),
				"add the column, or say evolve: auto")
		}
		if old == nil && s.cfg.Evolve == "strict" && c.Of != "" {
			return nil, nil, parked(fmt.Sprintf("column %q of topic %s changed its type, and evolve is strict", c.Of, t.Topic),
				"declare its type under decode: columns:, or say evolve: auto")
		}
		if old == nil {
			if len(now.columns) == maxColumns {
				return nil, nil, parked(fmt.Sprintf("table %q has %d columns, D1's limit, and topic %s brings column %q", have.name, maxColumns, t.Topic, c.Name),
					"drop columns in the mask policy")
			}
			ss = append(ss, cloudflare.Statement{SQL: "ALTER TABLE " + quote(have.name) + " ADD COLUMN " + quote(c.Name) + " " + c.Type})
			now.columns = append(now.columns, storedColumn{name: c.Name, sql: c.Type})
			continue
		}
		if err := t.fits(now, &c); err != nil {
			return nil, nil, err
		}
	}
	t.now = now
	return ss, now, nil
}

// fits refuses a column of another type than the table's.
func (t *tablePlan) fits(now *stored, c *columnPlan) error {
	old := now.column(c.Name)
	if takes(old.sql, c.Type) {
		return nil
	}
	return parked(fmt.Sprintf("table %q has column %q as %s, the rows of topic %s have it as %s", now.name, old.name, old.sql, t.Topic, c.Type),
		fmt.Sprintf("set columns: {%q: ANY} and change the column's type in the database (create a copy, drop, rename)", t.Name+"."+c.Name))
}

// takes reports whether a column of type have holds values for one of type want, exactly.
func takes(have, want string) bool {
	return have == want || have == sqlAny || have == sqlText && want == sqlInteger
}

// mine refuses tables of others, and those with another key.
func (s *Sink) mine(t *tablePlan, have *stored) error {
	switch {
	case have.owner == "":
		return parked(fmt.Sprintf("table %q is there and was not made by Sluice (topic %s)", have.name, t.Topic), "rename it, or give this sink another table: template")
	case have.owner != s.owner():
		return parked(fmt.Sprintf("table %q belongs to pipeline and sink %q", have.name, have.owner), "give this sink another table: template or another database")
	case have.topic != t.Topic:
		return parked(fmt.Sprintf("table %q is topic %s's, not %s's", have.name, have.topic, t.Topic), "set table: to a template that keeps the topics apart")
	}
	var key []string
	for i := 1; ; i++ {
		j := slices.IndexFunc(have.columns, func(c storedColumn) bool { return c.key == i })
		if j < 0 {
			break
		}
		key = append(key, lower(have.columns[j].name))
	}
	for _, k := range t.Key {
		if len(key) != len(t.Key) || !slices.Contains(key, lower(k)) {
			return parked(fmt.Sprintf("table %q has the key (%s), the rows of topic %s have (%s)", have.name, strings.Join(key, ", "), t.Topic, strings.Join(t.Key, ", ")),
				"give this sink another table: template and replay the topic")
		}
	}
	return nil
}

// createTable makes a table with its key; one integer is the rowid itself.
func (s *Sink) createTable(t *tablePlan) ([]cloudflare.Statement, *stored) {
	now := &stored{name: t.Name, topic: t.Topic, owner: s.owner()}
	var b strings.Builder
	b.WriteString("CREATE TABLE IF NOT EXISTS " + quote(t.Name) + " (")
	var keys []string
	for _, k := range t.Key {
		keys = append(keys, quote(k))
	}
	rowid := false
	for _, c := range t.Columns {
		if now.column(c.Name) != nil { // two layouts have it
			continue
		}
		key := 1 + slices.IndexFunc(t.Key, func(k string) bool { return lower(k) == lower(c.Name) })
		b.WriteString(quote(c.Name) + " " + c.Type)
		if key > 0 {
			b.WriteString(" NOT NULL")
			rowid = len(t.Key) == 1 && c.Type == sqlInteger
		}
		b.WriteString(", ")
		now.columns = append(now.columns, storedColumn{c.Name, c.Type, key})
	}
	b.WriteString("PRIMARY KEY (" + strings.Join(keys, ", ") + ")) STRICT")
	if !rowid {
		b.WriteString(", WITHOUT ROWID") // an index of its own would cost a written row more
	}
	return []cloudflare.Statement{{SQL: b.String()},
		{SQL: `INSERT INTO _sluice_tables (name, v, pipeline, sink, topic) VALUES (?1, 1, ?2, ?3, ?4) ON CONFLICT (name) DO NOTHING`, Params: params(t.Name, s.env.Pipeline, s.env.Name, t.Topic)},
		{SQL: `SELECT CASE WHEN pipeline <> ?2 OR sink <> ?3 OR topic <> ?4 THEN json_extract('{}', 'sluice_table_taken') END FROM _sluice_tables WHERE name = ?1`,
			Params: params(t.Name, s.env.Pipeline, s.env.Name, t.Topic)}}, now
}

func params(ss ...string) [][]byte {
	ps := make([][]byte, len(ss))
	for i, s := range ss {
		ps[i] = []byte(s)
	}
	return ps
}
