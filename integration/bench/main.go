// Command bench measures Sluice between real servers: a Kafka broker, an S3
// server and Iceberg's REST catalog, all on this machine.
//
//	go run ./integration/bench -n 6000000             trips: 29 columns, about 690 bytes of JSON
//	go run ./integration/bench -n 6000000 --narrow    six of them, about 140 bytes
//	go run ./integration/bench -n 1000000 --json
//	go run ./integration/bench -n 6000000 --profile cpu.out   a CPU profile of ten seconds of it, for go tool pprof
//	go run ./integration/bench --narrow --for 30m     half an hour at full rate: is memory flat?
//
// It loads the topic first and then runs `sluice run` from an empty group to
// the last durable snapshot. Seconds count from the first fetch; CPU and memory
// are the Sluice process's own (proc_pid_stat(5)), brokers and stores share the
// machine.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/integration/stack/launch"
)

// result is the one line.
type result struct {
	Records    int     `json:"records"`
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpu_seconds"`
	PeakRSS    int64   `json:"peak_rss_bytes"`
	Files      int     `json:"files"`
	Commits    int     `json:"commits"`
	Bytes      int64   `json:"bytes"` // of the records' values
	Written    int64   `json:"written_bytes"`
}

func (r result) String() string {
	mega := float64(r.Records) / 1e6
	return fmt.Sprintf("%d records in %.1f s: %.0f msg/s, %.1f MB/s, %.2f CPU-s per million, peak %d MB, %d files, %d commits, %.0f MB read, %.0f MB written",
		r.Records, r.Seconds, float64(r.Records)/r.Seconds, float64(r.Bytes)/1e6/r.Seconds, r.CPUSeconds/mega, r.PeakRSS>>20, r.Files, r.Commits, float64(r.Bytes)/1e6, float64(r.Written)/1e6)
}

func main() {
	n := flag.Int("n", 1_000_000, "records")
	narrow := flag.Bool("narrow", false, "six columns instead of 29")
	asJSON := flag.Bool("json", false, "one JSON document")
	profile := flag.String("profile", "", "write a CPU profile of the middle of the run to this file, and FILE.heap beside it")
	long := flag.Duration("for", 0, "go on loading for so long, and tell whether memory, goroutines and descriptors stay flat")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := bench(ctx, *n, *narrow, *profile, *long)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if *asJSON {
		_ = json.NewEncoder(os.Stdout).Encode(r)
		return
	}
	fmt.Println(r)
}

const topic, partitions = "bench.trips", 4

// What half an hour loads does not fit a small disk: the broker may drop what
// lies so far back, per partition. A run that loads everything first stays below.
var retention, segment = "2000000000", "268435456"

func bench(ctx context.Context, n int, narrow bool, profile string, long time.Duration) (r result, err error) {
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	s, err := launch.Up(ctx, launch.Options{Dir: dir, Parts: []string{"kafka", "catalog"}})
	if err != nil {
		return r, err
	}
	defer s.Down()
	binary := filepath.Join(dir, "sluice")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "sluice/cmd/sluice").CombinedOutput(); err != nil {
		return r, fmt.Errorf("go build: %w\n%s", err, out)
	}
	if r.Bytes, err = load(ctx, s.Kafka.Address, n, narrow); err != nil {
		return r, err
	}
	port, err := launch.Port()
	if err != nil {
		return r, err
	}
	file := filepath.Join(dir, "bench.yaml")
	keep := strings.Join(fields(narrow), ", ")
	text := fmt.Sprintf(`id: bench
source: {kafka: {brokers: ["%s"], topics: ["bench.*"]}}
stages:
  - decode: {format: auto}
  - mask: {key: "%s", rules: [{keep: {columns: [%s], because: no personal data}}]}
sinks:
  - name: lake
    commit: {every: 5s, bytes: 256MiB}
    iceberg:
      catalog: {uri: "%s", token: "%s"}
      storage: {kind: s3, endpoint: "%s", region: us-east-1, path_style: true, access_key: "%s", secret_key: "%s"}
      namespace: bench
      table: "{topic}"
      meta: [op, partition, offset]
http: {listen: "127.0.0.1:%d", pprof: true}
`, s.Kafka.Address, s.Secrets.Ref("mask.key"), keep, s.Catalog.Address, s.Secrets.Ref("catalog.token"), s.S3.Address, s.Secrets.Ref("s3.access"), s.Secrets.Ref("s3.secret"), port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return r, err
	}
	cmd := exec.Command(binary, "run", file)
	log, err := os.Create(filepath.Join(dir, "sluice.log"))
	if err != nil {
		return r, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return r, err
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	var flat *flatness
	if long > 0 {
		flat = &flatness{port: port, pid: cmd.Process.Pid, until: time.Now().Add(long)}
		go func() { flat.err = flat.feed(ctx, s.Kafka.Address, narrow, &r.Bytes) }()
	}
	var began time.Time
	profiled := make(chan error, 1)
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-tick.C:
		}
		fetched, durable := position(port)
		if began.IsZero() && fetched > 0 {
			began = time.Now()
			if profile != "" {
				go func() { profiled <- saveProfiles(port, profile) }()
			}
		}
		want := int64(n)
		if flat != nil {
			flat.sample(durable)
			want += flat.sent.Load()
			if flat.err != nil {
				return r, flat.err
			}
		}
		if durable >= want && (flat == nil || time.Now().After(flat.until)) {
			r.Seconds, r.Records = time.Since(began).Seconds(), int(durable)
			break
		}
		if syscall.Kill(cmd.Process.Pid, 0) != nil {
			return r, errors.New("sluice ended by itself")
		}
		if !began.IsZero() && time.Since(began) > 15*time.Minute+long {
			b, _ := os.ReadFile(log.Name())
			return r, fmt.Errorf("not durable: %d of %d\n%s", durable, n, b[max(0, len(b)-2000):])
		}
	}
	if r.CPUSeconds, r.PeakRSS, err = usage(cmd.Process.Pid); err != nil {
		return r, err
	}
	if profile != "" {
		if err := <-profiled; err != nil {
			return r, err
		}
	}
	var report struct {
		OK    bool
		Sinks []struct {
			Commits float64
			Rows    float64
		}
	}
	if flat != nil {
		fmt.Fprintln(os.Stderr, flat)
	}
	out, err := exec.CommandContext(ctx, binary, "audit", "--json", file).Output()
	if err != nil || json.Unmarshal(out, &report) != nil || !report.OK {
		return r, fmt.Errorf("the audit does not hold: %w\n%s", err, out)
	}
	for _, k := range report.Sinks {
		r.Commits += int(k.Commits)
	}
	err = filepath.WalkDir(filepath.Join(dir, "s3", "data", "lake"), func(p string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(p, ".parquet") && strings.Contains(p, "trips") {
			i, e := d.Info()
			if e != nil {
				return e
			}
			r.Files++
			r.Written += i.Size()
		}
		return err
	})
	return r, err
}

// load fills the topic with n records, the same ones every time.
func load(ctx context.Context, broker string, n int, narrow bool) (bytes int64, err error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.ProducerBatchMaxBytes(1_000_000), kgo.ProducerLinger(20*time.Millisecond), kgo.MaxBufferedRecords(50_000))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).CreateTopic(ctx, partitions, 1, map[string]*string{"retention.bytes": &retention, "segment.bytes": &segment}, topic); err != nil {
		return 0, err
	}
	rng, names := rand.New(rand.NewPCG(1, 2)), fields(narrow)
	var failed error
	for i := range n {
		v := trip(rng, names, i)
		bytes += int64(len(v))
		cl.Produce(ctx, &kgo.Record{Topic: topic, Key: strconv.AppendInt(nil, int64(i), 10), Value: v}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed = err
			}
		})
	}
	return bytes, errors.Join(cl.Flush(ctx), failed)
}

// fields are the columns of a trip (the schema of the public NYC taxi benchmark).
func fields(narrow bool) []string {
	if narrow {
		return strings.Fields("id vendor_id pickup_datetime passenger_count trip_distance total_amount")
	}
	return strings.Fields("id cab_type_id vendor_id pickup_datetime dropoff_datetime store_and_fwd_flag rate_code_id pickup_longitude pickup_latitude dropoff_longitude dropoff_latitude passenger_count trip_distance fare_amount extra mta_tax tip_amount tolls_amount ehail_fee improvement_surcharge congestion_surcharge airport_fee total_amount payment_type trip_type pickup_nyct2010_gid dropoff_nyct2010_gid pickup_location_id dropoff_location_id")
}

func trip(r *rand.Rand, names []string, i int) []byte {
	p := append(make([]byte, 0, 700), '{')
	for k, c := range names {
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
			p = strconv.AppendFloat(p, float64(r.IntN(10000))/100+.01, 'f', 2, 64)
		}
	}
	return append(p, '}')
}

// position asks Sluice's own /lag how many records it fetched and how many are durable.
func position(port int) (fetched, durable int64) {
	res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/lag", port))
	if err != nil {
		return 0, 0
	}
	defer res.Body.Close()
	var v []struct{ Fetched, Durable int64 }
	if json.NewDecoder(res.Body).Decode(&v) != nil {
		return 0, 0
	}
	for _, l := range v {
		fetched, durable = fetched+max(0, l.Fetched), durable+max(0, l.Durable)
	}
	return fetched, durable
}

// saveProfiles writes a CPU profile of ten seconds to file and then the heap's.
func saveProfiles(port int, file string) error {
	for suffix, path := range map[string]string{"": "profile?seconds=10", ".heap": "heap"} {
		res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/debug/pprof/%s", port, path))
		if err != nil {
			return err
		}
		b, err := io.ReadAll(res.Body)
		if err = errors.Join(err, res.Body.Close(), os.WriteFile(file+suffix, b, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// usage is the CPU time and the peak memory of a process.
func usage(pid int) (seconds float64, peak int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for l := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(l, "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(v)[0], 10, 64)
			peak = kb << 10
		}
	}
	return (user + system) / 100, peak, err // USER_HZ is 100 on Linux
}
