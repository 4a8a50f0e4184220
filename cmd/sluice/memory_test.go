package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/connectors/emulator/catalog"
	"sluice/topology/lag"
)

// BenchmarkMemory runs `sluice run` as a process over a topic that is full
// already, broker and catalog elsewhere, and reports the most memory that was
// resident (VmHWM) and how much of it is over the byte budget of the file, in
// MB. It is to be at most 256 MB over.
func BenchmarkMemory(b *testing.B) {
	for _, c := range benchCases {
		b.Run(c.name, func(b *testing.B) {
			addr, _ := fill(b, c)
			for _, budget := range []int{32, 128, 256} {
				b.Run(fmt.Sprintf("budget=%dMiB", budget), func(b *testing.B) {
					for b.Loop() {
						peak := c.resident(b, addr, budget)
						b.ReportMetric(peak, "peak-MB")
						b.ReportMetric(peak-float64(budget)*1.048576, "over-MB")
					}
				})
			}
		})
	}
}

// resident is the peak of resident memory of one drain, in MB.
func (c *benchCase) resident(b *testing.B, addr string, budget int) float64 {
	dir := b.TempDir()
	cat, err := catalog.New(catalog.Options{Warehouse: "file://" + filepath.Join(dir, "wh")})
	if err != nil {
		b.Fatal(err)
	}
	defer cat.Close()
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		return l
	}
	l, free := listen(), listen()
	srv := &http.Server{Handler: cat}
	go srv.Serve(l)
	defer srv.Close()
	health := free.Addr().String()
	free.Close()
	key, file := filepath.Join(dir, "key"), filepath.Join(dir, "bench.yaml")
	text := strings.NewReplacer("${KAFKA}", addr, "${KEY}", key, "${CATALOG}", "http://"+l.Addr().String(), "${GROUP}", fmt.Sprint("bench", benchRuns.Add(1)),
		"%s", c.mask, "budget: 256MiB", fmt.Sprintf("budget: %dMiB", budget), `listen: "off"`, fmt.Sprintf("listen: %q", health)).Replace(benchFile)
	for name, p := range map[string]string{key: strings.Repeat("k", 32), file: text} {
		if err := os.WriteFile(name, []byte(p), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0], "run", file)
	cmd.Env = append(os.Environ(), "SLUICE_MAIN=1")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer cmd.Process.Kill()
	for end := time.Now().Add(2 * time.Minute); !c.durable(health); time.Sleep(50 * time.Millisecond) { // another process: nothing to wait on
		if time.Now().After(end) {
			b.Fatal("the topic is not durable after 2 minutes")
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		b.Skip("no /proc here")
	}
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		b.Error(err)
	}
	var kb float64
	if _, at, ok := strings.Cut(string(status), "VmHWM:"); ok {
		fmt.Sscan(at, &kb)
	}
	return kb * 1024 / 1e6
}

// durable asks the process whether all records are in the store.
func (c *benchCase) durable(health string) bool {
	resp, err := http.Get("http://" + health + "/lag")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var vs []lag.Verdict
	if json.NewDecoder(resp.Body).Decode(&vs) != nil {
		return false
	}
	var n int64
	for _, v := range vs {
		n += v.Durable
	}
	return n >= int64(c.records)
}
