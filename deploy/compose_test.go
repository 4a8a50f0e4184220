package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

type composeFile struct {
	Services map[string]struct {
		Image       string
		Build       struct{ Context, Dockerfile string }
		Command     yaml.Node
		Environment map[string]string
		Secrets     []string
		Volumes     []string
		Ports       []string
		Healthcheck struct{ Test []string }
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	}
	Secrets map[string]struct{ File string }
}

var (
	pinned    = regexp.MustCompile(`^[a-z0-9./-]+:v?[0-9]+(\.[0-9]+)*([.-][A-Za-z0-9]+)*$`)
	inClear   = regexp.MustCompile(`(?i)(password|secret|token|key)`)
	loopback  = regexp.MustCompile(`^127\.0\.0\.1:\d+:\d+$`)
	reference = regexp.MustCompile(`^(/run/secrets/|\$\{|file:)`)
)

// TestCompose reads docker-compose.yml, since no engine may be here to run it:
// images are pinned, ports are on loopback, what is waited for says when it is
// healthy, every file that is mounted exists and no secret is in clear.
func TestCompose(t *testing.T) {
	b, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var c composeFile
	if err := yaml.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	there := func(what, path string) {
		if _, err := os.Stat(filepath.Join("..", path)); err != nil {
			t.Errorf("%s: %s is not there", what, path)
		}
	}
	for name, s := range c.Services {
		if s.Build.Context == "" && !pinned.MatchString(s.Image) {
			t.Errorf("%s: image %q has no version", name, s.Image)
		}
		if s.Build.Dockerfile != "" {
			there(name, s.Build.Dockerfile)
		}
		for k, v := range s.Environment {
			if inClear.MatchString(k) && !strings.HasSuffix(k, "_FILE") && !reference.MatchString(v) && !slices.Contains([]string{"true", "false"}, v) {
				t.Errorf("%s: %s holds a secret in clear", name, k)
			}
		}
		for _, n := range s.Secrets {
			if _, ok := c.Secrets[n]; !ok {
				t.Errorf("%s: secret %s is not declared", name, n)
			}
		}
		for _, v := range s.Volumes {
			if host, _, _ := strings.Cut(v, ":"); strings.HasPrefix(host, "./") {
				there(name, host)
			}
		}
		for _, p := range s.Ports {
			if !loopback.MatchString(p) {
				t.Errorf("%s: port %s is not on 127.0.0.1", name, p)
			}
		}
		for d, cond := range s.DependsOn {
			other, ok := c.Services[d]
			if !ok {
				t.Errorf("%s waits for %s, which is not there", name, d)
			}
			if cond.Condition == "service_healthy" && len(other.Healthcheck.Test) == 0 {
				t.Errorf("%s waits until %s is healthy, which has no health check", name, d)
			}
		}
	}
	for n, s := range c.Secrets {
		there("secret "+n, s.File)
	}
}
