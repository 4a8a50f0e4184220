package schemas

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// everyProto has a field of each kind in each way that it can be there.
const everyProto = `syntax = "proto3";
package shop;
import "google/protobuf/wrappers.proto";
import "google/protobuf/timestamp.proto";
import "google/type/date.proto";
import "google/type/timeofday.proto";
import "google/type/decimal.proto";
import "confluent/meta.proto";
import "confluent/type/decimal.proto";
message Every {
  int32 i32 = 1; int64 i64 = 2; uint32 u32 = 3; uint64 u64 = 4; sint32 s32 = 5; sint64 s64 = 6; bool ok = 7;
  fixed32 f32 = 8; sfixed32 sf32 = 9; float fl = 10; fixed64 f64 = 11; sfixed64 sf64 = 12; double db = 13; string text = 14; bytes raw = 15; Mood mood = 16;
  optional int32 oi32 = 21; optional int64 oi64 = 22; optional sint64 os64 = 23; optional bool obool = 24; optional double odb = 25; optional string otext = 26;
  optional bytes oraw = 27; optional Mood omood = 28; optional uint64 ou64 = 29; optional int32 tiny = 30 [(confluent.field_meta) = {params: [{key: "connect.type", value: "int8"}], tags: ["PII"]}];
  google.protobuf.Int32Value wi32 = 31; google.protobuf.StringValue wtext = 32; google.protobuf.DoubleValue wdb = 33; google.protobuf.BytesValue wraw = 34;
  google.protobuf.BoolValue wbool = 35; google.protobuf.UInt64Value wu64 = 36; google.type.Decimal gdec = 37;
  google.protobuf.Timestamp at = 41; google.type.Date day = 42; google.type.TimeOfDay clock = 43;
  confluent.type.Decimal dec = 44 [(confluent.field_meta) = {params: [{value: "2", key: "scale"}, {value: "12", key: "precision"}]}];
  confluent.type.Decimal var = 45;
  repeated int32 packed = 51; repeated int64 loose = 52 [packed = false]; repeated string texts = 53; repeated Inner inners = 54; repeated Mood moods = 55; repeated double dbs = 56;
  map<string, string> labels = 61; map<int32, Inner> by_id = 62; map<string, google.protobuf.Timestamp> times = 63;
  Inner inner = 71; Every self = 72;
  oneof choice { int32 a = 81; string b = 82; Inner c = 83; }
  string far = 5000;
  repeated PairEntry pairs = 91;
  message Inner { string name = 1; optional int64 n = 2; repeated bytes more = 3; Inner deeper = 4; }
  message PairEntry { string key = 1; int64 value = 2; }
}
enum Mood { GOOD = 0; BAD = 5; UGLY = -1; }
message Other { message Deep { int32 x = 1; } int32 y = 1; }
`

func everyMessage(t testing.TB) (*Proto, protoreflect.MessageDescriptor) {
	f, err := ParseProto([]byte(everyProto), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.At([]int{0})
	if err != nil {
		t.Fatal(err)
	}
	return p, f.file.Messages().Get(0)
}

// said is what Connect's JSON says of a message, from the reference library.
func said(m protoreflect.Message) any {
	switch d := m.Descriptor(); d.FullName() {
	case "google.protobuf.Timestamp":
		return json.Number(fmt.Sprint(number(m, 1)*1e6 + number(m, 2)/1000))
	case "google.type.Date":
		return json.Number(fmt.Sprint(daysOf(number(m, 1), int(number(m, 2)), int(number(m, 3)))))
	case "google.type.TimeOfDay":
		return json.Number(fmt.Sprint(((number(m, 1)*60+number(m, 2))*60+number(m, 3))*1e6 + number(m, 4)/1000))
	default:
		if strings.HasSuffix(string(d.FullName()), "Value") && d.FullName().Parent() == "google.protobuf" || d.FullName() == "google.type.Decimal" {
			f := d.Fields().ByNumber(1)
			return saidOne(f, m.Get(f))
		}
	}
	out := map[string]any{}
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		name, v := string(f.Name()), m.Get(f)
		switch {
		case name == "dec" || name == "var":
			out[name] = saidDecimal(m.Has(f), name, v)
		case name == "pairs":
			all := map[string]any{}
			for j := range v.List().Len() {
				e := v.List().Get(j).Message()
				all[e.Get(e.Descriptor().Fields().ByNumber(1)).String()] = json.Number(fmt.Sprint(number(e, 2)))
			}
			out[name] = all
		case f.IsMap():
			all, pairs := map[string]any{}, map[string]any{}
			v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				all[k.String()] = saidOne(f.MapValue(), v)
				pairs[k.String()] = true
				return true
			})
			out[name] = all
		case f.IsList():
			list := []any{}
			for j := range v.List().Len() {
				list = append(list, saidOne(f, v.List().Get(j)))
			}
			out[name] = list
		case f.HasPresence() && !m.Has(f):
			out[name] = nil
		default:
			out[name] = saidOne(f, v)
		}
	}
	return out
}

func number(m protoreflect.Message, n protoreflect.FieldNumber) int64 {
	v, _ := m.Get(m.Descriptor().Fields().ByNumber(n)).Interface().(int64)
	if x, ok := m.Get(m.Descriptor().Fields().ByNumber(n)).Interface().(int32); ok {
		v = int64(x)
	}
	return v
}

func saidDecimal(has bool, name string, v protoreflect.Value) any {
	if !has {
		return nil
	}
	m := v.Message()
	raw, scale := m.Get(m.Descriptor().Fields().ByNumber(1)).Bytes(), number(m, 3)
	if len(raw) == 0 {
		raw = []byte{0}
	}
	if name == "var" {
		return map[string]any{"scale": json.Number(fmt.Sprint(scale)), "value": base64.StdEncoding.EncodeToString(raw)}
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func saidOne(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch x := v.Interface().(type) {
	case protoreflect.Message:
		return said(x)
	case protoreflect.EnumNumber:
		if s := f.Enum().Values().ByNumber(x); s != nil {
			return string(s.Name())
		}
		return fmt.Sprint(int32(x))
	case []byte:
		return base64.StdEncoding.EncodeToString(x)
	case float32:
		return saidFloat(float64(x), 32)
	case float64:
		return saidFloat(x, 64)
	case string, bool:
		return x
	default:
		return json.Number(fmt.Sprint(x))
	}
}

func saidFloat(v float64, bits int) any {
	p := appendFloatJSON(nil, v, bits)
	if p[0] == '"' {
		return string(p[1 : len(p)-1])
	}
	return json.Number(p)
}

// randomProto sets fields of m at random.
func randomProto(r *rand.Rand, m protoreflect.Message, depth int) {
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		if r.IntN(3) == 0 || depth > 3 && f.Message() != nil {
			continue
		}
		switch {
		case f.IsMap():
			for range r.IntN(4) {
				k := protoreflect.ValueOfString(fmt.Sprint("k", r.IntN(3))).MapKey()
				if f.MapKey().Kind() == protoreflect.Int32Kind {
					k = protoreflect.ValueOfInt32(int32(r.IntN(5) - 2)).MapKey()
				}
				v := m.Mutable(f).Map().NewValue()
				if f.MapValue().Message() != nil {
					randomMessage(r, v.Message(), depth+1)
				} else {
					v = randomValue(r, f.MapValue())
				}
				m.Mutable(f).Map().Set(k, v)
			}
		case f.IsList():
			for range r.IntN(5) {
				v := m.Mutable(f).List().NewElement()
				if f.Message() != nil {
					randomMessage(r, v.Message(), depth+1)
				} else {
					v = randomValue(r, f)
				}
				m.Mutable(f).List().Append(v)
			}
		case f.Message() != nil:
			randomMessage(r, m.Mutable(f).Message(), depth+1)
		default:
			m.Set(f, randomValue(r, f))
		}
	}
}

func randomMessage(r *rand.Rand, m protoreflect.Message, depth int) {
	set := func(n protoreflect.FieldNumber, v any) {
		m.Set(m.Descriptor().Fields().ByNumber(n), protoreflect.ValueOf(v))
	}
	switch m.Descriptor().FullName() {
	case "google.type.Date":
		set(1, int32(1+r.IntN(9999)))
		set(2, int32(1+r.IntN(12)))
		set(3, int32(1+r.IntN(28)))
	case "google.type.TimeOfDay":
		set(1, int32(r.IntN(24)))
		set(2, int32(r.IntN(60)))
		set(4, int32(r.IntN(1e9)))
	case "google.protobuf.Timestamp":
		set(1, int64(r.IntN(4e9)-2e9))
		set(2, int32(r.IntN(1e9)))
	case "confluent.type.Decimal":
		set(1, randomValue(r, m.Descriptor().Fields().ByNumber(1)).Bytes())
		set(3, int32(2))
	default:
		randomProto(r, m, depth)
	}
}

func randomValue(r *rand.Rand, f protoreflect.FieldDescriptor) protoreflect.Value {
	n := int64(r.Uint64()) >> r.IntN(64)
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(r.IntN(2) == 0)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum([]protoreflect.EnumNumber{0, 5, -1, 9}[r.IntN(4)])
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(n)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(n))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32([]float32{0, 1.5, float32(math.NaN()), float32(math.Inf(-1)), 1e-30}[r.IntN(5)])
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64([]float64{0, 1.1, math.NaN(), math.Inf(1), 1e300, -3}[r.IntN(6)])
	case protoreflect.BytesKind:
		p := make([]byte, r.IntN(9))
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		return protoreflect.ValueOfBytes(p)
	}
	return protoreflect.ValueOfString([]string{"", "x", "quote\"\\ \n", "größe 😀", strings.Repeat("long ", 30)}[r.IntN(5)])
}

// plainJSON is text as said says it: pairs are objects.
func plainJSON(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var fix func(v any) any
	fix = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				if list, ok := x.([]any); ok && k == "by_id" {
					all := map[string]any{}
					for _, p := range list {
						all[fmt.Sprint(p.([]any)[0])] = fix(p.([]any)[1])
					}
					v[k] = all
					continue
				}
				v[k] = fix(x)
			}
		case []any:
			for i := range v {
				v[i] = fix(v[i])
			}
		}
		return v
	}
	return fix(v)
}

// protoTarget is avroTarget for any schema.
func protoTarget(t testing.TB, connect []byte, deep, some bool) *Target {
	return withoutVar(avroTarget(&Avro{connect: connect}, deep, some))
}

func withoutVar(x *Target) *Target {
	for i, sub := range x.Sub {
		for _, name := range []string{"var", "labels", "by_id", "times", "pairs"} {
			if x.Names.Ordinal([]byte(name)) == i {
				x.Sub[i] = nil
			}
		}
		if sub != nil {
			withoutVar(sub)
		}
	}
	return x
}

// indexed counts records that were indexed: that some are is part of the tests.
var indexed int

// checkProto holds the index of p against the JSON that is made of it.
func checkProto(t *testing.T, m *Proto, p []byte, deep, some bool) {
	t.Helper()
	byJSON, byIndex := protoTarget(t, m.Connect(), deep, some), protoTarget(t, m.Connect(), deep, some)
	x, ok := m.Index(byIndex)
	if !ok {
		return
	}
	text, jsonErr := m.AppendJSON(nil, p)
	if len(text) > 2<<20+300*len(p) {
		t.Fatalf("%d bytes of JSON of %d", len(text), len(p))
	}
	const off = 5
	indexed++
	_, arena, err := x.Scan(append(make([]byte, off), p...), off, []byte("before"))
	if jsonErr != nil && err == nil {
		t.Fatalf("index %v, JSON %v: %x", err, jsonErr, p)
	}
	if err != nil {
		return // AppendJSON has the last word
	}
	if _, err := ScanJSON(text, byJSON); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	sameAvro(t, byJSON, byIndex, text, append(make([]byte, off), p...), arena)
}

// sameEachTime keeps maps and fields in one order: a failure comes again.
var sameEachTime = proto.MarshalOptions{Deterministic: true}

// reference is what dynamicpb reads of p; it panics on some broken keys of maps
// ("cannot convert nil to map key", protobuf-go 1.36).
func reference(p []byte, into proto.Message) (err error, panics bool) {
	defer func() {
		if recover() != nil {
			panics = true
		}
	}()
	return proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(p, into), false
}

func TestProtoAgreesWithTheReference(t *testing.T) {
	m, d := everyMessage(t)
	r := rand.New(rand.NewPCG(3, 8))
	indexed = 0
	defer func() {
		if indexed < 1000 {
			t.Errorf("only %d records were indexed", indexed)
		}
	}()
	for n := range 500 {
		msg := dynamicpb.NewMessage(d)
		randomProto(r, msg, 0)
		p, err := sameEachTime.Marshal(msg)
		if err != nil {
			t.Fatal(err)
		}
		for k := range 4 {
			q := bytes.Clone(p)
			if k > 0 && len(q) > 0 {
				switch r.IntN(4) {
				case 0:
					q[r.IntN(len(q))] ^= 1 << r.IntN(8)
				case 1:
					q = q[:r.IntN(len(q))]
				case 2: // merged, and the last one wins
					again := dynamicpb.NewMessage(d)
					randomProto(r, again, 2)
					more, _ := sameEachTime.Marshal(again)
					q = append(q, more...)
				case 3: // a field that nobody knows
					q = protowire.AppendTag(q, 777, protowire.BytesType)
					q = protowire.AppendBytes(q, []byte("later"))
				}
			}
			checkProto(t, m, q, n%2 == 0, n%3 == 0)
			text, err := m.AppendJSON(nil, q)
			back := dynamicpb.NewMessage(d)
			refErr, panics := reference(q, back)
			if panics {
				continue
			}
			if refErr != nil || err != nil {
				if refErr == nil && k == 0 {
					t.Fatalf("%v: %x", err, q)
				}
				if err == nil && !strings.Contains(refErr.Error(), "UTF-8") {
					t.Fatalf("the reference says %v: %x", refErr, q)
				}
				continue
			}
			if k > 0 && changed(back) {
				continue
			}
			if got, want := plainJSON(t, text), said(back); !reflect.DeepEqual(got, want) {
				t.Fatalf("got  %v\nwant %v", got, want)
			}
		}
	}
}

// changed reports what is read in another way once its bytes were broken: a
// decimal of another scale than the schema's, and an entry without its value.
func changed(m protoreflect.Message) bool {
	broken := false
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Name() == "times" && v.Map().Len() > 0 { // a value that was lost is null: so Confluent's converter writes nulls
			broken = true
		}
		if f.Name() == "dec" && number(v.Message(), 3) != 2 || f.Name() == "self" && changed(v.Message()) {
			broken = true
		}
		return true
	})
	return broken
}

func TestProtoSchemaAsConnect(t *testing.T) {
	m, _ := everyMessage(t)
	c, err := ParseConnect(m.Connect())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"i32": "int32", "u32": "int64", "u64": "decimal(20,0)", "f64": "decimal(20,0)", "s64": "int64", "ok": "bool", "fl": "float32", "db": "float64", "text": "string",
		"raw": "binary", "mood": "string", "wi32": "int32", "wu64": "decimal(20,0)", "wraw": "binary", "gdec": "string", "at": "instant", "day": "date", "clock": "time", "dec": "decimal(12,2)",
		"var": "string", "packed": "json", "labels": "json", "by_id": "json", "inner": "json", "a": "int32", "b": "string", "far": "string", "tiny": "int32", "pairs": "json"} {
		f := c.Child(name)
		if f == nil {
			t.Fatalf("no %s", name)
		}
		if typ, _ := f.Column(); typ.String() != want && columnTypeOf(typ).String() != want {
			t.Errorf("%s: %v, want %s", name, typ, want)
		}
	}
	if f := c.Child("tiny"); f.Type != "int8" || f.Parameters[ConfluentTags] != "PII" {
		t.Errorf("%+v", f)
	}
	if f := c.Child("by_id"); f.Keys == nil || f.Keys.Type != "int32" || f.Values == nil || f.Values.Child("name") == nil {
		t.Errorf("%+v", f)
	}
}

func columnTypeOf(t Type) Type {
	if t.Kind != Decimal {
		t.Scale = 0
	}
	return t
}

func TestProtoMessagesOfAFile(t *testing.T) {
	f, err := ParseProto([]byte(everyProto), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path []int
		want string
	}{{[]int{0}, "shop.Every"}, {[]int{0, 0}, "shop.Every.Inner"}, {[]int{1}, "shop.Other"}, {[]int{1, 0}, "shop.Other.Deep"}, {[]int{2}, ""}, {[]int{1, 1}, ""}, {nil, ""}} {
		switch m, err := f.At(c.path); {
		case err != nil && c.want != "", err == nil && m.root.name != c.want:
			t.Errorf("%v: %v %v", c.path, m, err)
		}
	}
	if m, err := f.Named("Deep"); err != nil || m.root.name != "shop.Other.Deep" {
		t.Error(m, err)
	}
	for _, bad := range []string{"", "message", `syntax="proto3"; enum A { B = 0; }`, `syntax="proto3"; import "no/such.proto"; message A {}`} {
		if _, err := ParseProto([]byte(bad), nil); err == nil {
			t.Errorf("%q is a schema", bad)
		}
	}
	f, err = ParseProto([]byte(`syntax="proto2"; message A { optional group G = 1 { optional int32 x = 1; } }`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.At([]int{0}); err == nil {
		t.Error("a group is read")
	}
}

// TestProtoRefuses: groups, numbers that are none, texts that are none, and
// messages nested without end.
func TestProtoRefuses(t *testing.T) {
	m, _ := everyMessage(t)
	deep := []byte{}
	for range 400 {
		deep = protowire.AppendBytes(protowire.AppendTag(nil, 72, protowire.BytesType), deep)
	}
	for name, p := range map[string][]byte{"group": {0x0B, 0x0C}, "field 0": {0x00, 0x01}, "text": {0x72, 0x01, 0xFF}, "cut": {0x72, 0x05, 'x'}, "varint": bytes.Repeat([]byte{0x88}, 12),
		"date": {0xD2, 0x02, 0x00}, "deep": deep, "of a group": {0xF3, 0x30}} {
		if _, err := m.AppendJSON(nil, p); err == nil {
			t.Errorf("%s: taken", name)
		}
		checkProto(t, m, p, true, false)
	}
}

func TestRescaledIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	value := func(p []byte) *big.Int {
		n := new(big.Int).SetBytes(p)
		if p[0]&0x80 != 0 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(p))))
		}
		return n
	}
	for range 2000 {
		p := make([]byte, 1+r.IntN(12))
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		k := r.IntN(5)
		up, ok := rescaled(p, 2, 2+k)
		want := new(big.Int).Mul(value(p), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(k)), nil))
		if !ok || value(up).Cmp(want) != 0 {
			t.Fatalf("%x by %d: %x", p, k, up)
		}
		if down, ok := rescaled(up, 2+k, 2); !ok || value(down).Cmp(value(p)) != 0 {
			t.Fatalf("%x back: %x", up, down)
		}
	}
	if _, ok := rescaled([]byte{15}, 2, 1); ok {
		t.Error("0.15 at scale 1")
	}
}

// FuzzProto: no data makes it panic or grow, and the index agrees with the JSON.
func FuzzProto(f *testing.F) {
	every, d := everyMessage(f)
	r := rand.New(rand.NewPCG(5, 5))
	for n := range 6 {
		msg := dynamicpb.NewMessage(d)
		randomProto(r, msg, 0)
		p, _ := sameEachTime.Marshal(msg)
		f.Add(p, n%2 == 0)
	}
	f.Fuzz(func(t *testing.T, p []byte, deep bool) { checkProto(t, every, p, deep, false) })
}

// FuzzProtoSchema: no schema does, either.
func FuzzProtoSchema(f *testing.F) {
	f.Add(everyProto, []byte{8, 1})
	f.Add(`syntax = "proto2"; message A { required int32 a = 1; optional A b = 2; extensions 100 to 200; }`, []byte{8, 1, 18, 0})
	f.Fuzz(func(t *testing.T, schema string, p []byte) {
		if len(schema) > 1<<14 {
			return
		}
		if file, err := ParseProto([]byte(schema), nil); err == nil {
			if m, err := file.At([]int{0}); err == nil && len(m.Connect()) < 1<<16 {
				checkProto(t, m, p, false, false)
			}
		}
	})
}

// TestProtoNames (an enum's name became members of the JSON, and two fields one
// column): names are Protobuf's, and no two fields of a message have one.
func TestProtoNames(t *testing.T) {
	symbol := func(name string) string {
		opt, enum := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL, descriptorpb.FieldDescriptorProto_TYPE_ENUM
		p, err := proto.Marshal(&descriptorpb.FileDescriptorProto{Syntax: proto.String("proto3"),
			MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("M"), Field: []*descriptorpb.FieldDescriptorProto{
				{Name: proto.String("e"), Number: proto.Int32(1), Type: &enum, TypeName: proto.String(".E"), Label: &opt}}}},
			EnumType: []*descriptorpb.EnumDescriptorProto{{Name: proto.String("E"), Value: []*descriptorpb.EnumValueDescriptorProto{{Name: &name, Number: proto.Int32(0)}}}}})
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(p)
	}
	for schema, ok := range map[string]bool{
		symbol("A_1"):          true,
		symbol(`A","role":"x`): false,
		symbol("1"):            false, // a number without a name is written so
		symbol(""):             false,
		`syntax = "proto3"; message M { int32 x = 1; int32 y = 2 [json_name="__raw:z"]; }`:                              true,
		`syntax = "proto3"; message M { int32 x = 1; int32 y = 2 [json_name="__raw:x"]; }`:                              false,
		`syntax = "proto3"; message M { int32 z = 1 [json_name="__int8:__raw:x"]; int32 y = 2 [json_name="__raw:x"]; }`: false,
	} {
		f, err := ParseProto([]byte(schema), nil)
		if err == nil {
			_, err = f.At([]int{0})
		}
		if (err == nil) != ok {
			t.Errorf("%s: %v", schema, err)
		}
	}
}
