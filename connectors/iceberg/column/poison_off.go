//go:build !race

package column

// poison: see poison_on.go.
const poison = false
