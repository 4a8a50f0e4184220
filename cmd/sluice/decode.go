package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"sluice/schemas"
	"sluice/topology/stream"
)

func decodeCommand(a *app) *cobra.Command {
	var in reading
	var model, infer bool
	c := &cobra.Command{
		Use: "decode [FILE|-]", Short: "Show the rows of a recording or a topic, typed and exact",
		Long: `Reads a recording of Kafka topics, gzip'd or not, or with --topic a topic from
its beginning to where it ends now, and prints one JSON line a row. A recording
has one record a line: {"topic","partition","offset","timestamp","key","value",
"headers"}, key and value in base64 or null.

A row has topic, partition, offset, op (insert, update, delete, truncate), ts,
the number of its schema, and key, before and after by column. Integers keep
their digits; decimals are strings of theirs; dates and times are ISO 8601, with
Z if they are points in time; bytes are base64; NaN and infinities are strings.
Columns that the source did not send are listed under unavailable. A record that
cannot be read has reject with stage, code and field instead. Tombstones,
heartbeats, transaction metadata and schema changes are counted on standard
error only.

JSON without schemas says neither what its numbers count nor the scale of its
decimals: --infer takes them from the connector's schema change records in the
same recording, or guesses them from the values, as sluice contract infer does.

Rows pass the gate: --policy names a pipeline file whose decode and mask stages
are used, or --privacy none says that there is no personal data in it.

Exit code 4: there were rejects.`,
		Example: "  sluice decode --privacy none topics.jsonl.gz\n  sluice decode --policy pipeline.yaml - < topics.jsonl\n  sluice decode --privacy none --schema topics.jsonl.gz\n  sluice decode --policy pipeline.yaml --topic shop.public.orders",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if infer {
				end, err := in.inferTypes(a, c, args)
				if err != nil {
					return err
				}
				defer end()
			}
			out := bufio.NewWriterSize(a.out, 64<<10)
			v := newViewer(out, !model)
			v.all = in.privacy == "none"
			err := in.each(a, c, args, v.batch)
			if err == nil && model {
				v.models()
			}
			if flushed := out.Flush(); err == nil && flushed != nil {
				err = exit(exitRuntime, flushed)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(a.talk, "%d records: %d rows, %d filtered (tombstones, heartbeats, metadata), %d rejected\n", v.count.In, v.count.Written, v.count.Filtered, v.count.Rejected)
			if v.count.Rejected > 0 {
				return exit(exitFinding, fmt.Errorf("%d records were rejected: their lines have reject", v.count.Rejected))
			}
			return nil
		},
	}
	in.flags(c)
	c.Flags().BoolVar(&infer, "infer", false, "read the recording twice: types of JSON without schemas are those that sluice contract infer finds in it")
	c.Flags().BoolVar(&model, "schema", false, "print the columns of every topic instead of rows")
	return c
}

// inferTypes has the columns typed by what sluice contract infer says of the
// recording. end removes the file of contracts.
func (in *reading) inferTypes(a *app, c *cobra.Command, args []string) (end func(), err error) {
	if len(args) != 1 || args[0] == "-" {
		return nil, exit(exitUsage, errors.New("--infer reads twice: it needs a recording's file"))
	}
	set, err := in.observe(a, c, args)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sluice")
	if err != nil {
		return nil, exit(exitRuntime, err)
	}
	end = func() { _ = os.RemoveAll(dir) }
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	for _, k := range set {
		k.Key, k.Values = nil, "allow" // types, no rules
		for i := range k.Fields {
			k.Fields[i].NotNull = false
		}
		if err = e.Encode(k); err != nil {
			break
		}
	}
	in.contracts = filepath.Join(dir, "contracts.yaml")
	if err == nil {
		err = os.WriteFile(in.contracts, b.Bytes(), 0o600)
	}
	if err != nil {
		end()
		return nil, exit(exitRuntime, err)
	}
	if len(set) == 0 {
		in.contracts = ""
	}
	return end, nil
}

// viewer prints what became of batches.
type viewer struct {
	out     *bufio.Writer
	rows    bool
	all     bool                       // names that may be data too
	schemas map[string]*schemas.Schema // the last one of a topic
	count   stream.Count
	line    []byte
}

func newViewer(out *bufio.Writer, rows bool) *viewer {
	return &viewer{out: out, schemas: map[string]*schemas.Schema{}, rows: rows}
}

func (v *viewer) batch(b *stream.Batch, process func() (stream.Clean, error)) error {
	clean, err := process()
	if err != nil {
		return err
	}
	for i := range b.Records {
		v.schemas[b.Lane.Topic] = b.Records[i].Schema
	}
	n := clean.Count()
	n.Written = int64(len(clean.Rows()))
	v.count = v.count.Add(n)
	if !v.rows {
		return nil
	}
	rejects := slices.Clone(b.Rejects)
	slices.SortFunc(rejects, func(a, b stream.Reject) int { return int(a.Record.Offset - b.Record.Offset) })
	for _, r := range clean.Rows() {
		for len(rejects) > 0 && rejects[0].Record.Offset < r.Offset {
			v.reject(b.Lane, rejects[0])
			rejects = rejects[1:]
		}
		v.row(b.Lane, &r)
	}
	for _, r := range rejects {
		v.reject(b.Lane, r)
	}
	return nil
}

// place begins a line with its position.
func (v *viewer) place(l stream.Lane, offset int64) {
	v.line = append(v.line[:0], `{"topic":`...)
	v.line = appendText(v.line, l.Topic)
	v.line = strconv.AppendInt(append(v.line, `,"partition":`...), int64(l.Partition), 10)
	v.line = strconv.AppendInt(append(v.line, `,"offset":`...), offset, 10)
}

func (v *viewer) end() {
	v.line = append(v.line, "}\n"...)
	_, _ = v.out.Write(v.line) // the last Flush says it
}

func (v *viewer) reject(l stream.Lane, r stream.Reject) {
	v.place(l, r.Record.Offset)
	v.line = append(v.line, `,"reject":{"stage":`...)
	v.line = append(appendText(v.line, r.Stage), `,"code":`...)
	v.line = appendText(v.line, r.Code)
	if r.Field != "" {
		v.line = appendText(append(v.line, `,"field":`...), r.Field)
	}
	v.line = append(v.line, '}')
	v.end()
}

func (v *viewer) row(l stream.Lane, r *stream.CleanRow) {
	v.place(l, r.Offset)
	if r.Seq > 0 {
		v.line = strconv.AppendInt(append(v.line, `,"seq":`...), int64(r.Seq), 10)
	}
	v.line = appendText(append(v.line, `,"op":`...), r.Op.String())
	if r.Snapshot {
		v.line = append(v.line, `,"snapshot":true`...)
	}
	v.line = append(v.line, `,"ts":"`...)
	v.line = time.UnixMicro(r.Time).UTC().AppendFormat(v.line, "2006-01-02T15:04:05.000000Z")
	v.line = append(v.line, '"')
	for _, x := range []struct{ name, value string }{{"database", r.Table.Database}, {"namespace", r.Table.Namespace}, {"table", r.Table.Table}} {
		if x.value != "" {
			v.line = appendText(append(append(append(v.line, `,"`...), x.name...), `":`...), x.value)
		}
	}
	v.line = strconv.AppendInt(append(v.line, `,"schema":`...), int64(r.Table.Version), 10)
	if r.Src != (stream.SourcePos{}) {
		v.line = fmt.Appendf(v.line, `,"source":"%016x%016x%08x"`, r.Src.Hi, r.Src.Lo, r.Src.Row)
	}
	v.cells("key", r, r.Key)
	v.cells("before", r, r.Before)
	v.cells("after", r, r.After)
	if r.After != nil {
		v.unavailable(r)
	}
	v.end()
}

// cells appends a row as an object; columns that are not there are left out.
func (v *viewer) cells(name string, r *stream.CleanRow, cells []schemas.Cell) {
	if cells == nil {
		return
	}
	v.line = append(append(append(v.line, `,"`...), name...), `":{`...)
	first := true
	for i, c := range cells {
		if c.Absent() || c.Flags&schemas.Unavailable != 0 || i >= len(r.Table.Columns) {
			continue
		}
		if !first {
			v.line = append(v.line, ',')
		}
		first = false
		f := &r.Table.Columns[i]
		v.line = append(appendText(v.line, f.Name), ':')
		v.line = appendValue(v.line, f.Field, c, r.Bytes(c))
	}
	v.line = append(v.line, '}')
}

// appendValue appends a value in its type, or as the text it came in where the
// type cannot say it: NaN, infinity.
func appendValue(dst []byte, f schemas.Field, c schemas.Cell, p []byte) []byte {
	if f.Type.Kind == schemas.JSON && c.Enc == schemas.EncJSON {
		n := len(dst)
		dst = append(dst, p...)
		for i := n; i < len(dst); i++ { // one line a row; inside of strings JSON has no bare line ends
			if dst[i] == '\n' || dst[i] == '\r' {
				dst[i] = ' '
			}
		}
		return dst
	}
	var buf [32]byte
	c, p = schemas.Spelled(buf[:0], c, p)
	out, code := schemas.AppendJSON(dst, f.Type, f.Wire, c, p)
	if code == "" && (f.Type.Kind != schemas.Float32 && f.Type.Kind != schemas.Float64 || c.Enc != schemas.EncText) {
		return out
	}
	out, _ = schemas.AppendString(dst, c, p)
	return out
}

func (v *viewer) unavailable(r *stream.CleanRow) {
	sep := byte('[')
	for i, c := range r.After {
		if c.Flags&schemas.Unavailable == 0 {
			continue
		}
		if sep == '[' {
			v.line = append(v.line, `,"unavailable":`...)
		}
		v.line = appendText(append(v.line, sep), r.Table.Columns[i].Name)
		sep = ','
	}
	if sep == ',' {
		v.line = append(v.line, ']')
	}
}

// models prints the columns of every topic.
func (v *viewer) models() {
	type field struct {
		Name     string `json:"name"`
		Type     string `json:"type"`
		Logical  string `json:"logical,omitempty"`
		Nullable bool   `json:"nullable"`
		Key      bool   `json:"key,omitempty"`
	}
	topics := make([]string, 0, len(v.schemas))
	for t := range v.schemas {
		topics = append(topics, t)
	}
	slices.Sort(topics)
	e := json.NewEncoder(v.out)
	for _, t := range topics {
		s := v.schemas[t]
		m := struct {
			Topic     string  `json:"topic"`
			Database  string  `json:"database,omitempty"`
			Namespace string  `json:"namespace,omitempty"`
			Table     string  `json:"table,omitempty"`
			Version   int32   `json:"version"`
			Fields    []field `json:"fields"`
		}{t, s.Database, s.Namespace, s.Table, s.Version, []field{}}
		for _, f := range s.Fields {
			if !v.all && f.MayBeData() { // P1
				continue
			}
			m.Fields = append(m.Fields, field{f.Name, f.Type.String(), f.Logical, f.Nullable, f.Key})
		}
		_ = e.Encode(m)
	}
}

func appendText(dst []byte, s string) []byte {
	b, _ := json.Marshal(s)
	return append(dst, b...)
}
