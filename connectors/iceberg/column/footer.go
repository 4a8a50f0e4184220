package column

import "sluice/schemas"

// createdBy follows the pattern "name version v (build b)" that readers parse
// to know a writer's bugs.
const createdBy = "sluice version 1.0.0 (build column)"

// The members of parquet.thrift that are used here.
const (
	pageData, pageDict                     = 0, 2
	encPlain, encRLE, encDict              = 0, 3, 8
	convUTF8, convDecimal, convDate        = 0, 5, 6
	convTimeMicros, convTimestampMicros    = 8, 10
	logicalString, logicalDecimal          = 1, 5
	logicalDate, logicalTime, logicalTS    = 6, 7, 8
	logicalUUID                            = 14
	repetitionRequired, repetitionOptional = 0, 1
)

// chunk is what the footer says of one column of one row group.
type chunk struct {
	dictAt, dataAt int64 // dictAt is 0 without a dictionary
	packed, plain  int64 // bytes with headers, compressed and not
	values, nulls  int64
	pages          int
	stats          bounds
}

// fileMeta writes the FileMetaData of parquet.thrift for a file of these columns.
func (e *Encoder) fileMeta(t *thrift, columns []columnInfo, groups []group) {
	t.reset()
	t.i32(1, 2) // version: field ids, logical types and dictionary encodings of format 2
	t.list(2, ctStruct, len(columns)+1)
	t.open()
	t.string(4, "table")
	t.i32(5, int32(len(columns)))
	t.end()
	for i := range columns {
		schemaElement(t, &columns[i])
	}
	t.i64(3, rowsOf(groups))
	t.list(4, ctStruct, len(groups))
	for i, g := range groups {
		e.rowGroup(t, columns, g, i)
	}
	if n := len(e.opt.Properties); n > 0 {
		t.list(5, ctStruct, n)
		for _, p := range e.opt.Properties {
			t.open()
			t.string(1, p.Key)
			t.string(2, p.Value)
			t.end()
		}
	}
	t.string(6, createdBy)
	t.list(7, ctStruct, len(columns))
	for range columns {
		t.open()
		t.empty(1) // the order that min_value and max_value follow: the type's
		t.end()
	}
	t.end()
}

func schemaElement(t *thrift, c *columnInfo) {
	f := &c.Field
	t.open()
	t.i32(1, int32(c.phys))
	if c.phys == physFixed {
		t.i32(2, int32(c.width))
	}
	if f.Required {
		t.i32(3, repetitionRequired)
	} else {
		t.i32(3, repetitionOptional)
	}
	t.string(4, f.Name)
	conv, scale, precision := int32(-1), int32(0), int32(0)
	switch f.Type.Kind {
	case schemas.String, schemas.JSON, schemas.Unknown:
		conv = convUTF8
	case schemas.Decimal:
		conv, scale, precision = convDecimal, int32(f.Type.Scale), int32(f.Type.Precision)
	case schemas.Date:
		conv = convDate
	case schemas.Time:
		conv = -1 // TIME_MICROS means UTC
	case schemas.Instant:
		conv = convTimestampMicros
	}
	if conv >= 0 {
		t.i32(6, conv)
	}
	if f.Type.Kind == schemas.Decimal {
		t.i32(7, scale)
		t.i32(8, precision)
	}
	t.i32(9, int32(f.ID))
	logicalType(t, f.Type)
	t.end()
}

// logicalType annotates the column. Integers have no annotation, see the
// package comment.
func logicalType(t *thrift, typ schemas.Type) {
	member := int16(0)
	switch typ.Kind {
	case schemas.String, schemas.JSON, schemas.Unknown:
		member = logicalString
	case schemas.Decimal:
		member = logicalDecimal
	case schemas.Date:
		member = logicalDate
	case schemas.Time:
		member = logicalTime
	case schemas.Timestamp, schemas.Instant:
		member = logicalTS
	case schemas.UUID:
		member = logicalUUID
	default:
		return
	}
	t.begin(10)
	t.begin(member)
	switch typ.Kind {
	case schemas.Decimal:
		t.i32(1, int32(typ.Scale))
		t.i32(2, int32(typ.Precision))
	case schemas.Time, schemas.Timestamp, schemas.Instant:
		t.bool(1, typ.Kind == schemas.Instant) // isAdjustedToUTC
		t.begin(2)
		t.empty(2) // micros
		t.end()
	}
	t.end()
	t.end()
}

func rowsOf(groups []group) (n int64) {
	for _, g := range groups {
		n += int64(g.rows)
	}
	return n
}

func (e *Encoder) rowGroup(t *thrift, columns []columnInfo, g group, ordinal int) {
	var packed, plain int64
	t.open()
	t.list(1, ctStruct, len(g.chunks))
	for i := range g.chunks {
		c := &g.chunks[i]
		packed, plain = packed+c.packed, plain+c.plain
		t.open()
		t.i64(2, 0) // file_offset: deprecated, and 0 says that there is no copy of the metadata there
		t.begin(3)
		e.chunkMeta(t, &columns[i], c)
		t.end()
		t.end()
	}
	t.i64(2, plain)
	t.i64(3, int64(g.rows))
	t.i64(5, g.chunks[0].start())
	t.i64(6, packed)
	t.i16(7, int16(ordinal))
	t.end()
}

func (c *chunk) start() int64 {
	if c.dictAt > 0 {
		return c.dictAt
	}
	return c.dataAt
}

func (e *Encoder) chunkMeta(t *thrift, v *columnInfo, c *chunk) {
	encoding := int32(encPlain)
	if c.dictAt > 0 {
		encoding = encDict
	}
	t.i32(1, int32(v.phys))
	used := []int32{encPlain, encRLE, encDict}
	if c.dictAt == 0 {
		used = used[:2]
	}
	t.list(2, ctI32, len(used))
	for _, u := range used {
		t.elemI32(u)
	}
	t.list(3, ctBinary, 1)
	t.elemString(v.Name)
	t.i32(4, int32(e.opt.Codec.id()))
	t.i64(5, c.values)
	t.i64(6, c.plain)
	t.i64(7, c.packed)
	t.i64(9, c.dataAt)
	if c.dictAt > 0 {
		t.i64(11, c.dictAt)
	}
	t.begin(12)
	t.i64(3, c.nulls)
	if !v.closed { // P1
		lower, upper := c.stats.plain(v.Type, v.phys)
		if upper.value != nil {
			t.bytes(5, upper.value)
		}
		if lower.value != nil {
			t.bytes(6, lower.value)
		}
		if upper.value != nil {
			t.bool(7, upper.exact)
		}
		if lower.value != nil {
			t.bool(8, lower.exact)
		}
	}
	t.end()
	pages := 1
	if c.dictAt > 0 {
		pages = 2
	}
	t.list(13, ctStruct, pages)
	if c.dictAt > 0 {
		pageCount(t, pageDict, encPlain, 1)
	}
	pageCount(t, pageData, encoding, c.pages)
}

func pageCount(t *thrift, typ, encoding int32, n int) {
	t.open()
	t.i32(1, typ)
	t.i32(2, encoding)
	t.i32(3, int32(n))
	t.end()
}

// pageHeader writes the PageHeader of a data page of rows rows, or of a
// dictionary page of so many entries.
func pageHeader(t *thrift, typ, encoding int32, rows, plain, packed int, crc uint32) {
	t.reset()
	t.i32(1, typ)
	t.i32(2, int32(plain))
	t.i32(3, int32(packed))
	t.i32(4, int32(crc))
	if typ == pageDict {
		t.begin(7)
		t.i32(1, int32(rows))
		t.i32(2, encoding)
		t.end()
	} else {
		t.begin(5)
		t.i32(1, int32(rows))
		t.i32(2, encoding)
		t.i32(3, encRLE)
		t.i32(4, encRLE)
		t.end() // no statistics: readers use the chunk's // P1
	}
	t.end()
}
