package topology

import (
	"encoding/json"

	"sluice/schemas"
	"sluice/topology/stream"
)

// Attestation is what a ledger says of a span's rows beside their number: by
// which policy they were masked, and how. Sinks keep it as JSON, with names in
// order. Values are planned ones: each row counts once a column, whether the
// column was null in it or not.
type Attestation struct {
	Policy string           `json:"policy"` // hash of the mask stage; "none": the pipeline says `privacy: none`
	Rows   int64            `json:"rows"`
	Values map[string]int64 `json:"values"` // by action, after the class of the column if it has one: "hash", "email partial"
}

// attest counts the rows of one lane by their table.
type attest map[*stream.Table]int64

func (a attest) add(rows []stream.CleanRow) {
	for i := 0; i < len(rows); {
		t, from := rows[i].Table, i
		for i < len(rows) && rows[i].Table == t {
			i++
		}
		a[t] += int64(i - from)
	}
}

// text is the attestation, "" without rows.
func (a attest) text(policy string) string {
	if len(a) == 0 {
		return ""
	}
	x := Attestation{Policy: policy, Values: map[string]int64{}}
	for t, n := range a {
		x.Rows += n
		for _, c := range t.Columns {
			what := c.Action
			if c.Class != schemas.NoClass {
				what = c.Class.String() + " " + what
			}
			x.Values[what] += n
		}
	}
	p, err := json.Marshal(x)
	if err != nil {
		panic("attestation: " + err.Error()) // texts and numbers always encode
	}
	return string(p)
}

// sumAttestation adds what a span says to the sums by policy, and returns its rows.
func sumAttestation(all *[]Attestation, text string) (rows int64, err error) {
	if text == "" {
		return 0, nil
	}
	var x Attestation
	if err := json.Unmarshal([]byte(text), &x); err != nil {
		return 0, err
	}
	for i := range *all {
		if a := &(*all)[i]; a.Policy == x.Policy {
			a.Rows += x.Rows
			for k, n := range x.Values {
				a.Values[k] += n
			}
			return x.Rows, nil
		}
	}
	if x.Values == nil {
		x.Values = map[string]int64{}
	}
	*all = append(*all, x)
	return x.Rows, nil
}
