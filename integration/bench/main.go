// Command bench measures Sluice between real servers: a Kafka broker, an S3
// server and Iceberg's REST catalog, all on this machine.
//
//	go run ./integration/bench -n 6000000             trips: 29 columns, about 690 bytes of JSON
//	go run ./integration/bench -n 6000000 --narrow    six of them, about 140 bytes
//	go run ./integration/bench -n 3000000 --debezium  recorded changes of six tables, about 640 bytes, what is personal hashed with a key
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
	return fmt.Sprintf("%d records in %.1f s: %.0f msg/s, %.1f MB/s, %.2f CPU-s per million, %.0f MB a CPU-s, peak %d MB, %d files, %d commits, %.0f MB read, %.0f MB written",
		r.Records, r.Seconds, float64(r.Records)/r.Seconds, float64(r.Bytes)/1e6/r.Seconds, r.CPUSeconds/mega, float64(r.Bytes)/1e6/r.CPUSeconds, r.PeakRSS>>20, r.Files, r.Commits, float64(r.Bytes)/1e6, float64(r.Written)/1e6)
}

func main() {
	n := flag.Int("n", 1_000_000, "records")
	narrow := flag.Bool("narrow", false, "six columns instead of 29")
	debezium := flag.Bool("debezium", false, "recorded Debezium changes instead of trips")
	asJSON := flag.Bool("json", false, "one JSON document")
	profile := flag.String("profile", "", "write a CPU profile of the middle of the run to this file, and FILE.heap beside it")
	long := flag.Duration("for", 0, "go on loading for so long, and tell whether memory, goroutines and descriptors stay flat")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	w, again := trips(*narrow, 1), trips(*narrow, 3)
	if *debezium {
		var err error
		if w, err = changes(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		again = w
	}
	r, err := bench(ctx, *n, w, again, *profile, *long)
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

const partitions = 4

// What half an hour loads does not fit a small disk: the broker may drop what
// lies so far back, per partition. A run that loads everything first stays below.
var retention, segment = "2000000000", "268435456"

// bench loads n records of w and runs the pipeline; again is what a long run goes
// on loading.
func bench(ctx context.Context, n int, w, again work, profile string, long time.Duration) (r result, err error) {
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
	if r.Bytes, err = load(ctx, s.Kafka.Address, n, w); err != nil {
		return r, err
	}
	port, err := launch.Port()
	if err != nil {
		return r, err
	}
	file := filepath.Join(dir, "bench.yaml")
	text := fmt.Sprintf(`id: bench
source: {kafka: {brokers: ["%s"], topics: ["bench.*"]}}
stages:
  - decode: %s
  - mask: {key: "%s", rules: %s}
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
`, s.Kafka.Address, w.decode, s.Secrets.Ref("mask.key"), w.rules, s.Catalog.Address, s.Secrets.Ref("catalog.token"), s.S3.Address, s.Secrets.Ref("s3.access"), s.Secrets.Ref("s3.secret"), port)
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
		go func() { flat.err = flat.feed(ctx, s.Kafka.Address, again, &r.Bytes) }()
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
		if err == nil && strings.HasSuffix(p, ".parquet") && !strings.Contains(p, "_sluice") {
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

// load fills the topics with n records, the same ones every time.
func load(ctx context.Context, broker string, n int, w work) (bytes int64, err error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.ProducerBatchMaxBytes(1_000_000), kgo.ProducerLinger(20*time.Millisecond), kgo.MaxBufferedRecords(50_000))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).CreateTopics(ctx, partitions, 1, map[string]*string{"retention.bytes": &retention, "segment.bytes": &segment}, w.topics...); err != nil {
		return 0, err
	}
	var failed error
	for i := range n {
		topic, key, v := w.make(i)
		bytes += int64(len(v))
		cl.Produce(ctx, &kgo.Record{Topic: topic, Key: key, Value: v}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed = err
			}
		})
	}
	return bytes, errors.Join(cl.Flush(ctx), failed)
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
