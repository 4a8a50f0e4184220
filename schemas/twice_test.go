package schemas

import "testing"

// TestObjectTwice: of a name that comes twice nothing of the first value stays,
// however deep it lies.
func TestObjectTwice(t *testing.T) {
	row := Target{Names: NewNames("a")}
	payload := Target{Names: NewNames("before", "after"), Sub: []*Target{nil, &row}}
	root := Target{Names: NewNames("payload", "x"), Sub: []*Target{&payload}}
	for doc, want := range map[string]bool{
		`{"payload":{"after":{"a":1}},"payload":{"before":2}}`:               false,
		`{"payload":{"after":{"a":1}},"payload":{}}`:                         false,
		`{"payload":{"after":{"a":1}},"x":1,"payload":7}`:                    false,
		`{"payload":{"after":{"a":1}},"payload":null}`:                       false,
		`{"payload":{"after":{"a":1}},"payload":{"after":null}}`:             false,
		`{"payload":{"after":{"a":1},"after":7,"before":1}}`:                 false,
		`{"payload":{"after":{"a":1}},"payload":{"before":2,"after":{}}}`:    true,
		`{"payload":7,"payload":{"after":{"a":1}},"x":{"payload":1}}`:        true,
		`{"payload":{"after":{"a":1}},"payload":{"after":[]},"payload":[1]}`: false,
	} {
		row.Reset(make([]Cell, 1))
		payload.Reset(make([]Cell, 2))
		root.Reset(make([]Cell, 2))
		if _, err := ScanJSON([]byte(doc), &root); err != nil {
			t.Fatal(doc, err)
		}
		if row.Found != want || !want && !row.Cells[0].Absent() {
			t.Errorf("%s: found %v, %+v", doc, row.Found, row.Cells[0])
		}
	}
}
