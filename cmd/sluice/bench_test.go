package main

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/connectors/emulator/catalog"
	"sluice/topology"
)

// BenchmarkPipeline reads a topic that is full already and commits it to
// Iceberg on the local disk: fetch, decode, mask, Parquet (zstd-1), commit. The
// broker is a process of its own, so that CPU is Sluice's alone. The baseline
// in the same run is a franz-go poll loop that decodes with encoding/json into
// maps, hashes the same fields and encodes again, without a sink.
//
// One iteration is all records of the topic. Metrics: core-rows/s and core-MB/s
// (records and their JSON bytes a CPU second), B/op and allocs a record, peak-MB.
func BenchmarkPipeline(b *testing.B) {
	for _, c := range benchCases {
		b.Run(c.name, func(b *testing.B) {
			addr, bytes := fill(b, c)
			b.Run("sluice", func(b *testing.B) { measure(b, c.records, bytes, func() { c.drainTopic(b, addr) }) })
			b.Run("baseline", func(b *testing.B) { measure(b, c.records, bytes, func() { c.naive(b, addr) }) })
		})
	}
}

type benchCase struct {
	name    string
	records int
	topics  int
	mask    string // rules
	hashed  map[string]bool
	record  func(r *rand.Rand, i int) []byte
}

var benchCases = []benchCase{
	{"debezium-1400B", 200_000, 1, debeziumRules, map[string]bool{"email": true, "phone": true, "ssn": true, "card": true, "name": true, "notes": true}, benchDebezium},
	{"events-6-columns-140B", 1_000_000, 1, "[{keep: {columns: [id, kind, amount, at, ok, shop], because: no personal data}}]", nil, benchNarrow},
	{"trips-29-columns-690B", 300_000, 1, "[{keep: {columns: [" + strings.Join(tripColumns, ", ") + "], because: no personal data}}]", nil, benchTrip},
	{"500-tables", 200_000, 500, "[{keep: {columns: [id, kind, amount, at, ok, shop], because: no personal data}}]", nil, benchNarrow},
}

const debeziumRules = `[{columns: {email: hash, phone: hash, ssn: hash, card: hash, name: hash, notes: hash}}, {keep: {columns: [id, status, total, city, score, a, b, c, d, created_at], because: no personal data}}]`

func benchDebezium(r *rand.Rand, i int) []byte {
	row := fmt.Sprintf(`{"id":%d,"name":"Person Number %d","email":"person.%d@mail.example","phone":"+1-202-555-%04d","ssn":"%09d","card":"4111%012d","status":"active","total":"%d.%02d","city":"Springfield %d","score":%d.5,"notes":"some words that a clerk wrote about the person %d","a":%d,"b":%d,"c":"constant text of a column","d":true,"created_at":"2026-01-01T00:00:00.000000Z"}`,
		i, i, i, r.IntN(10000), r.IntN(1e9), r.IntN(1e12), r.IntN(1000), r.IntN(100), r.IntN(50), r.IntN(100), i, r.Int32(), r.Int64())
	before := strings.Replace(row, "active", "waiting", 1)
	return fmt.Appendf(nil, `{"before":%s,"after":%s,"source":{"version":"3.5.2.Final","connector":"mysql","name":"bench","ts_ms":1795468841522,"snapshot":"false","db":"shop","sequence":null,"ts_us":1795468841522076,"ts_ns":1795468841522076000,"table":"people","server_id":1,"gtid":null,"file":"binlog.000003","pos":%d,"row":0,"thread":7,"query":null},"transaction":null,"op":"u","ts_ms":1795468841732,"ts_us":1795468841732321,"ts_ns":1795468841732321173}`,
		before, row, 1000+i*56)
}

func benchNarrow(r *rand.Rand, i int) []byte {
	return fmt.Appendf(nil, `{"id":%d,"kind":"page_view_%d","amount":%d.25,"at":"2026-11-23T10:%02d:%02dZ","ok":true,"shop":"shop number %d of the big chain"}`, i, r.IntN(20), r.IntN(1000), r.IntN(60), r.IntN(60), r.IntN(500))
}

var tripColumns = strings.Fields("id cab_type_id vendor_id pickup_datetime dropoff_datetime store_and_fwd_flag rate_code_id pickup_longitude pickup_latitude dropoff_longitude dropoff_latitude passenger_count trip_distance fare_amount extra mta_tax tip_amount tolls_amount ehail_fee improvement_surcharge congestion_surcharge airport_fee total_amount payment_type trip_type pickup_nyct2010_gid dropoff_nyct2010_gid pickup_location_id dropoff_location_id")

func benchTrip(r *rand.Rand, i int) []byte {
	p := []byte{'{'}
	for k, c := range tripColumns {
		if k > 0 {
			p = append(p, ',')
		}
		p = append(strconv.AppendQuote(p, c), ':')
		switch {
		case c == "id":
			p = strconv.AppendInt(p, int64(i), 10)
		case strings.HasSuffix(c, "datetime"):
			p = fmt.Appendf(p, `"2026-11-%02dT%02d:%02d:%02dZ"`, 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60))
		case strings.HasSuffix(c, "flag"):
			p = append(p, `"N"`...)
		case strings.HasSuffix(c, "_id") || strings.HasSuffix(c, "_gid") || strings.HasSuffix(c, "_type") || strings.HasSuffix(c, "count"):
			p = strconv.AppendInt(p, int64(r.IntN(260)), 10)
		case strings.HasSuffix(c, "tude"):
			p = strconv.AppendFloat(p, 40+r.Float64(), 'f', 6, 64)
		default:
			p = strconv.AppendFloat(p, float64(r.IntN(10000))/100+.001, 'f', 2, 64)
		}
	}
	return append(p, '}')
}

// fill starts a broker in a process of its own and fills its topics.
func fill(b *testing.B, c benchCase) (addr string, bytes int64) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SLUICE_BROKER="+b.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	addr = strings.TrimSpace(line)
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.AllowAutoTopicCreation(), kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.ProducerBatchMaxBytes(1<<20),
		kgo.MaxBufferedRecords(100_000), kgo.RecordPartitioner(kgo.UniformBytesPartitioner(1<<20, false, false, nil)))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	rng := rand.New(rand.NewPCG(1, 1))
	var failed atomic.Pointer[error]
	for i := range c.records {
		v := c.record(rng, i)
		bytes += int64(len(v))
		r := &kgo.Record{Topic: fmt.Sprintf("bench.t%d", i%c.topics), Value: v}
		cl.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Store(&err)
			}
		})
	}
	if err := cl.Flush(context.Background()); err != nil || failed.Load() != nil {
		b.Fatal(err, failed.Load())
	}
	return addr, bytes
}

// runBroker is the broker's process.
func runBroker(dir string) {
	c, err := kfake.NewCluster(kfake.Ports(0), kfake.NumBrokers(1), kfake.DataDir(dir), kfake.DefaultNumPartitions(4), kfake.AllowAutoTopicCreation())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(c.ListenAddrs()[0])
	select {}
}

// measure reports what a whole drain of the topic costs.
func measure(b *testing.B, records int, bytes int64, run func()) {
	var cpu time.Duration
	var mallocs uint64
	var peak int64
	for b.Loop() {
		runtime.GC()
		stop := watchPeak(&peak)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := cpuTime()
		run()
		cpu += cpuTime() - begin
		runtime.ReadMemStats(&after)
		mallocs += after.Mallocs - before.Mallocs
		stop()
	}
	n := float64(b.N) * float64(records)
	b.ReportMetric(n/cpu.Seconds(), "core-rows/s")
	b.ReportMetric(float64(b.N)*float64(bytes)/1e6/cpu.Seconds(), "core-MB/s")
	b.ReportMetric(float64(mallocs)/n, "allocs/record")
	b.ReportMetric(cpu.Seconds()/n*1e6, "cpu-s/M")
	b.ReportMetric(float64(peak)/1e6, "peak-MB")
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// watchPeak samples the resident set.
func watchPeak(peak *int64) (stop func()) {
	done := make(chan struct{})
	go func() {
		for t := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-done:
				t.Stop()
				return
			case <-t.C:
			}
			p, _ := os.ReadFile("/proc/self/statm")
			if f := strings.Fields(string(p)); len(f) > 1 {
				n, _ := strconv.ParseInt(f[1], 10, 64)
				*peak = max(*peak, n*int64(os.Getpagesize()))
			}
		}
	}()
	return func() { close(done) }
}

const benchFile = `
id: bench
source: {kafka: {brokers: ["${KAFKA}"], topics: ["bench.*"], group: "${GROUP}"}}
stages:
- decode: {format: auto}
- mask: {key: "file:${KEY}", rules: %s}
sinks:
- name: lake
  commit: {every: 5s, bytes: 256MiB}
  iceberg: {catalog: {uri: "${CATALOG}"}, storage: {kind: local}, namespace: bench, table: "{topic}", meta: [op, partition, offset]}
engine: {budget: 256MiB}
http: {listen: "off"}
`

var benchRuns atomic.Int64

// drainTopic runs the real pipeline until its topic is durable.
func (c *benchCase) drainTopic(b *testing.B, addr string) {
	dir := b.TempDir()
	cat, err := catalog.New(catalog.Options{Warehouse: "file://" + filepath.Join(dir, "wh")})
	if err != nil {
		b.Fatal(err)
	}
	defer cat.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: cat}
	go srv.Serve(l)
	defer srv.Close()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("k", 32)), 0o600); err != nil {
		b.Fatal(err)
	}
	values := map[string]string{"KAFKA": addr, "KEY": key, "CATALOG": "http://" + l.Addr().String(), "GROUP": fmt.Sprint("bench", benchRuns.Add(1))}
	spec, err := topology.Parse(fmt.Appendf(nil, benchFile, c.mask), func(n string) (string, bool) { v, ok := values[n]; return v, ok })
	if err != nil {
		b.Fatal(err)
	}
	boundMemory(spec)
	env := topology.System(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	env.Dir = dir
	p, err := components().Build(spec, env)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	var in, rows int64
	p.Observer = topology.Observer{Committed: func(e topology.Committed) {
		for _, s := range e.Spans {
			in, rows = in+s.Count.In, rows+s.Count.Written
		}
		if in >= int64(c.records) {
			stop()
		}
	}, Admitted: func(e topology.Admitted) {}, LaneState: func(e topology.LaneChanged) {
		b.Errorf("%v %v %s", e.Lane, e.State, e.Why)
		stop()
	}}
	if err := p.Run(ctx); err != nil {
		b.Fatal(err)
	}
	if rows != int64(c.records) {
		b.Fatalf("%d rows of %d", rows, c.records)
	}
}

// naive is what a first version of such a program does, without a sink.
func (c *benchCase) naive(b *testing.B, addr string) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeRegex(), kgo.ConsumeTopics(`^bench\..*`), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	size := 0
	for n := 0; n < c.records; {
		f := cl.PollFetches(b.Context())
		f.EachRecord(func(r *kgo.Record) {
			n++
			var m map[string]any
			if err := json.Unmarshal(r.Value, &m); err != nil {
				b.Fatal(err)
			}
			hashIn(m, c.hashed)
			for _, side := range []string{"before", "after"} {
				if x, ok := m[side].(map[string]any); ok {
					hashIn(x, c.hashed)
				}
			}
			p, _ := json.Marshal(m)
			size += len(p)
		})
	}
}

func hashIn(m map[string]any, hashed map[string]bool) {
	for k := range hashed {
		if s, ok := m[k].(string); ok {
			h := hmac.New(sha256.New, []byte(strings.Repeat("k", 32)))
			h.Write([]byte(s))
			m[k] = base32.StdEncoding.EncodeToString(h.Sum(nil)[:16])
		}
	}
}
