package decode

import (
	"sync"

	"sluice/processors/decode/contract"
	"sluice/processors/decode/registry"
	"sluice/schemas"
	"sluice/topology/stream"
)

// The codes of rejects; the package comment tells what each means.
const (
	codeBadJSON    = "bad_json"
	codeBadKey     = "bad_key"
	codeBadSchema  = "bad_schema"
	codeNotObject  = "not_object"
	codeNotDBZ     = "not_debezium"
	codeNoRow      = "no_row"
	codeUnknownOp  = "unknown_op"
	codeMessage    = "message"
	codeMismatch   = "type_mismatch"
	codeTooDeep    = "too_deep"
	codeTooMany    = "too_many_fields"
	codeNoRegistry = "no_registry"
	codeNoSchema   = "unknown_schema"
	codeBadAvro    = "bad_avro"
	codeBadProto   = "bad_protobuf"
	codeNoDocument = "no_document"
	codePartial    = "partial_document"
	codeLanguage   = "schema_language"

	codeContractNull  = "contract_null"
	codeContractField = "contract_field"
	codeContractKey   = "contract_key"
	codeContract      = "contract_" // and a schemas.Breach

	codeUnsettled = "schema_unsettled" // its columns changed under it again and again: never seen
)

const stage = "decode"

// Decoder is a stream.Raw, safe for concurrent use.
type Decoder struct {
	config       Config
	placeholders placeholders
	contracts    contract.Set
	registry     *registry.Registry // nil: there is none
	topics       sync.Map           // name -> *topic
	workers      sync.Pool
}

// Open returns a decoder with its registry, if it has one.
func Open(c Config, out registry.Outside) (*Decoder, error) {
	d, err := New(c)
	if err == nil && c.Registry.Set() {
		d.registry, err = registry.Open(c.Registry, out)
	}
	return d, err
}

// New returns a decoder without a registry.
func New(c Config) (*Decoder, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	d := &Decoder{config: c, placeholders: newPlaceholders(c.Unavailable)}
	if c.Contracts != "" {
		var err error
		if d.contracts, err = contract.Load(c.Contracts); err != nil {
			return nil, err
		}
	}
	d.workers.New = func() any { return newWorker(d) }
	return d, nil
}

// Process decodes the records of b in place.
func (d *Decoder) Process(b *stream.Batch) error {
	w := d.workers.Get().(*worker)
	w.begin(b, d.topic(b.Lane.Topic))
	kept := 0
	next := len(b.Records) > 0 && mayBeAvro(&b.Records[0])
	for i := range b.Records {
		r := &b.Records[i]
		avro := next
		if i+1 < len(b.Records) { // asked so early that its bytes are near when they are read
			next = mayBeAvro(&b.Records[i+1])
		}
		key, value := r.Key, r.Value
		v, err := w.record(r, avro)
		if err == nil && v.code == "" && !v.filtered && w.v.rules != nil {
			v = w.obey(r)
		}
		switch {
		case err != nil:
			return err
		case v.code != "": // P2
			r.Key, r.Value = key, value // as it came: so it is sealed
			r.Schema, r.Before, r.After, r.KeyRow = nil, nil, nil, nil
			b.Reject(*r, stage, v.code, v.field)
		case v.filtered:
			b.Filtered++
		default:
			b.Came(r, key, value)
			if kept != i {
				b.Records[kept] = *r
			}
			kept++
		}
	}
	clear(b.Records[kept:])
	b.Records = b.Records[:kept]
	w.end()
	d.workers.Put(w)
	return nil
}

func (d *Decoder) topic(name string) *topic {
	if t, ok := d.topics.Load(name); ok {
		return t.(*topic)
	}
	t, _ := d.topics.LoadOrStore(name, newTopic(name, &d.config, d.contracts.For(name)))
	return t.(*topic)
}

// verdict is what becomes of a record: a code rejects it.
type verdict struct {
	code, field string
	filtered    bool
	again       bool // of check: w.fresh has columns that are needed
}

var (
	keep   = verdict{}
	filter = verdict{filtered: true}
)

func reject(code string) verdict { return verdict{code: code} }

// worker is the scratch of one batch at a time.
type worker struct {
	d     *Decoder
	b     *stream.Batch
	t     *topic
	v     *version
	arena []byte
	scan  schemas.Scanner

	root, payload, source schemas.Target // envelope within envelope
	before, after         schemas.Target
	keyRoot, keyRow       schemas.Target
	eventSub              []*schemas.Target // root.Sub when payload is an event
	spare                 [2][]schemas.Cell // rows taken from the batch and not used
	fresh                 []found

	outer []byte // the writer's schema of the record at hand, if it stands outside of it
	texts []byte // what is left of a block for JSON made of other forms

	avroData schemas.BinarySchema // the schema of the record at hand, if it is read where it lies
	avroAt   int                  // where in its value the data begin
	writer   *registry.Schema     // the last one, which is that of version fitting
	fitting  *version
	indexes  map[indexKey]indexes
	failed   error // of the registry, while the record at hand was made JSON: no fault of the record

	wrote connector // the record at hand, of a change

	partialRow     bool // the MongoDB record at hand says what changed alone
	plainCells     bool // the cells of the Cassandra record at hand were unwrapped
	replacement    bool // its patch is a whole document
	plainDocuments bool // the documents of the MongoDB record at hand were unwrapped
	debezium       bool // a connector wrote the record at hand
}

var (
	envelopeNames = schemas.NewNames(schemas.EnvelopeNames...)
	sourceNames   = schemas.NewNames(schemas.SourceNames...)
	wrapperNames  = schemas.NewNames("schema", "payload")
)

func newWorker(d *Decoder) *worker {
	w := &worker{d: d}
	w.root = schemas.Target{Names: envelopeNames, Cells: make([]schemas.Cell, envelopeNames.Len())}
	w.payload = schemas.Target{Names: envelopeNames, Cells: make([]schemas.Cell, envelopeNames.Len())}
	w.source = schemas.Target{Names: sourceNames, Cells: make([]schemas.Cell, sourceNames.Len())}
	w.payload.Sub = []*schemas.Target{&w.before, &w.after, &w.source}
	w.root.Sub = make([]*schemas.Target, ordPayload+1)
	copy(w.root.Sub, w.payload.Sub)
	w.root.Known = make([][]byte, ordSchema+1)
	w.eventSub = make([]*schemas.Target, ordPayload+1)
	w.eventSub[ordPayload] = &w.after
	w.keyRoot = schemas.Target{Names: wrapperNames, Cells: make([]schemas.Cell, 2), Sub: []*schemas.Target{nil, &w.keyRow}, Known: make([][]byte, 1)}
	return w
}

func (w *worker) begin(b *stream.Batch, t *topic) {
	w.b, w.t, w.arena = b, t, b.Arena()
	w.use(t.current.Load())
	w.keyRoot.Known[0] = nil
	if s := t.keySchema.Load(); s != nil {
		w.keyRoot.Known[0] = *s
	}
}

func (w *worker) end() {
	w.b.SetArena(w.arena)
	w.b, w.t, w.v, w.arena = nil, nil, nil, nil
	w.outer, w.texts = nil, nil // the batch has them
	w.spare = [2][]schemas.Cell{}
	for _, t := range []*schemas.Target{&w.before, &w.after} {
		t.Reset(nil)
	}
}

// use makes v the version that records are read with.
func (w *worker) use(v *version) {
	w.v = v
	w.before.Names, w.after.Names = v.row, v.row
	w.root.Known[ordSchema] = v.writer
	w.spare = [2][]schemas.Cell{}
	w.keyRow.Names = v.key
	if n := v.key.Len(); cap(w.keyRow.Cells) < n {
		w.keyRow.Cells = make([]schemas.Cell, n)
	} else {
		w.keyRow.Cells = w.keyRow.Cells[:n]
	}
}

// rows makes the row targets ready: cells of the batch, all absent.
func (w *worker) rows() {
	for i, t := range []*schemas.Target{&w.before, &w.after} {
		if t.Found {
			clear(w.spare[i]) // a record that failed left its cells
		}
		if n := w.v.row.Len(); w.spare[i] == nil || len(w.spare[i]) != n {
			w.spare[i] = w.b.Cells(n)
		}
		t.Reset(w.spare[i])
	}
}

// take hands the cells of row i, 0 before and 1 after, to the record.
func (w *worker) take(i int) []schemas.Cell {
	t := &w.before
	if i == 1 {
		t = &w.after
	}
	if !t.Found {
		return nil
	}
	cells := t.Cells
	w.spare[i] = nil
	t.Reset(nil)
	if cells == nil {
		return []schemas.Cell{} // a row without columns is a row
	}
	return cells
}

// record decodes r, which may be Avro. An error is no fault of the record.
func (w *worker) record(r *stream.Record, avro bool) (verdict, error) {
	w.outer, w.avroData, w.failed, w.plainDocuments, w.debezium = nil, nil, nil, false, false
	w.partialRow, w.plainCells = false, false
	if avro {
		if v, err := w.avro(r); err != nil || v.code != "" {
			return v, err
		}
	}
	v := w.structured(r)
	if w.failed != nil {
		return keep, w.failed
	}
	return v, nil
}

// structured decodes a record whose key and value are JSON.
func (w *worker) structured(r *stream.Record) verdict {
	if r.Value.IsNil() {
		return w.tombstone(r, false)
	}
	if w.d.config.Format == "json" {
		return w.event(r, shapePlain)
	}
	switch shape := w.t.shape.Load(); shape {
	case shapePlain, shapeWrapped:
		return w.event(r, shape)
	}
	return w.envelope(r)
}

// textBlock is how much memory for JSON is taken at a time.
const textBlock = 1 << 20

// scratch is where JSON made of another form is appended to; made keeps it.
func (w *worker) scratch() []byte { return w.texts[len(w.texts):] }

// made keeps what was appended to scratch. Capacity that is left may be used by
// the next text; what was handed out stays where it is.
func (w *worker) made(text []byte) []byte {
	if cap(w.texts)-len(w.texts) >= len(text) {
		w.texts = w.texts[:len(w.texts)+len(text)]
	} else {
		w.texts = make([]byte, 0, textBlock)
	}
	return text[:len(text):len(text)]
}

func scanCode(err error) string {
	if r, ok := err.(refusal); ok {
		return string(r)
	}
	if err == schemas.ErrDepth {
		return codeTooDeep
	}
	return codeBadJSON
}

// bytes lends a cell of r's value, until the arena grows.
func (w *worker) bytes(r *stream.Record, c schemas.Cell) []byte {
	return w.lies(c, r.Value.Bytes())
}
