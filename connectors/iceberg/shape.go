package iceberg

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"

	"sluice/connectors/iceberg/column"
	"sluice/schemas"
	"sluice/topology/stream"
)

// shape is how the rows of one [stream.Table] lie in columns. It is immutable.
// Field ids are places until the table is known: 1, 2, ...
type shape struct {
	table   string // the Iceberg table
	topic   string
	fields  []column.Field
	sources []column.Source
	metas   []metaAt // changelog columns

	// unknown are columns of which only nulls were seen: they are left out
	// until their type is known.
	unknown []int
	names   []string   // of the stream table's columns, for _unavailable
	places  [][]string // by field: the columns of the table it may stand in, best first
	key     string     // equal keys, equal fields

	parts []transform
	split *column.Partitioner // nil: not partitioned
}

// metaAt is a changelog column and its place.
type metaAt struct {
	name string
	at   int
}

var metaTypes = map[string]schemas.Type{
	metaOp: {Kind: schemas.String}, metaTime: {Kind: schemas.Instant}, metaTopic: {Kind: schemas.String},
	metaPartition: {Kind: schemas.Int32}, metaOffset: {Kind: schemas.Int64}, metaSeq: {Kind: schemas.Int32},
	metaSnapshot: {Kind: schemas.Bool}, metaSource: {Kind: schemas.String}, metaUnavailable: {Kind: schemas.String},
}

// stored is the type a column has in the table: times are microseconds in a
// long, because Spark reads no table that has a time; a UUID is text.
func stored(t schemas.Type) schemas.Type {
	switch t.Kind {
	case schemas.Time:
		return schemas.Type{Kind: schemas.Int64}
	case schemas.UUID, schemas.JSON:
		return schemas.Type{Kind: schemas.String}
	}
	return t
}

// newShape plans the columns of t. It fails where the config does not fit the
// rows: a name taken twice, a partition column that is not there.
func newShape(c *Config, t *stream.Table, lane *stream.Lane) (*shape, error) {
	s := &shape{table: c.tableName(t), topic: t.Topic}
	places := map[string]int{}
	for i, col := range t.Columns {
		s.names = append(s.names, col.Name)
		if col.Type.Kind == schemas.Unknown {
			s.unknown = append(s.unknown, i)
			continue
		}
		if _, twice := places[col.Name]; twice {
			return nil, s.refuse(fmt.Sprintf("column %q is there twice", col.Name), "rename one of them in the source")
		}
		places[col.Name] = len(s.fields)
		f := column.Field{Name: col.Name, ID: len(s.fields) + 1, Type: stored(col.Type), Bounds: col.Bounds} // P1
		src, err := column.CellSource(f, i, col.Field)
		if err != nil {
			return nil, s.refuse(err.Error(), "mend the column's type in the source")
		}
		s.fields, s.sources = append(s.fields, f), append(s.sources, src)
		if col.Of != "" {
			s.places = append(s.places, []string{col.Of, col.Name})
		} else {
			s.places = append(s.places, []string{col.Name, schemas.Retyped(col.Name, col.Type)})
		}
	}
	for _, m := range c.metaColumns() {
		name := c.MetaPrefix + m
		if _, taken := places[name]; taken {
			return nil, s.refuse(fmt.Sprintf("the source has a column %q too", name), "set meta_prefix to something else")
		}
		places[name] = len(s.fields)
		s.metas = append(s.metas, metaAt{m, len(s.fields)})
		s.fields = append(s.fields, column.Field{Name: name, ID: len(s.fields) + 1, Type: metaTypes[m], Bounds: true})
	}
	s.sources = append(s.sources, make([]column.Source, len(s.fields)-len(s.sources))...)
	s.key = shapeKey(s.fields)
	return s, s.partitionBy(c, places, lane)
}

// retypedOf is the column that the one called name goes on for, or "".
func retypedOf(shapes []*shape, name string) string {
	for _, s := range shapes {
		for _, p := range s.places {
			if p[0] != name && p[1] == name && schemas.IsRetyped(name, p[0]) && slices.ContainsFunc(s.fields, func(f column.Field) bool { return f.Name == name }) {
				return p[0]
			}
		}
	}
	return ""
}

// in is s with the names that its columns have in a table. A column that the
// table has with a type that cannot be turned into the column's goes on as
// NAME__TYPE, and finds its way back whichever type was met first. // D3
func (s *shape) in(schema *iceberg.Schema) *shape {
	var out *shape
	taken := map[string]bool{}
	for i, f := range s.fields {
		taken[f.Name] = i >= len(s.places) // changelog columns
	}
	for i, of := range s.places {
		f := s.fields[i]
		at := slices.IndexFunc(of, func(name string) bool { return !taken[name] && fits(schema, name, f.Type) })
		if at < 0 || s.partitions(f.Name) {
			taken[f.Name] = true
			continue // fit says what is wrong
		}
		taken[of[at]] = true
		if of[at] == f.Name {
			continue
		}
		if out == nil {
			c := *s
			c.fields = slices.Clone(s.fields)
			out = &c
		}
		out.fields[i].Name = of[at]
	}
	if out == nil {
		return s
	}
	out.key = shapeKey(out.fields)
	return out
}

// partitions reports whether the table is partitioned by the column.
func (s *shape) partitions(name string) bool {
	return slices.ContainsFunc(s.parts, func(t transform) bool { return t.column == name })
}

// fits reports whether the table has no column called name, or one whose type
// and t can be turned into each other.
func fits(schema *iceberg.Schema, name string, t schemas.Type) bool {
	have, ok := schema.FindFieldByName(name)
	if !ok {
		return true
	}
	c, known := columnType(have.Type)
	return have.Type.Equals(icebergType(t)) || known && (promotes(c, t) || promotes(t, c))
}

// partitionBy resolves the table's transforms. lane is where the row at hand
// comes from.
func (s *shape) partitionBy(c *Config, places map[string]int, lane *stream.Lane) error {
	var fields []column.PartitionField
	for _, text := range c.partitionOf(s.table) {
		t, err := parseTransform(text)
		if err != nil {
			return err
		}
		at, ok := places[t.column]
		if !ok {
			return s.refuse(fmt.Sprintf("partition: there is no column %q", t.column), "name a column of the table, or of its changelog, such as "+c.MetaPrefix+metaTime)
		}
		f := column.PartitionField{ID: len(fields), Transform: t.Transform, Type: s.fields[at].Type, From: s.sources[at]}
		for _, m := range s.metas {
			if m.at == at {
				f.Of = metaNumber(m.name, lane)
				if f.Of == nil {
					return s.refuse(fmt.Sprintf("partition: %q is not a number or a time", t.column), "partition by another column")
				}
			}
		}
		s.parts, fields = append(s.parts, t), append(fields, f)
	}
	if fields == nil {
		return nil
	}
	var err error
	if s.split, err = column.NewPartitioner(fields); err != nil {
		return s.refuse(err.Error(), "choose another transform or column")
	}
	return nil
}

// metaNumber reads a changelog column that counts something, or is nil.
func metaNumber(name string, lane *stream.Lane) func(*stream.CleanRow) (int64, bool) {
	switch name {
	case metaTime:
		return func(r *stream.CleanRow) (int64, bool) { return r.Time, true }
	case metaOffset:
		return func(r *stream.CleanRow) (int64, bool) { return r.Offset, true }
	case metaSeq:
		return func(r *stream.CleanRow) (int64, bool) { return int64(r.Seq), true }
	case metaPartition:
		return func(*stream.CleanRow) (int64, bool) { return int64(lane.Partition), true }
	}
	return nil
}

// refuse says that rows of a topic cannot go to their table as things are. No
// lanes are named: the caller knows which.
func (s *shape) refuse(why, todo string) error {
	return &stream.StateError{State: stream.StateParked, Why: fmt.Sprintf("topic %s, table %s: %s", s.topic, s.table, why), Todo: todo}
}

func shapeKey(fields []column.Field) string {
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "%s\x00%v\x00%t\x00", f.Name, f.Type, f.Bounds)
	}
	return b.String()
}

// union joins the columns of shapes of one table: the widest types, bounds
// only where all allow them. // P1
func union(all []*shape) ([]column.Field, error) {
	fields := slices.Clone(all[0].fields)
	at := map[string]int{}
	for i, f := range fields {
		at[f.Name] = i
	}
	for _, s := range all[1:] {
		for _, f := range s.fields {
			i, ok := at[f.Name]
			if !ok {
				at[f.Name] = len(fields)
				f.ID = len(fields) + 1
				fields = append(fields, f)
				continue
			}
			t, ok := widest(fields[i].Type, f.Type)
			if !ok {
				return nil, s.refuse(fmt.Sprintf("column %q is %v in some rows and %v in others", f.Name, fields[i].Type, f.Type),
					"give the topics tables of their own, or rename the column")
			}
			fields[i].Type, fields[i].Bounds = t, fields[i].Bounds && f.Bounds
		}
	}
	return fields, nil
}

// widest is the type that holds values of both, where Iceberg can turn the one
// into the other (Iceberg spec, "Schema Evolution").
func widest(a, b schemas.Type) (schemas.Type, bool) {
	switch {
	case a == b, promotes(b, a):
		return a, true
	case promotes(a, b):
		return b, true
	}
	return a, false
}

// promotes reports whether a column of type a may become one of type b.
func promotes(a, b schemas.Type) bool {
	switch {
	case a.Kind == schemas.Int32 && b.Kind == schemas.Int64, a.Kind == schemas.Float32 && b.Kind == schemas.Float64:
		return true
	}
	return a.Kind == schemas.Decimal && b.Kind == schemas.Decimal && a.Scale == b.Scale && a.Precision < b.Precision
}
