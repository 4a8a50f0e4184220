// Package kv keeps the present rows of keyed tables in a Cloudflare KV
// namespace: one pair a row, its value the row as a JSON object, its metadata
// where the row comes from (pair.go says both forms). Deletes remove the pair.
//
// KV cannot compare and set, so that progress lives in a transactional sink of
// the same pipeline (`progress:`). A commit folds its rows to one change a key,
// applies them in bulk and then moves the progress. A crash or a lost reply
// between the two applies the same changes again, which changes nothing: the
// guarantee is effectively once. What KV itself cannot promise stays: readers
// see a write within 60 seconds, a key takes one write a second, and an instance
// that was paused in the middle of a bulk write for longer than its session can
// still put an older row over a newer one until that row changes again; the
// offset in the metadata shows it.
//
// A row that leaves columns out because they did not change (TOAST) is this
// sink's own reject: a pair is written whole, and what KV reads back may be a
// minute old. Give such tables REPLICA IDENTITY FULL. Truncates and rows without
// a key are rejects as well. Topics whose rows could get one key stop.
//
// Limits are production's: keys of 512 bytes, values of 25 MiB, 10,000 pairs or
// 100 MB a request of the API, 900 pairs of the bridge.
package kv

import (
	"errors"
	"fmt"
	"strings"

	"sluice/connectors/internal/cloudflare"
	"sluice/topology"
)

// Config is the sink's YAML.
type Config struct {
	cloudflare.Connection `yaml:",inline"`

	Namespace string `yaml:"namespace"`             // namespace id; by a bridge, the name of its binding
	Progress  string `yaml:"progress" check:"sink"` // a transactional sink of this pipeline that stands before this one
	Pair      string `yaml:"pair"`                  // its key: text with {topic}, {database}, {namespace}, {table} and, at its end, {key}
	TTL       int    `yaml:"ttl_seconds"`
}

// Default are the values of fields that are left out.
func Default() Config {
	return Config{Connection: cloudflare.DefaultConnection(), Pair: "{topic}/{key}"}
}

// Factory makes kv sinks.
var Factory = topology.New("kv", Default(), open)

// Validate finds mistakes that need no I/O.
func (c *Config) Validate() error {
	var errs []error
	for _, f := range [...]struct{ name, value, what string }{
		{"namespace", c.Namespace, "the namespace's id (not its title); by a bridge, the name of its binding"},
		{"progress", c.Progress, "the name of a transactional sink of this pipeline (d1, kafka) that keeps this sink's positions: KV cannot"},
	} {
		if f.value == "" {
			errs = append(errs, fmt.Errorf("kv: %s is missing: give %s", f.name, f.what))
		}
	}
	for _, err := range c.Check("KV") {
		errs = append(errs, fmt.Errorf("kv: %w", err))
	}
	if before, ok := strings.CutSuffix(c.Pair, "{key}"); !ok || strings.Contains(before, "{key}") {
		errs = append(errs, fmt.Errorf("kv: pair %q has to end in {key}, once: rows are told apart by it", c.Pair))
	}
	if rest := names(c.Pair, "", "", "", ""); strings.ContainsAny(strings.TrimSuffix(rest, "{key}"), "{}") {
		errs = append(errs, fmt.Errorf("kv: pair %q: {topic}, {database}, {namespace}, {table} and {key} are known", c.Pair))
	}
	if c.TTL != 0 && c.TTL < cloudflare.MinTTL {
		errs = append(errs, fmt.Errorf("kv: ttl_seconds is %d: 0 keeps pairs, else at least %d", c.TTL, cloudflare.MinTTL))
	}
	return errors.Join(errs...)
}

// names fills in all of a pair's key but {key}.
func names(key, topic, database, namespace, table string) string {
	return strings.NewReplacer("{topic}", topic, "{database}", database, "{namespace}", namespace, "{table}", table).Replace(key)
}
