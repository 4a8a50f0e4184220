package schemas

import (
	"encoding/json"
	"testing"
)

func TestAppendExtended(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"_id":{"$oid":"596e275826f08b2730779e1f"},"n":{"$numberLong":"9007199254740993"}}`, `{"_id":"596e275826f08b2730779e1f","n":9007199254740993}`},
		{` { "a" : { "$numberDouble" : "1.50" } , "b" : [ { "$numberInt" : "1" } , { } , [ ] ] } `, `{"a":1.50,"b":[1,{},[]]}`},
		{`{"a":{"$numberDouble":"NaN"},"b":{"$numberDouble":"-Infinity"}}`, `{"a":"NaN","b":"-Infinity"}`},
		{`{"a":{"$numberDecimal":"12345678901234567890.10"}}`, `{"a":"12345678901234567890.10"}`},
		{`{"a":{"$date":1558965508000},"b":{"$date":{"$numberLong":"-1"}},"c":{"$date":"2019-05-27T13:58:28Z"}}`,
			`{"a":"2019-05-27T13:58:28.000Z","b":"1969-12-31T23:59:59.999Z","c":"2019-05-27T13:58:28Z"}`},
		{`{"a":{"$date":{"$numberLong":"253402300800000"}}}`, `{"a":{"$date":253402300800000}}`}, // the year 10000 has no plain form; its number has
		{`{"a":{"$binary":{"base64":"AQI=","subType":"00"}},"b":{"$binary":"AQI=","$type":"00"}}`, `{"a":"AQI=","b":"AQI="}`},
		{`{"a":{"$timestamp":{"t":1,"i":2}},"b":{"$minKey":1},"c":{"$undefined":true}}`, `{"a":{"$timestamp":{"t":1,"i":2}},"b":{"$minKey":1},"c":null}`},
		{`{"$set":{"a":1},"b":2}`, `{"$set":{"a":1},"b":2}`},
		{`{"a":{"$oid":"x","more":1}}`, `{"a":{"$oid":"x","more":1}}`},
		{`{"q\"\\":"}{\"$oid\":\"","x":{"$symbol":"a\"b"}}`, `{"q\"\\":"}{\"$oid\":\"","x":"a\"b"}`},
		{`1004`, `1004`}, {`"abc"`, `"abc"`}, {`null`, `null`}, {`{"$oid":"5"}`, `"5"`},
	} {
		got, ok := AppendExtended([]byte("x"), []byte(c.in))
		if !ok || string(got) != "x"+c.want {
			t.Errorf("%s\n got %s\nwant x%s", c.in, got, c.want)
		}
	}
	for _, bad := range []string{``, `{`, `abc`, `{"a":1}}`} {
		if got, ok := AppendExtended([]byte("x"), []byte(bad)); ok || string(got) != "x" {
			t.Errorf("%q was taken: %q", bad, got)
		}
	}
}

// FuzzAppendExtended: what comes out is JSON, and plain JSON comes out as it is.
func FuzzAppendExtended(f *testing.F) {
	f.Add([]byte(`{"a":{"$oid":"b"},"c":[{"$date":{"$numberLong":"1"}},{"$binary":"x","$type":"0"}]}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		got, ok := AppendExtended(nil, p)
		if ok != ValidJSON(p) {
			t.Fatalf("ok %t of %q", ok, p)
		}
		if ok && !json.Valid(got) {
			t.Fatalf("%q became %q", p, got)
		}
		if again, _ := AppendExtended(nil, got); ok && len(again) > len(got) {
			t.Fatalf("%q became longer: %q", got, again)
		}
	})
}
