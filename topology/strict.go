package topology

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// Strict decodes node into c and refuses fields that c does not have.
func Strict(node *yaml.Node, c any) error {
	p, err := yaml.Marshal(node)
	if err != nil {
		return err
	}
	d := yaml.NewDecoder(bytes.NewReader(p))
	d.KnownFields(true)
	return d.Decode(c)
}
