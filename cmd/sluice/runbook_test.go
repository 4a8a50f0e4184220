package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	runbookMetric = regexp.MustCompile(`\bsluice_[a-z_]+[a-z]`)
	runbookVerb   = regexp.MustCompile("`sluice ((?:[a-z][a-z0-9-]* ?)+)([^`]*)`")
	runbookFlag   = regexp.MustCompile(`--[a-z-]+`)
	metricName    = regexp.MustCompile(`fqName: "([^"]+)"`)
)

// TestRunbook: every metric, verb and flag that deploy/RUNBOOK.md names is there.
func TestRunbook(t *testing.T) {
	b, err := os.ReadFile("../../deploy/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	have := map[string]bool{}
	descs := make(chan *prometheus.Desc, 1000)
	newMetrics(nil).registry.Describe(descs)
	close(descs)
	for d := range descs {
		name := metricName.FindStringSubmatch(d.String())[1]
		have[name], have[name+"_sum"], have[name+"_count"] = true, true, true
	}
	for _, name := range runbookMetric.FindAllString(text, -1) {
		if !have[name] && !strings.HasPrefix(name, "sluice_control") {
			t.Errorf("metric %s is not there", name)
		}
	}
	verbs := runbookVerb.FindAllStringSubmatch(text, -1)
	if len(verbs) < 10 {
		t.Fatalf("the runbook names %d commands", len(verbs))
	}
	top := root(&app{out: io.Discard, talk: io.Discard})
	for _, m := range verbs {
		c, _, err := top.Find(strings.Fields(m[1]))
		if err != nil || c == top {
			t.Errorf("sluice %s is no command: %v", m[1], err)
			continue
		}
		for _, f := range runbookFlag.FindAllString(m[2], -1) {
			if n := strings.TrimPrefix(f, "--"); c.Flags().Lookup(n) == nil && c.InheritedFlags().Lookup(n) == nil {
				t.Errorf("sluice %s has no flag %s", m[1], f)
			}
		}
	}
}
