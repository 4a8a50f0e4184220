//go:build race

package column

// poison overwrites memory that is given back, so that who reads it later shows.
const poison = true
