// Package deploy carries the files that ship with the binary.
package deploy

import _ "embed"

// Dev is the pipeline of `sluice dev`, a file like any user's.
//
//go:embed pipelines/dev.yaml
var Dev []byte
