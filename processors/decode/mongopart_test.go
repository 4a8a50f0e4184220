package decode

import (
	"fmt"
	"slices"
	"testing"

	"sluice/processors/proctest"
	"sluice/schemas"
	"sluice/topology/stream"
)

// TestMongoDBUpdatesWithoutDocument: what an update names is there, what it
// removed is null, what it does not name was not sent; a part of a member is refused.
func TestMongoDBUpdatesWithoutDocument(t *testing.T) {
	const key = `{"id":"{\"$oid\": \"596e275826f08b2730779e1f\"}"}`
	update := func(description string) string {
		return fmt.Sprintf(`{"before":null,"after":null,"updateDescription":%s,%s,"op":"u","ts_ms":1}`, description, mongoSource)
	}
	patch := func(text string) string {
		return fmt.Sprintf(`{"after":null,"patch":%q,"filter":null,%s,"op":"u","ts_ms":1}`, text, mongoSource)
	}
	recs := []proctest.Rec{
		proctest.JSON(key, mongo("c", "null", `"{\"_id\": {\"$oid\": \"596e275826f08b2730779e1f\"},\"name\": \"A\",\"email\": \"a@x\",\"n\": 1}"`)),
		proctest.JSON(key, update(`{"removedFields":["email"],"updatedFields":"{\"name\": \"B \\\"q\\\"\"}","truncatedArrays":null}`)),
		proctest.JSON(key, update(`{"removedFields":null,"updatedFields":"{\"n\": {\"$numberLong\": \"9007199254740993\"}}","truncatedArrays":[]}`)),
		proctest.JSON(key, update(`{"removedFields":[],"updatedFields":"{\"added\": {\"a\": {\"$date\": 0}}}"}`)),
		proctest.JSON(key, patch(`{"$v": 1,"$set": {"name": "C"},"$unset": {"n": true}}`)),
		proctest.JSON(key, patch(`{"_id": {"$oid": "596e275826f08b2730779e1f"},"name": "D"}`)),
		proctest.JSON(key, update(`{"removedFields":null,"updatedFields":"{\"a.b\": 1}","truncatedArrays":null}`)),
		proctest.JSON(key, update(`{"removedFields":["a.0"],"updatedFields":null,"truncatedArrays":null}`)),
		proctest.JSON(key, update(`{"removedFields":null,"updatedFields":"{}","truncatedArrays":[{"array":"tags","size":2}]}`)),
		proctest.JSON(key, patch(`{"$v": 2,"diff": {"u": {"a": 1}}}`)),
		proctest.JSON(key, patch(`{"$set": {"a.b": 1}}`)),
		proctest.JSON("", update(`{"removedFields":null,"updatedFields":"{\"name\": \"B\"}","truncatedArrays":null}`)),
		proctest.JSON(key, update(`{"removedFields":null,"updatedFields":"no document","truncatedArrays":null}`)),
	}
	d, err := New(Default)
	if err != nil {
		t.Fatal(err)
	}
	b := proctest.NewBatch(t, stream.Lane{Topic: "shop.customers"}, 0, recs...)
	if err := d.Process(b); err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range b.Records {
		r := &b.Records[i]
		line := fmt.Sprint(r.Op, " ")
		for j, f := range r.Schema.Fields {
			if j >= len(r.After) || r.After[j].Absent() {
				continue
			}
			switch c := r.After[j]; {
			case c.Flags&schemas.Unavailable != 0:
				line += f.Name + "=? "
			case c.IsNull():
				line += f.Name + "=null "
			default:
				line += fmt.Sprintf("%s=%s ", f.Name, schemas.AppendText(nil, c, b.CellBytes(r, c)))
			}
		}
		got = append(got, line)
	}
	for _, r := range b.Rejects {
		got = append(got, r.Code)
	}
	const id = "_id=596e275826f08b2730779e1f "
	want := []string{"insert " + id + "name=A email=a@x n=1 ", "update " + id + `name=B "q" email=null n=? `, "update " + id + "name=? email=? n=9007199254740993 ",
		"update " + id + `name=? email=? n=? added={"a":"1970-01-01T00:00:00.000Z"} `, "update " + id + "name=C email=? n=null added=? ", "update " + id + "name=D ",
		"partial_document", "partial_document", "partial_document", "partial_document", "partial_document", "no_document", "no_document"}
	if !slices.Equal(got, want) {
		for i := range max(len(got), len(want)) {
			t.Errorf("%d: got  %q\nwant %q", i, at(got, i), at(want, i))
		}
	}
}

// TestMongoDBRemovedIsNoList (a text stopped the pipeline, and members of objects
// were taken for names): what is removed is a list of names, or there is no document.
func TestMongoDBRemovedIsNoList(t *testing.T) {
	d, err := New(Default)
	if err != nil {
		t.Fatal(err)
	}
	var recs []proctest.Rec
	for _, removed := range []string{`"a\"b"`, `"a\\\"b"`, `"email"`, `7`, `true`, `{"email":1}`, `[{"email":"n"}]`, `["n",1]`} {
		recs = append(recs, proctest.JSON(`{"id":"1"}`, fmt.Sprintf(`{"before":null,"after":null,"updateDescription":{"removedFields":%s,"updatedFields":null},%s,"op":"u","ts_ms":1}`, removed, mongoSource)))
	}
	b := proctest.NewBatch(t, stream.Lane{Topic: "shop.customers"}, 0, recs...)
	if err := d.Process(b); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.Rejects {
		if r.Code != codeNoDocument {
			t.Errorf("%s", r.Code)
		}
	}
	if len(b.Rejects) != len(recs) {
		t.Errorf("%d of %d are refused", len(b.Rejects), len(recs))
	}
}

func at(s []string, i int) string {
	if i < len(s) {
		return s[i]
	}
	return ""
}
