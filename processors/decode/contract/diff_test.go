package contract

import (
	"fmt"
	"slices"
	"testing"
)

func TestDiff(t *testing.T) {
	parse := func(s string) Set {
		c, err := Parse([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	old := parse(`
topic: t
key: [id]
fields:
  - {name: id, type: int32, not_null: true}
  - {name: gone, type: string}
  - {name: price, type: "decimal(10,2)"}
  - {name: scaled, type: "decimal(10,2)"}
  - {name: at, type: "timestamp:millis"}
  - {name: email, type: string, not_null: true}
---
topic: u
fields: []
`)
	new := parse(`
topic: t
key: [id, n]
fields:
  - {name: id, type: int64, not_null: true}
  - {name: n, type: int32}
  - {name: price, type: "decimal(12,2)"}
  - {name: scaled, type: "decimal(12,4)"}
  - {name: at, type: "timestamp:iso"}
  - {name: email, type: string, pii: email}
  - {name: must, type: string, not_null: true}
---
topic: v
fields: []
`)
	var got []string
	for _, c := range Diff(old, new) {
		got = append(got, fmt.Sprintf("%s %s %s %s>%s %t", c.Topic, c.What, c.Column, c.Old, c.New, c.Follows))
	}
	want := []string{
		"t widened id int32>int64 true", "t added n >int32 true", "t widened price decimal(10,2)>decimal(12,2) true",
		"t retyped scaled decimal(10,2)>decimal(12,4) false", "t respelled at timestamp:millis>timestamp:iso true",
		"t nullable email > false", "t pii email none>email true", "t added must >string false", "t dropped gone string> true",
		"t key  id>id,n false", "v topic_added  > true", "u topic_dropped  > false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if d := Diff(old, old); len(d) != 0 {
		t.Error(d)
	}
}
