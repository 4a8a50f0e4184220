package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"sluice/connectors/recording"
	"sluice/processors/mask/detect"
	"sluice/topology/stream"
)

// openRows reads a file of rows, or a recording.
func openRows(name string, in io.Reader) (reader, error) {
	from, err := plainRows(name, in)
	if err != nil {
		return nil, err
	}
	r, err := recording.NewReader(from)
	if x, ok := from.(*rows); ok && err == nil {
		return rowReader{r, x}, nil
	}
	return r, err
}

// rowReader is a recording made of rows.
type rowReader struct {
	*recording.Reader
	rows *rows
}

func (r rowReader) Next() (*stream.Batch, error) {
	b, err := r.Reader.Next()
	if bad := r.rows.err; err != nil && bad != nil && !errors.Is(bad, io.EOF) {
		return nil, bad
	}
	return b, err
}

// plainRows is in as a recording of one topic, called after the file, if it is a file
// of rows: JSON Lines of objects, or CSV with names in the first line, parted by
// commas, semicolons, tabs or bars. What begins as a recording goes on as it is.
func plainRows(name string, in io.Reader) (io.Reader, error) {
	r, err := plainInput(in)
	if err != nil {
		return nil, err
	}
	first, err := r.Peek(r.Size())
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	first = bytes.TrimLeft(first, " \t\r\n")
	line, _, whole := bytes.Cut(first, []byte("\n"))
	x := &rows{in: r, topic: "rows"}
	if name != "-" {
		x.topic, _, _ = strings.Cut(filepath.Base(name), ".")
	}
	switch {
	case len(line) == 0:
		return r, nil
	case whole && !utf8.Valid(line), bytes.IndexByte(line, 0) >= 0:
		return nil, errNoRows
	case line[0] == '[':
		return nil, errors.New("a JSON array: make a line of each of its rows, as with jq -c '.[]'")
	case line[0] == '{':
		var record struct {
			Topic, Offset, Value json.RawMessage
		}
		err := json.Unmarshal(line, &record)
		if err == nil && record.Topic != nil && record.Offset != nil && record.Value != nil {
			return r, nil
		}
		if start := line[:min(len(line), 1024)]; err != nil && bytes.Contains(start, []byte(`"topic":`)) && bytes.Contains(start, []byte(`"offset":`)) {
			return r, nil // whose first record is longer than what was looked at, or broken, which is told there
		}
		x.next = x.line
		return x, nil
	}
	if err == nil { // there is more: the last row may be cut
		first = first[:bytes.LastIndexByte(first, '\n')+1]
	}
	if sep := separator(first); whole && sep != 0 {
		switch err := x.header(parted(r, sep)); {
		case err == nil:
			return x, nil
		case errors.Is(err, errNoNames):
			return nil, err
		}
	}
	return nil, errNoRows
}

// errNoNames keeps a row from being printed as the names of columns. // P1
var errNoNames = errors.New("line 1 holds personal data, so it is a row: put a line with the columns' names before it")

// looked is how many rows are looked at to find what parts cells.
const looked = 20

// separator is what parts the cells of head, which begins a file of CSV: what gives
// the fewest rows another number of cells than the first line, and of several the
// most cells; 0 if none is in that line.
func separator(head []byte) (best rune) {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	var share float64 // of rows that are uneven
	cells := 0
	for _, sep := range ",;\t|" {
		if !bytes.ContainsRune(line, sep) {
			continue
		}
		c := parted(bytes.NewReader(head), sep)
		names, err := c.Read()
		if err != nil {
			continue
		}
		n, rows, uneven := len(names), 0, 0
		for rows < looked && !errors.Is(err, io.EOF) {
			if _, err = c.Read(); err == nil {
				rows++
			} else if !errors.Is(err, io.EOF) {
				rows, uneven = rows+1, uneven+1
			}
		}
		if x := float64(uneven) / float64(max(rows, 1)); best == 0 || x < share || x == share && n > cells {
			best, share, cells = sep, x, n
		}
	}
	return best
}

func parted(in io.Reader, sep rune) *csv.Reader {
	c := csv.NewReader(in)
	c.Comma, c.ReuseRecord, c.LazyQuotes = sep, true, true
	return c
}

var errNoRows = errors.New("neither a recording nor rows: JSON Lines, or CSV with the columns' names in its first line")

// rows reads as a recording's lines.
type rows struct {
	in    *bufio.Reader
	csv   *csv.Reader
	names [][]byte // of columns, as JSON
	topic string
	next  func() ([]byte, error) // a row, as JSON
	n     int64
	left  []byte
	err   error // by which lines of the file are told, and not those of the recording
}

func (x *rows) Read(p []byte) (int, error) {
	for len(x.left) == 0 {
		if x.err != nil {
			return 0, io.ErrUnexpectedEOF // told before, maybe to a look ahead
		}
		row, err := x.next()
		if err != nil {
			if x.err = err; !errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		if len(row) == 0 {
			continue
		}
		line, err := json.Marshal(map[string]any{"topic": x.topic, "partition": 0, "offset": x.n, "timestamp": 0, "key": nil, "value": row, "headers": []any{}})
		if err != nil {
			return 0, err
		}
		x.left = append(line, '\n')
		x.n++
	}
	n := copy(p, x.left)
	x.left = x.left[n:]
	return n, nil
}

// line is the next line of JSON.
func (x *rows) line() ([]byte, error) {
	var row []byte
	for {
		part, err := x.in.ReadSlice('\n')
		if row = append(row, part...); len(row) > maxText {
			return nil, fmt.Errorf("line %d is longer than %d bytes", x.n+1, maxText)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil && len(row) == 0:
			return nil, err
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		default:
			return bytes.TrimSpace(row), nil
		}
	}
}

// header reads the names of columns.
func (x *rows) header(c *csv.Reader) error {
	names, err := c.Read()
	if err != nil {
		return err
	}
	det := detect.New(detect.Options{})
	for i, n := range names {
		if len(det.Find(nil, []byte(n))) > 0 {
			return errNoNames
		}
		if n = strings.TrimSpace(n); n == "" {
			n = fmt.Sprintf("column_%d", i+1)
		}
		p, err := json.Marshal(n)
		if err != nil {
			return err
		}
		x.names = append(x.names, p)
	}
	x.csv, x.next = c, x.record
	return nil
}

// record is the next line of CSV; an empty cell is null.
func (x *rows) record() ([]byte, error) {
	cells, err := x.csv.Read()
	var bad *csv.ParseError
	switch {
	case errors.As(err, &bad) && errors.Is(err, csv.ErrFieldCount):
		return nil, fmt.Errorf("line %d has %d cells, the first line names %d columns", bad.StartLine, len(cells), len(x.names))
	case errors.As(err, &bad):
		return nil, fmt.Errorf("line %d: %w", bad.StartLine, bad.Err) // P1: says no cell
	case err != nil:
		return nil, err
	}
	row := []byte{'{'}
	for i, c := range cells {
		if i > 0 {
			row = append(row, ',')
		}
		row = append(append(row, x.names[i]...), ':')
		if c == "" {
			row = append(row, "null"...)
			continue
		}
		p, err := json.Marshal(c)
		if err != nil {
			return nil, err
		}
		row = append(row, p...)
	}
	return append(row, '}'), nil
}
