package real

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/catalog/rest"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/twmb/franz-go/pkg/kgo"
	_ "modernc.org/sqlite"

	"sluice/integration/readers"
)

// topics are those of the tables, by the database they come from.
var topics = map[string]string{"postgres": "pg.public.customers", "mariadb": "my.shop.customers"}

// tables are what {database}_{namespace}_{table} makes of them.
var tables = map[string]string{"pg.public.customers": "shop_public_customers", "my.shop.customers": "shop_customers"}

// change is a row event as Kafka holds it, read without Sluice.
type change struct {
	topic     string
	partition int32
	offset    int64
	op        string // c, u, d, r; "" is a tombstone or no row
	id        int64
	balance   string // of after, with its digits; "" is NULL
	tag       string
}

// changes reads every record of the topics.
func (w *world) changes(t *testing.T) []change { return w.changesBefore(t, nil) }

// changesBefore reads every record before the places at of their lanes, and some more
// of topics that grow meanwhile.
func (w *world) changesBefore(t *testing.T, at map[lane]int64) (all []change) {
	t.Helper()
	left := maps.Clone(at)
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.Kafka.Address), kgo.ConsumeTopics(slices.Collect(maps.Values(topics))...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for at == nil || len(left) > 0 {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // that long without a record is the end
		fs := cl.PollFetches(ctx)
		cancel()
		if fs.NumRecords() == 0 {
			return all
		}
		fs.EachRecord(func(r *kgo.Record) {
			all = append(all, decode(t, r))
			maps.DeleteFunc(left, func(l lane, next int64) bool { return l == lane{r.Topic, r.Partition} && r.Offset >= next-1 })
		})
	}
	return all
}

func decode(t *testing.T, r *kgo.Record) change {
	c := change{topic: r.Topic, partition: r.Partition, offset: r.Offset}
	if r.Value == nil {
		return c
	}
	var v struct {
		Payload struct {
			Op            string
			Before, After *struct {
				ID      int64
				Balance *string
				Tag     *string
			}
		}
	}
	if err := json.Unmarshal(r.Value, &v); err != nil {
		t.Fatalf("%s %d@%d: %v", r.Topic, r.Partition, r.Offset, err)
	}
	c.op = v.Payload.Op
	row := v.Payload.After
	if row == nil {
		if v.Payload.Before != nil {
			c.id = v.Payload.Before.ID // a delete carries its key and nothing else
		}
		return c
	}
	c.id = row.ID
	if row.Balance != nil {
		c.balance = decimal(t, *row.Balance)
	}
	if row.Tag != nil {
		c.tag = *row.Tag
	}
	return c
}

// decimal is Connect's Decimal of scale 2: a big-endian two's complement number in base64.
func decimal(t *testing.T, s string) string {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	digits := fmt.Sprintf("%03s", new(big.Int).Abs(n))
	out := digits[:len(digits)-2] + "." + digits[len(digits)-2:]
	if n.Sign() < 0 {
		out = "-" + out
	}
	return out
}

// opName is Sluice's name of Debezium's op.
var opName = map[string]string{"c": "insert", "r": "insert", "u": "update", "d": "delete"}

// verify compares the source databases, Kafka and all three stores, and audits.
func (w *world) verify(t *testing.T) {
	t.Helper()
	var report struct {
		OK bool `json:"ok"`
	}
	if code := w.verb(&report, "audit", w.file); code != 0 || !report.OK {
		t.Errorf("sluice audit: exit code %d, ok %v", code, report.OK)
	}
	all := w.changes(t)
	w.verifyLake(t, all)
	w.verifyReplica(t)
	w.verifyQueue(t, all)
	if !t.Failed() {
		ops := map[string]int{}
		for _, c := range all {
			ops[c.op]++
		}
		t.Logf("source, Kafka (%d records, by op %v), Iceberg, D1 and the queue agree", len(all), ops)
	}
}

// folder reads s3://lake/ from the folder that the S3 server keeps it in.
type folder struct{ dir string }

func (f folder) Open(name string) (iceio.File, error) {
	return os.Open(filepath.Join(f.dir, "lake", filepath.FromSlash(strings.TrimPrefix(name, "s3://lake/"))))
}

func (f folder) Remove(string) error { return errors.New("this file system is for reading") }

// readLake lets the library read the S3 server's folder until done is called.
func (w *world) readLake() (done func()) {
	iceio.Register("s3", func(context.Context, *url.URL, map[string]string) (iceio.IO, error) {
		return folder{filepath.Join(w.Dir, "s3", "data")}, nil
	})
	return func() { iceio.Unregister("s3") }
}

// verifyLake wants every row event of Kafka in the changelog, once, with its op
// and its digits.
func (w *world) verifyLake(t *testing.T, all []change) {
	cat, err := rest.NewCatalog(t.Context(), "test", w.Catalog.Address, rest.WithOAuthToken(w.Secrets.Get("catalog.token")))
	if err != nil {
		t.Fatal(err)
	}
	defer w.readLake()()
	for _, topic := range topics {
		want := map[string]int{}
		for _, c := range all {
			if c.topic == topic && c.op != "" {
				want[fmt.Sprintf("%d@%d %s id=%d balance=%s tag=%s", c.partition, c.offset, opName[c.op], c.id, c.balance, c.tag)]++
			}
		}
		tbl, err := cat.LoadTable(t.Context(), table.Identifier{"bronze", tables[topic]})
		if err != nil {
			t.Fatal(err)
		}
		at, err := tbl.Scan(table.WithSelectedFields("_partition", "_offset", "_op", "id", "balance", "tag")).ToArrowTable(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for tr := array.NewTableReader(at, 0); tr.Next(); {
			b := tr.RecordBatch()
			cell := func(name string, i int) string {
				k := b.Schema().FieldIndices(name)[0]
				if b.Column(k).IsNull(i) {
					return ""
				}
				if d, ok := b.Column(k).(*array.Decimal128); ok {
					return d.Value(i).ToString(2)
				}
				return b.Column(k).ValueStr(i)
			}
			for i := range int(b.NumRows()) {
				got[fmt.Sprintf("%s@%s %s id=%s balance=%s tag=%s", cell("_partition", i), cell("_offset", i), cell("_op", i), cell("id", i), cell("balance", i), cell("tag", i))]++
			}
		}
		differ(t, "Iceberg "+topic, want, got)
		home := os.Getenv("SLUICE_READERS")
		if home == "" {
			continue
		}
		for _, engine := range readers.Engines {
			rows, err := readers.Read(t.Context(), home, "../readers/read.py", engine, readers.Source{URI: w.Catalog.Address, Token: w.Secrets.Get("catalog.token"), Table: "bronze." + tables[topic],
				Properties: []string{"s3.endpoint=" + w.S3.Address, "s3.region=us-east-1", "s3.access-key-id=" + w.Secrets.Get("s3.access"), "s3.secret-access-key=" + w.Secrets.Get("s3.secret")}})
			if err != nil {
				t.Error(err)
				continue
			}
			got := map[string]int{}
			for _, row := range rows {
				var m map[string]any
				d := json.NewDecoder(strings.NewReader(row))
				d.UseNumber()
				if err := d.Decode(&m); err != nil {
					t.Fatal(err)
				}
				cell := func(name string) string {
					if m[name] == nil {
						return ""
					}
					return fmt.Sprint(m[name])
				}
				got[fmt.Sprintf("%s@%s %s id=%s balance=%s tag=%s", cell("_partition"), cell("_offset"), cell("_op"), cell("id"), cell("balance"), cell("tag"))]++
			}
			differ(t, engine+" "+topic, want, got)
		}
	}
}

// differ reports what is in one multiset and not in the other.
func differ(t *testing.T, what string, want, got map[string]int) {
	t.Helper()
	lost, more, shown := 0, 0, 0
	for k, n := range want {
		if got[k] < n {
			if lost++; shown < 3 {
				t.Logf("%s: missing %s", what, k)
				shown++
			}
		}
	}
	for k, n := range got {
		if want[k] < n {
			if more++; shown < 6 {
				t.Logf("%s: not wanted, or twice: %s", what, k)
				shown++
			}
		}
	}
	if lost+more > 0 {
		t.Errorf("%s: %d missing, %d too many, of %d", what, lost, more, len(want))
	}
}

// database is the SQLite file of the D1 database that has that table.
func (w *world) database(t *testing.T, having string) *sql.DB {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(w.Dir, "edge", "state", "d1", "*", "*.sqlite"))
	for _, f := range files {
		db, err := sql.Open("sqlite", "file:"+f+"?mode=ro&_pragma=busy_timeout(5000)")
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if db.QueryRow("SELECT count(*) FROM sqlite_master WHERE name = ?", having).Scan(&n) == nil && n == 1 {
			t.Cleanup(func() { db.Close() })
			return db
		}
		db.Close()
	}
	return nil
}

// verifyReplica wants the rows of the source, each unmasked column with its
// exact value, and none of the masked ones.
func (w *world) verifyReplica(t *testing.T) {
	pg, err1 := w.Postgres.Query(t.Context(), `SELECT concat_ws('|', id, coalesce(balance::text, 'null'), coalesce(score::text, 'null'), coalesce(active::int::text, 'null'), coalesce(born::text, 'null'), coalesce(tag, 'null'), (email IS NULL)::int, coalesce(right(phone, 4), 'null')) FROM customers`)
	my, err2 := w.MariaDB.Query(t.Context(), `SELECT concat_ws('|', id, coalesce(balance, 'null'), coalesce(score, 'null'), coalesce(active, 'null'), coalesce(born, 'null'), coalesce(tag, 'null'), email IS NULL, coalesce(right(phone, 4), 'null')) FROM customers`)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	for source, text := range map[string]string{"postgres": pg, "mariadb": my} {
		tab := tables[topics[source]]
		db := w.database(t, tab)
		if db == nil {
			t.Errorf("D1 has no table %s", tab)
			continue
		}
		want, got := map[string]int{}, map[string]int{}
		for line := range strings.Lines(text) {
			want[strings.TrimSuffix(line, "\n")]++
		}
		rows, err := db.Query(`SELECT concat_ws('|', id, coalesce(balance, 'null'), CASE WHEN score = CAST(score AS INTEGER) THEN CAST(score AS INTEGER) ELSE coalesce(score, 'null') END, coalesce(active, 'null'), coalesce(born, 'null'), coalesce(tag, 'null'), email IS NULL, coalesce(substr(phone, -4), 'null')), coalesce(email, '') FROM ` + tab)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var line, email string
			if err := rows.Scan(&line, &email); err != nil {
				t.Fatal(err)
			}
			got[line]++
			if strings.Contains(email, "@") {
				t.Errorf("D1 %s holds an email in clear", tab) // P1
			}
		}
		rows.Close()
		differ(t, "D1 "+tab, want, got)
	}
}

// queueAt is where the progress of the queue's sink stands, from D1's file.
func (w *world) queueAt(t *testing.T) map[lane]int64 {
	out := map[lane]int64{}
	db := w.database(t, "_sluice_offsets")
	if db == nil {
		return out
	}
	rows, err := db.Query("SELECT topic, part, next FROM _sluice_offsets WHERE sink = 'events'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var l lane
		var next int64
		if err := rows.Scan(&l.topic, &l.partition, &next); err != nil {
			t.Fatal(err)
		}
		out[l] = next
	}
	return out
}

// consumed waits until the queue's consumer has seen every message before the place
// at of its lane: they have left the runtime's memory. (That it has seen a later one
// tells nothing: a batch that it could not store comes again behind others. Where the
// machine is busy it is many seconds late.)
func (w *world) consumed(t *testing.T, at map[lane]int64) {
	t.Helper()
	var due []change
	for _, c := range w.changesBefore(t, at) {
		if c.op != "" && c.offset < at[lane{c.topic, c.partition}] && !w.excuses(c) {
			due = append(due, c)
		}
	}
	for until := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		got := w.seen(t)
		due = slices.DeleteFunc(due, func(c change) bool { return got[c.message()] > 0 })
		if len(due) == 0 {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("the queue's consumer has not seen %d messages in a minute, the first is %s", len(due), due[0].message())
		}
	}
}

// message is what names the message of a row event.
func (c *change) message() string {
	return fmt.Sprintf("%s/%d@%d %s", c.topic, c.partition, c.offset, opName[c.op])
}

// excuses reports that the message of c may have gone with the runtime's memory.
func (w *world) excuses(c change) bool {
	at := lane{c.topic, c.partition}
	return c.op != "" && slices.ContainsFunc(w.excused, func(span [2]map[lane]int64) bool { return c.offset >= span[0][at] && c.offset < span[1][at] })
}

// seen are the messages that the queue's consumer has stored.
func (w *world) seen(t *testing.T) map[string]int {
	t.Helper()
	got := map[string]int{}
	db := w.database(t, "seen")
	if db == nil {
		return got
	}
	rows, err := db.Query("SELECT body FROM seen")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	ids := map[string]string{}
	for rows.Next() {
		var body string
		var m struct {
			ID, Topic, Op string
			Partition     int32
			Offset        int64
		}
		if err := rows.Scan(&body); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatal(err)
		}
		if old, twice := ids[m.ID]; twice && old != body {
			t.Errorf("message %s came with two bodies", m.ID)
		}
		ids[m.ID] = body
		got[fmt.Sprintf("%s/%d@%d %s", m.Topic, m.Partition, m.Offset, m.Op)] = 1
	}
	return got
}

// verifyQueue wants a message for every row event, under its id; a message may
// be there again, and is then the same. The local runtime keeps messages in
// memory only: those it had not delivered when it was killed may be gone, and
// only those.
func (w *world) verifyQueue(t *testing.T, all []change) {
	want := map[string]int{}
	for _, c := range all {
		if c.op != "" {
			want[c.message()] = 1
		}
	}
	got := w.seen(t)
	for until := time.Now().Add(30 * time.Second); !maps.Equal(want, got) && time.Now().Before(until); got = w.seen(t) { // the consumer has its own pace
		time.Sleep(500 * time.Millisecond)
	}
	lost, might := 0, 0
	for _, c := range all {
		if !w.excuses(c) {
			continue
		}
		might++
		if got[c.message()] == 0 {
			lost++
			delete(want, c.message())
		}
	}
	if len(w.excused) > 0 {
		t.Logf("queue: %d of %d messages that it took in the seconds before %d kills went with the runtime's memory; of the %d others none", lost, might, len(w.excused), len(all)-might)
	}
	differ(t, "queue", want, got)
}
