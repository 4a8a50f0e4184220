package contract

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sluice/schemas"
	"sluice/topology/stream"
)

// Observer makes contracts of what it sees: rows, and the records of a schema
// change topic, in any order. Types that a writer's schema says are taken from
// it; those of JSON without schemas from the source database's tables, whose
// changes MySQL, MariaDB, SQL Server, Oracle and Db2 connectors write to a topic
// of their own, with what the values look like deciding how they are spelled;
// and else from the values alone. Not safe for concurrent use.
type Observer struct {
	// All has columns too whose names may be data, the keys of a map: of what holds
	// nothing personal. // P1
	All bool

	topics map[string]*observed
	tables map[string]*table // by "database.table" and "database.schema.table"
}

// NewObserver returns one that has seen nothing.
func NewObserver() *Observer {
	return &Observer{topics: map[string]*observed{}, tables: map[string]*table{}}
}

// observed is what was seen of a topic.
type observed struct {
	schema  *schemas.Schema
	columns map[string]*values
	rows    int

	table *stream.Table // of the last row
	of    []*values     // by its columns
}

// values are what the cells of a column looked like.
type values struct {
	texts, numbers  int
	there           int    // rows that have one that is not null
	decimal, base64 bool   // all texts can be read so
	votes           [4]int // of numbers, for days, milliseconds, microseconds, nanoseconds
	clock           [4]int // the same of times of day, which are smaller

	logical logical
}

// table is a table of the source, as a schema change record describes it.
type table struct {
	Keys    []string `json:"primaryKeyColumnNames"`
	Columns []struct {
		Name     string `json:"name"`
		Type     string `json:"typeName"`
		Length   int    `json:"length"`
		Scale    int    `json:"scale"`
		Optional bool   `json:"optional"`

		Members []string `json:"enumValues"` // of ENUM and SET, in SQL's quotes
	} `json:"columns"`
}

// Change reads the value of a record; not ok when it is no schema change.
func (o *Observer) Change(value []byte) (ok bool) {
	if !bytes.Contains(value, []byte(`"tableChanges"`)) {
		return false
	}
	type changes struct {
		Database string `json:"databaseName"`
		Tables   []struct {
			ID    string `json:"id"`
			Table *table `json:"table"`
		} `json:"tableChanges"`
	}
	var c struct {
		changes
		Payload *changes `json:"payload"`
	}
	if json.Unmarshal(value, &c) != nil {
		return false
	}
	if c.Payload != nil {
		c.changes = *c.Payload
	}
	for _, t := range c.Tables {
		if t.Table != nil {
			o.tables[strings.ReplaceAll(t.ID, `"`, "")] = t.Table
			ok = true
		}
	}
	return ok
}

// Rows looks at the rows of one topic; the last of their schemas is s.
func (o *Observer) Rows(topic string, s *schemas.Schema, rows []stream.CleanRow) {
	t := o.topics[topic]
	if t == nil {
		t = &observed{columns: map[string]*values{}}
		o.topics[topic] = t
	}
	if s != nil {
		t.schema = s
	}
	for i := range rows {
		r := &rows[i]
		if r.After != nil {
			t.rows++
		}
		if r.Table != t.table {
			t.behind(r.Table)
		}
		for ord, c := range r.After {
			v := t.of[ord]
			if !c.Absent() && !c.IsNull() {
				v.there++
			}
			v.see(c, r.Bytes(c))
			v.logical.see(c, r.Bytes(c))
		}
	}
}

// behind has the columns that a policy left, which need not be all of a record's.
func (t *observed) behind(table *stream.Table) {
	t.table, t.of = table, t.of[:0]
	for i := range table.Columns {
		name := table.Columns[i].Name
		if t.columns[name] == nil {
			t.columns[name] = &values{decimal: true, base64: true}
		}
		t.of = append(t.of, t.columns[name])
	}
}

func (v *values) see(c schemas.Cell, p []byte) {
	var buf [32]byte
	switch c, p = schemas.Spelled(buf[:0], c, p); {
	case !c.Has():
	case c.Enc == schemas.EncInt:
		v.numbers++
		if n, err := strconv.ParseInt(string(p), 10, 64); err == nil {
			v.votes[unit(max(n, -n))]++
			if n != 0 {
				v.clock[clockUnit(max(n, -n))]++
			}
		}
	case c.Enc == schemas.EncBytes:
		v.texts++
		v.decimal = false
	case c.Enc == schemas.EncText || c.Enc == schemas.EncJSONString:
		v.texts++
		_, err := base64.StdEncoding.DecodeString(string(p))
		v.base64 = v.base64 && err == nil
		_, err = strconv.ParseFloat(string(p), 64)
		v.decimal = v.decimal && err == nil
	}
}

// Contracts are those of all topics that had rows, by name.
func (o *Observer) Contracts() Set {
	var all Set
	for _, name := range slices.Sorted(maps.Keys(o.topics)) {
		t := o.topics[name]
		if t.schema == nil {
			continue
		}
		s := t.schema
		tab := o.tables[s.Database+"."+s.Table]
		if tab == nil {
			tab = o.tables[s.Database+"."+s.Namespace+"."+s.Table]
		}
		c := &Contract{Topic: name}
		whole := true // keys are: message.key.columns may name columns that can be null
		for _, f := range s.Fields {
			if f.Of != "" || !o.All && f.MayBeData() { // P1
				continue
			}
			var v values
			if seen := t.columns[f.Name]; seen != nil {
				v = *seen
			}
			field := Field{Name: f.Name, Type: spelled(f), NotNull: !f.Nullable || f.Key, Logical: f.Logical}
			if slices.ContainsFunc(s.Fields, func(o schemas.Field) bool { return o.Of == f.Name }) {
				field.Type, field.Logical, field.NotNull = "", "", field.NotNull && v.there == t.rows // it had several: what comes is taken
				c.Fields = append(c.Fields, field)
				continue
			}
			if tab != nil {
				for _, col := range tab.Columns {
					if typ := sourceType(col.Type, col.Length, col.Scale, v); col.Name == f.Name && f.Wire == schemas.WirePlain {
						if typ != "" {
							field.Type = typ
						}
						field.NotNull = !col.Optional || f.Key
						if f.Logical == "" {
							field.Logical = schemas.SourceLogical(col.Type, col.Length, col.Members)
						}
					}
				}
			}
			field.Logical, field.kept = v.logical.of(&field)
			field.NotNull = field.NotNull && v.there == t.rows // a column that came later is not in the rows before
			if f.Key {
				c.Key = append(c.Key, f.Name)
				whole = whole && v.there == t.rows
			}
			c.Fields = append(c.Fields, field)
		}
		if !whole {
			c.Key = nil
		}
		if tab != nil && sameNames(tab.Keys, c.Key) {
			c.Key = tab.Keys // in the order of the table's key
		}
		all = append(all, c)
	}
	return all
}

// Of is the contract that the columns of s are, all of them or those whose names
// are no data.
func Of(s *schemas.Schema, all bool) *Contract {
	c := &Contract{Topic: s.Topic}
	for _, f := range s.Fields {
		if !all && f.MayBeData() { // P1
			continue
		}
		c.Fields = append(c.Fields, Field{Name: f.Name, Type: spelled(f), NotNull: !f.Nullable || f.Key, Logical: f.Logical})
		if f.Key {
			c.Key = append(c.Key, f.Name)
		}
	}
	return c
}

func sameNames(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// spelled is the type of a field as ParseColumn reads it; "" if only nulls came.
func spelled(f schemas.Field) string {
	if f.Type.Kind == schemas.Unknown {
		return ""
	}
	suffix := map[schemas.Wire]string{schemas.WireBase64: ":base64", schemas.WireMillis: ":millis", schemas.WireNanos: ":nanos", schemas.WireISO: ":iso"}[f.Wire]
	if _, _, _, err := schemas.ParseColumn(f.Type.String() + suffix); err != nil {
		suffix = ""
	}
	return f.Type.String() + suffix
}

// sourceType is the column type for values of a database's type, "" to leave it
// to the values.
func sourceType(name string, length, scale int, v values) string {
	unsigned := schemas.SourceLogical(name, length, nil) == "uint64"
	name, _, _ = strings.Cut(strings.ToUpper(name), "(")
	name, _, _ = strings.Cut(name, " ") // UNSIGNED, ZEROFILL, WITH TIME ZONE
	text := v.texts > 0
	switch name {
	case "BIGINT":
		if text && v.base64 && unsigned {
			return "decimal(20,0):base64" // bigint.unsigned.handling.mode=precise
		}
		fallthrough
	case "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "INTEGER", "YEAR":
		if v.numbers > 0 {
			return "int64"
		}
	case "DECIMAL", "NUMERIC", "NUMBER", "DEC", "FIXED", "MONEY", "SMALLMONEY":
		spelled := ""
		if text && v.base64 && !v.decimal {
			spelled = ":base64"
		}
		if length < 1 || length > 38 && spelled == "" || scale < 0 || scale > length {
			return ""
		}
		return fmt.Sprintf("decimal(%d,%d)%s", length, scale, spelled)
	case "DATE":
		if text {
			return "date:iso"
		}
		return "date" + v.count()
	case "DATETIME", "DATETIME2", "SMALLDATETIME":
		if text {
			return "timestamp:iso"
		}
		if name == "DATETIME" && length <= 3 { // in every mode but that of nanoseconds
			v.votes[0], v.votes[2] = 0, 0
		}
		return "timestamp" + v.count()
	case "TIMESTAMP":
		if text {
			return "instant"
		}
		return "timestamp" + v.count()
	case "DATETIMEOFFSET":
		return "instant"
	case "TIME":
		if text {
			return "time:iso"
		}
		return "time" + count(v.clock)
	case "BINARY", "VARBINARY", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB", "IMAGE", "RAW", "BIT":
		if text && v.base64 {
			return "binary"
		}
	case "JSON":
		if text {
			return "json"
		}
	case "UUID", "UNIQUEIDENTIFIER":
		return "uuid"
	}
	return ""
}

// unit is what a number of a time most likely counts: the days, milliseconds,
// microseconds and nanoseconds of this century do not overlap.
func unit(n int64) int {
	switch {
	case n < 1e8:
		return 0
	case n < 1e14:
		return 1
	case n < 1e17:
		return 2
	}
	return 3
}

// clockUnit is the same of a time of day, of MySQL's up to 838 hours.
func clockUnit(n int64) int {
	switch {
	case n <= 86_400_000:
		return 1
	case n < 4e12:
		return 2
	}
	return 3
}

// count is the suffix for what the numbers of a time count, as most of them
// say: a few lie at the ends of what a database can hold.
func (v *values) count() string { return count(v.votes) }

func count(votes [4]int) string {
	best := 0
	for u, n := range votes {
		if n > votes[best] {
			best = u
		}
	}
	return [...]string{"", ":millis", ":micros", ":nanos"}[best]
}
