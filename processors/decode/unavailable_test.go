package decode

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sluice/processors/proctest"
	"sluice/schemas"
)

// TestUnavailable: the placeholder of a value that was not sent, in every form
// that a type gives it, in whole and flattened rows, is no data. // P2
func TestUnavailable(t *testing.T) {
	for _, setting := range []string{schemas.DefaultUnavailable, "hex:5f5f67c3b6", "a \"quoted\"\tone", "§none§", "<not & there>", "hex:C0FFEE", "gone😀"} {
		text := schemas.PlaceholderText(setting)
		said, q := text, []byte(nil)
		if setting == "hex:C0FFEE" {
			said = "\uFFFD\uFFFD\uFFFD" // Debezium 3.5
		}
		var buf bytes.Buffer
		e := json.NewEncoder(&buf)
		e.SetEscapeHTML(false)
		_ = e.Encode(said)
		q = bytes.ReplaceAll(bytes.TrimSpace(buf.Bytes()), []byte("😀"), []byte(`\uD83D\uDE00`))
		std := base64.StdEncoding.EncodeToString([]byte(text))
		var numbers []string
		for i := range len(text) {
			numbers = append(numbers, fmt.Sprint(int8(text[i])))
		}
		object := fmt.Sprintf("{%s:%s}", q, q)
		buf.Reset()
		_ = e.Encode(strings.ReplaceAll(object, `\uD83D\uDE00`, "😀"))
		hstore := bytes.ReplaceAll(bytes.TrimSpace(buf.Bytes()), []byte("😀"), []byte(`\uD83D\uDE00`))
		forms := map[string]string{
			"text": string(q), "bytea": `"` + std + `"`, "hex": `"` + hex.EncodeToString([]byte(text)) + `"`,
			"base64url": `"` + base64.URLEncoding.EncodeToString([]byte(text)) + `"`,
			"texts":     "[" + string(q) + "]", "ints": "[" + strings.Join(numbers, ",") + "]", "byteas": `["` + std + `"]`,
			"map": object, "hstore": string(hstore), "uuids": `["` + nameUUID(text) + `"]`,
		}
		row := `{"id":1`
		for name, form := range forms {
			row += fmt.Sprintf(`,%q:%s`, name, form)
		}
		row += "}"
		c := Default
		c.Unavailable = setting
		for shape, value := range map[string]string{
			"whole":     `{"before":null,"after":` + row + `,"source":{"connector":"postgresql","table":"t"},"op":"u"}`,
			"flattened": strings.TrimSuffix(row, "}") + `,"__op":"u"}`,
			"plain":     row,
		} {
			b, _ := decode(t, c, proctest.JSON(`{"id":1}`, value))
			if len(b.Records) != 1 {
				t.Fatalf("%s %s: %v", setting, shape, b.Rejects)
			}
			r := &b.Records[0]
			for i, f := range r.Schema.Fields {
				if _, is := forms[f.Name]; is && r.After[i].Flags&schemas.Unavailable == 0 {
					t.Errorf("%s, %s: %s is taken for data", setting, shape, f.Name)
				}
			}
		}
		c.Unavailable = ""
		if b, _ := decode(t, c, proctest.JSON(`{"id":1}`, `{"before":null,"after":{"id":1,"a":`+string(q)+`},"source":{"connector":"postgresql","table":"t"},"op":"u"}`)); b.Records[0].After[1].Flags&schemas.Unavailable != 0 {
			t.Error("none is configured, and one was found")
		}
	}
}

// nameUUID is what java.util.UUID.nameUUIDFromBytes gave for these texts.
func nameUUID(text string) string {
	for _, p := range schemas.Placeholders(text) {
		if p.Enc == schemas.EncText && len(p.Bytes) == 36 && strings.Count(p.Bytes, "-") == 4 {
			if text == schemas.DefaultUnavailable && p.Bytes != "b68a35a7-17ad-35b3-af2a-ae46edb4545a" { // observed
				return "not what Debezium makes of it"
			}
			return p.Bytes
		}
	}
	return ""
}
