package catalog

import (
	"encoding/json"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
)

// update is what check reads of an update.
type update struct {
	Action        string     `json:"action"`
	UUID          *uuid.UUID `json:"uuid"`
	FormatVersion int        `json:"format-version"`
	Ref           string     `json:"ref-name"`
	Type          string     `json:"type"`
	Snapshot      *struct {
		Sequence     int64  `json:"sequence-number"`
		ManifestList string `json:"manifest-list"`
		SchemaID     *int   `json:"schema-id"`
		FirstRow     *int64 `json:"first-row-id"`
		AddedRows    int64  `json:"added-rows"`
	} `json:"snapshot"`
}

// check holds updates against what Java's TableMetadata, the spec or other
// readers refuse and iceberg-go lets pass, and tells which format version a new
// table gets. A stale sequence number or row id is a lost race, as Java's
// RetryableValidationException is; everything else is the client's fault.
func (c *Catalog) check(n name, base table.Metadata, updates json.RawMessage) (formatVersion int, err error) {
	formatVersion = 2
	var list []update
	if len(updates) > 0 {
		if err := json.Unmarshal(updates, &list); err != nil {
			return 0, bad("updates of table %s: %v", n, err)
		}
	}
	var last, nextRow int64
	schemas := map[int]bool{}
	if base != nil {
		formatVersion, last, nextRow = base.Version(), base.LastSequenceNumber(), base.NextRowID()
		for _, s := range base.Schemas() {
			schemas[s.ID] = true
		}
	}
	for _, u := range list {
		switch u.Action {
		case table.UpdateUpgradeFormatVersion:
			formatVersion = max(formatVersion, u.FormatVersion)
			if base == nil {
				formatVersion = u.FormatVersion
			}
		case table.UpdateAssignUUID:
			if base != nil && u.UUID != nil && *u.UUID != base.TableUUID() {
				return 0, fail(400, "ValidationException", "table %s: the uuid of a table cannot change", n)
			}
		case table.UpdateAddSchema:
			clear(schemas) // the id is given when it is applied: which schemas there are is not known here
		case table.UpdateSetSnapshotRef:
			if u.Ref == table.MainBranch && u.Type != string(table.BranchRef) {
				return 0, fail(400, "ValidationException", "table %s: main must be a branch", n)
			}
		case table.UpdateAddSnapshot:
			s := u.Snapshot
			if s == nil {
				continue // iceberg-go refuses it
			}
			switch {
			case s.ManifestList == "":
				return 0, fail(400, "ValidationException", "table %s: a snapshot needs a manifest-list", n)
			case s.SchemaID != nil && len(schemas) > 0 && !schemas[*s.SchemaID]:
				return 0, fail(400, "ValidationException", "table %s: the snapshot's schema %d is unknown", n, *s.SchemaID)
			case formatVersion >= 2 && s.Sequence <= last:
				return 0, c.lost("table " + n.String() + ": the snapshot's sequence number is not above the last one")
			case formatVersion >= 3 && s.FirstRow != nil && *s.FirstRow < nextRow:
				return 0, c.lost("table " + n.String() + ": the snapshot's first-row-id is behind the table's next-row-id")
			}
			last = s.Sequence
			nextRow += s.AddedRows
		}
	}
	return formatVersion, nil
}
