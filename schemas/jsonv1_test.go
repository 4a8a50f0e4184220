//go:build !goexperiment.jsonv2

package schemas

var jsonv2 []struct {
	name string
	do   func(p []byte) error
}
