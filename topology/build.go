package topology

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/topology/stream"
)

// Check finds every mistake of s that can be found without opening anything.
func (r Registry) Check(s *Spec) error {
	var errs []error
	add := func(err error) { errs = append(errs, err) }
	add(check(r.Sources, s.Source, "source"))
	gates, unknown, raws := 0, 0, []string{}
	for _, n := range s.Stages {
		switch {
		case has(r.Gates, n.Type):
			gates++
			add(check(r.Gates, n, "stage"))
			if gates == 2 {
				add(At(n.at, errors.New("a second gate: one stage masks, once")))
			}
			if s.Privacy == "none" {
				add(At(n.at, fmt.Errorf("%s in a pipeline with `privacy: none`: take one of the two out", n.Type)))
			}
		case has(r.Raw, n.Type):
			add(check(r.Raw, n, "stage"))
			if slices.Contains(raws, n.Type) {
				add(At(n.at, fmt.Errorf("a second %s: what the first one read is no longer raw", n.Type)))
			}
			raws = append(raws, n.Type)
			if gates > 0 {
				add(At(n.at, fmt.Errorf("%s reads raw records: it stands before the gate", n.Type))) // P1
			}
		case has(r.Stages, n.Type):
			add(check(r.Stages, n, "stage"))
			if gates == 0 && s.Privacy != "none" {
				add(At(n.at, fmt.Errorf("%s works on clean rows: it stands behind the gate", n.Type)))
			}
		default:
			unknown++
			add(At(n.at, fmt.Errorf("unknown stage %q%s", n.Type, Suggest(n.Type, slices.Concat(names(r.Raw), names(r.Gates), names(r.Stages))))))
		}
	}
	if gates == 0 && unknown == 0 && s.Privacy != "none" {
		at := s.root
		if len(s.Stages) > 0 {
			at = s.Stages[0].at
		}
		add(At(at, fmt.Errorf("no stage masks (%s): say what happens to every column, or `privacy: none` if there is no personal data", strings.Join(names(r.Gates), ", ")))) // P4
	}
	var before []string
	for i := range s.Sinks {
		k := &s.Sinks[i]
		add(check(r.Sinks, k.Node, "sink"))
		for _, n := range tagged(k.Node.Config, typeOf(r.Sinks, k.Node.Type), "sink") {
			if n.Value != "" && !slices.Contains(before, n.Value) {
				add(At(n, fmt.Errorf("%q is no sink that stands before this one%s", n.Value, Suggest(n.Value, before))))
			}
		}
		errs = append(errs, r.checkTopics(s, k)...)
		before = append(before, k.Name)
	}
	errs = append(errs, r.checkLoops(s)...)
	return errors.Join(errs...)
}

// Plan is the hash of what decides whether, where and as what a row goes.
func (r Registry) Plan(s *Spec) string { return r.planHash(s) }

// Build opens every part of s. On an error nothing stays open.
func (r Registry) Build(s *Spec, env Env) (p *Pipeline, err error) {
	if err := r.Check(s); err != nil {
		return nil, err
	}
	env.Pipeline, env.Plan = s.ID, r.planHash(s)
	p = newPipeline(s, env)
	built := p // a `return nil, err` sets p to nil before the deferred call
	defer func() {
		if err != nil {
			built.close()
		}
	}()
	named := func(n string) Env { e := p.env; e.Name = n; return e }
	if p.source, err = open(r.Sources, s.Source, named("source")); err != nil {
		return nil, err
	}
	if _, ok := p.source.(stream.ControlKeeper); s.Scale == "group" && !ok {
		return nil, At(s.Source.at, fmt.Errorf("scale: group needs a source that keeps a control log; %s does not: take scale: single", s.Source.Type))
	}
	for _, n := range s.Stages {
		if err := p.addStage(r, n, named(n.Type)); err != nil {
			return nil, err
		}
	}
	if s.Privacy == "none" {
		p.gate, p.policy = r.KeepAll(), "none"
	}
	for i, k := range s.Sinks {
		e := named(k.Name)
		e.Progress, e.Wants = p.progressStore, k.wants
		sink, err := open(r.Sinks, k.Node, e)
		if err != nil {
			return nil, err
		}
		p.outs = append(p.outs, newOutput(p, i, k, sink))
	}
	return p, p.openDeadLetters(s.DeadLetters)
}

func (p *Pipeline) addStage(r Registry, n Node, env Env) (err error) {
	switch {
	case has(r.Raw, n.Type):
		x, err := open(r.Raw, n, env)
		p.raw = append(p.raw, x)
		return err
	case has(r.Gates, n.Type):
		p.policy = r.hash("sluice policy 1", n.Config, r.configType(n.Type))
		p.gate, err = open(r.Gates, n, env)
		return err
	}
	x, err := open(r.Stages, n, env)
	p.stages = append(p.stages, x)
	return err
}

// progressStore lends the progress store of a sink that was opened before.
func (p *Pipeline) progressStore(name string) (stream.ProgressStore, error) {
	for _, o := range p.outs {
		if o.name != name {
			continue
		}
		if s, ok := o.sink.(stream.ProgressStore); ok {
			return s, nil
		}
		return nil, fmt.Errorf("sink %q cannot keep the progress of others", name)
	}
	return nil, fmt.Errorf("progress: %q is no sink that stands before this one", name)
}

func find[T any](fs []Factory[T], name string) (f Factory[T], ok bool) {
	for _, f := range fs {
		if f.Name == name {
			return f, true
		}
	}
	return f, false
}

func has[T any](fs []Factory[T], name string) bool { _, ok := find(fs, name); return ok }

func names[T any](fs []Factory[T]) (n []string) {
	for _, f := range fs {
		n = append(n, f.Name)
	}
	return n
}

func check[T any](fs []Factory[T], n Node, what string) error {
	if n.at == nil {
		return nil // said elsewhere
	}
	f, ok := find(fs, n.Type)
	if !ok {
		return At(n.at, fmt.Errorf("unknown %s %q%s", what, n.Type, Suggest(n.Type, names(fs))))
	}
	return f.Check(n.Config)
}

func open[T any](fs []Factory[T], n Node, env Env) (T, error) {
	f, _ := find(fs, n.Type)
	t, err := f.Open(n.Config, env)
	if err != nil {
		return t, At(n.at, fmt.Errorf("%s: %w", n.Type, err))
	}
	return t, nil
}

// Glob reports whether topic matches pattern, where * is any run of
// characters and everything else is itself.
func Glob(pattern, topic string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == topic
	}
	if !strings.HasPrefix(topic, parts[0]) {
		return false
	}
	topic = topic[len(parts[0]):]
	for _, m := range parts[1 : len(parts)-1] {
		i := strings.Index(topic, m)
		if i < 0 {
			return false
		}
		topic = topic[i+len(m):]
	}
	return strings.HasSuffix(topic, parts[len(parts)-1])
}
