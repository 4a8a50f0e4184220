// Package real runs Sluice between real servers: PostgreSQL and MariaDB under a
// random writer, Debezium, Kafka (TLS, SCRAM), Iceberg's REST catalog and S3,
// D1 and Queues on the Workers runtime behind the edge bridge. In the end the
// databases, Kafka and the stores must agree row by row.
//
//	go run ./integration/stack install
//	go test ./integration/real -run Real -v
package real

import (
	"testing"
	"time"
)

// TestRealEndToEnd: snapshot, then streaming. // D1 D5 D6 P1
func TestRealEndToEnd(t *testing.T) {
	w, x := newWorld(t), newWriter()
	if err := x.write(t.Context(), w, *steps/4, 0); err != nil {
		t.Fatal(err)
	}
	c := w.run("a")
	if err := x.write(t.Context(), w, *steps, 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	w.settle(t, x, time.Minute)
	c.stop(t)
	w.verify(t)
}
