package schemas

import "testing"

// TestAvroTags: what a field says of itself is a parameter of its column, its
// type's own parameters stay.
func TestAvroTags(t *testing.T) {
	a, err := ParseAvro([]byte(`{"type":"record","name":"R","fields":[
		{"name":"mail","type":["null","string"],"confluent:tags":["PII","EU"],"pii":"email"},
		{"name":"total","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2},"confluent:tags":["MONEY"]},
		{"name":"plain","type":"long"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseConnect(a.Connect())
	if err != nil {
		t.Fatal(err)
	}
	if p := c.Child("mail").Parameters; p[ConfluentTags] != "PII,EU" || p["pii"] != "email" {
		t.Errorf("mail: %v", p)
	}
	if p := c.Child("total").Parameters; p[ConfluentTags] != "MONEY" || p["scale"] != "2" {
		t.Errorf("total: %v", p)
	}
	if p := c.Child("plain").Parameters; len(p) > 0 {
		t.Errorf("plain: %v", p)
	}
}
