//go:build goexperiment.jsonv2

package schemas

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
)

var jsonv2 = []struct {
	name string
	do   func(p []byte) error
}{
	{"baseline=encoding/json/v2.Unmarshal", func(p []byte) error {
		var m map[string]any
		return json.Unmarshal(p, &m)
	}},
	{"baseline=encoding/json/v2.IsValid", func(p []byte) error {
		if !jsontext.Value(p).IsValid() {
			return ErrJSON
		}
		return nil
	}},
}
