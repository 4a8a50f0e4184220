package cloudflare

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Production's limits of D1 (d1/platform/limits).
const (
	maxStatement  = 100_000
	maxParams     = 100
	maxValue      = 2_000_000 // value and row
	maxStatements = 1_000     // of a batch: documented for a Worker's invocation
	maxSQLTime    = 30 * time.Second
)

// database is one D1 database.
type database struct {
	*file
	id, name, path string
	now            func() time.Time
	guard          atomic.Bool // the statement is a caller's: the authorizer applies D1's rules
}

func openDatabase(id, name, path string, now func() time.Time) (*database, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	d := &database{file: f, id: id, name: name, path: path, now: now}
	for what, n := range map[int]int{
		sqlite3.SQLITE_LIMIT_LENGTH: maxValue, sqlite3.SQLITE_LIMIT_COLUMN: 100, sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
		sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 500, sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 32, sqlite3.SQLITE_LIMIT_ATTACHED: 0,
		sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 50, sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: maxParams,
	} {
		if _, e := sqlite.Limit(f.conn, what, n); e != nil {
			err = e
		}
	}
	if e := f.conn.Raw(func(c any) error { return c.(sqlite.AuthorizerRegisterer).RegisterAuthorizer(d.authorize) }); e != nil {
		err = e
	}
	if err != nil {
		f.close()
		return nil, err
	}
	return d, nil
}

// pragmas are those D1 documents (d1/sql-api/sql-statements).
var pragmas = []string{"table_list", "table_info", "table_xinfo", "index_list", "index_info", "index_xinfo", "quick_check",
	"foreign_key_check", "foreign_key_list", "foreign_keys", "defer_foreign_keys", "case_sensitive_like",
	"ignore_check_constraints", "legacy_alter_table", "recursive_triggers", "reverse_unordered_selects", "optimize", "function_list"}

// authorize refuses what D1 refuses: transactions of one's own, other files,
// temporary objects, most PRAGMAs, D1's own tables.
func (d *database) authorize(action sqlite.AuthorizerActionCode, arg1, arg2, _, _ string) sqlite.AuthorizerReturnCode {
	if !d.guard.Load() {
		return sqlite.AuthorizerOK
	}
	deny := false
	switch action {
	case sqlite.AuthTransaction, sqlite.AuthSavepoint, sqlite.AuthAttach, sqlite.AuthDetach,
		sqlite.AuthCreateTempIndex, sqlite.AuthCreateTempTable, sqlite.AuthCreateTempTrigger, sqlite.AuthCreateTempView:
		deny = true
	case sqlite.AuthPragma:
		deny = !slices.Contains(pragmas, strings.ToLower(arg1))
	case sqlite.AuthFunction:
		deny = strings.EqualFold(arg2, "sqlite_version") || strings.EqualFold(arg2, "load_extension")
	case sqlite.AuthRead, sqlite.AuthInsert, sqlite.AuthUpdate, sqlite.AuthDelete, sqlite.AuthCreateTable, sqlite.AuthDropTable:
		deny = strings.HasPrefix(strings.ToLower(arg1), "_cf_")
	case sqlite.AuthAlterTable:
		deny = strings.HasPrefix(strings.ToLower(arg2), "_cf_")
	}
	if deny {
		return sqlite.AuthorizerDeny
	}
	return sqlite.AuthorizerOK
}

// query is a statement of a request.
type query struct {
	SQL    string            `json:"sql"`
	Params []json.RawMessage `json:"params"`
}

// routeD1 answers below /d1/database.
func (e *Emulator) routeD1(r *http.Request, seg []string, body []byte) reply {
	switch {
	case len(seg) == 0:
		return e.manageDatabases(r, body)
	case len(seg) > 2:
		return noRoute.reply()
	}
	d := e.database(seg[0])
	if d == nil {
		return fail(404, 7404, "The database %s could not be found", seg[0]).reply() // code assumed
	}
	switch {
	case len(seg) == 1 && r.Method == http.MethodGet:
		return result(d.describe())
	case len(seg) == 2 && r.Method == http.MethodPost && (seg[1] == "query" || seg[1] == "raw"):
		qs, f := readQueries(body)
		if f != nil {
			return f.reply()
		}
		b, f := d.batch(qs, seg[1] == "raw")
		if f != nil {
			return f.reply()
		}
		return success(b)
	}
	return noRoute.reply()
}

func readQueries(body []byte) ([]query, *failure) {
	var in struct {
		query
		Batch []query `json:"batch"`
	}
	if err := json.Unmarshal(body, &in); err != nil || in.SQL == "" && len(in.Batch) == 0 || in.SQL != "" && in.Batch != nil {
		return nil, fail(400, 7400, "The request is malformed: expected sql or batch") // code assumed
	}
	if in.Batch == nil {
		in.Batch = []query{in.query}
	}
	if len(in.Batch) > maxStatements {
		return nil, fail(400, 7500, "Too many API requests by single worker invocation")
	}
	return in.Batch, nil
}

// batch runs all queries in one transaction and returns the result's JSON.
// The caller may be gone: as in D1, what was begun is finished.
func (d *database) batch(qs []query, raw bool) ([]byte, *failure) {
	ctx, cancel := context.WithTimeout(context.Background(), maxSQLTime)
	defer cancel()
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, sqlFailure(err)
	}
	out := []byte{'['}
	for _, q := range qs {
		var f *failure
		if out, f = d.run(ctx, out, q, raw); f != nil {
			d.conn.ExecContext(context.Background(), "ROLLBACK")
			return nil, f
		}
	}
	if _, err := d.conn.ExecContext(ctx, "COMMIT"); err != nil { // a deferred constraint, a full disk
		d.conn.ExecContext(context.Background(), "ROLLBACK")
		return nil, sqlFailure(err)
	}
	return append(out, ']'), nil
}

// run appends the result objects of one query, one for each of its statements.
func (d *database) run(ctx context.Context, out []byte, q query, raw bool) ([]byte, *failure) {
	if len(q.SQL) > maxStatement {
		return out, fail(400, 7500, "statement too long: SQLITE_TOOBIG")
	}
	ps := split(q.SQL)
	if len(ps) == 0 {
		return out, fail(400, 7500, "No SQL statements detected.")
	}
	args, f := bind(q.Params)
	if f != nil {
		return out, f
	}
	if len(ps) > 1 && len(args) > 0 {
		return out, fail(400, 7500, "A prepared SQL statement must contain only one statement.")
	}
	for _, p := range ps {
		if p.params > maxParams {
			return out, fail(400, 7500, "variable number must be between ?1 and ?%d: SQLITE_ERROR", maxParams)
		}
		if p.params != len(args) || p.named {
			return out, fail(400, 7500, "Wrong number of parameter bindings for SQL query.")
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		var err error
		if out, err = d.statement(ctx, out, p, args, raw); err != nil {
			return out, sqlFailure(err)
		}
	}
	return out, nil
}

// statement runs one statement and appends its result object.
func (d *database) statement(ctx context.Context, out []byte, p piece, args []any, raw bool) ([]byte, error) {
	begin := d.now()
	before, err := d.number(ctx, "SELECT total_changes()")
	if err != nil {
		return out, err
	}
	d.guard.Store(true)
	out, n, err := d.rows(ctx, append(out, `{"results":`...), p, args, raw)
	d.guard.Store(false)
	if err != nil {
		return out, err
	}
	var state [3]int64
	for i, q := range [...]string{"SELECT total_changes()", "SELECT last_insert_rowid()",
		"SELECT (SELECT page_count FROM pragma_page_count)*(SELECT page_size FROM pragma_page_size)"} {
		if state[i], err = d.number(ctx, q); err != nil {
			return out, err
		}
	}
	changes := state[0] - before
	ms := float64(d.now().Sub(begin).Microseconds()) / 1000
	ddl := p.first == "CREATE" || p.first == "DROP" || p.first == "ALTER"
	out = fmt.Appendf(out, `,"success":true,"meta":{"served_by":"emulator","served_by_region":"WEUR","served_by_colo":"DEV","served_by_primary":true,`+
		`"timings":{"sql_duration_ms":%v},"duration":%v,"changes":%d,"last_row_id":`, ms, ms, changes)
	out = appendInteger(out, state[1])
	return fmt.Appendf(out, `,"changed_db":%v,"size_after":%d,"rows_read":%d,"rows_written":%d}}`,
		changes > 0 || ddl, state[2], n+changes, changes), nil
}

func (d *database) number(ctx context.Context, q string) (n int64, err error) {
	err = d.conn.QueryRowContext(ctx, q).Scan(&n)
	return n, err
}

// rows runs p and appends what it returns.
func (d *database) rows(ctx context.Context, out []byte, p piece, args []any, raw bool) ([]byte, int64, error) {
	rs, err := d.conn.QueryContext(ctx, p.text, args...)
	if err != nil {
		return out, 0, err
	}
	defer func() { rs.Close() }()
	types, err := rs.ColumnTypes()
	if err != nil {
		return out, 0, err
	}
	if slices.ContainsFunc(types, timed) && (p.first == "SELECT" || p.first == "WITH" || p.first == "VALUES") {
		// The driver turns text of columns declared DATE into times; an
		// expression has no declared type.
		rs.Close()
		if rs, err = d.conn.QueryContext(ctx, plain(p.text, len(types)), args...); err != nil {
			return out, 0, err
		}
	}
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.Name()
	}
	shape := newShape(names, raw)
	out = shape.begin(out)
	cells := make([]any, len(names))
	dest := make([]any, len(names))
	for i := range cells {
		dest[i] = &cells[i]
	}
	n := int64(0)
	for ; rs.Next(); n++ {
		if err := rs.Scan(dest...); err != nil {
			return out, n, err
		}
		out = shape.row(out, cells)
	}
	return shape.end(out), n, rs.Err()
}

func timed(t *sql.ColumnType) bool {
	n := t.DatabaseTypeName()
	return n == "DATE" || n == "DATETIME" || n == "TIMESTAMP"
}

// plain wraps a SELECT so that its columns are expressions; + changes nothing.
func plain(text string, columns int) string {
	text = strings.TrimSuffix(strings.TrimSpace(text), ";")
	names, exprs := make([]string, columns), make([]string, columns)
	for i := range columns {
		names[i] = fmt.Sprintf("c%d", i)
		exprs[i] = "+" + names[i]
	}
	return "WITH sluice_plain(" + strings.Join(names, ",") + ") AS (" + text + "\n) SELECT " + strings.Join(exprs, ",") + " FROM sluice_plain"
}

// sqlFailure says err as D1 does: SQLite's message and the name of its code.
func sqlFailure(err error) *failure {
	var se *sqlite.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fail(500, 7500, "D1 DB storage operation exceeded timeout which caused object to be reset.")
	case !errors.As(err, &se):
		return fail(400, 7500, "%v: SQLITE_ERROR", err)
	}
	text := se.Error()
	if i := strings.LastIndex(text, " ("); i > 0 {
		text = text[:i]
	}
	for _, p := range [...]string{"SQL logic error: ", "constraint failed: ", "string or blob too big: ", "authorization denied: ", "datatype mismatch: "} {
		text = strings.TrimPrefix(text, p)
	}
	name := codeNames[se.Code()&0xff]
	if name == "" {
		name = "SQLITE_ERROR"
	}
	text += ": " + name
	if x := constraintNames[se.Code()]; x != "" {
		text += " (extended: " + x + ")"
	}
	return fail(400, 7500, "%s", text)
}

var codeNames = map[int]string{sqlite3.SQLITE_ERROR: "SQLITE_ERROR", sqlite3.SQLITE_CONSTRAINT: "SQLITE_CONSTRAINT",
	sqlite3.SQLITE_TOOBIG: "SQLITE_TOOBIG", sqlite3.SQLITE_AUTH: "SQLITE_AUTH", sqlite3.SQLITE_MISMATCH: "SQLITE_MISMATCH",
	sqlite3.SQLITE_FULL: "SQLITE_FULL", sqlite3.SQLITE_BUSY: "SQLITE_BUSY", sqlite3.SQLITE_READONLY: "SQLITE_READONLY",
	sqlite3.SQLITE_RANGE: "SQLITE_RANGE", sqlite3.SQLITE_LOCKED: "SQLITE_LOCKED", sqlite3.SQLITE_CORRUPT: "SQLITE_CORRUPT"}

var constraintNames = map[int]string{sqlite3.SQLITE_CONSTRAINT_CHECK: "SQLITE_CONSTRAINT_CHECK", sqlite3.SQLITE_CONSTRAINT_UNIQUE: "SQLITE_CONSTRAINT_UNIQUE",
	sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: "SQLITE_CONSTRAINT_PRIMARYKEY", sqlite3.SQLITE_CONSTRAINT_NOTNULL: "SQLITE_CONSTRAINT_NOTNULL",
	sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: "SQLITE_CONSTRAINT_FOREIGNKEY", sqlite3.SQLITE_CONSTRAINT_TRIGGER: "SQLITE_CONSTRAINT_TRIGGER",
	sqlite3.SQLITE_CONSTRAINT_ROWID: "SQLITE_CONSTRAINT_ROWID", sqlite3.SQLITE_CONSTRAINT_DATATYPE: "SQLITE_CONSTRAINT_DATATYPE"}
