package cloudflare

import (
	"encoding/json"
	"net/http"
	"sort"
)

// describe is a database as the API shows it.
func (d *database) describe() map[string]any {
	return map[string]any{"uuid": d.id, "name": d.name, "version": "production"}
}

// manageDatabases lists and creates databases.
func (e *Emulator) manageDatabases(r *http.Request, body []byte) reply {
	switch r.Method {
	case http.MethodGet:
		list := []map[string]any{}
		e.mu.Lock()
		for _, d := range e.databases {
			if n := r.URL.Query().Get("name"); n == "" || n == d.name {
				list = append(list, d.describe())
			}
		}
		e.mu.Unlock()
		sort.Slice(list, func(i, j int) bool { return list[i]["name"].(string) < list[j]["name"].(string) })
		return page1(list, len(list))
	case http.MethodPost:
		name, f := nameIn(body, "name")
		if f != nil {
			return f.reply()
		}
		id, err := e.CreateDatabase(name)
		if err != nil {
			return fail(400, 7400, "%v", err).reply()
		}
		return result(e.database(id).describe())
	}
	return noRoute.reply()
}

func nameIn(body []byte, field string) (string, *failure) {
	var in map[string]any
	if err := json.Unmarshal(body, &in); err != nil {
		return "", fail(400, 10026, "malformed body") // code assumed
	}
	name, _ := in[field].(string)
	return name, nil
}

// page1 is a list that fits one page.
func page1(list any, n int) reply {
	b, _ := json.Marshal(list)
	a := success(b)
	a.body = append(a.body[:len(a.body)-1], `,"result_info":{"page":1,"per_page":100,"count":`+itoa(int64(n))+`,"total_count":`+itoa(int64(n))+`}}`...)
	return a
}
