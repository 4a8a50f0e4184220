package main

import (
	"sluice/connectors/d1"
	"sluice/connectors/iceberg"
	"sluice/connectors/kafka"
	"sluice/connectors/kv"
	"sluice/connectors/queues"
	"sluice/processors/decode"
	"sluice/processors/mask"
	"sluice/topology"
	"sluice/topology/stream"
)

// components is the one list of parts a pipeline file can name. A new sink is
// one folder under connectors and one line here.
func components() topology.Registry {
	return topology.Registry{
		Sources: []topology.Factory[stream.Source]{kafka.SourceFactory},
		Raw:     []topology.Factory[stream.Raw]{decode.Factory},
		Gates:   []topology.Factory[stream.Gate]{mask.Factory},
		Sinks: []topology.Factory[stream.Sink]{
			iceberg.Factory(),
			d1.Factory(),
			queues.Factory,
			kv.Factory,
			kafka.SinkFactory,
		},
		KeepAll: mask.KeepAll,
	}
}
