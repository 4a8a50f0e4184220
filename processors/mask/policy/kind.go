package policy

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/strategy"
	"sluice/schemas"
)

// Kind is what happens to a column: the place of an action in the list below.
type Kind uint8

// The actions of this version.
const (
	Null       Kind = iota // the value is gone, the column stays
	Keep                   // as it is, with a reason
	Hash                   // keyed HMAC-SHA-256 token: equal values give equal tokens
	Tokenize               // a token that the key leads back from, see Spec.Revealer
	Partial                // first and last characters stay
	Generalize             // something coarser that is true of the value
	Synthetic              // a made-up value of the same sort, the same for the same person
	Shift                  // a date, some days off
	Noise                  // a number, somewhat off
	Redact                 // [redacted]; what is no text is nulled
	Drop                   // no column at all
	Scan                   // findings in it are masked, the rest stays, see Scanning
	Withhold               // no column: nobody classified it. Never written in a policy
	kinds
)

func (k Kind) String() string { return actions[k].name }

// Gone reports that there is no such column behind the gate.
func (k Kind) Gone() bool { return actions[k].gone }

// Constant is what becomes of every text, what is no text being nulled; "": that
// depends on the value.
func (k Kind) Constant() string { return actions[k].constant }

// Slow reports that it is worth to look whether the same value was masked before.
func (k Kind) Slow() bool { return actions[k].slow }

// action is one way for values to leave the gate. What an action does beyond
// this table is in the strategy that read makes of its parameters; nothing else
// has to know them. One that has no strategy, is not kept, scanned or gone, nulls
// everything but for a constant.
type action struct {
	name string

	// read has the parameters in the policy, nil for a name alone, in s. read is
	// nil if there are no parameters.
	read func(s *Spec, params *yaml.Node) error

	// output changes a column's field to what comes out; nil: as its strategy does.
	output func(f *schemas.Field)

	constant string

	gone      bool
	keyed     bool // it needs the key // P5
	injective bool // different values stay different: a row's key may go through it // D4
	slow      bool
}

// actions lists all there are, by Kind.
var actions = [kinds]action{
	Null:       {name: "null", output: nullable},
	Keep:       {name: "keep", read: readKeep, injective: true}, // P4
	Hash:       {name: "hash", read: strategic(strategy.ReadHash), output: strategy.AsText, keyed: true, injective: true, slow: true},
	Tokenize:   {name: "tokenize", read: strategic(strategy.ReadTokenize), keyed: true, slow: true},
	Partial:    {name: "partial", read: strategic(strategy.ReadPartial)},
	Generalize: {name: "generalize", read: strategic(strategy.ReadGeneralize)},
	Synthetic:  {name: "synthetic", read: strategic(strategy.ReadSynthetic), keyed: true, slow: true},
	Shift:      {name: "shift", read: strategic(strategy.ReadShift), keyed: true},
	Noise:      {name: "noise", read: strategic(strategy.ReadNoise), keyed: true},
	Redact:     {name: "redact", output: textOrNull, constant: "[redacted]"},
	Drop:       {name: "drop", gone: true},
	Scan:       {name: "scan", read: readScan, output: scannedOutput, keyed: true},
	Withhold:   {name: "withhold", gone: true},
}

// strategic is a read of parameters that make a strategy.
func strategic(read func(params *yaml.Node) (strategy.Masker, error)) func(*Spec, *yaml.Node) error {
	return func(s *Spec, params *yaml.Node) (err error) {
		s.Strategy, err = read(params)
		return err
	}
}

func readKeep(s *Spec, y *yaml.Node) error {
	if y == nil || y.Kind != yaml.ScalarNode || y.Tag == "!!null" || strings.TrimSpace(y.Value) == "" {
		return errors.New("keep needs a reason: {keep: \"why this is no personal data\"}")
	}
	s.Why = strings.TrimSpace(y.Value)
	return nil
}

// IsText reports kinds whose values people write.
func IsText(k schemas.Kind) bool {
	switch k {
	case schemas.String, schemas.UUID, schemas.JSON, schemas.Binary:
		return true
	}
	return false
}

func nullable(f *schemas.Field) { f.Nullable = true }

func textOrNull(f *schemas.Field) {
	if IsText(f.Type.Kind) {
		strategy.AsText(f)
	} else {
		f.Nullable = true
	}
}

func scannedOutput(f *schemas.Field) {
	f.Nullable = true
	if k := f.Type.Kind; k == schemas.String || k == schemas.JSON {
		f.Type, f.Wire = schemas.Type{Kind: k}, schemas.WirePlain
	}
}

// Fallback is the action of a value of kind k that nobody classified, where rest
// is the default: Hash stands for hash with null for what is no text. // P4
func Fallback(rest Kind, k schemas.Kind) Kind {
	if rest == Hash && !IsText(k) {
		return Null
	}
	return rest
}
