package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
)

// attempts is how often a commit is tried before a lost race is told: once and
// two retries, as R2 does.
const attempts = 3

// change is what one table of a commit asks. It stays JSON until it is applied:
// applying changes what was decoded.
type change struct {
	Identifier   identifier      `json:"identifier"`
	Requirements json.RawMessage `json:"requirements"`
	Updates      json.RawMessage `json:"updates"`
}

// staged is a change whose metadata file is written and not yet pointed to.
type staged struct {
	swing
	raw  []byte
	drop []string // old metadata files that nothing names after the swing
}

func (c *Catalog) updateTable(r *call, args []string) (reply, error) {
	var in change
	if err := r.decode(&in); err != nil {
		return reply{}, err
	}
	n := name{args[0], args[1]}
	if in.Identifier.Name != "" && in.Identifier.key() != n {
		return reply{}, bad("the identifier is not that of the path")
	}
	in.Identifier = identifier{strings.Split(n.namespace, separator), n.table}
	done, err := c.commit(r.Context(), []change{in})
	if err != nil {
		return reply{}, err
	}
	return ok(map[string]any{"metadata-location": done[0].to, "metadata": json.RawMessage(done[0].raw)})
}

func (c *Catalog) commitTransaction(r *call, _ []string) (reply, error) {
	var in struct {
		Changes []change `json:"table-changes"`
	}
	if err := r.decode(&in); err != nil {
		return reply{}, err
	}
	if len(in.Changes) == 0 {
		return reply{}, bad("a transaction has at least one table")
	}
	seen := map[name]bool{}
	for _, ch := range in.Changes {
		if ch.Identifier.Name == "" {
			return reply{}, bad("every table change needs an identifier")
		}
		if seen[ch.Identifier.key()] {
			return reply{}, bad("table %s stands twice in the transaction", ch.Identifier.key())
		}
		seen[ch.Identifier.key()] = true
	}
	if r.torn > 0 && r.torn < len(in.Changes) {
		if _, err := c.commit(r.Context(), in.Changes[:r.torn]); err != nil {
			return reply{}, err
		}
		return reply{}, fail(500, "CommitStateUnknownException", "the transaction was interrupted")
	}
	_, err := c.commit(r.Context(), in.Changes)
	return noContent, err
}

// commit applies all changes or none. // D6
func (c *Catalog) commit(ctx context.Context, changes []change) ([]staged, error) {
	ctx = context.WithoutCancel(ctx) // a client that goes away does not stop a server
	for range attempts {
		all, err := c.stage(ctx, changes)
		if err == nil {
			swings := make([]swing, len(all))
			for i, s := range all {
				swings[i] = s.swing
			}
			err = c.db.swing(swings)
		}
		switch {
		case err == nil:
			for _, s := range all {
				for _, old := range s.drop {
					c.files.Remove(ctx, old) // at worst an orphan
				}
			}
			return all, nil
		case errors.Is(err, errMoved):
			c.discard(ctx, all)
		default: // after an error of SQLite itself the files might be pointed to
			return nil, err
		}
	}
	return nil, c.lost(fmt.Sprintf("another commit was faster %d times", attempts))
}

// discard removes files that nothing points to.
func (c *Catalog) discard(ctx context.Context, all []staged) {
	for _, s := range all {
		if s.to != s.from {
			c.files.Remove(ctx, s.to) // at worst an orphan
		}
	}
}

// stage checks every change against the table as it is now, and only when all
// hold writes their metadata files.
func (c *Catalog) stage(ctx context.Context, changes []change) (all []staged, err error) {
	type next struct {
		name      name
		from      string
		raw       []byte
		base, new table.Metadata
	}
	var list []next
	for _, ch := range changes {
		x := next{name: ch.Identifier.key()}
		if x.from, x.raw, x.base, err = c.base(ctx, x.name, ch.Requirements); err != nil {
			return nil, err
		}
		if x.new, err = c.apply(x.name, x.base, x.from, ch.Updates); err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	for _, x := range list {
		if x.new == x.base { // nothing changes, but what was asserted must still hold at the swing
			all = append(all, staged{swing: swing{name: x.name, from: x.from, to: x.from}, raw: x.raw})
			continue
		}
		s, err := c.write(ctx, x.name, x.from, x.new)
		if err != nil {
			c.discard(ctx, all)
			return nil, err
		}
		s.drop = dropped(x.base, x.new)
		all = append(all, s)
	}
	return all, nil
}

// base reads a table and checks the requirements; nil metadata if it is to be created.
func (c *Catalog) base(ctx context.Context, n name, requirements json.RawMessage) (location string, raw []byte, base table.Metadata, err error) {
	var reqs table.Requirements
	if len(requirements) > 0 {
		if err := json.Unmarshal(requirements, &reqs); err != nil {
			return "", nil, nil, bad("requirements of table %s: %v", n, err)
		}
	}
	creates := false
	for _, q := range reqs {
		creates = creates || q.GetType() == "assert-create"
	}
	location, raw, err = c.current(ctx, n)
	switch {
	case err == nil:
		if base, err = table.ParseMetadataBytes(raw); err != nil {
			return "", nil, nil, fmt.Errorf("metadata of table %s: %w", n, err)
		}
	case creates && isMissing(err):
		if _, err := c.db.namespace(n.namespace); err != nil {
			return "", nil, nil, namespaceError(n.namespace, err)
		}
	default:
		return "", nil, nil, err
	}
	for _, q := range reqs {
		if err := q.Validate(base); err == nil {
			continue
		} else if q.GetType() == "assert-ref-snapshot-id" {
			return "", nil, nil, c.lost(fmt.Sprintf("Requirement failed for table %s: %v", n, err))
		} else {
			return "", nil, nil, fail(409, "CommitFailedException", "Requirement failed for table %s: %v", n, err)
		}
	}
	return location, raw, base, nil
}

func isMissing(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.kind == "NoSuchTableException"
}

// apply is base with the updates, base itself if they change nothing.
func (c *Catalog) apply(n name, base table.Metadata, location string, updates json.RawMessage) (table.Metadata, error) {
	var list table.Updates
	if len(updates) > 0 {
		if err := json.Unmarshal(updates, &list); err != nil {
			return nil, bad("updates of table %s: %v", n, err)
		}
	}
	version, err := c.check(n, base, updates)
	if err != nil {
		return nil, err
	}
	var b *table.MetadataBuilder
	if base != nil {
		b, err = table.MetadataBuilderFromBase(base, location)
	} else {
		b, err = table.NewMetadataBuilder(version)
	}
	if err != nil {
		return nil, bad("table %s: %v", n, err)
	}
	if base == nil {
		list = schemaFirst(list)
	}
	for _, u := range list {
		if err := u.Apply(b); err != nil {
			return nil, fail(400, "ValidationException", "table %s: %s: %v", n, u.Action(), err)
		}
	}
	if base != nil && !b.HasChanges() {
		return base, nil
	}
	out, err := b.Build()
	if err != nil {
		return nil, fail(400, "ValidationException", "table %s: %v", n, err)
	}
	if out.Location() == "" || out.TableUUID() == uuid.Nil {
		return nil, bad("table %s: a new table needs a uuid and a location", n)
	}
	return out, nil
}

// schemaFirst puts the schema of a new table before what is bound to it. Java
// does not ask for an order, and DuckDB sends the spec before the current
// schema; iceberg-go's builder does.
func schemaFirst(list table.Updates) table.Updates {
	rank := func(u table.Update) int {
		switch u.Action() {
		case table.UpdateUpgradeFormatVersion:
			return 0
		case table.UpdateAddSchema:
			return 1
		case table.UpdateSetCurrentSchema:
			return 2
		}
		return 3
	}
	adds := 0
	for _, u := range list {
		if u.Action() == table.UpdateAddSchema {
			adds++
		}
	}
	if adds != 1 { // "the last one added" depends on the order
		return list
	}
	slices.SortStableFunc(list, func(a, b table.Update) int { return rank(a) - rank(b) })
	return list
}

// write puts metadata into a new file beside those before.
func (c *Catalog) write(ctx context.Context, n name, from string, meta table.Metadata) (staged, error) {
	raw, err := json.Marshal(meta)
	if err != nil {
		return staged{}, err
	}
	dir := strings.TrimRight(meta.Properties().Get(table.WriteMetadataPathKey, meta.Location()+"/metadata"), "/")
	if !c.inside(meta.Location()) || !c.inside(dir) {
		return staged{}, fail(400, "ValidationException", "table %s: its location and write.metadata.path must be below the warehouse %s", n, c.o.Warehouse)
	}
	to := fmt.Sprintf("%s/%05d-%s.metadata.json", dir, version(from)+1, uuid.NewString())
	if err := c.files.Write(ctx, to, raw); err != nil {
		return staged{}, fail(500, "ServiceFailureException", "the metadata file of table %s cannot be written: %v", n, err)
	}
	return staged{swing: swing{name: n, from: from, to: to, uuid: meta.TableUUID().String()}, raw: raw}, nil
}

// inside tells whether a location is below the warehouse: nobody makes the
// catalog write anywhere else.
func (c *Catalog) inside(location string) bool {
	rest, below := strings.CutPrefix(location, c.o.Warehouse+"/")
	return below && rest != "" && !slices.Contains(strings.Split(rest, "/"), "..")
}

// version is the number in front of a metadata file's name, -1 without one.
func version(location string) int {
	digits, _, _ := strings.Cut(path.Base(location), "-")
	if v, err := strconv.Atoi(digits); err == nil && v >= 0 {
		return v
	}
	return -1
}

// dropped lists the metadata files that fell out of the log, if the table wants
// them deleted (write.metadata.delete-after-commit.enabled).
func dropped(base, next table.Metadata) (list []string) {
	if base == nil || !next.Properties().GetBool("write.metadata.delete-after-commit.enabled", false) {
		return nil
	}
	kept := map[string]bool{}
	for m := range next.PreviousFiles() {
		kept[m.MetadataFile] = true
	}
	for m := range base.PreviousFiles() {
		if !kept[m.MetadataFile] {
			list = append(list, m.MetadataFile)
		}
	}
	return list
}
