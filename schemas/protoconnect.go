package schemas

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// value is the Connect schema of one value of f; of a struct without its fields.
func (c *protoCompiler) value(f *protoField, params map[string]string) Connect {
	kind := f.kind
	if kind == protoWrapper {
		kind = f.msg.inner
	}
	switch kind {
	case protoUint64, protoFixed64:
		return Connect{Type: "int64", Name: protoUint64Name}
	case protoStruct:
		return Connect{Type: "struct", Name: structName(f.msg)}
	case protoMap:
		return Connect{Type: "map"}
	case protoDate:
		return Connect{Type: "int32", Name: "org.apache.kafka.connect.data.Date"}
	case protoTimeOfDay:
		return Connect{Type: "int64", Name: "io.debezium.time.MicroTime"}
	case protoTimestamp:
		if c.connect {
			return Connect{Type: "int64", Name: "io.debezium.time.MicroTimestamp"}
		}
		return Connect{Type: "int64", Name: "avro.timestamp-micros"}
	case protoVarDecimal:
		scale, err := strconv.Atoi(params["scale"])
		if err != nil || scale < -maxScale || scale > maxScale {
			return Connect{Type: "struct", Name: "io.debezium.data.VariableScaleDecimal", Fields: []Connect{{Type: "int32", Field: "scale"}, {Type: "bytes", Field: "value"}}}
		}
		f.kind, f.scale = protoDecimal, scale
		says := map[string]string{"scale": strconv.Itoa(scale)}
		if p := params["precision"]; p != "" {
			says["connect.decimal.precision"] = p
		}
		return Connect{Type: "bytes", Name: "org.apache.kafka.connect.data.Decimal", Parameters: says}
	}
	for _, k := range protoKinds {
		if k.kind == kind {
			return Connect{Type: k.connect}
		}
	}
	return Connect{Type: "struct"}
}

// structName is the name of a message as Connect's: what is left of Debezium's
// names is enough for those that say how they are read.
func structName(m *protoMessage) string {
	simple := m.name[strings.LastIndexByte(m.name, '.')+1:]
	has := func(names ...string) bool {
		for _, n := range names {
			if !slices.ContainsFunc(m.fields, func(f protoField) bool { return f.name == n }) {
				return false
			}
		}
		return true
	}
	if simple == "VariableScaleDecimal" && len(m.fields) == 2 && has("scale", "value") {
		return "io.debezium.data." + simple
	}
	if _, s := structuredOf("io.debezium.time." + simple); s != notStructured {
		return "io.debezium.time." + simple
	}
	return m.name
}

// connectOf is m as a Connect schema. A message within itself is a struct without
// fields: its column is the document. left is how many types there may be yet.
func (m *protoMessage) connectOf(depth int, left *int) Connect {
	out := Connect{Type: "struct", Name: structName(m)}
	*left -= len(m.fields) + 1
	if depth > protoMaxDepth || *left < 0 || m.bare {
		return out
	}
	m.bare = true
	defer func() { m.bare = false }()
	out.Fields = make([]Connect, len(m.fields))
	for i := range m.fields {
		f := &m.fields[i]
		one := f.connect
		switch f.kind {
		case protoStruct:
			one = f.msg.connectOf(depth+1, left)
		case protoMap:
			entry := f.msg.connectOf(depth+1, left)
			one = Connect{Type: "map"}
			if k, v := entry.Child("key"), entry.Child("value"); k != nil && v != nil {
				k.Optional = false
				one.Keys, one.Values = k, v
			}
		}
		if f.list {
			item := one
			item.Field, item.Optional = "", true
			one = Connect{Type: "array", Items: &item}
		}
		one.Field, one.Optional = f.name, f.connect.Optional
		if f.connect.Parameters != nil && one.Parameters == nil {
			one.Parameters = f.connect.Parameters
		}
		out.Fields[i] = one
	}
	return out
}

// metaOf is what confluent.field_meta says of a field: params and tags.
func metaOf(d protoreflect.FieldDescriptor) (params map[string]string, tags []string) {
	d.Options().ProtoReflect().Range(func(x protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if x.FullName() != "confluent.field_meta" || x.Message() == nil {
			return true
		}
		of := x.Message().Fields()
		if p := of.ByName("params"); p != nil && p.IsMap() {
			v.Message().Get(p).Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				if params == nil {
					params = map[string]string{}
				}
				params[k.String()] = v.String()
				return true
			})
		}
		if t := of.ByName("tags"); t != nil && t.IsList() {
			for i := range v.Message().Get(t).List().Len() {
				tags = append(tags, v.Message().Get(t).List().Get(i).String())
			}
		}
		return true
	})
	return params, tags
}
