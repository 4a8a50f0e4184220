package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/cmd/sluice/dev"
	"sluice/deploy"
	"sluice/topology"
)

var (
	kills   = flag.Int("kills", 4, "how often TestKill kills the process")
	zombies = flag.Int("zombies", 1, "how often TestTwoInstances makes a zombie")
)

// TestMain lets the test binary be the product: SLUICE_MAIN=1 runs
// main, SLUICE_BROKER=DIR a broker.
func TestMain(m *testing.M) {
	if os.Getenv("SLUICE_MAIN") == "1" {
		main()
		os.Exit(0)
	}
	if dir := os.Getenv("SLUICE_BROKER"); dir != "" {
		runBroker(dir)
	}
	os.Exit(m.Run())
}

// TestKill runs `sluice run` as a process of its own over a running feed, kills
// it -9 at random moments, and wants every row in Iceberg and in D1 exactly
// once, and every id in the queue. // D5 D6
func TestKill(t *testing.T) {
	w := newWorld(t)
	n := *kills
	if testing.Short() {
		n = min(n, 2)
	}
	feed, stopFeed := context.WithCancel(t.Context())
	fed := make(chan error, 1)
	go func() { fed <- w.stack.Generate(feed, 1500) }()
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range n {
		c := w.run(t, "dev")
		time.Sleep(time.Duration(300+rng.IntN(2500)) * time.Millisecond) // when is the point of the test
		if c.ProcessState != nil {
			t.Fatalf("run %d ended by itself: %v", i, c.ProcessState)
		}
		c.Process.Kill()
		c.Wait()
	}
	stopFeed()
	if err := <-fed; err != nil {
		t.Fatal(err)
	}
	c := w.run(t, "dev")
	w.untilDurable(t, 40*time.Second)
	c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Errorf("a clean stop exits 0: %v", err)
	}
	w.verify(t)
	t.Logf("%d kills: Iceberg and D1 hold every row once, the queue every id", n)
}

// world is a stack in the test's process and a pipeline file for others.
type world struct {
	stack *dev.Stack
	file  string
	spec  *topology.Spec
}

func newWorld(t *testing.T) *world {
	t.Helper()
	stack, err := dev.Start(t.Context(), dev.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stack.Close)
	if _, err := stack.Replay(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := &world{stack: stack}
	if w.file, err = stack.WritePipeline(deploy.Dev); err != nil {
		t.Fatal(err)
	}
	w.spec, err = topology.Parse(deploy.Dev, func(n string) (string, bool) { v, ok := stack.Values[n]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// edit changes the pipeline file; old has to be in it once.
func (w *world) edit(t *testing.T, old, new string) {
	t.Helper()
	p, err := os.ReadFile(w.file)
	if err != nil || strings.Count(string(p), old) != 1 {
		t.Fatalf("%q is %d times in the file: %v", old, strings.Count(string(p), old), err)
	}
	if err := os.WriteFile(w.file, []byte(strings.Replace(string(p), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run starts `sluice run` as a process that ends with the test; instance is
// its static membership.
func (w *world) run(t *testing.T, instance string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], "run", w.file)
	c.Env = append(os.Environ(), "SLUICE_MAIN=1", "INSTANCE="+instance)
	log, err := os.OpenFile(filepath.Join(w.stack.Dir, "run.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		log.Close()
		if t.Failed() {
			if p, err := os.ReadFile(log.Name()); err == nil {
				t.Logf("%s", p[max(0, len(p)-4000):])
			}
		}
	})
	return c
}

func (w *world) open(t *testing.T) *topology.Pipeline {
	t.Helper()
	p, err := components().Build(w.spec, topology.System(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// untilDurable waits until no lane of no sink is behind.
func (w *world) untilDurable(t *testing.T, limit time.Duration) {
	t.Helper()
	p := w.open(t)
	defer p.Close()
	for end := time.Now().Add(limit); ; time.Sleep(250 * time.Millisecond) {
		all, err := survey(t.Context(), p)
		left := 0
		for _, v := range all {
			if v.Verdict != "OK" {
				left++
			}
		}
		if err == nil && left == 0 {
			return
		}
		if time.Now().After(end) {
			for _, v := range all {
				if v.Verdict != "OK" {
					t.Logf("%s %v: %s durable %d of %d: %s", v.Sink, v.Lane, v.Verdict, v.Durable, v.End, v.Detail)
				}
			}
			t.Fatalf("%d lanes are not durable after %v (%v)", left, limit, err)
		}
	}
}

// event is one record of the made-up shop as it stands in Kafka.
type event struct {
	topic     string
	partition int32
	offset    int64
	op        string
	id        int64
	after     map[string]any
}

// events reads the shop's topics whole.
func (w *world) events(t *testing.T) (all []event) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.stack.Values["KAFKA"]), kgo.ConsumeRegex(), kgo.ConsumeTopics(`^webshop\.public\..*`), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for idle := 0; idle < 3; {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		f := cl.PollFetches(ctx)
		cancel()
		if f.NumRecords() == 0 {
			idle++
			continue
		}
		idle = 0
		f.EachRecord(func(r *kgo.Record) {
			e := event{topic: r.Topic, partition: r.Partition, offset: r.Offset}
			var key struct{ ID int64 }
			json.Unmarshal(r.Key, &key)
			e.id = key.ID
			if r.Value != nil {
				var v struct {
					Op    string
					After map[string]any
				}
				if err := json.Unmarshal(r.Value, &v); err != nil {
					t.Fatal(err)
				}
				e.op, e.after = v.Op, v.After
			}
			all = append(all, e)
		})
	}
	return all
}

func (w *world) verify(t *testing.T) {
	t.Helper()
	p := w.open(t)
	defer p.Close()
	names, sinks := p.Sinks()
	report, err := topology.RunAudit(t.Context(), w.spec.ID, names, sinks)
	if err != nil || !report.OK {
		t.Errorf("audit: %v %+v", err, report)
	}
	all := w.events(t)
	w.verifyLake(t, all)
	w.verifyReplica(t, all)
	w.verifyQueue(t, all)
}

// verifyLake compares the set of (partition, offset) of every shop table.
func (w *world) verifyLake(t *testing.T, all []event) {
	t.Helper()
	want := map[string]map[[2]int64]bool{}
	for _, e := range all {
		if e.op == "" {
			continue
		}
		tab := "shop_public_" + e.topic[strings.LastIndexByte(e.topic, '.')+1:]
		if want[tab] == nil {
			want[tab] = map[[2]int64]bool{}
		}
		want[tab][[2]int64{int64(e.partition), e.offset}] = true
	}
	token, _ := os.ReadFile(filepath.Join(w.stack.Dir, "secrets", "catalog.token"))
	cat, err := rest.NewCatalog(t.Context(), "test", w.stack.Values["CATALOG"], rest.WithOAuthToken(strings.TrimSpace(string(token))), rest.WithWarehouseLocation("dev"))
	if err != nil {
		t.Fatal(err)
	}
	for tab, rows := range want {
		tbl, err := cat.LoadTable(t.Context(), table.Identifier{"bronze", tab})
		if err != nil {
			t.Fatal(err)
		}
		at, err := tbl.Scan(table.WithSelectedFields("_partition", "_offset")).ToArrowTable(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen := map[[2]int64]int{}
		tr := array.NewTableReader(at, 0)
		for tr.Next() {
			b := tr.RecordBatch()
			var part *array.Int32
			var off *array.Int64
			for i, f := range b.Schema().Fields() {
				switch f.Name {
				case "_partition":
					part = b.Column(i).(*array.Int32)
				case "_offset":
					off = b.Column(i).(*array.Int64)
				}
			}
			for i := range int(b.NumRows()) {
				seen[[2]int64{int64(part.Value(i)), off.Value(i)}]++
			}
		}
		tr.Release()
		at.Release()
		lost, doubled := 0, 0
		for k := range rows {
			if seen[k] == 0 {
				lost++
			}
		}
		for k, n := range seen {
			if n > 1 || !rows[k] {
				doubled++
			}
		}
		if lost+doubled > 0 {
			t.Errorf("%s: %d lost, %d doubled or invented, of %d", tab, lost, doubled, len(rows))
		}
		t.Logf("%s: %d rows once each", tab, len(rows))
	}
}

// verifyReplica compares keys and a column of the replica with the last event of each key.
func (w *world) verifyReplica(t *testing.T, all []event) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.stack.Database+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, c := range []struct{ table, column string }{{"customers", "marketing"}, {"addresses", "city"}, {"orders", "status"}} {
		want := map[int64]string{}
		for _, e := range all {
			switch {
			case !strings.HasSuffix(e.topic, "."+c.table) || e.op == "":
			case e.op == "d":
				delete(want, e.id)
			default:
				want[e.id] = fmt.Sprint(e.after[c.column])
			}
		}
		rows, err := db.Query("SELECT id, " + c.column + " FROM shop_public_" + c.table)
		if err != nil {
			t.Fatal(err)
		}
		got := map[int64]string{}
		for rows.Next() {
			var id int64
			var v any
			if err := rows.Scan(&id, &v); err != nil {
				t.Fatal(err)
			}
			got[id] = fmt.Sprint(v)
		}
		rows.Close()
		bad := 0
		for id, v := range want {
			if v == "true" || v == "false" {
				v = map[string]string{"true": "1", "false": "0"}[v]
			}
			if got[id] != v {
				bad++
			}
		}
		if bad > 0 || len(got) != len(want) {
			t.Errorf("replica %s: %d rows, want %d; %d differ", c.table, len(got), len(want), bad)
		}
		t.Logf("replica %s: %d rows", c.table, len(got))
	}
}

func (w *world) verifyQueue(t *testing.T, all []event) {
	t.Helper()
	bodies, err := w.stack.Messages()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, b := range bodies {
		var m struct{ ID string }
		if err := json.Unmarshal([]byte(b), &m); err != nil {
			t.Fatal(err)
		}
		seen[m.ID]++
	}
	lost, want := 0, 0
	for _, e := range all {
		if strings.HasSuffix(e.topic, ".orders") && e.op == "c" {
			want++
			if seen[fmt.Sprintf("dev/%s/%d/%d/0", e.topic, e.partition, e.offset)] == 0 {
				lost++
			}
		}
	}
	if lost > 0 || len(seen) != want {
		t.Errorf("queue: %d ids lost, %d distinct, want %d", lost, len(seen), want)
	}
	t.Logf("queue: %d messages, %d ids", len(bodies), len(seen))
}

// TestTwoInstances runs two processes of one pipeline under load. Lanes move
// when one leaves and comes back, and when one is stopped (SIGSTOP) for longer
// than its session and goes on as a zombie with what it had in memory. As a
// group, one commits to Iceberg for both, and the zombie is first of all that
// one. // D2 D3
func TestTwoInstances(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for real session time-outs")
	}
	for _, scale := range []string{"single", "group"} {
		t.Run(scale, func(t *testing.T) {
			t.Parallel()
			twoInstances(t, scale)
		})
	}
}

func twoInstances(t *testing.T, scale string) {
	w := newWorld(t)
	if scale == "group" {
		w.edit(t, "\nid: dev\n", "\nid: dev\nscale: group\n")
	}
	feed, stopFeed := context.WithCancel(t.Context())
	fed := make(chan error, 1)
	go func() { fed <- w.stack.Generate(feed, 1000) }()
	a, b := w.run(t, "a"), w.run(t, "b")
	time.Sleep(5 * time.Second)
	for i := range *zombies {
		z := b
		if scale == "group" && i%2 == 0 {
			z = a // it came first and leads
		}
		z.Process.Signal(syscall.SIGSTOP)
		time.Sleep(14 * time.Second) // the session is 10 s: its lanes go to the other
		z.Process.Signal(syscall.SIGCONT)
		time.Sleep(4 * time.Second)
	}
	a.Process.Signal(syscall.SIGTERM) // a clean leave: lanes are handed over
	if err := a.Wait(); err != nil {
		t.Errorf("instance a: a clean stop exits 0: %v", err)
	}
	a = w.run(t, "a")
	time.Sleep(4 * time.Second)
	stopFeed()
	if err := <-fed; err != nil {
		t.Fatal(err)
	}
	w.untilDurable(t, 90*time.Second)
	for _, c := range []*exec.Cmd{a, b} {
		c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			t.Errorf("a clean stop exits 0: %v", err)
		}
	}
	w.verify(t)
	p, _ := os.ReadFile(filepath.Join(w.stack.Dir, "run.log"))
	t.Logf("%d zombies; %d fences; %d times a process began to commit for all", *zombies, strings.Count(string(p), "another writer moved lanes"), strings.Count(string(p), "commits_for_all=true"))
}
