package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// flatness loads for a long time and samples the process meanwhile.
type flatness struct {
	port, pid int
	until     time.Time
	sent      atomic.Int64 // records beyond the first load
	durable   atomic.Int64
	err       error // of the load

	last    time.Time
	samples []sample
}

// sample is the process at one moment.
type sample struct{ rss, goroutines, files int64 }

// ahead is how far the load may run before Sluice, in records.
const ahead = 3_000_000

// feed produces until the time is over, never far ahead of what is durable.
func (f *flatness) feed(ctx context.Context, broker string, w work, bytes *int64) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.ProducerBatchMaxBytes(1_000_000), kgo.ProducerLinger(20*time.Millisecond), kgo.MaxBufferedRecords(50_000))
	if err != nil {
		return err
	}
	defer cl.Close()
	type message struct {
		topic      string
		key, value []byte
	}
	made := make([]message, 100_000) // once: the machine is Sluice's
	for i := range made {
		m := &made[i]
		m.topic, m.key, m.value = w.make(i)
	}
	var failed error
	for i := 0; time.Now().Before(f.until) && ctx.Err() == nil && failed == nil; i++ {
		for f.sent.Load()-f.durable.Load() > ahead {
			time.Sleep(10 * time.Millisecond)
		}
		m := &made[i%len(made)]
		*bytes += int64(len(m.value))
		f.sent.Add(1)
		cl.Produce(ctx, &kgo.Record{Topic: m.topic, Key: m.key, Value: m.value}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed = err
			}
		})
	}
	return errors.Join(cl.Flush(ctx), failed)
}

// sample looks at the process every ten seconds.
func (f *flatness) sample(durable int64) {
	f.durable.Store(durable)
	if time.Since(f.last) < 10*time.Second {
		return
	}
	f.last = time.Now()
	var s sample
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", f.pid)); err == nil {
		if fs := strings.Fields(string(b)); len(fs) > 1 {
			pages, _ := strconv.ParseInt(fs[1], 10, 64)
			s.rss = pages * int64(os.Getpagesize())
		}
	}
	if es, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", f.pid)); err == nil {
		s.files = int64(len(es))
	}
	if res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/debug/pprof/goroutine?debug=1", f.port)); err == nil {
		line, _ := bufio.NewReader(res.Body).ReadString('\n') // goroutine profile: total 57
		_ = res.Body.Close()
		_, n, _ := strings.Cut(strings.TrimSpace(line), "total ")
		s.goroutines, _ = strconv.ParseInt(n, 10, 64)
	}
	f.samples = append(f.samples, s)
}

// String compares the second tenth of the samples, warm, with the last one.
func (f *flatness) String() string {
	n := max(1, len(f.samples)/10)
	if len(f.samples) < 3*n {
		return "too short to tell whether it is flat"
	}
	mean := func(ss []sample) (m sample) {
		for _, s := range ss {
			m.rss, m.goroutines, m.files = m.rss+s.rss, m.goroutines+s.goroutines, m.files+s.files
		}
		k := int64(len(ss))
		return sample{m.rss / k, m.goroutines / k, m.files / k}
	}
	a, z := mean(f.samples[n:2*n]), mean(f.samples[len(f.samples)-n:])
	return fmt.Sprintf("flat? of %d samples, the second tenth and the last: memory %d and %d MB, goroutines %d and %d, file descriptors %d and %d",
		len(f.samples), a.rss>>20, z.rss>>20, a.goroutines, z.goroutines, a.files, z.files)
}
