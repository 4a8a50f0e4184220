package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

func tableError(n name, err error) error {
	if errors.Is(err, errGone) {
		return fail(404, "NoSuchTableException", "Table does not exist: %s", n)
	}
	return err
}

// identifier is a table's name on the wire.
type identifier struct {
	Namespace []string `json:"namespace"`
	Name      string   `json:"name"`
}

func (i identifier) key() name { return name{strings.Join(i.Namespace, separator), i.Name} }

// current is a table's metadata file: where it is and what it says.
func (c *Catalog) current(ctx context.Context, n name) (location string, raw []byte, err error) {
	if location, err = c.db.location(n); err != nil {
		return "", nil, tableError(n, err)
	}
	if raw, err = c.files.Read(ctx, location); err == nil {
		raw, err = inflate(location, raw)
	}
	if err != nil {
		return "", nil, fail(500, "NotFoundException", "the metadata file of table %s cannot be read: %v", n, err)
	}
	return location, raw, nil
}

func (c *Catalog) listTables(_ *call, args []string) (reply, error) {
	if _, err := c.db.namespace(args[0]); err != nil {
		return reply{}, namespaceError(args[0], err)
	}
	names, err := c.db.texts(`SELECT name FROM tables WHERE namespace = ? ORDER BY name`, args[0])
	if err != nil {
		return reply{}, err
	}
	list := []identifier{}
	for _, n := range names {
		list = append(list, identifier{strings.Split(args[0], separator), n})
	}
	return ok(map[string]any{"identifiers": list})
}

// loaded is the answer of load, create and register.
func (c *Catalog) loaded(r *call, location string, metadata json.RawMessage) (reply, error) {
	config := c.o.TableConfig
	if config == nil {
		config = map[string]string{}
	}
	out := map[string]any{"metadata": metadata, "config": config}
	if location != "" { // a staged table has none yet
		out["metadata-location"] = location
	}
	if c.o.Vend != nil && wantsCredentials(r.Header) {
		out["storage-credentials"] = c.vended()
	}
	return ok(out)
}

func (c *Catalog) loadTable(r *call, args []string) (reply, error) {
	location, raw, err := c.current(r.Context(), name{args[0], args[1]})
	if err != nil {
		return reply{}, err
	}
	if r.URL.Query().Get("snapshots") == "refs" {
		if raw, err = onlyRefs(raw); err != nil {
			return reply{}, err
		}
	}
	return c.loaded(r, location, raw)
}

// onlyRefs leaves the snapshots that a branch or tag names.
func onlyRefs(raw []byte) ([]byte, error) {
	var all map[string]json.RawMessage
	var few struct {
		Refs map[string]struct {
			ID int64 `json:"snapshot-id"`
		} `json:"refs"`
		Snapshots []json.RawMessage `json:"snapshots"`
	}
	if err := errors.Join(json.Unmarshal(raw, &all), json.Unmarshal(raw, &few)); err != nil {
		return nil, err
	}
	named := map[int64]bool{}
	for _, r := range few.Refs {
		named[r.ID] = true
	}
	keep := []json.RawMessage{}
	for _, s := range few.Snapshots {
		var x struct {
			ID int64 `json:"snapshot-id"`
		}
		if err := json.Unmarshal(s, &x); err != nil {
			return nil, err
		}
		if named[x.ID] {
			keep = append(keep, s)
		}
	}
	var err error
	if all["snapshots"], err = json.Marshal(keep); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

func (c *Catalog) tableExists(_ *call, args []string) (reply, error) {
	n := name{args[0], args[1]}
	_, err := c.db.location(n)
	return noContent, tableError(n, err)
}

func (c *Catalog) createTable(r *call, args []string) (reply, error) {
	var in struct {
		Name        string                 `json:"name"`
		Location    string                 `json:"location"`
		Schema      *iceberg.Schema        `json:"schema"`
		Spec        *iceberg.PartitionSpec `json:"partition-spec"`
		Order       *table.SortOrder       `json:"write-order"`
		StageCreate bool                   `json:"stage-create"`
		Properties  iceberg.Properties     `json:"properties"`
	}
	if err := r.decode(&in); err != nil {
		return reply{}, err
	}
	if badName(in.Name) || in.Schema == nil {
		return reply{}, bad("a table has a name, without a slash, and a schema")
	}
	n := name{args[0], in.Name}
	location, err := c.place(n, in.Location)
	if err != nil {
		return reply{}, err
	}
	order := table.UnsortedSortOrder
	if in.Order != nil {
		order = *in.Order
	}
	meta, err := table.NewMetadata(in.Schema, in.Spec, order, location, in.Properties)
	if err != nil {
		return reply{}, bad("cannot create table %s: %v", n, err)
	}
	if in.StageCreate {
		raw, err := json.Marshal(meta)
		if err != nil {
			return reply{}, err
		}
		return c.loaded(r, "", raw)
	}
	s, err := c.write(r.Context(), n, "", meta)
	if err != nil {
		return reply{}, err
	}
	if err := c.insert(s.swing); err != nil {
		return reply{}, err
	}
	return c.loaded(r, s.to, s.raw)
}

// insert adds a new table.
func (c *Catalog) insert(w swing) error {
	err := c.db.swing([]swing{w})
	if !errors.Is(err, errMoved) {
		return err
	}
	if _, err := c.db.namespace(w.name.namespace); err != nil {
		return namespaceError(w.name.namespace, err)
	}
	return fail(409, "AlreadyExistsException", "Table already exists: %s", w.name)
}

var unsafe = regexp.MustCompile(`[^A-Za-z0-9_.-]`)

// place is where a new table goes: asked, or below its namespace's location or
// the warehouse, in a folder that no table had before.
func (c *Catalog) place(n name, asked string) (string, error) {
	props, err := c.db.namespace(n.namespace)
	if err != nil {
		return "", namespaceError(n.namespace, err)
	}
	if _, err := c.db.location(n); err == nil {
		return "", fail(409, "AlreadyExistsException", "Table already exists: %s", n)
	} else if !errors.Is(err, errGone) {
		return "", err
	}
	if asked != "" {
		return strings.TrimRight(asked, "/"), nil
	}
	base := strings.TrimRight(props["location"], "/")
	if base == "" {
		base = c.o.Warehouse
		for level := range strings.SplitSeq(n.namespace, separator) {
			base += "/" + unsafe.ReplaceAllString(level, "_")
		}
	}
	return c.db.claim(base + "/" + unsafe.ReplaceAllString(n.table, "_"))
}

func (c *Catalog) registerTable(r *call, args []string) (reply, error) {
	var in struct {
		Name     string `json:"name"`
		Location string `json:"metadata-location"`
	}
	if err := r.decode(&in); err != nil {
		return reply{}, err
	}
	if badName(in.Name) || in.Location == "" {
		return reply{}, bad("register needs a name and a metadata-location")
	}
	raw, err := c.files.Read(r.Context(), in.Location)
	if err == nil {
		raw, err = inflate(in.Location, raw)
	}
	if err != nil {
		return reply{}, bad("the metadata file cannot be read: %v", err)
	}
	meta, err := table.ParseMetadataBytes(raw)
	if err != nil {
		return reply{}, bad("the metadata file is not valid: %v", err)
	}
	if err := c.insert(swing{name: name{args[0], in.Name}, to: in.Location, uuid: meta.TableUUID().String()}); err != nil {
		return reply{}, err
	}
	return c.loaded(r, in.Location, raw)
}

func (c *Catalog) dropTable(_ *call, args []string) (reply, error) {
	n := name{args[0], args[1]}
	return noContent, tableError(n, c.db.drop(n))
}

func (c *Catalog) renameTable(r *call, _ []string) (reply, error) {
	var in struct {
		Source      identifier `json:"source"`
		Destination identifier `json:"destination"`
	}
	if err := r.decode(&in); err != nil {
		return reply{}, err
	}
	from, to := in.Source.key(), in.Destination.key()
	if badName(to.table) {
		return reply{}, bad("the new name is empty or has a slash")
	}
	if _, err := c.db.namespace(to.namespace); err != nil {
		return reply{}, namespaceError(to.namespace, err)
	}
	err := c.db.rename(from, to)
	if errors.Is(err, errTaken) {
		return reply{}, fail(409, "AlreadyExistsException", "Table already exists: %s", to)
	}
	return noContent, tableError(from, err)
}
