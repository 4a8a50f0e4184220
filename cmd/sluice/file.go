package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"sluice/topology"
)

// load reads a pipeline file and checks it against the parts there are.
func (a *app) load(path string) (*topology.Spec, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, exit(exitUsage, err)
	}
	lookup, err := a.lookup(path)
	if err != nil {
		return nil, exit(exitUsage, err)
	}
	s, err := topology.Parse(text, lookup)
	if err == nil {
		err = components().Check(s)
	}
	if err != nil {
		return nil, exit(exitUsage, placed(path, err))
	}
	return s, nil
}

// placed puts the file's name in front of every line:column.
func placed(path string, err error) error {
	lines := strings.Split(err.Error(), "\n")
	for i, l := range lines {
		if lines[i] = path + ":" + l; l == "" || l[0] < '0' || l[0] > '9' { // it has no place
			lines[i] = path + ": " + l
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}

// lookup finds ${NAME}: the environment first, then the env file.
func (a *app) lookup(path string) (func(string) (string, bool), error) {
	env := a.env
	if env == "" {
		env = strings.TrimSuffix(path, filepath.Ext(path)) + ".env"
		if _, err := os.Stat(env); err != nil {
			return os.LookupEnv, nil
		}
	}
	values, err := readEnv(env)
	if err != nil {
		return nil, err
	}
	return func(name string) (string, bool) {
		if v, ok := os.LookupEnv(name); ok {
			return v, true
		}
		v, ok := values[name]
		return v, ok
	}, nil
}

func readEnv(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	values := map[string]string{}
	sc := bufio.NewScanner(f)
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		k, v, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("%s:%d: want NAME=VALUE", path, n)
		}
		values[k] = v
	}
	return values, sc.Err()
}

// open builds the pipeline of a file without running it.
func (a *app) open(path string) (*topology.Spec, *topology.Pipeline, error) {
	s, err := a.load(path)
	if err != nil {
		return nil, nil, err
	}
	p, err := components().Build(s, topology.System(a.log()))
	if err != nil {
		return nil, nil, exit(exitStore, placed(path, err))
	}
	return s, p, nil
}

// print writes v as JSON, or as text for people.
func (a *app) print(v any, text func(io.Writer)) error {
	if !a.json {
		text(a.out)
		return nil
	}
	if l := reflect.ValueOf(v); l.Kind() == reflect.Slice && l.IsNil() {
		v = []int{} // an empty list, not null
	}
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
