package decode

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"sluice/schemas"
)

// version is one immutable view of a topic's columns: that of one writer
// schema, or of records that bring none.
type version struct {
	schema  *schemas.Schema
	located bool           // its names of the source are final
	row     *schemas.Names // ordinals are the topic's
	plans   []plan         // by ordinal
	quick   []quickly      // of plans
	screens []screen       // of quick
	signals []uint8        // by ordinal: which column of a signal table it may be
	flat    flatColumns
	rules   *rules // nil: the topic has no contract

	writer []byte // the value schema's bytes; nil: none

	key      *schemas.Names // the key's members in key order
	keyOrds  []int          // their ordinals
	keyWidth int            // greatest of them + 1
}

// plan is how the cells of a column are checked.
type plan struct {
	accept   uint16 // bit e: cells of Encoding e need no second look
	kind     schemas.Kind
	declared bool
	conflict bool         // the writer's type does not go with the column's: only nulls do
	other    schemas.Type // for conflict: the writer's type
	digits   bool         // cells are said anew, in the arena: the digits of a decimal, or rewrite
	rewrite  *schemas.Rewrite
	from     *schemas.Field // for digits: how the writer spells it
	scale    int            // for digits in base64
}

// quickly tells, by encoding, from how many bytes on a cell needs a second look.
type quickly [16]uint32

func (p *plan) quick() (q quickly) {
	q[schemas.EncNone] = math.MaxUint32 // absent or null
	for e := schemas.EncNone + 1; int(e) < len(q) && !p.digits; e++ {
		if p.accept>>e&1 == 1 {
			q[e] = math.MaxUint32
		}
	}
	switch p.kind { // see long
	case schemas.Int32:
		q[schemas.EncInt], q[schemas.EncVarint] = min(q[schemas.EncInt], 10), min(q[schemas.EncVarint], 5)
	case schemas.Int64:
		q[schemas.EncInt] = min(q[schemas.EncInt], 19)
	}
	return q
}

// long reports an integer that may be beyond its column's type.
func (p *plan) long(c schemas.Cell) bool {
	return c.Enc == schemas.EncVarint && c.Len >= 5 && p.kind == schemas.Int32 ||
		c.Enc == schemas.EncInt && (c.Len >= 19 && p.kind == schemas.Int64 || c.Len >= 10 && p.kind == schemas.Int32)
}

// build makes the version of a writer's row schema. It holds t.mu, or is alone.
func (t *topic) build(writer []byte, row *schemas.Connect) *version {
	t.serial++
	fields := append([]schemas.Field(nil), t.columns...)
	v := &version{writer: writer, plans: make([]plan, len(fields))}
	names := make([]string, len(fields))
	for i := range fields {
		f := &fields[i]
		p := plan{kind: f.Type.Kind, declared: t.declares[i]}
		if row != nil {
			c := row.Child(cmp.Or(f.Of, f.Name))
			t.classify(f, c)
			switch {
			case c == nil:
			case f.Of == "":
				t.spell(f, &p, c)
			default: // the cells of another type of its column
				if typ, _ := c.Column(); columnType(typ) == f.Type {
					f.Logical = c.Logical()
					t.spell(f, &p, c)
				}
			}
		}
		if !p.conflict {
			t.recognised(f, &p)
		}
		if p.accept == 0 && !p.conflict {
			p.accept = accepts(f, p.declared)
		}
		v.plans[i] = p
		v.quick = append(v.quick, p.quick())
		if row == nil {
			t.classify(f, nil)
		}
		names[i] = f.Name
		v.signals = append(v.signals, signalColumn(f.Name))
	}
	v.screens = screensOf(v.quick)
	v.row = schemas.NewNames(names...)
	v.flat = flatOf(v.row, t.flatOp)
	v.rules = compileRules(t.contract, fields, t.ordinals)
	v.key = schemas.NewNames(t.keys...)
	for _, k := range t.keys {
		ord := t.ordinals[k]
		v.keyOrds = append(v.keyOrds, ord)
		v.keyWidth = max(v.keyWidth, ord+1)
	}
	v.located = t.located
	v.schema = schemas.NewSchema(schemas.Schema{Topic: t.name, Version: t.serial, Fields: fields, Closed: t.closed,
		Database: t.origin.database, Namespace: t.origin.namespace, Table: t.origin.table})
	return v
}

// recognised makes f and p those of a struct that is known without a schema.
func (t *topic) recognised(f *schemas.Field, p *plan) {
	switch d := t.declared[f.Name]; {
	case p.declared && d.digits && !p.digits:
		p.digits, p.scale = true, d.scale
		p.from = &schemas.Field{Type: schemas.Type{Kind: schemas.String, Scale: uint8(d.scale)}, Wire: schemas.WireBase64}
	case p.digits || p.declared:
	case f.Wire == schemas.WireVarDecimal && f.Type.Kind == schemas.String:
		p.digits, p.from = true, &schemas.Field{Type: f.Type, Wire: f.Wire}
		f.Wire = schemas.WirePlain
	case f.Wire == schemas.WireStruct:
		p.digits, p.rewrite = true, schemas.RewriteAs(f.Type.Kind)
		if f.Wire = schemas.WireISO; f.Type.Kind == schemas.String {
			f.Wire = schemas.WirePlain
		}
	}
}

// spell makes f and p those of a writer that declares the column as c.
func (t *topic) spell(f *schemas.Field, p *plan, c *schemas.Connect) {
	typ, wire := c.Column()
	from := schemas.Field{Type: typ, Wire: wire}
	digits := wire == schemas.WireVarDecimal || wire == schemas.WireBase64 && typ.Kind == schemas.String
	typ = columnType(typ)
	if p.declared {
		f.Wire = declaredWire(t.declared[f.Name], typ, wire)
		// A decimal of another scale becomes its digits, which rescale exactly.
		decimal := digits || typ.Kind == schemas.Decimal
		rescaled := wire == schemas.WireBase64 && (digits || from.Type.Scale != f.Type.Scale)
		digits = decimal && (f.Type.Kind == schemas.String || f.Type.Kind == schemas.Decimal && rescaled)
	} else if w, ok := schemas.Widen(f.Type, typ); !ok || w != f.Type {
		p.conflict, p.other = true, typ
		return
	} else {
		f.Wire = wire
	}
	if digits {
		p.digits, p.from, p.scale, f.Wire = true, &from, c.Scale(), schemas.WirePlain
	} else if p.rewrite = c.Rewrite(); p.rewrite != nil {
		p.digits = true
	}
	if !p.declared && typ.Kind == schemas.JSON && c.Type == "string" { // a text that holds a document
		p.accept = bitText
	}
}

// classify notes what the contract says of f, and else the writer, c: a class
// in the parameter pii, tags in the parameter tags or Confluent's own.
func (t *topic) classify(f *schemas.Field, c *schemas.Connect) {
	if t.contract != nil {
		if k := t.contract.Field(cmp.Or(f.Of, f.Name)); k != nil {
			f.Class, _ = schemas.ParseClass(k.PII) // the contract was validated
			f.Tags = k.Tags
			if f.Logical == "" && f.Of == "" {
				f.Logical = k.Logical
			}
		}
	}
	if c == nil {
		return
	}
	if class, err := schemas.ParseClass(c.Parameters["pii"]); err == nil && f.Class == schemas.NoClass {
		f.Class = class
	}
	for _, name := range []string{"tags", schemas.ConfluentTags} {
		for tag := range strings.SplitSeq(c.Parameters[name], ",") {
			if tag = strings.TrimSpace(tag); tag != "" && !slices.Contains(f.Tags, tag) {
				f.Tags = append(f.Tags[:len(f.Tags):len(f.Tags)], tag)
			}
		}
	}
}

// columnType is typ without what only its wire needs.
func columnType(typ schemas.Type) schemas.Type {
	if typ.Kind != schemas.Decimal {
		typ.Scale = 0
	}
	return typ
}

// rowSchema is the schema of the row in an envelope's, or the whole when it is
// no envelope.
func rowSchema(c *schemas.Connect) *schemas.Connect {
	if c.Type != "struct" {
		return nil
	}
	if after := c.Child("after"); after != nil && after.Type == "struct" {
		if before := c.Child("before"); c.Child("op") != nil || before != nil && before.Type == "struct" {
			return after // the second is the data of a CloudEvent
		}
	}
	return c
}
