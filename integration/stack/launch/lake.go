package launch

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"sync"
)

// S3 is a server with one bucket, "lake": path-style addresses, SigV4, secrets
// "s3.access" and "s3.secret", region us-east-1.
type S3 struct{ *Process }

func (s *Stack) startS3(ctx context.Context) error {
	bin, err := s.cache.gateway(ctx)
	if err != nil {
		return err
	}
	root, err := s.folder("s3", "data")
	if err != nil {
		return err
	}
	if _, err := s.folder("s3", "data", "lake"); err != nil { // a folder is a bucket
		return err
	}
	meta, err := s.folder("s3", "meta")
	if err != nil {
		return err
	}
	p, err := ports(1)
	if err != nil {
		return err
	}
	address := fmt.Sprintf("127.0.0.1:%d", p[0])
	s.S3 = &S3{s.process(&Process{Name: "s3", Address: "http://" + address, ready: listens(address), argv: []string{bin, "--port", address, "--quiet", "posix", "--sidecar", meta, root},
		env: []string{"ROOT_ACCESS_KEY=" + s.Secrets.Get("s3.access"), "ROOT_SECRET_KEY=" + s.Secrets.Get("s3.secret")}})}
	return s.S3.Start(ctx)
}

// Catalog is Apache Iceberg's own REST catalog (the project's test fixture)
// behind a door that wants the bearer token "catalog.token" and lets one
// write in at a time, and no reader beside it: the server commits the tables of
// one transaction one after the other, so that of two at once it loses one that
// it acknowledged, and a reader sees a half of it. The door is this process's; the server can be killed.
type Catalog struct {
	*Process        // Address: URL of the door
	server   string // URL
}

// fetchCatalog installs what startCatalog runs, while the S3 server is made.
func (s *Stack) fetchCatalog(ctx context.Context) error {
	_, err := s.cache.jars(ctx, "catalog", catalogPom)
	return err
}

func (s *Stack) startCatalog(ctx context.Context) error {
	jars, err := s.cache.jars(ctx, "catalog", catalogPom)
	if err != nil {
		return err
	}
	bin, err := java(ctx, 17)
	if err != nil {
		return err
	}
	p, err := ports(1)
	if err != nil {
		return err
	}
	server := fmt.Sprintf("http://127.0.0.1:%d", p[0])
	argv := append([]string{bin}, jvm...)
	argv = append(argv, "-Xmx384m", "-Djava.net.preferIPv4Stack=true", "-cp", filepath.Join(jars, "*"), "org.apache.iceberg.rest.RESTCatalogServer")
	env := []string{fmt.Sprintf("CATALOG_REST_PORT=%d", p[0]), "CATALOG_CATALOG__IMPL=org.apache.iceberg.jdbc.JdbcCatalog",
		"CATALOG_URI=jdbc:sqlite:" + filepath.Join(s.Dir, "catalog.sqlite"), "CATALOG_JDBC_USER=u", "CATALOG_JDBC_PASSWORD=p",
		"CATALOG_WAREHOUSE=s3://lake/warehouse", "CATALOG_IO__IMPL=org.apache.iceberg.aws.s3.S3FileIO", "CATALOG_S3_ENDPOINT=" + s.S3.Address, "CATALOG_S3_PATH__STYLE__ACCESS=true",
		"CATALOG_S3_ACCESS__KEY__ID=" + s.Secrets.Get("s3.access"), "CATALOG_S3_SECRET__ACCESS__KEY=" + s.Secrets.Get("s3.secret"), "CATALOG_CLIENT_REGION=us-east-1", "AWS_REGION=us-east-1"}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	door := &http.Server{Handler: oneWriter(server, s.Secrets.Get("catalog.token"))}
	go func() { _ = door.Serve(l) }() // it ends by Close
	s.mu.Lock()
	s.close = append(s.close, func() { door.Close() })
	s.mu.Unlock()
	s.Catalog = &Catalog{Process: s.process(&Process{Name: "catalog", Address: "http://" + l.Addr().String(), argv: argv, env: env, ready: answers(server + "/v1/config")}), server: server}
	return s.Catalog.Start(ctx)
}

// oneWriter is the door of Catalog.
func oneWriter(server, token string) http.Handler {
	target, err := url.Parse(server)
	if err != nil {
		panic(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }}
	var mu sync.RWMutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":{"message":"Not authorized","type":"NotAuthorizedException","code":401}}`)
			return
		}
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			mu.RLock()
			defer mu.RUnlock()
		} else {
			mu.Lock()
			defer mu.Unlock()
		}
		proxy.ServeHTTP(w, r)
	})
}
