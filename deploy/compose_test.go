package deploy

import (
	"encoding/hex"
	"encoding/json"
	"maps"
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
		EnvFile     string `yaml:"env_file"`
		Build       struct{ Context, Dockerfile string }
		Command     yaml.Node
		Environment map[string]string
		Secrets     []string
		Volumes     []string
		Ports       []string
		Healthcheck struct{ Test []string }
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	}
	Volumes map[string]struct{}
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
		if s.EnvFile != "" {
			there(name, s.EnvFile)
		}
		for _, n := range s.Secrets {
			if _, ok := c.Secrets[n]; !ok {
				t.Errorf("%s: secret %s is not declared", name, n)
			}
		}
		for _, v := range s.Volumes {
			host, _, _ := strings.Cut(v, ":")
			if strings.HasPrefix(host, "./") {
				there(name, host)
			} else if _, ok := c.Volumes[host]; !ok {
				t.Errorf("%s: volume %s is not declared", name, host)
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
			switch cond.Condition {
			case "service_healthy", "service_completed_successfully":
			default:
				t.Errorf("%s waits for %s until %q, which says little", name, d, cond.Condition)
			}
			if cond.Condition == "service_healthy" && len(other.Healthcheck.Test) == 0 {
				t.Errorf("%s waits until %s is healthy, which has no health check", name, d)
			}
		}
	}
	for n, s := range c.Secrets {
		there("secret "+n, s.File)
	}
	for _, name := range []string{"postgres", "mariadb", "kafka", "connect", "s3", "catalog", "registry", "edge", "sluice"} { // those of integration/stack
		if _, ok := c.Services[name]; !ok {
			t.Errorf("service %s is not there", name)
		}
	}
	sameKeys(t)
	usedHosts(t, c)
}

// sameKeys: the S3 server, the catalog and Sluice name the same pair of keys.
func sameKeys(t *testing.T) {
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join("compose/secrets", name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	access, secret := read("s3_access"), read("s3_secret")
	for file, names := range map[string][2]string{"s3.env": {"ROOT_ACCESS_KEY", "ROOT_SECRET_KEY"}, "catalog.env": {"CATALOG_S3_ACCESS__KEY__ID", "CATALOG_S3_SECRET__ACCESS__KEY"}} {
		if got, want := read(file), names[0]+"="+access+"\n"+names[1]+"="+secret; got != want {
			t.Errorf("%s does not hold the keys of s3_access and s3_secret", file)
		}
	}
	if b, err := hex.DecodeString(read("bridge")); err != nil || len(b) != 32 {
		t.Error("bridge is not 64 hexadecimal digits")
	}
}

var (
	address  = regexp.MustCompile(`(?:https?://|\$\{KAFKA:-)([a-z0-9]+):(\d+)`)
	mounted  = regexp.MustCompile(`file:/run/secrets/([a-z0-9_]+)`)
	database = regexp.MustCompile(`"(?:database\.hostname|schema\.history\.internal\.kafka\.bootstrap\.servers)": "([a-z0-9]+)`)
	password = regexp.MustCompile(`"\$\{file:/run/secrets:([a-z0-9_]+)\}"`)
)

// usedHosts: what the pipeline and the connectors ask for is there, and what
// they are let see is what they name.
func usedHosts(t *testing.T, c composeFile) {
	b, err := os.ReadFile("pipelines/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range address.FindAllStringSubmatch(string(b), -1) {
		if _, ok := c.Services[m[1]]; !ok {
			t.Errorf("the pipeline asks %s:%s, which is no service", m[1], m[2])
		}
	}
	want := map[string]bool{}
	for _, m := range mounted.FindAllStringSubmatch(string(b), -1) {
		want[m[1]] = true
	}
	if got := slices.Sorted(slices.Values(c.Services["sluice"].Secrets)); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		t.Errorf("sluice is given secrets %v, its pipeline names %v", got, want)
	}
	for _, file := range []string{"compose/shop-connector.json", "compose/stock-connector.json"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(b) {
			t.Errorf("%s is not JSON", file)
		}
		for _, m := range database.FindAllStringSubmatch(string(b), -1) {
			if _, ok := c.Services[m[1]]; !ok {
				t.Errorf("%s asks %s, which is no service", file, m[1])
			}
		}
		m := password.FindStringSubmatch(string(b))
		if m == nil || !slices.Contains(c.Services["connect"].Secrets, m[1]) {
			t.Errorf("%s: its password is no secret of connect", file)
		}
	}
}
