package main

import (
	"bytes"
	"compress/flate"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/cmd/sluice/dev"
)

// outputs is everything that came out, by where.
type outputs struct {
	mu sync.Mutex
	m  map[string]*bytes.Buffer
}

// of is the output of that name, for one goroutine.
func (o *outputs) of(name string) *bytes.Buffer {
	if o.m[name] == nil {
		o.m[name] = &bytes.Buffer{}
	}
	return o.m[name]
}

// add appends p, cut off from what stands before it, under a lock.
func (o *outputs) add(name string, p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.of(name).Write(append([]byte{0}, p...))
}

// wiretap puts itself between the process and a server and keeps what the
// process says: also what is staged and deleted again.
func (o *outputs) wiretap(t *testing.T, name, target string) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	path := u.Path
	u.Path = ""
	proxy := httputil.NewSingleHostReverseProxy(u)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "cut", http.StatusBadGateway)
			return
		}
		o.add("wire to "+name, fmt.Appendf(nil, "%s %s %v %s", r.Method, r.URL, r.Header, body))
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + path
}

// collect reads every store whole.
func (o *outputs) collect(t *testing.T, stack *dev.Stack, p *plant) {
	t.Helper()
	err := filepath.WalkDir(stack.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && path == filepath.Join(stack.Dir, "kafka") { // what came in
				return filepath.SkipDir
			}
			return err
		}
		raw, err := os.ReadFile(path)
		rel, _ := filepath.Rel(stack.Dir, path)
		name := "files of " + strings.Split(rel, string(filepath.Separator))[0]
		switch filepath.Ext(path) {
		case ".parquet":
			o.parquet(t, path, raw)
			name = "files: Parquet as it is"
		case ".avro":
			o.of("files: Avro, inflated").Write(inflated(t, path, raw))
			name = "files: Avro as it is"
		}
		o.add(name, append([]byte(rel+"\n"), raw...))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	bodies, err := stack.Messages()
	if err != nil {
		t.Fatal(err)
	}
	o.add("queue", []byte(strings.Join(bodies, "\n")))
	o.sqlite(t, stack.Database, "D1 rows")
	o.sqlite(t, filepath.Join(stack.Dir, "cloudflare", "kv.sqlite"), "KV pairs")
	o.topics(t, stack.Values["KAFKA"], p.place+".")
}

// parquet adds every page, dictionaries too, and every value read back.
func (o *outputs) parquet(t *testing.T, path string, raw []byte) {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer r.Close()
	pages := o.of("Parquet pages")
	fmt.Fprint(pages, r.MetaData().Schema, r.MetaData().KeyValueMetadata())
	for g := range r.NumRowGroups() {
		for c := range r.RowGroup(g).NumColumns() {
			pr, err := r.RowGroup(g).GetColumnPageReader(c)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			for pr.Next() {
				pages.Write(pr.Page().Data())
			}
			if pr.Err() != nil {
				t.Fatalf("%s: %v", path, pr.Err())
			}
		}
	}
	table, err := pqarrow.ReadTable(t.Context(), bytes.NewReader(raw), nil, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer table.Release()
	for tr := array.NewTableReader(table, 0); tr.Next(); {
		fmt.Fprintln(o.of("Parquet values"), tr.RecordBatch())
	}
}

// inflated is the text of an Avro file: its header and its blocks (Avro 1.12,
// Object Container Files).
func inflated(t *testing.T, path string, raw []byte) (out []byte) {
	t.Helper()
	if !bytes.HasPrefix(raw, []byte("Obj\x01")) {
		t.Fatalf("%s is no Avro file", path)
	}
	p := raw[4:]
	long := func() int64 {
		n, w := binary.Varint(p)
		p = p[w:]
		return n
	}
	deflated := false
	for n := long(); n != 0; n = long() { // maps have no negative counts here
		for range n {
			k := long()
			key := p[:k]
			p = p[k:]
			v := long()
			deflated = deflated || string(key) == "avro.codec" && string(p[:v]) == "deflate"
			out = append(append(out, key...), p[:v]...)
			p = p[v:]
		}
	}
	for p = p[16:]; len(p) > 0; p = p[16:] {
		long()
		n := long()
		block := p[:n]
		p = p[n:]
		if deflated {
			var err error
			if block, err = io.ReadAll(flate.NewReader(bytes.NewReader(block))); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		out = append(out, block...)
	}
	return out
}

// sqlite adds every value of every table: in the file long ones are cut by pages.
func (o *outputs) sqlite(t *testing.T, path, rows string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	each := func(query string, f func([]any)) {
		rows, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		names, _ := rows.Columns()
		for rows.Next() {
			vals, ptrs := make([]any, len(names)), make([]any, len(names))
			for i := range vals {
				ptrs[i] = &vals[i]
			}
			if err := rows.Scan(ptrs...); err != nil {
				t.Fatal(err)
			}
			f(vals)
		}
	}
	var tables []string
	each("SELECT name FROM sqlite_master WHERE type = 'table'", func(v []any) { tables = append(tables, fmt.Sprint(v[0])) })
	for _, name := range tables {
		each(`SELECT * FROM "`+name+`"`, func(vals []any) {
			out := o.of(rows)
			if strings.HasPrefix(name, "_sluice") {
				out = o.of("D1 tables of its own")
			}
			for _, v := range vals {
				if b, ok := v.([]byte); ok {
					out.Write(b)
				}
				fmt.Fprintln(out, v)
			}
		})
	}
}

// topics adds the records of every topic but the source's, aborted ones too,
// and what the broker keeps of groups.
func (o *outputs) topics(t *testing.T, broker, source string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.FetchIsolationLevel(kgo.ReadUncommitted()), kgo.KeepControlRecords())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	ends, err := admin.ListEndOffsets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]map[int32]int64{}
	from := map[string]map[int32]kgo.Offset{}
	ends.Each(func(e kadm.ListedOffset) {
		if e.Offset > 0 && !strings.HasPrefix(e.Topic, source) {
			if left[e.Topic] == nil {
				left[e.Topic], from[e.Topic] = map[int32]int64{}, map[int32]kgo.Offset{}
			}
			left[e.Topic][e.Partition], from[e.Topic][e.Partition] = e.Offset, kgo.NewOffset().AtStart()
		}
	})
	cl.AddConsumePartitions(from)
	for len(left) > 0 {
		f := cl.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) {
			name := "topics of the sink"
			if strings.HasPrefix(r.Topic, "_sluice") {
				name = "topics of its own"
			}
			o.of(name).Write(fmt.Appendf(nil, "%s %s %s %v\n", r.Topic, r.Key, r.Value, r.Headers))
			for _, h := range r.Headers {
				o.of(name).Write(append([]byte(h.Key+"="), h.Value...))
			}
			if r.Offset+1 >= left[r.Topic][r.Partition] {
				if delete(left[r.Topic], r.Partition); len(left[r.Topic]) == 0 {
					delete(left, r.Topic)
				}
			}
		})
	}
	if own := o.of("topics of its own"); !strings.Contains(own.String(), "_sluice_dead_") || !strings.Contains(own.String(), "message_too_large") {
		t.Error("the Kafka sink tells of no row that is too large")
	}
	groups, err := admin.DescribeGroups(ctx)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := admin.FetchOffsets(ctx, "canary")
	if err != nil {
		t.Fatal(err)
	}
	o.add("group", fmt.Appendf(nil, "%+v %+v", groups, committed))
}
