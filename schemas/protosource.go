package schemas

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// ProtoFile is a schema of Protobuf: the messages that its file declares, of
// which a record names one. It is immutable and safe for concurrent use.
type ProtoFile struct{ file protoreflect.FileDescriptor }

// protoName is the name of the file that a registry has without one.
const protoName = "sluice.schema.proto"

// protoImports are files that Confluent's client knows without their being
// referenced (ProtobufSchema, KNOWN_DEPENDENCIES); those of google/protobuf the
// compiler knows. Only what is read of them is here.
var protoImports = map[string]string{
	"confluent/meta.proto": `syntax = "proto3"; package confluent; import "google/protobuf/descriptor.proto";
message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }
extend google.protobuf.FileOptions { Meta file_meta = 1088; }
extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
extend google.protobuf.FieldOptions { Meta field_meta = 1088; }
extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }
extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }`,
	"confluent/type/decimal.proto": `syntax = "proto3"; package confluent.type; message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }`,
	"google/type/date.proto":       `syntax = "proto3"; package google.type; message Date { int32 year = 1; int32 month = 2; int32 day = 3; }`,
	"google/type/timeofday.proto":  `syntax = "proto3"; package google.type; message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }`,
	"google/type/decimal.proto":    `syntax = "proto3"; package google.type; message Decimal { string value = 1; }`,
	"google/type/money.proto":      `syntax = "proto3"; package google.type; message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }`,
	"google/type/latlng.proto":     `syntax = "proto3"; package google.type; message LatLng { double latitude = 1; double longitude = 2; }`,
}

// ParseProto compiles a .proto text, or a FileDescriptorProto in base64, as
// registries hold them. imports are the texts of files it imports, by the names
// it imports them by; the well-known ones need not be there.
func ParseProto(schema []byte, imports map[string][]byte) (*ProtoFile, error) {
	c := protocompile.Compiler{Resolver: protocompile.WithStandardImports(protocompile.ResolverFunc(func(name string) (protocompile.SearchResult, error) {
		text, ok := imports[name]
		if name == protoName {
			text, ok = schema, true
		}
		if !ok {
			known, ok := protoImports[name]
			if !ok {
				return protocompile.SearchResult{}, protoregistry.NotFound
			}
			return protocompile.SearchResult{Source: strings.NewReader(known)}, nil
		}
		if d := descriptorOf(text, name); d != nil {
			return protocompile.SearchResult{Proto: d}, nil
		}
		if protoNested(text) > protoMaxOpen {
			return protocompile.SearchResult{}, fmt.Errorf("%s has braces within braces, more than %d deep", name, protoMaxOpen)
		}
		return protocompile.SearchResult{Source: io.Reader(strings.NewReader(string(text)))}, nil
	})), MaxParallelism: 1}
	files, err := c.Compile(context.Background(), protoName)
	if err != nil {
		return nil, fmt.Errorf("protobuf: %w", err)
	}
	if files[0].Messages().Len() == 0 {
		return nil, errors.New("protobuf: the schema declares no message")
	}
	return &ProtoFile{files[0]}, nil
}

// descriptorOf is the descriptor that text is in base64, or nil.
func descriptorOf(text []byte, name string) *descriptorpb.FileDescriptorProto {
	p, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(p) == 0 {
		return nil
	}
	d := &descriptorpb.FileDescriptorProto{}
	if proto.Unmarshal(p, d) != nil || len(d.MessageType) == 0 && len(d.EnumType) == 0 && len(d.Extension) == 0 {
		return nil
	}
	d.Name = &name
	return d
}

// At compiles the message that Confluent's list of indexes leads to: that of a
// message of the file, then of messages declared within it. The entries of maps
// are none of them, as Confluent's ProtobufSchema counts.
func (f *ProtoFile) At(path []int) (*Proto, error) {
	in := f.file.Messages()
	var m protoreflect.MessageDescriptor
	if slices.Min(append(path, 0)) < 0 {
		return nil, ErrProtoMessage
	}
	for _, i := range path {
		if m = messageAt(in, i); m == nil {
			return nil, ErrProtoMessage
		}
		in = m.Messages()
	}
	if m == nil {
		return nil, ErrProtoMessage
	}
	return newProto(m)
}

func messageAt(in protoreflect.MessageDescriptors, i int) protoreflect.MessageDescriptor {
	for k := range in.Len() {
		if m := in.Get(k); !m.IsMapEntry() {
			if i--; i < 0 {
				return m
			}
		}
	}
	return nil
}

// Named compiles the message of the file called name, with or without the
// names around it, as Apicurio's serializers write it.
func (f *ProtoFile) Named(name string) (*Proto, error) {
	if m := messageNamed(f.file.Messages(), name, 0); m != nil {
		return newProto(m)
	}
	return nil, ErrProtoMessage
}

func messageNamed(in protoreflect.MessageDescriptors, name string, depth int) protoreflect.MessageDescriptor {
	for i := range in.Len() {
		if m := in.Get(i); string(m.Name()) == name || string(m.FullName()) == name {
			return m
		}
	}
	for i := range in.Len() {
		if depth < protoMaxDepth {
			if m := messageNamed(in.Get(i).Messages(), name, depth+1); m != nil {
				return m
			}
		}
	}
	return nil
}

// ErrProtoMessage says that a record names a message that its schema does not have.
var ErrProtoMessage = errors.New("protobuf: the schema does not declare the message that the record names")

// protoIdentifier reports a name as Protobuf has them (Language Specification, "Identifiers").
func protoIdentifier(name string) bool {
	for i := range len(name) {
		switch ch := name[i]; {
		case ch|0x20 >= 'a' && ch|0x20 <= 'z', ch == '_', i > 0 && ch >= '0' && ch <= '9':
		default:
			return false
		}
	}
	return name != ""
}

// protoMaxOpen bounds how deep braces may be open in a .proto text: the compiler
// takes minutes for a megabyte of them, and stack for each. Of messages it takes 32.
const protoMaxOpen = 200

// protoNested is how deep braces and brackets are open in a .proto text, outside
// of its comments and strings.
func protoNested(text []byte) (deepest int) {
	open := 0
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; ch {
		case '{', '[', '<':
			open++
			deepest = max(deepest, open)
		case '}', ']', '>':
			open = max(0, open-1)
		case '"', '\'':
			for i++; i < len(text) && text[i] != ch && text[i] != '\n'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '/':
			end := ""
			switch {
			case bytes.HasPrefix(text[i:], []byte("//")):
				end = "\n"
			case bytes.HasPrefix(text[i:], []byte("/*")):
				end = "*/"
			default:
				continue
			}
			n := bytes.Index(text[i+2:], []byte(end))
			if n < 0 {
				return deepest
			}
			i += n + 1 + len(end)
		}
	}
	return deepest
}
