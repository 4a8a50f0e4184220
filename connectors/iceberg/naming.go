package iceberg

import (
	"strings"

	"sluice/topology"
	"sluice/topology/stream"
)

// tableName is where rows of t go. Parts the source does not have are left
// out with the separator beside them.
func (c *Config) tableName(t *stream.Table) string {
	name := t.Table
	if name == "" {
		name = t.Topic
	}
	// \x00 marks what is not there.
	part := func(s string) string {
		if s == "" {
			return "\x00"
		}
		return identifier(s)
	}
	s := strings.NewReplacer("{topic}", part(t.Topic), "{database}", part(t.Database), "{namespace}", part(t.Namespace), "{table}", part(name)).Replace(c.Table)
	for _, gone := range []string{"\x00_", "\x00-", "_\x00", "-\x00", "\x00"} {
		s = strings.ReplaceAll(s, gone, "")
	}
	if s == "" {
		return identifier(t.Topic)
	}
	return s
}

// identifier keeps what every engine takes in a name without quotes.
func identifier(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return '_'
	}, s)
}

// partitionOf lists the transforms of a table: of the longest glob that matches.
func (c *Config) partitionOf(name string) []string {
	best := ""
	found := false
	for glob := range c.Partition {
		if topology.Glob(glob, name) && (!found || len(glob) > len(best) || len(glob) == len(best) && glob < best) {
			best, found = glob, true
		}
	}
	return c.Partition[best]
}

// The tables of the sink itself; they are no data.
func ledgerName(pipeline string) string { return "_sluice_" + identifier(pipeline) }
func deadName(pipeline string) string   { return "_sluice_dead_" + identifier(pipeline) }

// stampKey is the property of a data table that says the last ledger seq that
// wrote it.
func stampKey(pipeline, sink string) string { return "sluice." + pipeline + "." + sink + ".seq" }

// baseKey is the property that says how many rows a table had before.
func baseKey(pipeline, sink string) string { return "sluice." + pipeline + "." + sink + ".base" }
