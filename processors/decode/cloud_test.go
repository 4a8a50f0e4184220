package decode

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/processors/proctest"
	"sluice/schemas"
	"sluice/topology/stream"
)

// TestCloudEventsWithoutAttributes: an update that MongoDB's connector looked up no
// document of deletes nothing, and data that hold no row truncate no table. // D3
func TestCloudEventsWithoutAttributes(t *testing.T) {
	event := func(connector, data string) string {
		return fmt.Sprintf(`{"id":"name:m","source":"/debezium/%s/m","specversion":"1.0","type":"io.debezium.connector.%s.DataChangeEvent","time":"2026-11-27T04:26:26.950Z","datacontenttype":"application/json","data":%s}`, connector, connector, data)
	}
	const key = `{"id":"7"}`
	for _, x := range []struct{ key, value, want string }{
		{key, event("mongodb", `{"before":null,"after":null,"updateDescription":{"removedFields":["a"],"updatedFields":"{\"n\": 1}","truncatedArrays":null}}`), "update"},
		{key, event("mongodb", `{"before":null,"after":"{\"_id\": 7,\"n\": 1}","updateDescription":{"removedFields":null,"updatedFields":"{\"n\": 1}","truncatedArrays":null}}`), "update"},
		{key, event("mongodb", `{"before":null,"after":null,"updateDescription":null}`), "delete"},
		{"", event("postgresql", `{"before":null,"after":null}`), "truncate"},
		{"", event("postgresql", `{}`), "reject " + codeNoRow},
		{key, event("postgresql", `{"message":{"prefix":"p","content":"YQ=="}}`), "reject " + codeNoRow},
	} {
		if _, got := decode(t, Default, proctest.JSON(x.key, x.value)); len(got) != 1 || !strings.HasPrefix(got[0], x.want) {
			t.Errorf("%s: %q, want %s", x.value, got, x.want)
		}
	}
}

// TestUnavailableOfBinlogs: a text that is the placeholder is data of connectors that
// leave nothing out, and of those that read NOBLOB it is not there.
func TestUnavailableOfBinlogs(t *testing.T) {
	for version, data := range map[string]bool{"1.9.7.Final": true, "3.5.0.Final": true, "3.6.1.Final": false, "3.7.0.Final": false, "3.10.0.Final": false, "4.0.0.Final": false, "": false, "x": false} {
		for _, c := range []string{"mysql", "mariadb"} {
			b, out := decode(t, Default, proctest.JSON(`{"id":1}`, fmt.Sprintf(`{"before":{"id":1,"n":1,"body":%q},"after":{"id":1,"n":2,"body":%q},"source":{"version":%q,"connector":%q,"db":"d","table":"t","file":"b.000001","pos":4},"op":"u"}`,
				schemas.DefaultUnavailable, schemas.DefaultUnavailable, version, c)))
			if len(b.Records) != 1 {
				t.Fatal(out)
			}
			r := &b.Records[0]
			at := slices.IndexFunc(r.Schema.Fields, func(f schemas.Field) bool { return f.Name == "body" })
			for _, row := range [][]schemas.Cell{r.Before, r.After} {
				if got := row[at].Flags&schemas.Unavailable == 0; got != data || r.Op != stream.Update {
					t.Errorf("%s %s: data %v, want %v", c, version, got, data)
				}
			}
		}
	}
}
