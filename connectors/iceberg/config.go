package iceberg

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"sluice/connectors/iceberg/column"
	"sluice/topology"
)

// Config is the YAML of the sink.
type Config struct {
	Catalog CatalogConfig `yaml:"catalog"`
	Storage StorageConfig `yaml:"storage" plan:"-"`

	// Namespace holds the tables and the ledger; dots part its levels.
	Namespace string `yaml:"namespace"`
	// Table is the name of a topic's table, of {topic}, {database},
	// {namespace} and {table}. What the source does not have is left out, a
	// topic without tables is its own table.
	Table string `yaml:"table"`
	// FormatVersion of tables that are created: 2 or 3.
	FormatVersion int `yaml:"format_version"`
	// Partition lists transforms by table: the longest matching glob wins. It is how
	// rows lie, not which: who made it other than the table's may take it back.
	Partition map[string][]string `yaml:"partition" plan:"-"`
	// Meta lists the changelog columns; op, partition and offset are always there.
	Meta []string `yaml:"meta"`
	// MetaPrefix stands in front of their names.
	MetaPrefix string `yaml:"meta_prefix"`
	// TableProperties are given to tables that are created.
	TableProperties map[string]string `yaml:"table_properties" plan:"-"`

	Compression     string `yaml:"compression" plan:"-"` // zstd, snappy or none
	Level           int    `yaml:"level" plan:"-"`       // of zstd, 1..22
	TargetFileBytes int64  `yaml:"target_file_bytes" plan:"-"`
	Parallel        int    `yaml:"parallel" plan:"-"` // requests to catalog and storage at once
	// KeepSnapshots is how many snapshots of a data table stay; older ones are
	// expired with a commit, or its metadata, which every commit reads and
	// writes, would grow without end. 0 leaves expiry to somebody else.
	KeepSnapshots int `yaml:"keep_snapshots" plan:"-"`

	// Evolve is auto, strict or freeze: what happens when the rows' columns are
	// not the table's. auto adds and widens columns, and lets one whose type
	// cannot be turned into the table's go on as NAME__TYPE; strict stops there;
	// freeze stops at every change.
	Evolve string `yaml:"evolve" plan:"-"`

	// Adopt writes to a table that carries another pipeline's stamp.
	Adopt bool `yaml:"adopt" plan:"-"`
	// Intent commits table by table behind a written intent, for catalogs
	// whose transactions/commit is not atomic or not there.
	Intent bool `yaml:"intent" plan:"-"`
}

// CatalogConfig is an Iceberg REST catalog. For R2 Data Catalog the uri is
// https://catalog.cloudflarestorage.com/ACCOUNT/BUCKET, the warehouse
// ACCOUNT_BUCKET and the token an API token with R2 storage and catalog rights.
type CatalogConfig struct {
	URI        string            `yaml:"uri" plan:"-"`
	Warehouse  string            `yaml:"warehouse"`
	Token      string            `yaml:"token" plan:"-" check:"secret"`      // env:NAME or file:PATH: a static bearer token // P5
	Credential string            `yaml:"credential" plan:"-" check:"secret"` // env:NAME or file:PATH: OAuth2 client_id:secret // P5
	Prefix     string            `yaml:"prefix" plan:"-"`                    // where the server does not tell it
	Properties map[string]string `yaml:"properties" plan:"-"`                // passed to the client, such as oauth2-server-uri, scope
	// Timeout of one request.
	Timeout topology.Duration `yaml:"timeout" plan:"-"`
	// CommitsPerMinute the catalog takes; 0 is 10 for R2, which allows no
	// more, and no limit elsewhere.
	CommitsPerMinute int `yaml:"commits_per_minute" plan:"-"`
}

// StorageConfig says where data files go: s3 with keys of our own (or, without
// keys, those that the catalog vends), or local folders.
type StorageConfig struct {
	Kind      string `yaml:"kind"` // local, s3; empty: by the table's location
	Endpoint  string `yaml:"endpoint"`
	Region    string `yaml:"region"`
	AccessKey string `yaml:"access_key" check:"secret"` // env:NAME or file:PATH // P5
	SecretKey string `yaml:"secret_key" check:"secret"` // env:NAME or file:PATH // P5
	PathStyle bool   `yaml:"path_style"`
}

// The changelog columns.
const (
	metaOp        = "op"         // string: insert, update, delete, truncate
	metaTime      = "ts"         // timestamptz of the change
	metaTopic     = "topic"      // string
	metaPartition = "partition"  // int
	metaOffset    = "offset"     // long
	metaSeq       = "seq"        // int: tells rows of one offset apart
	metaSnapshot  = "snapshot"   // boolean: read by the source's snapshot
	metaSource    = "source_pos" // string, sorts as the source's log does

	// metaUnavailable names the columns whose value did not change and was not
	// sent (TOAST); null when there are none.
	metaUnavailable = "unavailable"
)

var metaNames = []string{metaOp, metaTime, metaTopic, metaPartition, metaOffset, metaSeq, metaSnapshot, metaSource}

// Default is the config before a file is read.
func Default() Config {
	return Config{
		Catalog:         CatalogConfig{Timeout: topology.Duration(60 * time.Second)},
		Table:           "{namespace}_{table}",
		FormatVersion:   2,
		Meta:            []string{metaOp, metaTime, metaPartition, metaOffset, metaSeq, metaSnapshot},
		MetaPrefix:      "_",
		Evolve:          "auto",
		Compression:     "zstd",
		Level:           1,
		TargetFileBytes: 128 << 20,
		Parallel:        8,
		KeepSnapshots:   1000,
	}
}

var namespaceText = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// Validate is part of topology.New.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if u, err := url.Parse(c.Catalog.URI); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		bad("catalog.uri: want the http or https address of an Iceberg REST catalog, such as https://catalog.cloudflarestorage.com/ACCOUNT/BUCKET")
	}
	if c.Catalog.Token != "" && c.Catalog.Credential != "" {
		bad("catalog: take token (a static bearer token) or credential (OAuth2), not both")
	}
	if c.Catalog.CommitsPerMinute < 0 || c.Catalog.Timeout <= 0 {
		bad("catalog: commits_per_minute is not negative, timeout is more than 0")
	}
	if !slices.Contains([]string{"", "local", "s3"}, c.Storage.Kind) {
		bad("storage.kind: %q is not local or s3", c.Storage.Kind)
	}
	if (c.Storage.AccessKey == "") != (c.Storage.SecretKey == "") {
		bad("storage: access_key and secret_key go together; without both the catalog's own credentials are used")
	}
	if !namespaceText.MatchString(c.Namespace) {
		bad("namespace: %q: want letters, digits, - and _, dots between levels", c.Namespace)
	}
	if err := checkTemplate(c.Table); err != nil {
		errs = append(errs, err)
	}
	if !slices.Contains([]string{"auto", "strict", "freeze"}, c.Evolve) {
		bad("evolve: %q is unknown%s", c.Evolve, topology.Suggest(c.Evolve, []string{"auto", "strict", "freeze"}))
	}
	if c.FormatVersion != 2 && c.FormatVersion != 3 {
		bad("format_version: %d: want 2 or 3", c.FormatVersion)
	}
	for glob, fields := range c.Partition {
		for _, f := range fields {
			if _, err := parseTransform(f); err != nil {
				bad("partition: %q: %w", glob, err)
			}
		}
	}
	for _, m := range c.Meta {
		if !slices.Contains(metaNames, m) {
			bad("meta: no column %q%s", m, topology.Suggest(m, metaNames))
		}
	}
	if _, err := c.encoding(); err != nil {
		errs = append(errs, err)
	}
	if c.KeepSnapshots < 0 || c.KeepSnapshots > 0 && c.KeepSnapshots < 10 {
		bad("keep_snapshots: %d: want 0 (never expire) or at least 10", c.KeepSnapshots)
	}
	if c.TargetFileBytes < 1<<16 || c.Parallel < 1 || c.Parallel > 256 {
		bad("target_file_bytes is at least 65536, parallel 1 to 256")
	}
	return errors.Join(errs...)
}

// encoding is how files are written.
func (c *Config) encoding() (column.Options, error) {
	codecs := map[string]column.Codec{"zstd": column.Zstd, "snappy": column.Snappy, "none": column.None}
	codec, ok := codecs[c.Compression]
	if !ok {
		return column.Options{}, fmt.Errorf("compression: %q: want zstd, snappy or none", c.Compression)
	}
	if c.Level < 1 || c.Level > 22 {
		return column.Options{}, fmt.Errorf("level: %d: want 1 (fast) to 22 (small)", c.Level)
	}
	return column.Options{Codec: codec, Level: c.Level}, nil
}

var placeholders = []string{"{topic}", "{database}", "{namespace}", "{table}"}

func checkTemplate(s string) error {
	rest := s
	for _, p := range placeholders {
		rest = strings.ReplaceAll(rest, p, "")
	}
	if s == "" || strings.ContainsAny(rest, "{}") {
		return fmt.Errorf("table: %q: want a name made of {topic}, {database}, {namespace}, {table} and text", s)
	}
	return nil
}

// metaColumns are the changelog columns of every table, in the order of metaNames.
func (c *Config) metaColumns() []string {
	var names []string
	for _, m := range metaNames {
		if m == metaOp || m == metaPartition || m == metaOffset || slices.Contains(c.Meta, m) {
			names = append(names, m)
		}
	}
	return append(names, metaUnavailable)
}
