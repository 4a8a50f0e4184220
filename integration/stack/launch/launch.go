// Package launch installs and runs the servers that Sluice meets in production:
// Kafka, Kafka Connect with Debezium, PostgreSQL, MariaDB, an S3 server, Apache
// Iceberg's REST catalog, a schema registry and the Workers runtime with the
// edge bridge. No containers: Java, npm and the system's packages.
//
// Every server listens on a free loopback port, logs to a file of its own and
// is a child of this process: none outlives it, whichever way it dies.
package launch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Parts are the names of all servers, in the order they start.
var Parts = []string{"kafka", "postgres", "mariadb", "s3", "registry", "connect", "catalog", "edge"}

// needs says what else a part needs.
var needs = map[string][]string{"connect": {"kafka"}, "catalog": {"s3"}}

// Options say what to start.
type Options struct {
	Parts []string                         // default all
	Dir   string                           // data, logs and secrets; made when it is not there
	Say   func(format string, args ...any) // progress; nil is silent
}

// Stack is a set of running servers. Fields of parts that were not asked for
// are nil.
type Stack struct {
	Dir     string
	Secrets Secrets

	Kafka    *Kafka
	Connect  *Connect
	Postgres *Postgres
	MariaDB  *MariaDB
	S3       *S3
	Catalog  *Catalog
	Registry *Process
	Edge     *Edge

	cache cache
	mu    sync.Mutex
	all   []*Process
	close []func()
}

// Up installs what is missing and starts the parts; those that do not need
// each other start side by side. On an error nothing is left running.
func Up(ctx context.Context, o Options) (s *Stack, err error) {
	if o.Say == nil {
		o.Say = func(string, ...any) {}
	}
	want, err := expand(o.Parts)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.MkdirAll(o.Dir, 0o755), os.Chmod(o.Dir, 0o755)); err != nil { // PostgreSQL runs as another user
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	at, err := CacheDir()
	if err != nil {
		return nil, err
	}
	s = &Stack{Dir: dir, cache: cache{dir: at, say: o.Say}}
	if s.Secrets, err = makeSecrets(dir); err != nil {
		return nil, err
	}
	start := map[string]func(context.Context) error{"kafka": s.startKafka, "connect": s.startConnect, "postgres": s.startPostgres,
		"mariadb": s.startMariaDB, "s3": s.startS3, "catalog": s.startCatalog, "registry": s.startRegistry, "edge": s.startEdge}
	fetch := map[string]func(context.Context) error{"connect": s.fetchConnect, "catalog": s.fetchCatalog} // of parts that wait for another
	done := map[string]chan struct{}{}
	for _, p := range want {
		done[p] = make(chan struct{})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, len(want))
	for _, p := range want {
		go func() {
			defer close(done[p])
			var err error
			if f := fetch[p]; f != nil {
				err = f(ctx)
			}
			if err == nil {
				for _, n := range needs[p] {
					<-done[n]
				}
			}
			if ctx.Err() != nil {
				errs <- nil
				return
			}
			began := time.Now()
			if err == nil {
				err = start[p](ctx)
			}
			if err != nil {
				if ctx.Err() != nil { // stopped because another part failed
					err = nil
				}
				cancel()
			} else {
				o.Say("%s is up (%.1f s)", p, time.Since(began).Seconds())
			}
			errs <- err
		}()
	}
	for range want {
		err = errors.Join(err, <-errs)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		s.Down()
		return nil, err
	}
	if len(want) == len(Parts) {
		err = os.WriteFile(filepath.Join(at, Installed), nil, 0o644)
	}
	return s, err
}

// Installed is a file in [CacheDir] that says that all parts ran once.
const Installed = "installed"

// expand adds what parts need and sorts them.
func expand(parts []string) (want []string, err error) {
	if len(parts) == 0 {
		return Parts, nil
	}
	set := map[string]bool{}
	for _, p := range parts {
		if !slices.Contains(Parts, p) {
			return nil, fmt.Errorf("part %q is unknown: one of %s", p, strings.Join(Parts, ", "))
		}
		set[p] = true
		for _, n := range needs[p] {
			set[n] = true
		}
	}
	for _, p := range Parts {
		if set[p] {
			want = append(want, p)
		}
	}
	return want, nil
}

// Down stops everything, the last started first.
func (s *Stack) Down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range slices.Backward(s.close) {
		f()
	}
	var wg sync.WaitGroup
	for _, p := range slices.Backward(s.all) {
		if p.Name == "connect" { // it wants its broker to say good-bye
			p.Stop()
			continue
		}
		wg.Go(p.Stop)
	}
	wg.Wait()
	s.all, s.close = nil, nil
}

// Processes are the servers that were started, those that died as well.
func (s *Stack) Processes() []*Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// process is a server of this stack, not started yet.
func (s *Stack) process(p *Process) *Process {
	p.log = filepath.Join(s.Dir, p.Name+".log")
	if p.dir == "" {
		p.dir = s.Dir
	}
	if p.end == 0 {
		p.end = 15 // SIGTERM
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, p)
	return p
}

// folder makes a folder below the stack's.
func (s *Stack) folder(names ...string) (string, error) {
	d := filepath.Join(append([]string{s.Dir}, names...)...)
	return d, os.MkdirAll(d, 0o755)
}

// taken are the ports that this process gave away.
var taken sync.Map

// ports are free now and below the range that the kernel gives to connections
// and to listeners on port 0, so that nobody takes one before its server does.
func ports(n int) (out []int, err error) {
	for tries := 0; len(out) < n; tries++ {
		if tries > 1000 {
			return nil, fmt.Errorf("no free port: %w", err)
		}
		p := 20_000 + rand.IntN(10_000)
		if _, given := taken.LoadOrStore(p, true); given {
			continue
		}
		l, e := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
		if e != nil {
			err = e
			continue
		}
		l.Close()
		out = append(out, p)
	}
	return out, nil
}

// Port is a free port of 127.0.0.1 that no other part of this process takes.
func Port() (int, error) {
	p, err := ports(1)
	if err != nil {
		return 0, err
	}
	return p[0], nil
}

// listens is a ready check: somebody accepts.
func listens(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			c.Close()
		}
		return err
	}
}

// answers is a ready check: GET url says 200.
func answers(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: %s", url, res.Status)
		}
		return nil
	}
}
