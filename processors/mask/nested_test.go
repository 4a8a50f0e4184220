package mask

import (
	"strings"
	"testing"

	"sluice/schemas"
)

// TestNestedJSON: strict about what is JSON, on every level, and deep only so far.
func TestNestedJSON(t *testing.T) {
	deep := func(n int) string {
		return `{"x":"s","d":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}"
	}
	for _, c := range []struct{ in, want string }{
		{` { "x" : "s" , "y" : [ 1 , { } , [ ] , -0.5e+7 , true , false , null ] } `, `{"x":null,"y":[1,{},[],-0.5e+7,true,false,null]}`},
		{"\r\n{\t\"x\"\n:\r1\t,\n\"y\"\r:\n[\n1\t,\r2\n]\t}\r\n", `{"x":null,"y":[1,2]}`},
		{`{}`, `{}`}, {`{"y":1,"x":2}`, `{"y":1,"x":null}`}, {`{"X":1}`, `{"X":null}`}, {`{"\u0078":1}`, `{"\u0078":null}`}, {`{"x":1,"x":[2]}`, `{"x":null,"x":null}`},
		{deep(maxDepth), strings.Replace(deep(maxDepth), `"s"`, "null", 1)}, {deep(maxDepth + 1), ""},
		{`{"x":1,}`, ""}, {`{,}`, ""}, {`{"x":1 "y":2}`, ""}, {`{"x"}`, ""}, {`{"x"=1}`, ""}, {`{x:1}`, ""}, {`{x":1}`, ""}, {`{"y":x"}`, ""}, {`{"x":1}x`, ""}, {`{"x":1}{}`, ""}, {`{"x":01}`, ""}, {`{"x":1.}`, ""},
		{`{"x":+1}`, ""}, {`{"x":.5}`, ""}, {`{"x":1e}`, ""}, {`{"x":nul}`, ""}, {`{"x":NaN}`, ""}, {`{"x":"\x"}`, ""}, {`{"x":"\u12g4"}`, ""}, {`{"x":"\ug123"}`, ""}, {`{"x":"\u:123"}`, ""}, {`{"x":"\u@123"}`, ""}, {`{"x":"\u/123"}`, ""}, {"{\"x\":\"\\u`123\"}", ""}, {`{"x":"\u123g"}`, ""}, {`{"x":"\u123"}`, ""}, {`{"x":"\u004`, ""}, {`{"x":"\`, ""}, {"{\"x\":\"\n\"}", ""},
		{`{"x":[1,]}`, ""}, {`{"x":[1`, ""}, {`{"x":1`, ""}, {`{"y":1`, ""}, {`{"y":[1]`, ""}, {`{"y"`, ""}, {`{"y":[`, ""}, {`[`, ""}, {`{"y":"\u00aA\u00fF\""}`, `{"y":"\u00aA\u00fF\""}`}, {`{"x":"`, ""}, {`{`, ""}, {``, ""}, {`{"y":[1}}`, ""}, {"\uFEFF{}", ""}, {`[{"x":1}]`, ""}, {`"x"`, ""}, {`7`, ""},
	} {
		s := schemaOf(false, "", `{"a":{}}`)
		g := gateOf(t, "default: withhold\nrules: [{columns: {a: {keep: r}, a.x: null}}]")
		b := batch(s, change{after: `{"a":{}}`})
		b.Records[0].After[0] = schemas.Cell{Flags: schemas.Present | schemas.InArena, Enc: schemas.EncJSON, Len: uint32(len(c.in))}
		b.SetArena([]byte(c.in))
		x, err := g.Pass(b)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if len(x.Rows()) == 1 {
			got = string(x.Rows()[0].Bytes(x.Rows()[0].After[0]))
		}
		if got != c.want || (c.want == "") != (len(b.Rejects) == 1) { // P2
			t.Errorf("%q: got %q, want %q, %d rejects", c.in, got, c.want, len(b.Rejects))
		}
		for _, action := range []string{"hash", "scan", "drop", "{keep: r}"} { // what is no JSON is none, whatever becomes of it
			got := through(gateOf(t, "key: env:KEY\nrules: [{columns: {v.x: "+action+", v.y: {keep: r}, v.d: {keep: r}}}]"), js(c.in))
			if len(c.in) < maxDepth && (got == "REJECTED") != (c.want == "") { // a leaf is measured by itself
				t.Errorf("%s of %q: %q", action, c.in, got)
			}
		}
	}
}
