package schemas

import (
	"encoding/json"
	"fmt"
	"math/big"
	"testing"
	"time"
)

func TestAppendJSON(t *testing.T) {
	dec := Type{Kind: Decimal, Precision: 20, Scale: 2}
	for _, c := range []struct {
		t    Type
		w    Wire
		enc  Encoding
		p    string
		want string // "!code" for a refusal
	}{
		{Type{Kind: Bool}, 0, EncTrue, "true", "true"},
		{Type{Kind: Bool}, 0, EncInt, "0", "false"},
		{Type{Kind: Bool}, 0, EncInt, "2", "!wrong_type"},
		{Type{Kind: Int64}, 0, EncInt, "9223372036854775807", "9223372036854775807"},
		{Type{Kind: Int64}, 0, EncInt, "-9223372036854775808", "-9223372036854775808"},
		{Type{Kind: Int64}, 0, EncInt, "9223372036854775808", "!out_of_range"},
		{Type{Kind: Int64}, 0, EncInt, "18446744073709551616", "!out_of_range"},
		{Type{Kind: Int64}, 0, EncInt, "-9223372036854775809", "!out_of_range"},
		{Type{Kind: Int64}, 0, EncInt, "-0", "0"},
		{Type{Kind: Int64}, 0, EncInt, "0", "0"},
		{Type{Kind: Int64}, 0, EncInt, "123456", "123456"},
		{Type{Kind: Int64}, 0, EncText, "0x10", "!bad_number"},
		{Type{Kind: Int64}, 0, EncFloat, "1.5", "!wrong_type"},
		{Type{Kind: Float64}, 0, EncFloat, "1e300", "1e300"},
		{Type{Kind: Float64}, 0, EncText, "NaN", "!bad_number"},
		{Type{Kind: Float64}, 0, EncText, "-Infinity", "-9e999"},
		{dec, 0, EncText, "1.1", `"1.10"`},
		{dec, 0, EncInt, "-7", `"-7.00"`},
		{dec, 0, EncFloat, "1.2345", `"1.2345"`},
		{dec, 0, EncFloat, "1.5E+2", `"150.00"`},
		{dec, 0, EncFloat, "15e-4", `"0.0015"`},
		{dec, 0, EncFloat, "100e-2", `"1.00"`},
		{dec, 0, EncFloat, "0e5", `"0.00"`},
		{dec, 0, EncFloat, "1e999999999", "!value_too_long"},
		{dec, 0, EncText, "1,5", "!bad_number"},
		{dec, WireBase64, EncText, "AA==", `"0.00"`},
		{dec, WireBase64, EncText, "/w==", `"-0.01"`},
		{dec, WireBase64, EncText, "AIA=", `"1.28"`},
		{dec, WireBase64, EncText, "", "!bad_base64"},
		{dec, WireBase64, EncText, "*", "!bad_base64"},
		{dec, WireVarDecimal, EncJSON, `{ "scale" : 3, "value":"AIA="}`, `"0.128"`},
		{dec, WireVarDecimal, EncJSON, `{"scale":3}`, "!bad_number"},
		{dec, WireVarDecimal, EncJSON, `{"scale":"`, "!bad_number"},
		{Type{Kind: String}, 0, EncText, "a\"b\\\x00\n\xff", `"a\"b\\\u0000\n` + "\uFFFD" + `"`},
		{Type{Kind: String}, 0, EncJSONString, `\ud83d\ude00\/`, `"\ud83d\ude00\/"`},
		{Type{Kind: String}, 0, EncJSONString, `\ud800x\udc00`, `"\ufffdx\ufffd"`},
		{Type{Kind: String}, 0, EncJSONString, `\x41`, "!bad_escape"},
		{Type{Kind: String}, 0, EncJSONString, `\u12`, "!bad_escape"},
		{Type{Kind: String}, 0, EncJSON, `{"a":"b"}`, `"{\"a\":\"b\"}"`},
		{Type{Kind: String}, 0, EncFloat, `1.50`, `"1.50"`},
		{Type{Kind: Binary}, WireBase64, EncText, "AP8=", `"AP8="`},
		{Type{Kind: Binary}, WireBase64, EncText, "AP8", "!bad_base64"},
		{Type{Kind: Binary}, 0, EncBytes, "\x00\xff", `"AP8="`},
		{Type{Kind: Date}, WireDays, EncInt, "0", `"1970-01-01"`},
		{Type{Kind: Date}, WireDays, EncInt, "-719529", `"-0001-12-31"`},
		{Type{Kind: Date}, WireDays, EncInt, "2932897", `"+10000-01-01"`},
		{Type{Kind: Date}, WireISO, EncText, "2024-02-29Z", `"2024-02-29Z"`},
		{Type{Kind: Time}, WireNanos, EncInt, "90000000000001", `"25:00:00.000000001"`},
		{Type{Kind: Time}, WireMicros, EncInt, "-1500000", `"-00:00:01.500000"`},
		{Type{Kind: Timestamp}, WireMillis, EncInt, "1709164800000", `"2024-02-29T00:00:00.000000"`},
		{Type{Kind: Instant}, WireMicros, EncInt, "9223372036825200000", `"+294247-01-10T04:00:25.200000Z"`},
		{Type{}, 0, EncInt, "12", "12"},
		{Type{}, 0, EncText, "x", `"x"`},
	} {
		got, code := AppendJSON([]byte("|"), c.t, c.w, Cell{Enc: c.enc, Flags: Present, Len: uint32(len(c.p))}, []byte(c.p))
		if code != "" {
			if string(got) != "|" {
				t.Errorf("%v %q: refused with %s and left %q", c.t, c.p, code, got)
			}
			got = []byte("|!" + code)
		} else if !json.Valid(got[1:]) {
			t.Errorf("%v %q: %s is not JSON", c.t, c.p, got[1:])
		}
		if string(got[1:]) != c.want {
			t.Errorf("%v wire %d %q: %s, want %s", c.t, c.w, c.p, got[1:], c.want)
		}
	}
}

// TestMoments compares every day of 4,000 years, and fractions, with package time.
func TestMoments(t *testing.T) {
	day := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	for ; day.Year() < 4000; day = day.AddDate(0, 0, 1) {
		if got, want := string(AppendDate(nil, day.Unix()/86400)), day.Format(time.DateOnly); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	for _, us := range []int64{0, -1, 1, 1_709_251_199_999_999, -62_135_596_800_000_000} {
		got, _ := appendMoment(nil, Instant, WireMicros, fmt.Append(nil, us))
		if want := time.UnixMicro(us).UTC().Format(`"2006-01-02T15:04:05.000000Z"`); string(got) != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func FuzzAppendJSON(f *testing.F) {
	for _, s := range []string{"1.50", "AIA=", `{"scale":3,"value":"AIA="}`, `\ud800\u0041`, "2024-01-01", "-1e5", "\xff\"", "99999999999999999999"} {
		for k := range uint8(JSON + 1) {
			f.Add([]byte(s), k, uint8(k%8), uint8(k%9))
		}
	}
	f.Fuzz(func(t *testing.T, p []byte, kind, wire, enc uint8) {
		c := Cell{Enc: Encoding(enc % 9), Flags: Present, Len: uint32(len(p))}
		switch c.Enc { // what an indexer promises of these
		case EncInt, EncFloat:
			if !isNumber(p) {
				return
			}
		case EncJSON:
			if !json.Valid(p) {
				return
			}
		}
		typ := Type{Kind: Kind(kind) % (JSON + 1), Precision: 38, Scale: kind % 5}
		got, code := AppendJSON([]byte("x"), typ, Wire(wire%8), c, p)
		switch {
		case code != "" && string(got) != "x":
			t.Fatalf("refused with %s and left %q", code, got)
		case code == "" && !json.Valid(got[1:]):
			t.Fatalf("%v wire %d enc %d %q: %q is not JSON", typ, wire%8, c.Enc, p, got[1:])
		case code == "" && typ.Kind == Decimal:
			var s string
			json.Unmarshal(got[1:], &s)
			if _, ok := new(big.Rat).SetString(s); !ok {
				t.Fatalf("%q is no decimal", s)
			}
		}
	})
}
