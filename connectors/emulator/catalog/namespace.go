package catalog

import (
	"errors"
	"slices"
	"strings"
)

func namespaceError(ns string, err error) error {
	if errors.Is(err, errGone) {
		return fail(404, "NoSuchNamespaceException", "Namespace does not exist: %s", dotted(ns))
	}
	return err
}

func (c *Catalog) listNamespaces(r *call, _ []string) (reply, error) {
	parent := r.URL.Query().Get("parent")
	if parent != "" {
		if _, err := c.db.namespace(parent); err != nil {
			return reply{}, namespaceError(parent, err)
		}
		parent += separator
	}
	all, err := c.db.texts(`SELECT namespace FROM namespaces ORDER BY namespace`)
	if err != nil {
		return reply{}, err
	}
	list := [][]string{}
	for _, ns := range all {
		if rest, below := strings.CutPrefix(ns, parent); below && !strings.Contains(rest, separator) {
			list = append(list, strings.Split(ns, separator))
		}
	}
	return ok(map[string]any{"namespaces": list})
}

func (c *Catalog) createNamespace(r *call, _ []string) (reply, error) {
	var in struct {
		Namespace  []string          `json:"namespace"`
		Properties map[string]string `json:"properties"`
	}
	if err := r.decode(&in); err != nil {
		return reply{}, err
	}
	if len(in.Namespace) == 0 || slices.ContainsFunc(in.Namespace, badName) {
		return reply{}, bad("a namespace has one or more levels, each not empty and without the separator or a slash")
	}
	ns := strings.Join(in.Namespace, separator)
	if parent, _, nested := cutLast(ns); nested {
		if _, err := c.db.namespace(parent); err != nil {
			return reply{}, namespaceError(parent, err)
		}
	}
	if in.Properties == nil {
		in.Properties = map[string]string{}
	}
	if err := c.db.createNamespace(ns, in.Properties); errors.Is(err, errTaken) {
		return reply{}, fail(409, "AlreadyExistsException", "Namespace already exists: %s", dotted(ns))
	} else if err != nil {
		return reply{}, err
	}
	return ok(in)
}

func badName(s string) bool {
	return s == "" || s == "." || s == ".." || strings.ContainsAny(s, "/"+separator)
}

func cutLast(ns string) (parent, last string, nested bool) {
	i := strings.LastIndex(ns, separator)
	if i < 0 {
		return "", ns, false
	}
	return ns[:i], ns[i+1:], true
}

func (c *Catalog) loadNamespace(_ *call, args []string) (reply, error) {
	props, err := c.db.namespace(args[0])
	if err != nil {
		return reply{}, namespaceError(args[0], err)
	}
	return ok(map[string]any{"namespace": strings.Split(args[0], separator), "properties": props})
}

func (c *Catalog) namespaceExists(_ *call, args []string) (reply, error) {
	_, err := c.db.namespace(args[0])
	return noContent, namespaceError(args[0], err)
}

func (c *Catalog) dropNamespace(_ *call, args []string) (reply, error) {
	err := c.db.dropNamespace(args[0])
	if errors.Is(err, errTaken) {
		return reply{}, fail(409, "NamespaceNotEmptyException", "Namespace is not empty: %s", dotted(args[0]))
	}
	return noContent, namespaceError(args[0], err)
}

func (c *Catalog) updateNamespace(r *call, args []string) (reply, error) {
	var in struct {
		Removals []string          `json:"removals"`
		Updates  map[string]string `json:"updates"`
	}
	if err := r.decode(&in); err != nil {
		return reply{}, err
	}
	for _, k := range in.Removals {
		if _, both := in.Updates[k]; both {
			return reply{}, fail(422, "UnprocessableEntityException", "a property is both set and removed")
		}
	}
	updated, removed, missing := []string{}, []string{}, []string{}
	err := c.db.editNamespace(args[0], func(props map[string]string) {
		for k, v := range in.Updates {
			props[k] = v
			updated = append(updated, k)
		}
		for _, k := range in.Removals {
			if _, there := props[k]; there {
				removed = append(removed, k)
			} else {
				missing = append(missing, k)
			}
			delete(props, k)
		}
	})
	if err != nil {
		return reply{}, namespaceError(args[0], err)
	}
	slices.Sort(updated)
	return ok(map[string]any{"updated": updated, "removed": removed, "missing": missing})
}
