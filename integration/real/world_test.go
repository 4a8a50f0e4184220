package real

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/integration/stack/launch"
)

var (
	seed  = flag.Uint64("seed", 1, "of the random writer and of everything that is done to the servers")
	scale = flag.String("scale", "single", "single or group: whether instances commit together")
	steps = flag.Int("steps", 400, "transactions of the random writer in each database")
)

// world is a stack, two databases with tables, connectors, and a pipeline file.
type world struct {
	*launch.Stack
	t      *testing.T
	binary string

	lines map[string]*proxy // between Sluice and its stores

	// The runtime's broker lives in its memory: what the queue took between the
	// two places of a pair may have gone with a kill.
	excused [][2]map[lane]int64

	lakeDisk, edgeDisk, ownDisk disk // of the S3 server, of the Workers runtime, of Sluice itself

	file   string
	logged int // how much of Sluice's log was looked at
}

// newWorld starts the stack and its connectors; it skips where the stack is
// not installed. With names of parts it starts these and has no databases.
func newWorld(t *testing.T, parts ...string) *world {
	t.Helper()
	if !strings.Contains(flag.Lookup("test.run").Value.String(), "Real") {
		t.Skip("real servers, minutes: go test ./integration/real -run Real")
	}
	cache, err := launch.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(cache, launch.Installed)); err != nil {
		t.Skip("the real stack is not installed: `go run ./integration/stack install` does it (Java, Maven, npm, Debian's PostgreSQL and MariaDB)")
	}
	dir, err := os.MkdirTemp("", "sluice-real-") // other users' servers read below it: not t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logs are in %s", dir)
			return
		}
		os.RemoveAll(dir)
	})
	w := &world{t: t, binary: filepath.Join(dir, "sluice"), file: filepath.Join(dir, "pipeline.yaml"),
		lakeDisk: newDisk(t, "512m", dir, "s3", "data"), edgeDisk: newDisk(t, "512m", dir, "edge", "state"), ownDisk: newDisk(t, "64k", dir, "own")}
	databases := parts == nil
	if databases {
		parts = []string{"connect", "postgres", "mariadb", "catalog", "edge"}
	}
	s, err := launch.Up(t.Context(), launch.Options{Dir: dir, Parts: parts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Down)
	w.Stack = s
	if out, err := exec.Command("go", "build", "-o", w.binary, "sluice/cmd/sluice").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	w.lines = map[string]*proxy{"S3": newProxy(t, s.S3.Address), "Catalog": newProxy(t, s.Catalog.Address), "Edge": newProxy(t, s.Edge.Address)}
	if databases {
		w.tables()
		w.connectors()
	}
	if err := os.WriteFile(w.file, []byte(w.pipeline(nil)), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// pipeline is the pipeline file; replace maps what stands in it to other text.
func (w *world) pipeline(replace map[string]string) string {
	s := fmt.Sprintf(`id: real
scale: %[13]s
source:
  kafka:
    brokers: ["%[1]s"]
    tls: {enabled: true, ca: %[2]s}
    sasl: {mechanism: SCRAM-SHA-256, username: sluice, password: "%[3]s"}
    topics: ["pg.public.*", "my.shop.*"]
    instance_id: "${INSTANCE:-a}"
    session_timeout: 6s
    rebalance_timeout: 10s
stages:
  - decode: {format: debezium}
  - mask:
      key: "%[4]s"
      key_id: k1
      default: mask
      rules:
        - columns:
            id: {keep: "surrogate key"}
            balance: {keep: "not personal"}
            score: {keep: "not personal"}
            active: {keep: "not personal"}
            born: {keep: "not personal here"}
            seen_at: {keep: "not personal"}
            tag: {keep: "not personal"}
            email: hash
            phone: {partial: {keep_last: 4}}
            ssn: drop
sinks:
  - name: lake
    commit: {every: 2s}
    iceberg:
      intent: true # the catalog's transaction over several tables is not atomic when it is killed
      catalog: {uri: "%[5]s", token: "%[6]s"}
      storage: {kind: s3, endpoint: "%[7]s", region: us-east-1, path_style: true, access_key: "%[8]s", secret_key: "%[9]s"}
      namespace: bronze
      table: "{database}_{namespace}_{table}"
  - name: replica
    commit: {every: 1s}
    d1: {via: bridge, bridge: "%[10]s", key: "%[11]s", database: DB, table: "{database}_{namespace}_{table}"}
  - name: events
    commit: {every: 1s}
    queues: {via: bridge, bridge: "%[10]s", key: "%[11]s", queue: EVENTS, progress: replica}
dead_letters: {home: replica, key: "%[12]s", key_id: k1}
http: {listen: "off"}
`, w.Kafka.Secure, w.Secrets.CA, w.Secrets.Ref("password"), w.Secrets.Ref("mask.key"), w.lines["Catalog"].Address, w.Secrets.Ref("catalog.token"),
		w.lines["S3"].Address, w.Secrets.Ref("s3.access"), w.Secrets.Ref("s3.secret"), w.lines["Edge"].Address, w.Secrets.Ref("bridge.key"), w.Secrets.Ref("dead.key"), *scale)
	for from, to := range replace {
		if !strings.Contains(s, from) {
			w.t.Fatalf("the pipeline has no %q", from)
		}
		s = strings.ReplaceAll(s, from, to)
	}
	return s
}

const columns = "id, name, email, phone, ssn, balance, score, active, born, seen_at, tag"

func (w *world) tables() {
	for _, sql := range []string{
		`CREATE TABLE customers (id bigint PRIMARY KEY, name text, email text, phone text, ssn text, balance numeric(12,2), score double precision, active boolean, born date, seen_at timestamptz, tag text);
		 ALTER TABLE customers REPLICA IDENTITY FULL`} {
		if _, err := w.Postgres.Query(w.t.Context(), sql); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := w.MariaDB.Query(w.t.Context(), `CREATE TABLE customers (id bigint PRIMARY KEY, name text, email text, phone text, ssn text, balance decimal(12,2), score double, active tinyint(1), born date, seen_at timestamp(6) NULL, tag varchar(80)) CHARACTER SET utf8mb4`); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) connectors() {
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	host := func(address string) (string, string) { h, p, _ := strings.Cut(address, ":"); return h, p }
	secret := "${dir:" + w.Secrets.Dir + ":password}"
	h, p := host(w.Postgres.Address)
	pg := map[string]string{"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "database.hostname": h, "database.port": p, "database.user": "cdc",
		"database.password": secret, "database.dbname": "shop", "database.sslmode": "verify-full", "database.sslrootcert": w.Secrets.CA,
		"topic.prefix": "pg", "plugin.name": "pgoutput", "publication.autocreate.mode": "filtered", "table.include.list": "public.customers", "slot.name": "sluice"}
	h, p = host(w.MariaDB.Address)
	my := map[string]string{"connector.class": "io.debezium.connector.mariadb.MariaDbConnector", "database.hostname": h, "database.port": p, "database.user": "cdc",
		"database.password": secret, "database.server.id": "77", "database.ssl.mode": "verify-full", "database.ssl.truststore": w.Secrets.Trust, "database.ssl.truststore.password": launch.TrustPassword,
		"database.include.list": "shop", "topic.prefix": "my",
		"schema.history.internal.kafka.bootstrap.servers": w.Kafka.Address, "schema.history.internal.kafka.topic": "_schema_history"}
	for _, c := range []map[string]string{pg, my} {
		c["topic.creation.default.partitions"], c["topic.creation.default.replication.factor"], c["errors.retry.timeout"] = "3", "1", "-1"
	}
	for name, c := range map[string]map[string]string{"pg": pg, "my": my} {
		if err := w.Connect.Connector(ctx, name, c); err != nil {
			w.t.Fatal(err)
		}
	}
}

// sluice is a running `sluice run`.
type sluice struct {
	*exec.Cmd
	log  string // file of all it prints
	done chan error
}

// run starts an instance; instances of one name take each other's place.
func (w *world) run(instance string) *sluice { w.t.Helper(); return w.runIn(instance, "") }

// runIn starts an instance whose working folder, temporary folder and output
// are in dir, unless that is empty.
func (w *world) runIn(instance, dir string) *sluice {
	w.t.Helper()
	c := &sluice{Cmd: exec.Command(w.binary, "run", w.file), done: make(chan error, 1), log: filepath.Join(w.Dir, "sluice.log")}
	if dir != "" {
		c.Dir, c.log = dir, filepath.Join(dir, "sluice.log")
	}
	out, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	defer out.Close()
	c.Stdout, c.Stderr = out, out
	c.Env = append(os.Environ(), "INSTANCE="+instance)
	if dir != "" {
		c.Env = append(c.Env, "TMPDIR="+dir, "HOME="+dir)
	}
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() { c.done <- c.Wait() }()
	w.t.Cleanup(func() { _ = c.Process.Kill() })
	return c
}

// kill is kill -9.
func (c *sluice) kill() {
	_ = c.Process.Kill()
	<-c.done
}

// stop drains and wants exit code 0.
func (c *sluice) stop(t *testing.T) {
	t.Helper()
	_ = c.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-c.done:
		if err != nil {
			t.Errorf("a clean stop exits 0: %v; see %s", err, c.log)
		}
	case <-time.After(time.Minute):
		t.Fatal("it does not stop")
	}
}

// leave is a stop of an instance that may have been born too short a time ago
// to listen for signals.
func (c *sluice) leave(t *testing.T) {
	t.Helper()
	_ = c.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-c.done:
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGTERM {
			return
		}
		if err != nil {
			t.Errorf("it leaves with %v; see %s", err, c.log)
		}
	case <-time.After(time.Minute):
		t.Fatal("it does not stop")
	}
}

func end(s string) string { return s[max(0, len(s)-4000):] }

// verb runs a verb with --json and decodes what it prints; its exit code is returned.
func (w *world) verb(v any, args ...string) int {
	w.t.Helper()
	cmd := exec.Command(w.binary, append(args, "--json")...)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if v != nil && json.Unmarshal(out, v) != nil {
		w.t.Fatalf("sluice %s: %v: %s%s", strings.Join(args, " "), err, end(string(out)), end(problem.String()))
	}
	return cmd.ProcessState.ExitCode()
}
