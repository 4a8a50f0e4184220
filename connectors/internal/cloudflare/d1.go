package cloudflare

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Statement is one SQL statement with its parameters. Parameters are UTF-8
// text, nil is NULL: D1 binds every number as a double, so that numbers go as
// text or inside one JSON text for json_each.
type Statement struct {
	SQL    string
	Params [][]byte
}

// StatementResult is what one statement returned. Cells are JSON as the API
// sent it. D1 itself rounds integers beyond 2^53 and drops NaN and infinities:
// CAST AS TEXT in the statement reads them exactly.
type StatementResult struct {
	Columns []string
	Rows    [][]json.RawMessage
	Meta    Meta
}

// Meta is what D1 bills and says about a statement.
type Meta struct {
	Changes     int64
	RowsRead    int64
	RowsWritten int64
	SizeAfter   int64   // bytes of the database
	Duration    float64 // milliseconds of SQL
}

// D1Query runs statements as one batch, that is one transaction: all of them
// or none. An Ambiguous error leaves it open which.
func (cl *Client) D1Query(ctx context.Context, database string, statements []Statement) ([]StatementResult, error) {
	const op = "d1 query"
	if len(statements) == 0 {
		return nil, nil
	}
	body, err := appendBatch(op, statements)
	if err != nil {
		return nil, err
	}
	raw, err := cl.do(ctx, call{op: op, method: http.MethodPost, path: "/d1/database/" + url.PathEscape(database) + "/raw", body: body})
	if err != nil {
		return nil, err
	}
	results, err := readResults(raw)
	if err != nil || len(results) != len(statements) {
		return nil, &transportError{op: op, err: errShape} // the batch was applied, and yet its answer is lost
	}
	return results, nil
}

// checkBatch checks the limits.
func checkBatch(op string, statements []Statement) error {
	if err := limit(op, "statements", len(statements), MaxStatements); err != nil {
		return err
	}
	for i, s := range statements {
		if err := limit(op, fmt.Sprintf("bytes of statement %d", i), len(s.SQL), MaxStatement); err != nil {
			return err
		}
		if err := limit(op, fmt.Sprintf("parameters of statement %d", i), len(s.Params), MaxParams); err != nil {
			return err
		}
		if err := checkText(op, fmt.Sprintf("statement %d", i), []byte(s.SQL)); err != nil {
			return err
		}
		for j, p := range s.Params {
			if err := limit(op, fmt.Sprintf("bytes of parameter %d of statement %d", j+1, i), len(p), MaxValue); err != nil {
				return err
			}
			if err := checkText(op, fmt.Sprintf("parameter %d of statement %d", j+1, i), p); err != nil {
				return err
			}
		}
	}
	return nil
}

// appendBatch checks the limits and writes the request.
func appendBatch(op string, statements []Statement) ([]byte, error) {
	if err := checkBatch(op, statements); err != nil {
		return nil, err
	}
	size := 32
	for _, s := range statements {
		size += len(s.SQL) + 32
		for _, p := range s.Params {
			size += len(p) + len(p)/4 + 8 // JSON in a string: a quote in about five bytes
		}
	}
	b := append(make([]byte, 0, size), `{"batch":[`...)
	for i, s := range statements {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"sql":`...), s.SQL)
		b = append(b, `,"params":[`...)
		for j, p := range s.Params {
			if j > 0 {
				b = append(b, ',')
			}
			if p == nil {
				b = append(b, "null"...)
				continue
			}
			b = appendString(b, p)
		}
		b = append(b, "]}"...)
	}
	return append(b, "]}"...), nil
}

// readResults reads the result of the raw endpoint.
func readResults(raw json.RawMessage) ([]StatementResult, error) {
	var rs []struct {
		Results struct {
			Columns []string            `json:"columns"`
			Rows    [][]json.RawMessage `json:"rows"`
		} `json:"results"`
		Success *bool `json:"success"`
		Meta    struct {
			Changes     float64 `json:"changes"` // counts: far below 2^53
			RowsRead    float64 `json:"rows_read"`
			RowsWritten float64 `json:"rows_written"`
			SizeAfter   float64 `json:"size_after"`
			Duration    float64 `json:"duration"`
		} `json:"meta"`
	}
	if err := json.Unmarshal(raw, &rs); err != nil {
		return nil, errShape // P1: the cause may quote a cell
	}
	out := make([]StatementResult, len(rs))
	for i, r := range rs {
		if r.Success != nil && !*r.Success {
			return nil, errShape
		}
		for _, row := range r.Results.Rows {
			if len(row) != len(r.Results.Columns) {
				return nil, errShape
			}
		}
		out[i] = StatementResult{Columns: r.Results.Columns, Rows: r.Results.Rows, Meta: Meta{Changes: int64(r.Meta.Changes),
			RowsRead: int64(r.Meta.RowsRead), RowsWritten: int64(r.Meta.RowsWritten), SizeAfter: int64(r.Meta.SizeAfter), Duration: r.Meta.Duration}}
	}
	return out, nil
}

// Text is a cell that holds text; ok is false for NULL and every other type.
func Text(cell json.RawMessage) (s string, ok bool) {
	if len(cell) == 0 || cell[0] != '"' || json.Unmarshal(cell, &s) != nil {
		return "", false
	}
	return s, true
}

// Int is a cell that holds an integer, as a number or as text (CAST AS TEXT);
// ok is false for NULL and everything else.
func Int(cell json.RawMessage) (n int64, ok bool) {
	s := string(cell)
	if t, is := Text(cell); is {
		s = t
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
