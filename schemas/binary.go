package schemas

// BinarySchema is one of binary data: Avro or Proto.
type BinarySchema interface {
	// Connect is the schema as the JsonConverter would write it.
	Connect() []byte
	// AppendJSON appends the datum p as the JSON that goes with Connect.
	AppendJSON(dst, p []byte) ([]byte, error)
}

// BinaryIndex is a program for the records of one such schema: AvroIndex or ProtoIndex.
type BinaryIndex interface {
	Scan(p []byte, off int, arena []byte) (whole Cell, grown []byte, err error)
}

// IndexBinary compiles a program that reads b's records into t, or nil where
// Avro.Index and Proto.Index have none.
func IndexBinary(b BinarySchema, t *Target, whole ...*Target) BinaryIndex {
	switch b := b.(type) {
	case *Avro:
		if x, ok := b.Index(t, whole...); ok {
			return x
		}
	case *Proto:
		if x, ok := b.Index(t, whole...); ok {
			return x
		}
	}
	return nil
}
