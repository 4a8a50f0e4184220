package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"sluice/connectors/kafka"
	"sluice/connectors/recording"
	"sluice/processors/decode"
	"sluice/processors/decode/registry"
	"sluice/topology"
	"sluice/topology/stream"
)

// reading is what commands that look at a recording or a topic are told.
type reading struct {
	topic, brokers, policy, privacy, registry, contracts string

	rows bool           // a file of plain rows is read, too
	spec *topology.Spec // whose stages are used, instead of those of policy
}

func (in *reading) flags(c *cobra.Command) {
	c.Flags().StringVar(&in.topic, "topic", "", "read this topic instead of a recording")
	c.Flags().StringVar(&in.brokers, "brokers", "", "host:port of Kafka brokers, with commas (default: those of --policy)")
	c.Flags().StringVar(&in.policy, "policy", "", "pipeline file whose decode and mask stages are used")
	c.Flags().StringVar(&in.privacy, "privacy", "", "none: nothing in it is personal, show everything")
	c.Flags().StringVar(&in.registry, "registry", "", "schemas of Avro records: the URL of a registry, a folder, or a file of [{\"id\",\"schema\"}] (default: NAME.schemas.json beside NAME.jsonl.gz)")
}

// each reads what args or --topic name and gives batch after batch to f, which
// may look at the records before it has the stages process them.
func (in *reading) each(a *app, c *cobra.Command, args []string, f func(b *stream.Batch, process func() (stream.Clean, error)) error) error {
	name := "-"
	if len(args) > 0 {
		name = args[0]
	}
	if (in.topic != "") == (len(args) > 0) {
		return exit(exitUsage, errors.New("say what to read, one of: a recording, - for standard input, or --topic"))
	}
	schemas := cmp.Or(in.registry, schemasBeside(name))
	global, err := globalIDs(name, schemas)
	if err != nil {
		return exit(exitUsage, err)
	}
	s, err := in.stages(a, schemas, global)
	if err != nil {
		return err
	}
	r, end, err := in.records(a, c, name)
	if err != nil {
		return err
	}
	defer end()
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return exit(exitUsage, fmt.Errorf("%s: %w", cmp.Or(in.topic, name), err))
		}
		err = f(b, func() (stream.Clean, error) { return s.Process(b) })
		b.Release()
		if err != nil {
			return exit(exitRuntime, err)
		}
	}
}

// stages opens those of a pipeline file, or those that show everything. schemas
// is where those of Avro records are, unless the file says it.
func (in *reading) stages(a *app, schemas string, global map[string][]uint64) (*topology.Stages, error) {
	var s *topology.Spec
	file, privacy := in.policy, in.privacy
	switch {
	case in.spec != nil:
		s = in.spec
	case file != "" && privacy == "":
		var err error
		if s, err = a.load(file); err != nil {
			return nil, err
		}
	case file == "" && privacy == "none": // P4: said by the user
		s = topology.Bare("decode")
	default:
		return nil, exit(exitUsage, errors.New("say what may be shown: --policy FILE, a pipeline file that masks, or --privacy none if nothing is personal")) // P4
	}
	if schemas != "" {
		r := registry.Config{Files: schemas, GlobalIDs: global}
		if strings.Contains(schemas, "://") {
			r = registry.Config{URL: schemas}
		}
		if err := s.Fill("decode", "registry", r); err != nil {
			return nil, exit(exitUsage, err)
		}
	}
	if in.contracts != "" {
		if err := s.Fill("decode", "contracts", in.contracts); err != nil {
			return nil, exit(exitUsage, err)
		}
	}
	st, err := components().Open(s, topology.System(a.log()))
	if err != nil {
		return nil, exit(exitUsage, fmt.Errorf("%s: %w", cmp.Or(file, "decode"), err))
	}
	return st, nil
}

// schemasBeside is the file of schemas that lies beside a recording, or nothing.
func schemasBeside(name string) string {
	p := strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".jsonl") + ".schemas.json"
	if _, err := os.Stat(p); err != nil {
		return ""
	}
	return p
}

// reader gives records in batches, until io.EOF.
type reader interface{ Next() (*stream.Batch, error) }

// records opens what is to be read.
func (in *reading) records(a *app, c *cobra.Command, name string) (r reader, end func(), err error) {
	if in.topic == "" {
		f, err := openInput(name, c.InOrStdin())
		if err != nil {
			return nil, nil, exit(exitUsage, err)
		}
		if in.rows {
			r, err = openRows(name, f)
		} else {
			r, err = recording.NewReader(f)
		}
		if err != nil {
			f.Close()
			return nil, nil, exit(exitUsage, fmt.Errorf("%s: %w", name, err))
		}
		return r, func() { f.Close() }, nil
	}
	cfg := kafka.Default
	switch {
	case in.brokers != "":
		cfg.Brokers = strings.Split(in.brokers, ",")
	case in.policy == "":
		return nil, nil, exit(exitUsage, errors.New("--topic needs --brokers, or --policy with a kafka source"))
	default:
		s, err := a.load(in.policy)
		if err != nil {
			return nil, nil, err
		}
		if s.Source.Type != "kafka" {
			return nil, nil, exit(exitUsage, fmt.Errorf("%s: its source is %s: --topic needs --brokers", in.policy, s.Source.Type))
		}
		if err := topology.Strict(s.Source.Config, &cfg); err != nil {
			return nil, nil, exit(exitUsage, placed(in.policy, err))
		}
	}
	p, err := kafka.OpenPeek(c.Context(), cfg.Connection, topology.System(a.log()), in.topic)
	if err != nil {
		return nil, nil, exit(exitStore, err)
	}
	return p, p.Close, nil
}

// globalIDs are those that the records of a file name: an export of schemas
// from a registry's Confluent API lacks them.
func globalIDs(name, schemas string) (map[string][]uint64, error) {
	ids := map[string][]uint64{}
	if name == "-" || schemas == "" || strings.Contains(schemas, "://") {
		return ids, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := recording.NewReader(f)
	for err == nil {
		var b *stream.Batch
		if b, err = r.Next(); err == nil {
			for i := range b.Records {
				decode.GlobalIDs(b.Lane.Topic, &b.Records[i], ids)
			}
			b.Release()
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return ids, err
}

func openInput(name string, stdin io.Reader) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(stdin), nil
	}
	return os.Open(name)
}
