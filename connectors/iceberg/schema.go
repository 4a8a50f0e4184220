package iceberg

import (
	"fmt"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"sluice/connectors/iceberg/column"
	"sluice/schemas"
	"sluice/topology/stream"
)

// icebergType is the Iceberg type of a column; stored has been applied.
func icebergType(t schemas.Type) iceberg.Type {
	switch t.Kind {
	case schemas.Bool:
		return iceberg.PrimitiveTypes.Bool
	case schemas.Int32:
		return iceberg.PrimitiveTypes.Int32
	case schemas.Int64, schemas.Time:
		return iceberg.PrimitiveTypes.Int64
	case schemas.Float32:
		return iceberg.PrimitiveTypes.Float32
	case schemas.Float64:
		return iceberg.PrimitiveTypes.Float64
	case schemas.Decimal:
		return iceberg.DecimalTypeOf(int(t.Precision), int(t.Scale))
	case schemas.Binary:
		return iceberg.PrimitiveTypes.Binary
	case schemas.Date:
		return iceberg.PrimitiveTypes.Date
	case schemas.Timestamp:
		return iceberg.PrimitiveTypes.Timestamp
	case schemas.Instant:
		return iceberg.PrimitiveTypes.TimestampTz
	}
	return iceberg.PrimitiveTypes.String
}

// columnType is icebergType turned around: false for types we do not write.
func columnType(t iceberg.Type) (schemas.Type, bool) {
	switch t := t.(type) {
	case iceberg.BooleanType:
		return schemas.Type{Kind: schemas.Bool}, true
	case iceberg.Int32Type:
		return schemas.Type{Kind: schemas.Int32}, true
	case iceberg.Int64Type:
		return schemas.Type{Kind: schemas.Int64}, true
	case iceberg.Float32Type:
		return schemas.Type{Kind: schemas.Float32}, true
	case iceberg.Float64Type:
		return schemas.Type{Kind: schemas.Float64}, true
	case iceberg.DecimalType:
		return schemas.Type{Kind: schemas.Decimal, Precision: uint8(t.Precision()), Scale: uint8(t.Scale())}, true
	case iceberg.BinaryType:
		return schemas.Type{Kind: schemas.Binary}, true
	case iceberg.DateType:
		return schemas.Type{Kind: schemas.Date}, true
	case iceberg.TimestampType:
		return schemas.Type{Kind: schemas.Timestamp}, true
	case iceberg.TimestampTzType:
		return schemas.Type{Kind: schemas.Instant}, true
	case iceberg.StringType:
		return schemas.Type{Kind: schemas.String}, true
	}
	return schemas.Type{}, false
}

// newSchema is the schema of a table that is created for these columns: all
// optional, ids as they are, no defaults (engines read them wrongly).
func newSchema(fields []column.Field) *iceberg.Schema {
	nested := make([]iceberg.NestedField, len(fields))
	for i, f := range fields {
		nested[i] = iceberg.NestedField{ID: f.ID, Name: f.Name, Type: icebergType(f.Type)}
	}
	return iceberg.NewSchema(0, nested...)
}

// newSpec is the partition spec of a table that is created.
func newSpec(schema *iceberg.Schema, parts []transform) (*iceberg.PartitionSpec, error) {
	if len(parts) == 0 {
		return iceberg.UnpartitionedSpec, nil
	}
	var opts []iceberg.PartitionOption
	for _, p := range parts {
		t, name := p.iceberg()
		opts = append(opts, iceberg.AddPartitionFieldByName(p.column, name, t, schema, nil))
	}
	spec, err := iceberg.NewPartitionSpecOpts(opts...)
	return &spec, err
}

// findSpec is the spec of t that splits rows as parts does: any that was ever
// registered may be written to.
func findSpec(t *table.Table, parts []transform) (iceberg.PartitionSpec, bool) {
	schema := t.Schema()
	same := func(spec iceberg.PartitionSpec) bool {
		if spec.NumFields() != len(parts) {
			return len(parts) == 0 && spec.IsUnpartitioned()
		}
		for i, p := range parts {
			want, _ := p.iceberg()
			f := spec.Field(i)
			name, ok := schema.FindColumnName(f.SourceID())
			if !ok || name != p.column || !f.Transform.Equals(want) {
				return false
			}
		}
		return true
	}
	if spec := t.Spec(); same(spec) {
		return spec, true
	}
	for _, spec := range t.Metadata().PartitionSpecs() {
		if same(spec) {
			return spec, true
		}
	}
	return iceberg.PartitionSpec{}, false
}

// change is one step of a schema change.
type change struct {
	name string
	typ  iceberg.Type
	add  bool // else it is widened
}

// fit finds the place of columns in the table: the columns of the file with
// ids and the table's types, and what has to change in the table first. Ids of
// columns to be added are the next ones; whoever commits checks them.
func fit(name string, schema *iceberg.Schema, last int, want []column.Field) ([]column.Field, []change, error) {
	out := make([]column.Field, len(want))
	var changes []change
	ours := map[string]bool{}
	for i, f := range want {
		ours[f.Name] = true
		out[i] = f
		have, ok := schema.FindFieldByName(f.Name)
		if !ok {
			last++
			out[i].ID = last
			changes = append(changes, change{f.Name, icebergType(f.Type), true})
			continue
		}
		out[i].ID = have.ID
		t, known := columnType(have.Type)
		switch {
		case have.Required:
			return nil, nil, parked(name, fmt.Sprintf("column %q is required, and a change may leave it null", f.Name), "make it optional: ALTER TABLE ... ALTER COLUMN ... DROP NOT NULL")
		case have.Type.Equals(icebergType(f.Type)):
		case known && promotes(t, f.Type):
			changes = append(changes, change{f.Name, icebergType(f.Type), false})
		case known && promotes(f.Type, t):
			out[i].Type = t
		default:
			return nil, nil, parked(name, fmt.Sprintf("column %q is %v in the table and now %v in the source, which cannot be turned into each other", f.Name, have.Type, f.Type),
				"rename the column in the table or in the source, then restart")
		}
	}
	for _, f := range schema.Fields() {
		if f.Required && !ours[f.Name] {
			return nil, nil, parked(name, fmt.Sprintf("column %q is required, and the source does not have it", f.Name), "make it optional: ALTER TABLE ... ALTER COLUMN ... DROP NOT NULL")
		}
	}
	return out, changes, nil
}

func parked(table, why, todo string) error {
	return &stream.StateError{State: stream.StateParked, Why: "table " + table + ": " + why, Todo: todo}
}

// evolve makes the changes of fit in a transaction, on top of those that it has
// already (epochs of several instances may bring one new column), and checks
// that every column has the id the files were written with. // lake.md rule 4: with the rows
func evolve(tx *table.Transaction, name string, fields []column.Field) error {
	t, err := tx.StagedTable()
	if err != nil {
		return err
	}
	_, changes, err := fit(name, t.Schema(), t.Metadata().LastColumnID(), fields)
	if err != nil {
		// It fitted when the files were written: another instance's column, of
		// another type, came first. Read again, this one goes on as NAME__TYPE.
		return fmt.Errorf("table %s: %w: %w", name, err, stream.ErrFenced)
	}
	schema := t.Schema()
	if len(changes) > 0 {
		u := tx.UpdateSchema(true, false)
		for _, c := range changes {
			if c.add {
				u = u.AddColumn([]string{c.name}, c.typ, "", false, nil)
				continue
			}
			u = u.UpdateColumn([]string{c.name}, table.ColumnUpdate{FieldType: iceberg.Optional[iceberg.Type]{Val: c.typ, Valid: true}})
		}
		if err := u.Commit(); err != nil {
			return fmt.Errorf("table %s: schema change: %w", name, err)
		}
		st, err := tx.StagedTable()
		if err != nil {
			return err
		}
		schema = st.Schema()
	}
	for _, f := range fields {
		if have, ok := schema.FindFieldByName(f.Name); !ok || have.ID != f.ID {
			// Somebody else changed the schema since the files were written:
			// they carry ids of other columns.
			return fmt.Errorf("table %s: column %q got another id meanwhile: %w", name, f.Name, stream.ErrFenced)
		}
	}
	return nil
}
