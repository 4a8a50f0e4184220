package iceberg

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"sluice/connectors/iceberg/column"
	"sluice/topology/stream"
)

// Upload is part of stream.Sink: tables that are not there are made, empty;
// the buffers of all workers are joined and written, one file a table and
// partition.
func (s *Sink) Upload(ctx context.Context, e stream.Epoch, parts []stream.Part) (stream.Staged, error) {
	groups := map[string][]tablePart{}
	for _, p := range parts {
		data, ok := p.Data.(tableParts)
		if !ok && p.Data != nil {
			return stream.Staged{}, fmt.Errorf("iceberg: a part holds %T: it was written by another sink", p.Data)
		}
		for _, t := range data {
			groups[t.table] = append(groups[t.table], t)
		}
	}
	names := slices.Sorted(maps.Keys(groups))
	s.known.Lock()
	s.uploads++
	run := s.uploads
	s.known.Unlock()
	jobs, err := s.jobs(ctx, e, groups, names)
	if err != nil {
		return stream.Staged{}, err
	}
	if len(e.Rejects) > 0 {
		j, err := s.deadJob(ctx, e)
		if err != nil {
			return stream.Staged{}, err
		}
		jobs = append(jobs, j)
	}
	if err := s.run(ctx, e, jobs, run); err != nil {
		return stream.Staged{}, err
	}
	var out payload
	for _, j := range jobs {
		out.Tables = append(out.Tables, j.staged)
	}
	st := stream.Staged{Format: 1, Epoch: e}
	st.Payload, err = out.encode()
	return st, err
}

// job is one table's files of an epoch.
type job struct {
	t      *table.Table
	spec   iceberg.PartitionSpec
	files  []jobFile
	staged stagedTable
	paths  []string // written so far
}

// jobFile is a file to write.
type jobFile struct {
	column.File
	values map[int]any
	joined []*column.Buffer // of the file's, made here: their memory goes back when it is written
	size   int64            // about, in bytes
}

func oneFile(b *column.Buffer) jobFile {
	return jobFile{File: column.File{Buffers: []*column.Buffer{b}}}
}

// jobs finds or makes the tables and joins the buffers. Tables come first: a
// catalog that allows few creations a minute must not cost uploads. Tables that
// refuse their rows are set apart, each with the lanes of the topics it refuses.
func (s *Sink) jobs(ctx context.Context, e stream.Epoch, groups map[string][]tablePart, names []string) ([]*job, error) {
	jobs := make([]*job, len(names))
	refused := make([][]stream.Refusal, len(names))
	err := s.each(len(names), func(_, i int) (err error) {
		if jobs[i], refused[i], err = s.job(ctx, names[i], groups[names[i]]); refused[i] != nil {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return jobs, stream.Apart(slices.Concat(refused...), e)
}

// job is the table's, or why it cannot take rows as things are.
func (s *Sink) job(ctx context.Context, name string, parts []tablePart) (j *job, refused []stream.Refusal, err error) {
	t, err := s.table(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	parts = slices.Clone(parts)
	shapes := make([]*shape, len(parts))
	for i := range parts {
		if t != nil && s.cfg.Evolve == "auto" {
			parts[i].shape = parts[i].in(t.Schema())
		}
		shapes[i] = parts[i].shape
	}
	want, err := union(shapes)
	if err != nil {
		return nil, s.refusing(name, nil, shapes, err), err
	}
	if t == nil {
		t, err = s.createData(ctx, name, want, shapes[0].parts)
	}
	if err != nil {
		return nil, nil, err
	}
	fields, changes, err := s.fits(name, t, shapes)
	if err != nil {
		s.forget(name) // a person may mend the table
		return nil, s.refusing(name, t, shapes, err), err
	}
	if widensPartition(t, changes) {
		if t, fields, err = s.widen(ctx, name, want); err != nil {
			return nil, nil, err
		}
	}
	spec, _ := findSpec(t, shapes[0].parts)
	j = &job{t: t, spec: spec, staged: stagedTable{Table: name, UUID: t.Metadata().TableUUID().String(), Spec: spec.ID(), Version: t.Metadata().Version(), Columns: stagedColumns(fields)}}
	return j, nil, j.join(parts, fields, s.cfg.TargetFileBytes)
}

// widensPartition reports whether a change widens what a partition is a value
// of: then files and manifests before and after have other partition types.
func widensPartition(t *table.Table, changes []change) bool {
	for _, c := range changes {
		f, ok := t.Schema().FindFieldByName(c.name)
		if c.add || !ok {
			continue
		}
		for _, spec := range t.Metadata().PartitionSpecs() {
			if len(spec.FieldsBySourceID(f.ID)) > 0 {
				return true
			}
		}
	}
	return false
}

// widen changes the schema before the rows, in a commit of its own: the one
// change that cannot go with them.
func (s *Sink) widen(ctx context.Context, name string, want []column.Field) (*table.Table, []column.Field, error) {
	err := s.update(ctx, name, func(t *table.Table, tx *table.Transaction) error {
		fields, _, err := fit(name, t.Schema(), t.Metadata().LastColumnID(), want)
		if err != nil {
			return err
		}
		return evolve(tx, name, fields)
	})
	if err != nil {
		return nil, nil, err
	}
	t, err := s.reload(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	if t == nil {
		return nil, nil, stream.Retry("catalog_unavailable", 0, fmt.Errorf("table %s: %w", name, errGone))
	}
	fields, _, err := fit(name, t.Schema(), t.Metadata().LastColumnID(), want)
	return t, fields, err
}

// createData makes a data table.
func (s *Sink) createData(ctx context.Context, name string, fields []column.Field, parts []transform) (*table.Table, error) {
	schema := newSchema(fields)
	spec, err := newSpec(schema, parts)
	if err != nil {
		return nil, parked(name, "partition: "+err.Error(), "choose another transform or column")
	}
	props := iceberg.Properties{
		table.PropertyFormatVersion:   fmt.Sprint(s.cfg.FormatVersion),
		table.ManifestMergeEnabledKey: "true",
		table.ParquetCompressionKey:   s.cfg.Compression,
	}
	if s.cfg.Compression == "none" {
		props[table.ParquetCompressionKey] = "uncompressed"
	}
	maps.Copy(props, s.cfg.TableProperties)
	props[stampKey(s.env.Pipeline, s.env.Name)] = "0"
	t, err := s.client.create(ctx, name, schema, spec, props)
	if err != nil {
		return nil, err
	}
	s.known.Lock()
	s.tables[name] = knownTable{t, s.env.Now()}
	s.known.Unlock()
	return t, nil
}

// widened is v in the type that the table's partition has: a worker may not
// have met the wider type of the column yet.
func widened(v any, tr iceberg.Transform, src iceberg.Type) any {
	if src == nil {
		return v
	}
	n, small := v.(int32)
	if _, long := tr.ResultType(src).(iceberg.Int64Type); long && small {
		return int64(n)
	}
	f, single := v.(float32)
	if _, double := tr.ResultType(src).(iceberg.Float64Type); double && single {
		return float64(f)
	}
	return v
}

// packRatio is about how much smaller a file is than its columns in memory.
const packRatio = 4

// join makes one buffer of the columns of fields for each partition, and more
// where a file would become larger than target. What the parts hold stays as
// it is: an upload may be tried again.
func (j *job) join(parts []tablePart, fields []column.Field, target int64) error {
	ids := map[string]int{}
	for _, f := range fields {
		ids[f.Name] = f.ID
	}
	byKey := map[string][]partRows{}
	for _, p := range parts {
		own := slices.Clone(p.fields)
		for i := range own {
			own[i].ID = ids[own[i].Name]
		}
		for key, r := range p.rows {
			for _, g := range r.full {
				if err := g.Relabel(own); err != nil {
					return err
				}
			}
			if r.buf != nil {
				if err := r.buf.Relabel(own); err != nil {
					return err
				}
			}
			byKey[key] = append(byKey[key], r)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		var values map[int]any
		if split := parts[0].split; split != nil {
			values = map[int]any{}
			for i, v := range split.Values([]byte(key)) {
				f := j.spec.Field(i)
				src, _ := j.t.Schema().FindFieldByID(f.SourceID())
				values[f.FieldID] = widened(v, f.Transform, src.Type)
			}
		}
		first := len(j.files)
		if err := j.arrange(byKey[key], fields, target); err != nil {
			return err
		}
		for i := range j.files[first:] {
			j.files[first+i].values = values
		}
	}
	return nil
}

// arrange makes files of about target bytes of one partition's rows. Row groups
// that were packed with fewer or narrower columns than the table has now are
// files of their own, as the table's older files are.
func (j *job) arrange(parts []partRows, fields []column.Field, target int64) error {
	var last []column.Field // of the file that is being filled
	file := func(of []column.Field, size int64) *jobFile {
		if last == nil || !slices.Equal(last, of) || j.files[len(j.files)-1].size+size > target {
			j.files, last = append(j.files, jobFile{}), of
		}
		f := &j.files[len(j.files)-1]
		f.size += size
		return f
	}
	for _, p := range parts {
		for _, g := range p.full {
			f := file(g.Fields(), g.Size())
			f.Packed = append(f.Packed, g)
		}
	}
	var bufs []*column.Buffer
	for _, p := range parts {
		if p.buf != nil {
			bufs = append(bufs, p.buf)
		}
	}
	for _, b := range bufs {
		f := file(fields, b.Size()/packRatio)
		if len(bufs) == 1 && slices.Equal(b.Fields(), fields) {
			f.Buffers = bufs
			break
		}
		if len(f.joined) == 0 {
			dst := column.NewBuffer(fields)
			f.Buffers, f.joined = append(f.Buffers, dst), append(f.joined, dst)
		}
		if err := f.joined[0].AppendBuffer(b); err != nil {
			return err
		}
	}
	return nil
}

// run writes the files of all jobs. Names are new at every try: a slow write
// of an earlier one must not land on a file that is described already.
func (s *Sink) run(ctx context.Context, e stream.Epoch, jobs []*job, run int64) error {
	encoders := make([]*column.Encoder, s.cfg.Parallel)
	err := s.each(len(jobs), func(worker, i int) (err error) {
		if encoders[worker] == nil {
			if encoders[worker], err = column.NewEncoder(s.files); err != nil {
				return err
			}
		}
		j := jobs[i]
		for n, f := range j.files {
			df, err := writeFile(ctx, j.t, j.spec, fmt.Sprintf("%s-%d-%d", e.Commit, run, n), encoders[worker], f)
			if err != nil {
				return s.storageError(ctx, j.staged.Table, err)
			}
			for _, b := range f.joined {
				b.Free()
			}
			j.paths = append(j.paths, df.FilePath())
			if err := j.staged.add(j.t, j.spec, df); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil { // nobody knows of them: they were never staged
		for _, j := range jobs {
			remove(ctx, j.t, j.paths)
		}
	}
	return err
}

// storageError says that a write failed. Storage errors pass, but for keys that
// are not let in: a person has to mend these.
func (s *Sink) storageError(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.forget(name) // credentials may have run out
	if se := s3Refused(err); se != nil {
		return se
	}
	return stream.Retry("storage", 0, fmt.Errorf("table %s: %w", name, err))
}
