// Package decode turns the bytes of records into rows of cells: Debezium's JSON
// with and without its schema envelope, Avro with a registry, and plain events.
//
// It recognises what is not data (tombstones in their three spellings,
// heartbeats, transaction metadata, schema changes and history, messages) and
// counts it as filtered. What it cannot read it rejects with a code:
//
//	bad_json         the value is not JSON
//	bad_key          the key is not JSON
//	bad_schema       the schema of an envelope is not a Connect schema
//	not_object       the value is JSON, but not an object
//	not_debezium     format: debezium, and the value has another shape
//	no_row           a change without the row it needs
//	unknown_op       an op that is none of c, u, d, r, t, m
//	message          an op m under messages: reject
//	type_mismatch    a value that does not go with its column's type; the field is named
//	too_deep         nested deeper than schemas.MaxDepth
//	too_many_fields  the topic would have more than max_fields columns
//	no_registry      Avro, and no registry to find its schema
//	unknown_schema   Avro of a schema that the registry does not have
//	bad_avro         Avro that does not follow its schema
//	schema_language  its schema is neither Avro nor JSON Schema: Protobuf is not read
//	no_document      MongoDB's update that says neither what is there now nor what changed
//	partial_document MongoDB's update of a part of a member (a dotted path, a cut array): what the member is now is not known
//	contract_null    a column that its contract says is never null; the field is named
//	contract_field   a column that its contract does not have
//	contract_key     a key that is not its contract's
//	contract_enum    a value that is none of the members its contract has; likewise set, range,
//	                 decimal, interval, bits, geometry, srid, vector, dimension, array, map, struct
//	                 and type (of a value within a collection): schemas.Breach says what each is
//
// The columns of a topic are one append-only list shared by all workers. A
// record's Schema is immutable: one for each writer schema of the topic, or
// the topic's latest for records without one.
package decode

import (
	"fmt"
	"path"
	"slices"

	"sluice/processors/decode/contract"
	"sluice/processors/decode/registry"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// Config of a decode stage.
type Config struct {
	// Format is auto, debezium or json (plain events: no shape has a meaning).
	Format string `yaml:"format"`

	// Columns gives columns their types, by topic glob, then column name, as
	// schemas.ParseColumn reads them. Of several globs the longest that knows
	// the column counts.
	Columns map[string]map[string]string `yaml:"columns"`

	// Contracts is a glob of files that say what topics must look like; see
	// package contract. Their types are those of columns, where Columns says none.
	Contracts string `yaml:"contracts"`

	// Identity is full or default, by topic glob: whether `before` holds the
	// row as it was, or a key and invented fillers. Without an entry MySQL, MariaDB,
	// SQL Server, Db2 and Informix are full, others default.
	Identity map[string]string `yaml:"identity"`

	// Unavailable is the connector's unavailable.value.placeholder, hex: and its
	// bytes included; "" recognises none. A value that is it, in any form that a
	// column's type gives it, is not there: sinks keep what they have.
	Unavailable string `yaml:"unavailable"`

	// Truncate is pass (sinks decide) or filter.
	Truncate string `yaml:"truncate"`

	// What a connector writes besides rows is counted as filtered, or, with
	// rows, goes on as events of its topic: Messages are logical decoding
	// messages, op m, which can be rejected, too; Transactions BEGIN and END
	// with their counts; SchemaChanges DDL and the schema history.
	Messages      string `yaml:"messages"`
	Heartbeats    string `yaml:"heartbeats"`
	Transactions  string `yaml:"transactions"`
	SchemaChanges string `yaml:"schema_changes"`
	Notifications string `yaml:"notifications"`

	// Signals is rows or filter: the rows of the signal table, watermarks of
	// incremental snapshots among them, which are a table's like any other.
	Signals string `yaml:"signals"`

	// AddFieldsPrefix is ExtractNewRecordState's add.fields.prefix.
	AddFieldsPrefix string `yaml:"add_fields_prefix"`

	// Tombstones is auto, filter or delete: what a null value with a key is. In
	// auto it repeats a delete that was said, and is filtered, but for topics
	// that were flattened by ExtractNewRecordState without a column __deleted:
	// there a null that the JSON converter wrote deletes the row of its key, and
	// so does Kafka's null (Avro) once a row was seen, if either that had __op or
	// the null has the headers of a connector's context. Say delete for those, and for compacted topics of plain events, to depend on nothing seen.
	Tombstones string `yaml:"tombstones"`

	// EventKeys is row or ignore: whether the key of a plain event is the key
	// of a row, by which keyed sinks replace earlier events. An object's members
	// are columns; a scalar, or a text that is not JSON, is the column `key`,
	// unless the events have a member of that name.
	EventKeys string `yaml:"event_keys"`

	// Registry has the schemas of Avro records.
	Registry registry.Config `yaml:"registry" plan:"-"`

	// MaxFields limits the columns of a topic: an event whose member names are
	// data would grow them without end.
	MaxFields int `yaml:"max_fields"`
}

// Default is the configuration of `decode: {}`.
var Default = Config{
	Format: "auto", Unavailable: schemas.DefaultUnavailable, Truncate: "pass", Messages: "filter", Heartbeats: "filter", Transactions: "filter", SchemaChanges: "filter",
	Notifications: "filter", Signals: "rows", AddFieldsPrefix: "__", Tombstones: "auto", EventKeys: "row", MaxFields: 2000,
}

// Factory makes decode stages.
var Factory = topology.New("decode", Default, func(c Config, env topology.Env) (stream.Raw, error) {
	return Open(c, registry.Outside{HTTP: env.HTTP, Now: env.Now, Secret: env.Secret})
})

// Validate checks names and globs.
func (c *Config) Validate() error {
	for _, x := range []struct {
		key, value string
		of         []string
	}{
		{"format", c.Format, []string{"auto", "debezium", "json"}},
		{"truncate", c.Truncate, []string{"pass", "filter"}},
		{"messages", c.Messages, []string{"filter", "rows", "reject"}},
		{"heartbeats", c.Heartbeats, []string{"filter", "rows"}},
		{"transactions", c.Transactions, []string{"filter", "rows"}},
		{"schema_changes", c.SchemaChanges, []string{"filter", "rows"}},
		{"notifications", c.Notifications, []string{"filter", "rows"}},
		{"signals", c.Signals, []string{"rows", "filter"}},
		{"tombstones", c.Tombstones, []string{"auto", "filter", "delete"}},
		{"event_keys", c.EventKeys, []string{"row", "ignore"}},
	} {
		if !slices.Contains(x.of, x.value) {
			return fmt.Errorf("%s: unknown value %q%s", x.key, x.value, topology.Suggest(x.value, x.of))
		}
	}
	if err := c.Registry.Validate(); err != nil {
		return err
	}
	if err := c.contradiction(); err != nil {
		return err
	}
	if c.MaxFields < 1 {
		return fmt.Errorf("max_fields: %d is not positive", c.MaxFields)
	}
	for glob, v := range c.Identity {
		if _, err := path.Match(glob, ""); err != nil {
			return fmt.Errorf("identity: glob %q: %w", glob, err)
		}
		if v != "full" && v != "default" {
			return fmt.Errorf("identity: %s: unknown value %q: use full or default", glob, v)
		}
	}
	for glob, columns := range c.Columns {
		if _, err := path.Match(glob, ""); err != nil {
			return fmt.Errorf("columns: glob %q: %w", glob, err)
		}
		for name, typ := range columns {
			if _, _, _, err := schemas.ParseColumn(typ); err != nil {
				return fmt.Errorf("columns: %s: %s: %w", glob, name, err)
			}
		}
	}
	return nil
}

// contradiction is an error of the contracts, or a type in Columns whose values
// can never be what the contract of the topic says.
func (c *Config) contradiction() error {
	if c.Contracts == "" {
		return nil
	}
	set, err := contract.Load(c.Contracts)
	if err != nil {
		return err
	}
	for _, k := range set {
		for glob, columns := range c.Columns {
			if ok, _ := path.Match(glob, k.Topic); !ok && glob != k.Topic {
				continue
			}
			for name, typ := range columns {
				if f := k.Field(name); f != nil {
					if err := f.Suits(typ); err != nil {
						return fmt.Errorf("columns: %s: %s: the contract of %s says logical: %w", glob, name, k.Topic, err)
					}
				}
			}
		}
	}
	return nil
}

// meaning is what becomes of records that are no rows.
func (c *Config) meaning(k kind) string {
	switch k {
	case kindHeartbeat:
		return c.Heartbeats
	case kindTransaction:
		return c.Transactions
	case kindSchemaChange:
		return c.SchemaChanges
	}
	return c.Notifications
}

// identity is the longest matching glob's value for topic, or "".
func (c *Config) identity(topic string) string {
	best, value := "", ""
	for glob, v := range c.Identity {
		if ok, _ := path.Match(glob, topic); ok && longer(glob, best) {
			best, value = glob, v
		}
	}
	return value
}

// columns are the declared columns of topic, by its contract and before that by c.
func (c *Config) columns(topic string, agreed *contract.Contract) map[string]column {
	from := map[string]string{}
	out := map[string]column{}
	if agreed != nil {
		for _, f := range agreed.Fields {
			if t, w, explicit, err := schemas.ParseColumn(f.Type); err == nil {
				out[f.Name] = columnOf(t, w, explicit)
			}
		}
	}
	for glob, columns := range c.Columns {
		if ok, _ := path.Match(glob, topic); !ok {
			continue
		}
		for name, typ := range columns {
			if g, had := from[name]; had && !longer(glob, g) {
				continue
			}
			from[name] = glob
			t, w, explicit, _ := schemas.ParseColumn(typ) // Validate did
			out[name] = columnOf(t, w, explicit)
		}
	}
	return out
}

// longer orders globs by length, then text, so that the choice does not depend on map order.
func longer(a, b string) bool { return len(a) > len(b) || len(a) == len(b) && a > b }

// column is a declared type.
type column struct {
	typ      schemas.Type
	wire     schemas.Wire
	explicit bool // the wire was declared too
	digits   bool // a String of the digits of a decimal in base64, whose scale is
	scale    int
}

func columnOf(t schemas.Type, w schemas.Wire, explicit bool) column {
	c := column{typ: t, wire: w, explicit: explicit}
	if t.Kind == schemas.String && w == schemas.WireBase64 {
		c.digits, c.scale, c.wire, c.typ.Scale = true, int(t.Scale), schemas.WirePlain, 0
	}
	return c
}
