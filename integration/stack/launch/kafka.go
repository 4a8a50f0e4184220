package launch

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// jvm are flags for small servers that start fast.
var jvm = []string{"-XX:+UseSerialGC", "-Xss512k", "-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=64m", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true", "-Xms128m"}

//go:embed maven/log4j2.yaml
var log4j []byte

// Kafka is one broker that is its own controller (KRaft).
type Kafka struct {
	*Process        // Address: PLAINTEXT
	Secure   string // host:port: SASL_SSL, SCRAM-SHA-256, user "sluice", secret "password"
	Mutual   string // host:port: SSL, wants a client's certificate: Secrets.ClientCert
}

// clusterID is 16 bytes in base64url; nothing depends on its value.
const clusterID = "c2x1aWNlLXN0YWNrLTAwMQ"

func (s *Stack) java(ctx context.Context, heap, main string, args ...string) (argv []string, err error) {
	libs, err := s.cache.jars(ctx, "kafka", pom)
	if err != nil {
		return nil, err
	}
	bin, err := java(ctx, 17)
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(s.Dir, "log4j2.yaml")
	if err := os.WriteFile(conf, log4j, 0o644); err != nil {
		return nil, err
	}
	argv = append([]string{bin}, jvm...)
	return append(append(argv, "-Xmx"+heap, "-Dlog4j2.configurationFile="+conf, "-cp", filepath.Join(libs, "*"), main), args...), nil
}

func (s *Stack) startKafka(ctx context.Context) error {
	p, err := ports(4)
	if err != nil {
		return err
	}
	dir, err := s.folder("kafka")
	if err != nil {
		return err
	}
	pemKey, err1 := os.ReadFile(s.Secrets.Key)
	pemCert, err2 := os.ReadFile(s.Secrets.Cert)
	pemCA, err3 := os.ReadFile(s.Secrets.CA)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	oneLine := func(b []byte) string { return strings.ReplaceAll(strings.TrimSpace(string(b)), "\n", " ") }
	conf := filepath.Join(dir, "server.properties")
	text := fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,SECURE://127.0.0.1:%[3]d,MUTUAL://127.0.0.1:%[7]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d,SECURE://127.0.0.1:%[3]d,MUTUAL://127.0.0.1:%[7]d,CONTROLLER://127.0.0.1:%[2]d
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL,MUTUAL:SSL
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-256
listener.name.secure.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.certificate.chain=%[4]s
ssl.keystore.key=%[5]s
ssl.truststore.type=PEM
ssl.truststore.certificates=%[8]s
listener.name.mutual.ssl.client.auth=required
log.dirs=%[6]s
num.partitions=1
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
num.network.threads=1
num.io.threads=2
background.threads=2
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=8388608
log.segment.bytes=67108864
log.retention.check.interval.ms=1000
message.max.bytes=8388608
replica.fetch.max.bytes=8388608
`, p[0], p[1], p[2], oneLine(pemCert), oneLine(pemKey), filepath.Join(dir, "data"), p[3], oneLine(pemCA))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return err
	}
	format, err := s.java(ctx, "256m", "kafka.tools.StorageTool", "format", "--standalone", "-t", clusterID, "-c", conf, "--ignore-formatted",
		"--add-scram", "SCRAM-SHA-256=[name=sluice,password="+s.Secrets.Get("password")+"]")
	if err != nil {
		return err
	}
	if err := run(ctx, dir, nil, format...); err != nil {
		return errors.New("kafka: its log folder cannot be formatted: " + strings.ReplaceAll(err.Error(), s.Secrets.Get("password"), "***"))
	}
	argv, err := s.java(ctx, "512m", "kafka.Kafka", conf)
	if err != nil {
		return err
	}
	address := fmt.Sprintf("127.0.0.1:%d", p[0])
	s.Kafka = &Kafka{Process: s.process(&Process{Name: "kafka", Address: address, argv: argv, ready: listens(address)}), Secure: fmt.Sprintf("127.0.0.1:%d", p[2]), Mutual: fmt.Sprintf("127.0.0.1:%d", p[3])}
	return s.Kafka.Start(ctx)
}

// Connect is a Kafka Connect worker with Debezium for PostgreSQL and MariaDB.
// Connectors name the stack's secrets as ${dir:FOLDER:NAME}.
type Connect struct {
	*Process // Address: URL of its REST API
}

// plugins are Connect's, by the names of their folders.
var plugins = map[string]string{"debezium-postgres": debeziumPostgres, "debezium-mariadb": debeziumMariaDB}

// fetchConnect installs what startConnect runs, while Kafka is made.
func (s *Stack) fetchConnect(ctx context.Context) error {
	for name, artifact := range plugins {
		if _, err := s.cache.archive(ctx, name, artifact); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stack) startConnect(ctx context.Context) error {
	folder, err := s.folder("plugins")
	if err != nil {
		return err
	}
	for name, artifact := range plugins {
		d, err := s.cache.archive(ctx, name, artifact)
		if err != nil {
			return err
		}
		if err := os.Symlink(d, filepath.Join(folder, name)); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	p, err := ports(1)
	if err != nil {
		return err
	}
	url := fmt.Sprintf("http://127.0.0.1:%d", p[0])
	conf := filepath.Join(s.Dir, "connect.properties")
	text := fmt.Sprintf(`bootstrap.servers=%s
group.id=connect
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
config.storage.topic=_connect_configs
offset.storage.topic=_connect_offsets
status.storage.topic=_connect_status
config.storage.replication.factor=1
offset.storage.replication.factor=1
status.storage.replication.factor=1
offset.storage.partitions=1
status.storage.partitions=1
offset.flush.interval.ms=1000
plugin.path=%s
plugin.discovery=service_load
listeners=%s
producer.max.request.size=8388608
producer.metadata.max.age.ms=3000
connector.client.config.override.policy=All
exactly.once.source.support=enabled
scheduled.rebalance.max.delay.ms=0
session.timeout.ms=10000
config.providers=dir
config.providers.dir.class=org.apache.kafka.common.config.provider.DirectoryConfigProvider
`, s.Kafka.Address, folder, url)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return err
	}
	argv, err := s.java(ctx, "640m", "org.apache.kafka.connect.cli.ConnectDistributed", conf)
	if err != nil {
		return err
	}
	if err := s.trust(ctx, argv[0]); err != nil {
		return err
	}
	s.Connect = &Connect{s.process(&Process{Name: "connect", Address: url, argv: argv, ready: answers(url + "/connectors")})}
	return s.Connect.Start(ctx)
}

// TrustPassword opens Secrets.Trust, which holds nothing that is secret.
const TrustPassword = "changeit"

// trust makes the store of the authority's certificate that drivers in Java ask for.
func (s *Stack) trust(ctx context.Context, java string) error {
	if _, err := os.Stat(s.Secrets.Trust); err == nil {
		return nil
	}
	real, err := filepath.EvalSymlinks(java)
	if err != nil {
		return err
	}
	return run(ctx, "/", nil, filepath.Join(filepath.Dir(real), "keytool"), "-importcert", "-noprompt", "-alias", "ca", "-file", s.Secrets.CA, "-keystore", s.Secrets.Trust,
		"-storetype", "PKCS12", "-storepass", TrustPassword)
}

// Connector makes or changes a connector and waits until its task runs.
func (c *Connect) Connector(ctx context.Context, name string, config map[string]string) error {
	body, err := json.Marshal(config)
	if err != nil {
		return err
	}
	if _, err := c.call(ctx, http.MethodPut, "/connectors/"+name+"/config", body); err != nil {
		return err
	}
	return c.Running(ctx, name)
}

// Running waits until the connector's task runs; a task that failed is an
// error with its first line.
func (c *Connect) Running(ctx context.Context, name string) error {
	for {
		var st struct {
			Connector struct{ State, Trace string }
			Tasks     []struct{ State, Trace string }
		}
		if b, err := c.call(ctx, http.MethodGet, "/connectors/"+name+"/status", nil); err == nil && json.Unmarshal(b, &st) == nil {
			for _, t := range append(st.Tasks, st.Connector) {
				if t.State == "FAILED" {
					first, _, _ := strings.Cut(t.Trace, "\n")
					return fmt.Errorf("connector %s failed: %s", name, first)
				}
			}
			if st.Connector.State == "RUNNING" && len(st.Tasks) > 0 && st.Tasks[0].State == "RUNNING" {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("connector %s does not run: %w", name, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (c *Connect) call(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.Address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("connect: %s %s: %s: %s", method, path, res.Status, b[:min(len(b), 500)])
	}
	return b, err
}

func (s *Stack) startRegistry(ctx context.Context) error {
	dir, err := s.cache.archive(ctx, "registry", apicurio)
	if err != nil {
		return err
	}
	found, _ := filepath.Glob(filepath.Join(dir, "*", "quarkus-run.jar"))
	flat, _ := filepath.Glob(filepath.Join(dir, "quarkus-run.jar"))
	if found = append(found, flat...); len(found) != 1 {
		return fmt.Errorf("registry: quarkus-run.jar is not in its archive (%s)", apicurio)
	}
	bin, err := java(ctx, 21)
	if err != nil {
		return err
	}
	p, err := ports(2)
	if err != nil {
		return err
	}
	url := fmt.Sprintf("http://127.0.0.1:%d", p[0])
	argv := append([]string{bin}, jvm...)
	argv = append(argv, "-Xmx384m", "-Dquarkus.management.host=127.0.0.1", fmt.Sprintf("-Dquarkus.management.port=%d", p[1]), "-jar", found[0])
	s.Registry = s.process(&Process{Name: "registry", Address: url, argv: argv, env: []string{"QUARKUS_HTTP_HOST=127.0.0.1", fmt.Sprintf("QUARKUS_HTTP_PORT=%d", p[0])},
		ready: answers(url + "/apis/ccompat/v7/subjects")})
	return s.Registry.Start(ctx)
}
