package d1

import (
	"fmt"
	"slices"
	"strings"

	"sluice/schemas"
	"sluice/topology/stream"
)

// The types of STRICT tables that are used.
const (
	sqlInteger = "INTEGER"
	sqlReal    = "REAL"
	sqlText    = "TEXT"
	sqlBlob    = "BLOB"
	sqlAny     = "ANY"
)

// maxColumns is D1's limit of a table (d1/platform/limits).
const maxColumns = 100

// target is a table of the database that rows go to.
type target struct {
	name  string
	topic string
	keyed bool
	key   []string // names of the key's columns, in lower case and order
	bare  bool     // only truncates are known of it: the store knows whether it has a key
}

// column is one column of a layout.
type column struct {
	name string
	sql  string // its type in the table
	typ  schemas.Type
	wire schemas.Wire
	late bool // nobody knows its type: there is no column until a value is seen

	of, retyped string // as in columnPlan
}

// layout is how the rows of one stream.Table are written as JSON arrays: one
// element a column. Immutable.
type layout struct {
	*target
	cols   []column
	key    []int  // ordinals of the key columns, in key order
	refuse string // every row is refused, with this code
}

// where is where appended rows come from; these columns come first.
var where = []column{{name: "_partition", sql: sqlInteger}, {name: "_offset", sql: sqlInteger}, {name: "_seq", sql: sqlInteger}, {name: "_op", sql: sqlText}}

// layoutOf plans t. Its error is a StateError without lanes: names that cannot be.
func (s *Sink) layoutOf(t *stream.Table) (*layout, error) {
	name := tableName(s.cfg.Table, t)
	tg, err := s.target(name, t)
	if err != nil {
		return nil, err
	}
	l := &layout{target: tg, key: t.Key}
	n := len(t.Columns)
	if !tg.keyed {
		n += len(where)
	}
	if n > maxColumns {
		l.refuse = "too_many_columns"
	}
	seen := map[string]string{}
	if !tg.keyed {
		for _, c := range where {
			seen[c.name] = c.name
		}
	}
	for _, c := range t.Columns {
		if err := checkName(c.Name); err != nil {
			return nil, parked(fmt.Sprintf("column %q of table %q: %v", c.Name, name, err), "rename the column or drop it in the mask policy")
		}
		if other, ok := seen[lower(c.Name)]; ok { // SQLite's names have no case
			return nil, parked(fmt.Sprintf("table %q: columns %q and %q are one name to SQLite", name, other, c.Name), "rename one of them or drop it in the mask policy")
		}
		seen[lower(c.Name)] = c.Name
		x := column{name: c.Name, sql: sqlType(c.Type), typ: c.Type, wire: c.Wire, late: c.Type.Kind == schemas.Unknown, of: c.Of}
		if c.Of == "" && !slices.Contains(t.Key, len(l.cols)) {
			x.retyped = schemas.Retyped(c.Name, c.Type)
		}
		if o := s.override(name, c.Name); o != "" {
			x.sql = o
		}
		l.cols = append(l.cols, x)
	}
	return l, nil
}

// override is the type the config wants for a column, or "".
func (s *Sink) override(table, col string) string {
	for k, v := range s.cfg.Columns {
		if strings.EqualFold(k, table+"."+col) {
			return v
		}
	}
	return ""
}

const keepApart = "set table: to a template that keeps the topics apart, such as \"{namespace}_{table}\" or \"{topic}\""

// target finds or makes the target of a name. One name is one topic's.
func (s *Sink) target(name string, t *stream.Table) (*target, error) {
	if err := checkName(name); err != nil {
		return nil, parked(fmt.Sprintf("topic %s: table %q: %v", t.Topic, name, err), keepApart)
	}
	for _, p := range [...]string{"sqlite_", "_cf_", "_sluice_"} {
		if strings.HasPrefix(lower(name), p) {
			return nil, parked(fmt.Sprintf("topic %s: table %q: names that begin with %s are reserved", t.Topic, name, p), keepApart)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tg := s.targets[lower(name)]
	switch {
	case tg == nil:
		tg = &target{name: name, topic: t.Topic, keyed: len(t.Key) > 0, key: keyNames(t)}
		s.targets[lower(name)] = tg
	case tg.topic != t.Topic:
		return nil, twoTopics(tg, t.Topic)
	case tg.keyed != (len(t.Key) > 0):
		return nil, parked(fmt.Sprintf("topic %s: table %q has rows with a key and rows without", t.Topic, name), "give the table a primary key, or the pipeline another table: for this topic")
	case !slices.Equal(tg.key, keyNames(t)): // they would fold rows that are apart, or keep rows that are one
		return nil, parked(fmt.Sprintf("topic %s: table %q has rows with the key (%s) and rows with (%s)", t.Topic, name, strings.Join(tg.key, ", "), strings.Join(keyNames(t), ", ")),
			"give this sink another table: template and replay the topic")
	}
	return tg, nil
}

func keyNames(t *stream.Table) (names []string) {
	for _, k := range t.Key {
		names = append(names, lower(t.Columns[k].Name))
	}
	slices.Sort(names)
	return names
}

// cleared is the target of a truncate: the one that rows made, or a bare one. Its
// error is a StateError: a truncate of another topic empties no table of this name.
func (s *Sink) cleared(t *stream.Table) (*target, error) {
	name := tableName(s.cfg.Table, t)
	s.mu.Lock()
	defer s.mu.Unlock()
	tg := s.targets[lower(name)]
	if tg == nil {
		tg = s.bare[lower(name)]
	}
	if tg == nil {
		tg = &target{name: name, topic: t.Topic, keyed: true, bare: true}
		s.bare[lower(name)] = tg
	}
	if tg.topic != t.Topic {
		return nil, twoTopics(tg, t.Topic)
	}
	return tg, nil
}

func twoTopics(tg *target, topic string) error {
	return parked(fmt.Sprintf("topics %s and %s both go to table %q", tg.topic, topic, tg.name), keepApart)
}

// known is the target that rows made of the table of a bare one, if rows have a key
// there; else tg.
func (s *Sink) known(tg *target) *target {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.targets[lower(tg.name)]; tg.bare && x != nil && x.keyed && x.topic == tg.topic {
		return x
	}
	return tg
}

func sqlType(t schemas.Type) string {
	switch t.Kind {
	case schemas.Bool, schemas.Int32, schemas.Int64:
		return sqlInteger
	case schemas.Float32, schemas.Float64:
		return sqlReal
	case schemas.Binary:
		return sqlBlob
	case schemas.Unknown:
		return sqlAny
	}
	return sqlText
}

// parked is a state that a person mends; Why holds names only. // P1
func parked(why, todo string) *stream.StateError {
	return &stream.StateError{State: stream.StateParked, Why: "d1: " + why, Todo: todo}
}

// places are the parts of a name template.
var places = []string{"{topic}", "{database}", "{namespace}", "{table}"}

func checkTemplate(s string) error {
	rest := s
	for _, p := range places {
		rest = strings.ReplaceAll(rest, p, "")
	}
	switch {
	case strings.ContainsAny(rest, "{}"):
		return fmt.Errorf("d1: table: %q: only {topic}, {database}, {namespace} and {table} can stand in braces", s)
	case !strings.Contains(s, "{topic}") && !strings.Contains(s, "{table}"):
		return fmt.Errorf("d1: table: %q: without {table} or {topic} all topics would share one table", s)
	}
	return nil
}

// tableName fills the template. A topic without a source table is its own
// table; places that are empty leave no separators behind.
func tableName(template string, t *stream.Table) string {
	table := t.Table
	if table == "" {
		table = t.Topic
	}
	for i, v := range [...]string{t.Topic, t.Database, t.Namespace, table} {
		if v == "" {
			for _, sep := range [...]string{"_", ".", "-"} {
				template = strings.ReplaceAll(template, places[i]+sep, "")
			}
		}
		template = strings.ReplaceAll(template, places[i], v)
	}
	return template
}

func checkName(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("the name is empty")
	case len(s) > 200:
		return fmt.Errorf("the name has more than 200 bytes")
	case strings.ToValidUTF8(s, "") != s || strings.ContainsRune(s, 0):
		return fmt.Errorf("the name is not text")
	}
	return nil
}

// lower folds names as SQLite does: ASCII only.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// quote makes an SQL identifier of any name.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
