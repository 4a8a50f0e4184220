package real

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestRealLog does to the log itself what Kafka's owners do: a topic deleted and
// made anew, retention that passes where a sink stands. Sluice has to stop the
// lanes that are hit and say what a person does; that has to be enough; other
// lanes flow; of what the log still holds nothing is lost and nothing is twice.
//
//	go test ./integration/real -run RealLog -v -seed 1 -again 2
func TestRealLog(t *testing.T) {
	w := newWorld(t, "catalog", "kafka", "edge")
	if err := os.WriteFile(w.file, []byte(w.pipeline(map[string]string{`["pg.public.*", "my.shop.*"]`: `["log.*"]`, "decode: {format: debezium}": "decode: {format: json}",
		"{database}_{namespace}_{table}": "{topic}", `balance: {keep: "not personal"}`: `n: {keep: "not personal"}`,
		`            score: {keep: "not personal"}
            active: {keep: "not personal"}
            born: {keep: "not personal here"}
            seen_at: {keep: "not personal"}
            tag: {keep: "not personal"}
`: "", `            phone: {partial: {keep_last: 4}}
            ssn: drop
`: ""})), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newProducer(t, w)
	t.Run("Recreated", func(t *testing.T) { p.recreated(t) })
	t.Run("Retention", func(t *testing.T) { p.retention(t) })
}

// sent is a record that the broker has acknowledged.
type sent struct {
	life      int // which topic of that name
	partition int32
	offset    int64
	key, n    int64
}

// producer writes events to two topics of three partitions. Every event has a
// number of its own, n, and one of 300 keys.
type producer struct {
	w   *world
	adm *kadm.Client
	rng *rand.Rand

	mu   sync.Mutex
	n    int64
	life map[string]int
	sent map[string][]sent
	gone map[int64]bool // by n: deleted by the broker before Sluice had it, or with its topic
	hold map[string]*sync.Mutex
}

var logs = []string{"log.a", "log.b"}

func newProducer(t *testing.T, w *world) *producer {
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.Kafka.Address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	p := &producer{w: w, adm: kadm.NewClient(cl), rng: rand.New(rand.NewPCG(*seed, 13)), life: map[string]int{}, sent: map[string][]sent{}, gone: map[int64]bool{}, hold: map[string]*sync.Mutex{}}
	for _, topic := range logs {
		p.hold[topic] = new(sync.Mutex)
		if _, err := p.adm.CreateTopic(t.Context(), 3, 1, nil, topic); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// write sends some events to a topic and notes where they landed.
func (p *producer) write(ctx context.Context, topic string, count int) error {
	p.hold[topic].Lock()
	defer p.hold[topic].Unlock()
	cl, err := kgo.NewClient(kgo.SeedBrokers(p.w.Kafka.Address), kgo.RequiredAcks(kgo.AllISRAcks())) // a new one knows the topic's present id
	if err != nil {
		return err
	}
	defer cl.Close()
	var records []*kgo.Record
	var keys, ns []int64
	p.mu.Lock()
	for range count {
		p.n++
		k := p.rng.Int64N(300)
		keys, ns = append(keys, k), append(ns, p.n)
		records = append(records, &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, `{"id":%d}`, k), Value: fmt.Appendf(nil, `{"id":%d,"n":%d,"email":"u%d@mail.example"}`, k, p.n, k)})
	}
	p.mu.Unlock()
	results := cl.ProduceSync(ctx, records...)
	if err := results.FirstErr(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, r := range records {
		p.sent[topic] = append(p.sent[topic], sent{p.life[topic], r.Partition, r.Offset, keys[i], ns[i]})
	}
	return nil
}

// writing writes to both topics until stop is called.
func (p *producer) writing(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			for _, topic := range logs {
				if err := p.write(context.WithoutCancel(ctx), topic, 40); err != nil {
					done <- fmt.Errorf("%s: %w", topic, err)
					return
				}
			}
			select {
			case <-ctx.Done():
			case <-time.After(150 * time.Millisecond):
			}
		}
		done <- nil
	}()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

func (p *producer) nap(least, most time.Duration) {
	p.mu.Lock()
	d := least + time.Duration(p.rng.Int64N(int64(most-least)))
	p.mu.Unlock()
	time.Sleep(d) // when is the point
}

// recreated: the topic goes and comes again under a writer, while Sluice runs
// and while it does not.
func (p *producer) recreated(t *testing.T) {
	w, topic := p.w, "log.a"
	stop := p.writing(t)
	c := w.run("a")
	for round := range *again {
		p.nap(3*time.Second, 6*time.Second)
		down := round%2 == 1
		if down {
			c.kill()
		}
		p.hold[topic].Lock()
		if _, err := p.adm.DeleteTopics(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		p.mu.Lock()
		for _, s := range p.sent[topic] { // what of them is in the stores is compared, what is not may be missing
			if s.life == p.life[topic] {
				p.gone[s.n] = true
			}
		}
		p.life[topic]++
		p.mu.Unlock()
		p.create(t, topic)
		p.hold[topic].Unlock()
		p.nap(time.Second, 3*time.Second)
		if down {
			c = w.run("a")
		}
		w.awaitState(t, topic, "PARKED", "rebase")
		w.flows(t, "log.b")
		var lanes []string
		for i := range 3 {
			lanes = append(lanes, "--lane", fmt.Sprintf("%s/%d", topic, i))
		}
		var done []struct{ Sink string }
		if code := w.verb(&done, append([]string{"rebase", w.file, "--yes"}, lanes...)...); code != 0 || len(done) == 0 {
			t.Fatalf("sluice rebase: exit code %d, %d spans", code, len(done))
		}
		w.awaitState(t, topic, "", "")
		w.flows(t, topic)
	}
	stop()
	p.settle(t, c)
	p.verify(t)
	t.Logf("%d times deleted and made anew: %d events, %d of them in logs that went", *again, p.n, len(p.gone))
}

// create waits until the name is free again.
func (p *producer) create(t *testing.T, topic string) {
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		r, err := p.adm.CreateTopic(t.Context(), 3, 1, nil, topic)
		if err = errors.Join(err, r.Err); err == nil {
			return
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
	}
}

// retention: the broker's own, by time, deletes what no sink has read.
func (p *producer) retention(t *testing.T) {
	w, topic := p.w, "log.b"
	stop := p.writing(t)
	c := w.run("a")
	lost := 0
	for range *again {
		p.nap(3*time.Second, 5*time.Second)
		c.kill()
		p.nap(time.Second, 2*time.Second) // written and not read by anybody
		p.hold[topic].Lock()
		p.retain(t, topic, "1000")
		starts := p.expired(t, topic)
		p.retain(t, topic, "-1")
		durable := w.durable(t)
		p.mu.Lock()
		for _, s := range p.sent[topic] {
			if s.offset >= durable["lake"][lane{topic, s.partition}] && s.offset < starts[s.partition] {
				p.gone[s.n] = true
				lost++
			}
		}
		p.mu.Unlock()
		p.hold[topic].Unlock()
		c = w.run("a")
		w.awaitState(t, topic, "DATA_LOST", "accept-loss")
		w.flows(t, "log.a")
		var done []struct {
			Sink string
			Lost int64
		}
		args := []string{"accept-loss", w.file, "--yes"}
		for i := range 3 {
			args = append(args, "--lane", fmt.Sprintf("%s/%d", topic, i))
		}
		if code := w.verb(&done, args...); code != 0 || len(done) == 0 {
			t.Fatalf("sluice accept-loss: exit code %d, %d spans", code, len(done))
		}
		w.awaitState(t, topic, "", "")
		w.flows(t, topic)
	}
	stop()
	p.settle(t, c)
	p.verify(t)
	var report struct {
		Sinks []struct {
			Sink  string
			Count struct{ Lost int }
		}
	}
	w.verb(&report, "audit", w.file)
	for _, s := range report.Sinks {
		if s.Sink == "lake" && s.Count.Lost != lost {
			t.Errorf("the ledger of %s says %d lost, retention took %d", s.Sink, s.Count.Lost, lost)
		}
	}
	t.Logf("%d times passed by retention: %d events, %d lost, and the ledger says so", *again, p.n, lost)
}

func (p *producer) retain(t *testing.T, topic, ms string) {
	r, err := p.adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &ms}}, topic)
	if err = errors.Join(err, r[0].Err); err != nil {
		t.Fatal(err)
	}
}

// expired waits until the log is empty and returns where it starts.
func (p *producer) expired(t *testing.T, topic string) map[int32]int64 {
	for until := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		starts, err1 := p.adm.ListStartOffsets(t.Context(), topic)
		ends, err2 := p.adm.ListEndOffsets(t.Context(), topic)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		at, empty := map[int32]int64{}, true
		starts.Each(func(o kadm.ListedOffset) {
			e, _ := ends.Lookup(topic, o.Partition)
			at[o.Partition] = o.Offset
			empty = empty && o.Offset == e.Offset
		})
		if empty {
			return at
		}
		if time.Now().After(until) {
			t.Fatalf("retention does not come: the log starts at %v", at)
		}
	}
}

// settle waits until every sink is at the end and stops.
func (p *producer) settle(t *testing.T, c *sluice) {
	t.Helper()
	p.w.caughtUp(t, time.Minute)
	c.stop(t)
}

// verify wants every event that was not gone: in the changelog once, in the
// queue, and the last one of its key in the replica.
func (p *producer) verify(t *testing.T) {
	w := p.w
	var report struct{ OK bool }
	if code := w.verb(&report, "audit", w.file); code != 0 || !report.OK {
		t.Errorf("sluice audit: exit code %d, ok %v", code, report.OK)
	}
	queue := w.messages(t)
	for _, topic := range logs {
		lake := w.numbers(t, strings.ReplaceAll(topic, ".", "_"))
		want, got, must, seen := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
		for _, s := range p.sent[topic] {
			k := fmt.Sprintf("n=%d %d@%d of log %d", s.n, s.partition, s.offset, s.life)
			if there := lake[s.n]; there > 0 {
				got[k], want[k] = there, 1 // what went with its log may be there, once
			}
			if !p.gone[s.n] {
				want[k], must[k] = 1, 1
				if queue[s.n] {
					seen[k] = 1
				}
			}
		}
		differ(t, "Iceberg "+topic, want, got)
		differ(t, "queue "+topic, must, seen)
		p.replica(t, topic)
	}
}

// replica wants, for each key of the present log, its last event.
func (p *producer) replica(t *testing.T, topic string) {
	want, got := map[string]int{}, map[string]int{}
	last := map[int64]int64{}
	for _, s := range p.sent[topic] {
		if s.life == p.life[topic] && !p.gone[s.n] {
			last[s.key] = s.n
		}
	}
	for k, n := range last {
		want[fmt.Sprintf("id=%d n=%d", k, n)] = 1
	}
	db := p.w.database(t, topic)
	if db == nil {
		t.Fatalf("D1 has no table of %s", topic)
	}
	rows, err := db.Query(`SELECT id, n FROM "` + topic + `"`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, n int64
		if err := rows.Scan(&id, &n); err != nil {
			t.Fatal(err)
		}
		if _, ours := last[id]; ours { // others are of a log that went
			got[fmt.Sprintf("id=%d n=%d", id, n)]++
		}
	}
	differ(t, "D1 "+topic, want, got)
}

// numbers are the n of a changelog with how often each is there.
func (w *world) numbers(t *testing.T, name string) map[int64]int {
	defer w.readLake()()
	cat, err := rest.NewCatalog(t.Context(), "test", w.Catalog.Address, rest.WithOAuthToken(w.Secrets.Get("catalog.token")))
	if err != nil {
		t.Fatal(err)
	}
	tbl, err := cat.LoadTable(t.Context(), table.Identifier{"bronze", name})
	if err != nil {
		t.Fatal(err)
	}
	at, err := tbl.Scan(table.WithSelectedFields("n")).ToArrowTable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[int64]int{}
	for tr := array.NewTableReader(at, 0); tr.Next(); {
		col := tr.RecordBatch().Column(0).(*array.Int64)
		for i := range col.Len() {
			out[col.Value(i)]++
		}
	}
	return out
}

// messages are the n that the queue's consumer saw, once it sees no more.
func (w *world) messages(t *testing.T) map[int64]bool {
	out, before := map[int64]bool{}, -1
	for until := time.Now().Add(30 * time.Second); len(out) != before && time.Now().Before(until); time.Sleep(3 * time.Second) { // its batches wait for one
		before = len(out)
		db := w.database(t, "seen")
		if db == nil {
			continue
		}
		rows, err := db.Query("SELECT body FROM seen")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var body string
			var m struct{ After struct{ N int64 } }
			if err := errors.Join(rows.Scan(&body), json.Unmarshal([]byte(body), &m)); err != nil {
				t.Fatal(err)
			}
			out[m.After.N] = true
		}
		rows.Close()
	}
	return out
}

type lane struct {
	topic     string
	partition int32
}

// laneState is what `sluice lag` says of a lane of a sink.
type laneState struct {
	Lane struct {
		Topic     string
		Partition int32
	}
	Sink, Verdict, Detail string
	Lag, Durable          int64
}

func (w *world) lag() []laneState {
	var all struct{ Lanes []laneState }
	w.verb(&all, "lag", w.file)
	return all.Lanes
}

// durable is where every sink stands.
func (w *world) durable(*testing.T) map[string]map[lane]int64 {
	out := map[string]map[lane]int64{}
	for _, l := range w.lag() {
		if out[l.Sink] == nil {
			out[l.Sink] = map[lane]int64{}
		}
		out[l.Sink][lane{l.Lane.Topic, l.Lane.Partition}] = l.Durable
	}
	return out
}

// awaitState waits until each lane of topic is in that state in every sink, ""
// is none of those that a person mends, and the running process has said so
// with the verb that helps.
func (w *world) awaitState(t *testing.T, topic, state, verb string) {
	t.Helper()
	var wrong string
	from := w.logged
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(300 * time.Millisecond) {
		wrong = ""
		for _, l := range w.lag() {
			if l.Lane.Topic != topic {
				continue
			}
			bad := l.Verdict == "PARKED" || l.Verdict == "DATA_LOST"
			if state != "" && l.Verdict != state || state == "" && bad {
				wrong = fmt.Sprintf("%s %s/%d is %s", l.Sink, topic, l.Lane.Partition, l.Verdict)
			}
		}
		log, err := os.ReadFile(filepath.Join(w.Dir, "sluice.log"))
		if err != nil {
			t.Fatal(err)
		}
		if wrong == "" && !slices.ContainsFunc(strings.Split(string(log[from:]), "\n"), func(line string) bool {
			return strings.Contains(line, state) && strings.Contains(line, verb) && (verb == "" || strings.Contains(line, topic))
		}) {
			wrong = "the log has no line of " + state + " that names " + verb
		}
		if wrong == "" {
			w.logged = len(log)
			return
		}
	}
	t.Fatalf("want state %q of %s: %s", state, topic, wrong)
}

// flows wants topic's lanes to move on.
func (w *world) flows(t *testing.T, topic string) {
	t.Helper()
	sum := func() (n int64) {
		for _, at := range w.durable(t) {
			for l, o := range at {
				if l.topic == topic {
					n += o
				}
			}
		}
		return n
	}
	before := sum()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(300 * time.Millisecond) {
		if sum() > before {
			return
		}
	}
	t.Fatalf("lanes of %s stand still beside those that are held", topic)
}

// caughtUp waits until no lane is behind.
func (w *world) caughtUp(t *testing.T, within time.Duration) {
	t.Helper()
	var behind []string
	for until := time.Now().Add(within); time.Now().Before(until); time.Sleep(300 * time.Millisecond) {
		behind = nil
		all := w.lag()
		for _, l := range all {
			if l.Lag != 0 {
				behind = append(behind, fmt.Sprintf("%s %s/%d is %d behind, %s", l.Sink, l.Lane.Topic, l.Lane.Partition, l.Lag, l.Verdict))
			}
		}
		if len(behind) == 0 && len(all) > 0 {
			return
		}
	}
	t.Fatalf("not durable within %v: %v", within, behind)
}
