package schemas

// nested holds an object or array to the rule. p is one valid JSON value.
func (r *Rule) nested(c Cell, p []byte) Breach {
	object, array := c.Enc == EncJSON && p[0] == '{', c.Enc == EncJSON && p[0] == '['
	switch r.kind {
	case ruleGeometry:
		if !object {
			return BreachGeometry
		}
		return r.geometry(p)
	case ruleVector:
		return r.vector(array, p)
	case ruleSparse:
		return r.sparse(object, p)
	case ruleArray:
		return r.array(array, p)
	case ruleMap:
		if !object && !array {
			return BreachMap
		}
		return r.pairs(p)
	}
	if !object {
		return BreachStruct
	}
	for w := walkOf(p); w.next() && r.names != nil; {
		i, ok := r.names[string(w.key())]
		if w.name.Enc == EncJSONString {
			i, ok = r.escaped(w.key())
		}
		if !ok {
			return BreachStruct
		}
		if b := r.of[i].element(w.c, w.value()); b != Holds {
			return b
		}
	}
	return Holds
}

// escaped is the place of a member whose name has escapes.
func (r *Rule) escaped(key []byte) (i int, ok bool) {
	i, ok = r.names[string(appendUnescaped(nil, key))]
	return i, ok
}

func (r *Rule) array(array bool, p []byte) Breach {
	if !array {
		return BreachArray
	}
	for w := walkOf(p); w.next() && len(r.of) > 0; {
		if b := r.of[0].element(w.c, w.value()); b != Holds {
			return b
		}
	}
	return Holds
}

func (r *Rule) vector(array bool, p []byte) Breach {
	if !array {
		return BreachVector
	}
	n := 0
	for w := walkOf(p); w.next(); n++ {
		if w.c.Enc != EncInt && w.c.Enc != EncFloat {
			return BreachVector
		}
	}
	if r.size > 0 && n != r.size {
		return BreachDimension
	}
	return Holds
}

// sparse reads Debezium's SparseDoubleVector: the dimension, and a map from places
// to numbers, which the JSON converter writes as pairs.
func (r *Rule) sparse(object bool, p []byte) Breach {
	if !object {
		return BreachVector
	}
	n, entries := int64(-1), []byte(nil)
	for w := walkOf(p); w.next(); {
		switch v := w.value(); {
		case string(w.key()) == "dimensions" && w.c.Enc == EncInt:
			if i, code := parseInt(v); code == "" {
				n = i
			}
		case string(w.key()) == "vector" && w.c.Enc == EncJSON:
			entries = v
		}
	}
	switch {
	case entries == nil:
		return BreachVector
	case n < 0 || r.size > 0 && n != int64(r.size):
		return BreachDimension
	}
	within := Rule{kind: ruleSparse, of: []Rule{{kind: rulePlace, high: uint64(n)}, {kind: ruleNumber}}}
	return within.pairs(entries)
}

// pairs holds the keys and values of a map, an object or an array of pairs.
func (r *Rule) pairs(p []byte) Breach {
	shape := BreachMap
	if r.kind == ruleSparse {
		shape = BreachVector
	}
	if len(r.of) == 0 {
		return Holds
	}
	for w := walkOf(p); w.next(); {
		if p[0] == '{' {
			if b := r.pair(w.name, w.key(), w.c, w.value()); b != Holds {
				return b
			}
			continue
		}
		pair := w.value()
		if w.c.Enc != EncJSON || pair[0] != '[' {
			return shape
		}
		in := walkOf(pair)
		if !in.next() {
			return shape
		}
		k, key := in.c, in.value()
		if !in.next() {
			return shape
		}
		v, value := in.c, in.value()
		if in.next() {
			return shape
		}
		if b := r.pair(k, key, v, value); b != Holds {
			return b
		}
	}
	return Holds
}

func (r *Rule) pair(k Cell, key []byte, v Cell, value []byte) Breach {
	if b := r.of[0].key(k, key); b != Holds {
		return b
	}
	return r.of[1].element(v, value)
}

// key is element for a key, which is a text where the map is an object.
func (r *Rule) key(c Cell, p []byte) Breach {
	if r.kind != ruleEnum && c.Enc == EncText && r.typ.Kind != String {
		if v, err := ScanJSON(p, nil); err == nil && v.Enc != EncText {
			c = v
		}
	}
	return r.element(c, p)
}

// element holds a value within a collection, a JSON value, to the rule. What a
// writer's schema would have told of it may be unknown: a date may be a number of
// days or a text, a decimal its digits or the bytes of them.
func (r *Rule) element(c Cell, p []byte) Breach {
	if !c.Has() {
		return Holds
	}
	switch r.kind {
	case ruleDecimal:
		return r.loose(c, p)
	case rulePlace:
		if i, code := parseInt(p); c.Enc != EncInt || code != "" || i < 0 || uint64(i) > r.high {
			return BreachDimension
		}
		return Holds
	case ruleNumber:
		if c.Enc != EncInt && c.Enc != EncFloat {
			return BreachVector
		}
		return Holds
	case ruleType:
		if !r.typ.spells(c, p) {
			return BreachType
		}
		return Holds
	}
	f := Field{Type: Type{Kind: Int64}, Wire: WireBase64}
	return r.Breach(&f, c, p)
}

// loose is decimal for digits and base64 both.
func (r *Rule) loose(c Cell, p []byte) Breach {
	f := Field{Type: Type{Kind: String}}
	b := r.decimal(&f, c, p)
	if b == Holds || c.Enc != EncText || r.scale < 0 {
		return b
	}
	var buf [512]byte
	if len(p) > 256 {
		return b
	}
	if out, code := AppendUnscaled(buf[:0], p, r.scale); code == "" && r.digits(out) == Holds {
		return Holds
	}
	return b
}

// spells reports whether a JSON value can be one of the type.
func (t Type) spells(c Cell, p []byte) bool {
	text := c.Enc == EncText || c.Enc == EncJSONString
	switch t.Kind {
	case Bool:
		return c.Enc == EncTrue || c.Enc == EncFalse
	case Int32, Int64:
		f := Field{Type: t}
		_, err := Int(&f, c, p)
		return err == nil && c.Enc == EncInt
	case Float32, Float64:
		_, special := nonFinite(p)
		return c.Enc == EncInt || c.Enc == EncFloat || text && special
	case Decimal:
		r := Rule{kind: ruleDecimal, size: int(t.Precision), scale: int(t.Scale)}
		return r.loose(c, p) == Holds
	case String:
		return text
	case UUID:
		return c.Enc == EncText && len(p) == 36
	case Binary:
		return text
	case Date, Time, Timestamp, Instant:
		f := Field{Type: t, Wire: WireISO}
		if c.Enc == EncText {
			_, err := Int(&f, c, p)
			return err == nil || err == ErrRange // infinity is a date some 290,000 years away
		}
		return c.Enc == EncInt || c.Enc == EncJSON // a structured time
	}
	return true // json
}

// walk goes through the elements of an array or the members of an object, a valid
// JSON value. It has no functions to call, which would be memory for each.
type walk struct {
	s       scanner
	i       int
	name, c Cell // of a member its name
}

func walkOf(p []byte) (w walk) {
	w.s.p = p
	w.i = w.s.space(1)
	return w
}

func (w *walk) next() bool {
	p := w.s.p
	if w.i >= len(p)-1 {
		return false // the bracket that closes it
	}
	if p[w.i] == ',' {
		w.i = w.s.space(w.i + 1)
	}
	if p[0] == '{' {
		w.name, w.i = w.s.label(w.i)
		w.i = w.s.space(w.i)
	}
	w.i = w.s.space(w.s.value(w.i, nil, &w.c))
	return w.s.err == nil
}

func (w *walk) key() []byte   { return w.s.p[w.name.Off : w.name.Off+w.name.Len] }
func (w *walk) value() []byte { return w.s.p[w.c.Off : w.c.Off+w.c.Len] }
