package dev

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/connectors/emulator/catalog"
	"sluice/connectors/emulator/cloudflare"
	"sluice/connectors/emulator/registry"
)

// Stack is everything a pipeline meets, in this process, on loopback.
type Stack struct {
	// Dir holds all state: kafka, cloudflare, catalog, warehouse, secrets.
	Dir string
	// Values are what ${NAME} in the pipeline file stands for.
	Values map[string]string
	// Database is the SQLite file of the D1 replica.
	Database string
	// Warehouse is the folder of the Iceberg tables.
	Warehouse string

	broker  *broker
	cloud   *cloudflare.Emulator
	catalog *catalog.Catalog
	server  *http.Server
	schemas *registry.Registry
	naming  *http.Server // of schemas
	gen     *generator
}

// Options of a stack.
type Options struct {
	Dir  string
	Port int // of Kafka, if it is free
}

// Start brings the stack up on the state of o.Dir, which it makes if needed.
func Start(ctx context.Context, o Options) (s *Stack, err error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	s = &Stack{Dir: dir, Warehouse: filepath.Join(dir, "warehouse")}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	secrets := map[string]string{}
	for _, name := range []string{"mask.key", "deadletter.key", "catalog.token", "cloudflare.token"} {
		if secrets[name], err = keep(filepath.Join(dir, "secrets", name), func() string { return randomHex(32) }); err != nil {
			return nil, err
		}
	}
	if s.broker, err = startBroker(dir, o.Port); err != nil {
		return nil, err
	}
	cloudURL, err := s.startCloud(secrets["cloudflare.token"])
	if err != nil {
		return nil, err
	}
	catalogURL, err := s.startCatalog(secrets["catalog.token"])
	if err != nil {
		return nil, err
	}
	registryURL, err := s.startRegistry()
	if err != nil {
		return nil, err
	}
	db, err := s.cloud.CreateDatabase("replica")
	if err != nil {
		return nil, err
	}
	queue, err := s.cloud.CreateQueue("orders")
	if err != nil {
		return nil, err
	}
	pairs, err := s.cloud.CreateKV("pairs")
	if err != nil {
		return nil, err
	}
	s.Database = s.cloud.DatabaseFile(db)
	s.Values = map[string]string{"STATE": dir, "KAFKA": s.broker.addr, "CLOUDFLARE": cloudURL, "CATALOG": catalogURL, "REGISTRY": registryURL, "D1_DATABASE": db, "KV_NAMESPACE": pairs, "QUEUE": queue}
	s.gen, err = newGenerator(ctx, s.broker, dir)
	return s, err
}

func (s *Stack) startCloud(token string) (url string, err error) {
	s.cloud, err = cloudflare.New(cloudflare.Options{Dir: filepath.Join(s.Dir, "cloudflare"), Token: token, Requests: -1})
	if err != nil {
		return "", fmt.Errorf("cloudflare: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go s.cloud.Serve(l)
	return "http://" + l.Addr().String() + "/client/v4", nil
}

func (s *Stack) startCatalog(token string) (url string, err error) {
	dir := filepath.Join(s.Dir, "catalog")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.MkdirAll(s.Warehouse, 0o755)); err != nil {
		return "", err
	}
	s.catalog, err = catalog.New(catalog.Options{Dir: dir, Warehouse: "file://" + filepath.ToSlash(s.Warehouse), Token: token, WarehouseName: "dev"})
	if err != nil {
		return "", fmt.Errorf("catalog: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s.server = &http.Server{Handler: s.catalog}
	go s.server.Serve(l)
	return "http://" + l.Addr().String(), nil
}

// startRegistry serves Avro and JSON schemas as Confluent's registry does, to
// whoever asks on loopback.
func (s *Stack) startRegistry() (url string, err error) {
	if s.schemas, err = registry.New(filepath.Join(s.Dir, "schemas.json")); err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s.naming = &http.Server{Handler: s.schemas}
	go s.naming.Serve(l)
	return "http://" + l.Addr().String(), nil
}

// Replay publishes the recorded events that are not there yet.
func (s *Stack) Replay(ctx context.Context) (int, error) { return replay(ctx, s.broker) }

// ReplayFile publishes the records of a recording that are not there yet.
func (s *Stack) ReplayFile(ctx context.Context, path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	beside := strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".jsonl") + ".schemas.json"
	if p, err := os.ReadFile(beside); err == nil { // what its Avro was written with
		if err := s.schemas.Load(p); err != nil {
			return 0, fmt.Errorf("%s: %w", beside, err)
		}
	}
	n, err := replayOne(ctx, s.broker, f)
	if err != nil {
		err = fmt.Errorf("recording %s: %w", path, err)
	}
	return n, err
}

// Generate makes the shop change, about rate rows a second, until ctx is done.
func (s *Stack) Generate(ctx context.Context, rate int) error { return s.gen.run(ctx, rate) }

// Messages lists the bodies of the queue's messages, oldest first.
func (s *Stack) Messages() (bodies []string, err error) {
	all, err := s.cloud.Messages(s.Values["QUEUE"])
	for _, m := range all {
		bodies = append(bodies, string(m.Body))
	}
	return bodies, err
}

// WritePipeline puts the pipeline file and its values beside the state, so
// that the other verbs can be tried on it: DIR/pipeline.yaml, DIR/pipeline.env.
func (s *Stack) WritePipeline(text []byte) (path string, err error) {
	var env strings.Builder
	for _, k := range slices.Sorted(maps.Keys(s.Values)) {
		fmt.Fprintf(&env, "%s=%s\n", k, s.Values[k])
	}
	path = filepath.Join(s.Dir, "pipeline.yaml")
	return path, errors.Join(os.WriteFile(path, text, 0o644), os.WriteFile(filepath.Join(s.Dir, "pipeline.env"), []byte(env.String()), 0o644))
}

// Close stops everything; the broker last, in order, since its state counts on it.
func (s *Stack) Close() {
	if s.server != nil {
		s.server.Close()
	}
	if s.naming != nil {
		s.naming.Close()
	}
	if s.catalog != nil {
		s.catalog.Close()
	}
	if s.cloud != nil {
		s.cloud.Close()
	}
	if s.broker != nil {
		s.broker.close()
	}
}
