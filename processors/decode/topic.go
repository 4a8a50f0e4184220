package decode

import (
	"sync"
	"sync/atomic"

	"sluice/processors/decode/contract"
	"sluice/schemas"
)

// topic is what all workers know of one topic. Its list of columns grows under
// mu; workers read immutable versions.
type topic struct {
	name     string
	declared map[string]column
	contract *contract.Contract
	identity string // full, default or "": by connector
	max      int
	flatOp   string // the column that says what was done to a flattened row

	shape     atomic.Int32            // of its records so far
	current   atomic.Pointer[version] // the last one used
	keySchema atomic.Pointer[[]byte]  // the last schema of a key

	mu       sync.Mutex
	columns  []schemas.Field // widest type so far; append-only
	declares []bool          // by ordinal: the type is the configuration's
	ordinals map[string]int
	keys     []string // names of key columns in key order
	versions map[string]*version
	serial   int32
	origin   origin
	located  bool // origin is known
	closed   bool
}

// origin is where a topic's rows come from.
type origin struct{ database, namespace, table string }

// The shapes of a topic's records.
const (
	shapeUnknown  int32 = iota
	shapeEnvelope       // Debezium, with or without schema
	shapePlain          // events
	shapeWrapped        // events in {"schema","payload"}
)

// maxVersions bounds the writer schemas a topic remembers; beyond it they are compiled again.
const maxVersions = 256

func newTopic(name string, c *Config, agreed *contract.Contract) *topic {
	t := &topic{name: name, contract: agreed, declared: c.columns(name, agreed), identity: c.identity(name), max: c.MaxFields, flatOp: c.AddFieldsPrefix + "op",
		ordinals: map[string]int{}, versions: map[string]*version{}}
	t.current.Store(t.build(nil, nil))
	return t
}

// found is a member seen in a record that the topic has no column for.
type found struct {
	name string
	typ  schemas.Type
	wire schemas.Wire
	null bool // it may be null
	of   string

	loose bool // nobody's schema has it
}

// grow adds columns and returns the version of writer that has them. ok is
// false when the topic would have too many.
func (t *topic) grow(writer []byte, fs []found) (v *version, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.has(fs) {
		return t.version(writer), true // another worker was faster
	}
	for _, f := range fs {
		if t.add(f) < 0 {
			return nil, false
		}
	}
	t.stale()
	return t.version(writer), true
}

func (t *topic) has(fs []found) bool {
	for _, f := range fs {
		if _, ok := t.ordinals[f.name]; !ok {
			return false
		}
	}
	return true
}

// locate notes, once, the table the rows come from and, once a whole row was
// seen, that its columns are all there is: the schema is closed.
func (t *topic) locate(writer []byte, o origin, whole bool) *version {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.located || whole && !t.closed {
		if !t.located {
			t.origin, t.located = o, true
		}
		t.closed = t.closed || whole
		t.stale()
	}
	return t.version(writer)
}

// add returns the ordinal of f's column, or -1 when there is no room.
func (t *topic) add(f found) int {
	if i, ok := t.ordinals[f.name]; ok {
		return i
	}
	if len(t.columns) >= t.max {
		return -1
	}
	c := schemas.Field{Name: f.name, Type: f.typ, Wire: f.wire, Nullable: f.null, Of: f.of, Loose: f.loose}
	d, declared := t.declared[f.name]
	if declared {
		c.Type = d.typ
		c.Wire, c.Loose = declaredWire(d, f.typ, f.wire), false
	}
	t.ordinals[f.name] = len(t.columns)
	t.columns = append(t.columns, c)
	t.declares = append(t.declares, declared)
	return len(t.columns) - 1
}

// declaredWire is how a declared column is spelled by a writer that says typ and wire.
func declaredWire(d column, typ schemas.Type, wire schemas.Wire) schemas.Wire {
	if d.explicit || wire == schemas.WirePlain {
		return d.wire
	}
	temporal := func(k schemas.Kind) bool { return k >= schemas.Date && k <= schemas.Instant }
	switch {
	case temporal(typ.Kind) && temporal(d.typ.Kind), typ.Kind == d.typ.Kind, wire == schemas.WireVarDecimal && d.typ.Kind == schemas.Decimal:
		return wire
	}
	return d.wire
}

// learn gives a column that had only nulls its type.
func (t *topic) learn(writer []byte, ord int, typ schemas.Type, wire schemas.Wire) *version {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.columns[ord].Type.Kind == schemas.Unknown {
		t.columns[ord].Type, t.columns[ord].Wire = typ, wire
		t.stale()
	}
	return t.version(writer)
}

// growKey makes columns key columns, in order.
func (t *topic) growKey(writer []byte, fs []found) (*version, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range fs {
		ord := t.add(f)
		if ord < 0 {
			return nil, false
		}
		if !t.columns[ord].Key {
			t.columns[ord].Key = true
			t.keys = append(t.keys, f.name)
		}
	}
	t.stale()
	return t.version(writer), true
}

// stale forgets versions: they are built again with what was learned.
func (t *topic) stale() { clear(t.versions) }

// writer returns the version of a value schema, compiling it once, or a code.
func (t *topic) writer(schema []byte) (v *version, code string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v := t.versions[string(schema)]; v != nil {
		t.current.Store(v)
		return v, ""
	}
	c, err := schemas.ParseConnect(schema)
	if err != nil {
		return nil, codeBadSchema
	}
	row := rowSchema(c)
	if row == nil {
		return nil, codeBadSchema
	}
	for i := range row.Fields {
		f := &row.Fields[i]
		typ, wire := f.Column()
		typ = columnType(typ)
		ord := t.add(found{name: f.Field, typ: typ, wire: wire, null: f.Optional})
		if ord < 0 {
			return nil, codeTooMany
		}
		have := &t.columns[ord]
		if !t.declares[ord] {
			if w, ok := schemas.Widen(have.Type, typ); ok {
				if have.Type.Kind == schemas.Unknown {
					have.Wire = wire
				}
				have.Type = w
			}
		}
		have.Nullable = have.Nullable || f.Optional
		if typ == have.Type {
			have.Logical = f.Logical()
		}
		have.Loose = false
	}
	if len(t.versions) >= maxVersions {
		clear(t.versions)
	}
	v = t.build(append([]byte(nil), schema...), row)
	t.versions[string(schema)] = v
	t.current.Store(v)
	return v, ""
}

// version returns that of writer, whose schema was compiled before: nil for none.
func (t *topic) version(writer []byte) *version {
	v := t.versions[string(writer)]
	if v == nil {
		var row *schemas.Connect
		if writer != nil {
			if c, err := schemas.ParseConnect(writer); err == nil {
				row = rowSchema(c)
			}
		}
		v = t.build(writer, row)
		t.versions[string(writer)] = v
	}
	t.current.Store(v)
	return v
}
