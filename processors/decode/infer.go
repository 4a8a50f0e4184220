package decode

import "sluice/schemas"

// infer is the type of a value that nothing else types, and how it is spelled.
// debezium says that a connector wrote it: its structs are known by their members.
func infer(c schemas.Cell, p []byte, debezium bool) (schemas.Type, schemas.Wire) {
	if debezium && c.Enc == schemas.EncJSON {
		if t, w, ok := schemas.Recognise(p); ok {
			return t, w
		}
	}
	return inferPlain(c, p), schemas.WirePlain
}

func inferPlain(c schemas.Cell, p []byte) schemas.Type {
	switch c.Enc {
	case schemas.EncTrue, schemas.EncFalse:
		return schemas.Type{Kind: schemas.Bool}
	case schemas.EncInt:
		switch {
		case fits(schemas.Int64, c, p):
			return schemas.Type{Kind: schemas.Int64}
		case len(p) <= 38:
			return schemas.Type{Kind: schemas.Decimal, Precision: 38}
		}
		return schemas.Type{Kind: schemas.JSON} // its digits, as they are
	case schemas.EncFloat:
		return schemas.Type{Kind: schemas.Float64}
	case schemas.EncText, schemas.EncJSONString:
		return schemas.Type{Kind: schemas.String}
	case schemas.EncJSON:
		return schemas.Type{Kind: schemas.JSON}
	}
	return schemas.Type{}
}

// fits reports whether an integer literal is one of the type. Most are short.
func fits(k schemas.Kind, c schemas.Cell, p []byte) bool {
	if len(p) < 10 || k == schemas.Int64 && len(p) < 19 {
		return true
	}
	_, err := schemas.Int(&schemas.Field{Type: schemas.Type{Kind: k}}, c, p)
	return err == nil
}

const (
	bitText  = 1<<schemas.EncText | 1<<schemas.EncJSONString
	bitInt   = 1<<schemas.EncInt | 1<<schemas.EncVarint
	bitFloat = 1<<schemas.EncFloat | 1<<schemas.EncFloat32 | 1<<schemas.EncFloat64
	bitBytes = 1 << schemas.EncBytes
	bitBool  = 1<<schemas.EncTrue | 1<<schemas.EncFalse
	bitJSON  = 1 << schemas.EncJSON
)

// accepts are the encodings that are right for f at first sight.
func accepts(f *schemas.Field, declared bool) uint16 {
	switch f.Type.Kind {
	case schemas.Bool:
		return bitBool
	case schemas.Int32, schemas.Int64:
		return bitInt
	case schemas.Float32, schemas.Float64:
		return bitInt | bitFloat
	case schemas.Decimal:
		switch f.Wire {
		case schemas.WireBase64:
			return bitText | bitInt | bitFloat | bitBytes // decimal.format=NUMERIC of the JsonConverter
		case schemas.WireVarDecimal:
			return bitJSON
		}
		return bitInt | bitFloat | bitText
	case schemas.String, schemas.UUID:
		if declared {
			return bitText | bitInt | bitFloat | bitBool // and JSON at the second look
		}
		return bitText
	case schemas.Binary:
		if f.Wire == schemas.WireBase64 {
			return bitText | bitBytes
		}
		return bitText
	case schemas.Date, schemas.Time, schemas.Timestamp, schemas.Instant:
		if f.Wire == schemas.WireISO {
			return bitText
		}
		if declared {
			return bitInt | bitText
		}
		return bitInt
	case schemas.JSON:
		return (bitInt | bitFloat | bitBool | bitJSON) & (bitBytes - 1) // those of JSON: other cells become such
	}
	return 0
}

// suits is the second look at a cell whose encoding is not the usual one of
// its column: whether it spells a value of the type all the same.
func suits(f *schemas.Field, declared bool, c schemas.Cell, p []byte) bool {
	switch f.Type.Kind {
	case schemas.String, schemas.UUID:
		return declared && c.Enc == schemas.EncJSON
	case schemas.Bool, schemas.Int32, schemas.Int64:
		if !declared && c.Enc != schemas.EncFloat { // 10.0 is the integer 10
			return false
		}
		_, err := schemas.Int(f, c, p)
		return err == nil
	case schemas.Float32, schemas.Float64:
		if v, err := schemas.Float(f, c, p); err == nil {
			return declared || v != v || v-v != 0 // NaN and the infinities come as texts
		}
	case schemas.Decimal:
		if declared {
			_, _, err := schemas.Decimal128(f, c, p)
			return err == nil
		}
	case schemas.Date, schemas.Time, schemas.Timestamp, schemas.Instant:
		_, err := schemas.Int(f, c, p) // `infinity` and ISO texts among numbers
		return err == nil
	}
	return false
}
