package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Postgres has logical decoding on, TLS on, and database "shop" of superuser
// "cdc" (secret "password"). Connections over TCP need TLS.
type Postgres struct {
	*Process
	psql string
	pass string
	ca   string
	port int
}

func (s *Stack) startPostgres(ctx context.Context) error {
	bin, err := s.cache.program(ctx, "postgres", "postgresql", "/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return err
	}
	folder, err := filepath.EvalSymlinks(bin)
	if err != nil {
		return err
	}
	folder = filepath.Dir(folder)
	p, err := ports(1)
	if err != nil {
		return err
	}
	data, err := s.folder("postgres")
	if err != nil {
		return err
	}
	pg := &Postgres{psql: filepath.Join(folder, "psql"), pass: s.Secrets.Get("password"), ca: s.Secrets.CA, port: p[0]}
	as := func(argv ...string) []string { // the server refuses to run as root
		if os.Getuid() != 0 {
			return argv
		}
		return append([]string{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"}, argv...)
	}
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		if err := s.initPostgres(ctx, data, as(filepath.Join(folder, "initdb"), "-D", data, "-U", "cdc", "-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256", "--no-sync")); err != nil {
			return err
		}
	}
	argv := []string{filepath.Join(folder, "postgres"), "-D", data}
	for _, c := range []string{fmt.Sprintf("port=%d", p[0]), "listen_addresses=127.0.0.1", "unix_socket_directories=", "wal_level=logical", "max_wal_senders=24",
		"max_replication_slots=24", "shared_buffers=48MB", "fsync=off", "timezone=UTC", "ssl=on"} {
		argv = append(argv, "-c", c)
	}
	pg.Process = s.process(&Process{Name: "postgres", Address: fmt.Sprintf("127.0.0.1:%d", p[0]), argv: argv, user: "postgres", end: syscall.SIGINT, dir: data})
	pg.ready = func(ctx context.Context) error { _, err := pg.query(ctx, "postgres", "SELECT 1"); return err }
	s.Postgres = pg
	if err := pg.Start(ctx); err != nil {
		return err
	}
	if out, err := pg.query(ctx, "postgres", "SELECT count(*) FROM pg_database WHERE datname = 'shop'"); err != nil || out == "1" {
		return err
	}
	_, err = pg.query(ctx, "postgres", "CREATE DATABASE shop")
	return err
}

// initPostgres fills a data folder. What the server reads has to be its user's.
func (s *Stack) initPostgres(ctx context.Context, data string, initdb []string) error {
	password := data + ".password"
	defer os.Remove(password)
	if err := errors.Join(os.WriteFile(password, []byte(s.Secrets.Get("password")), 0o600), give(password, "postgres"), give(data, "postgres")); err != nil {
		return err
	}
	if err := run(ctx, "/", nil, append(initdb, "--pwfile="+password)...); err != nil {
		return err
	}
	for from, to := range map[string]string{s.Secrets.Cert: "server.crt", s.Secrets.Key: "server.key"} {
		b, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(data, to), b, 0o600); err != nil {
			return err
		}
	}
	const hba = "hostssl all all 127.0.0.1/32 scram-sha-256\nhostssl replication all 127.0.0.1/32 scram-sha-256\n"
	return errors.Join(os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(hba), 0o600), give(data, "postgres"))
}

// Query runs SQL in database shop and returns rows as lines, cells parted by tabs.
func (p *Postgres) Query(ctx context.Context, sql string) (string, error) {
	return p.query(ctx, "shop", sql)
}

func (p *Postgres) query(ctx context.Context, db, sql string) (string, error) {
	cmd := exec.CommandContext(ctx, p.psql, "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1",
		fmt.Sprintf("host=127.0.0.1 port=%d user=cdc dbname=%s sslmode=verify-full sslrootcert=%s", p.port, db, p.ca))
	cmd.Stdin, cmd.Env = strings.NewReader(sql), append(os.Environ(), "PGPASSWORD="+p.pass, "PGTZ=UTC")
	var problem strings.Builder
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, strings.TrimSpace(problem.String()))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// MariaDB has a row-based binary log with full metadata, TLS on, and database
// "shop" of user "cdc" (secret "password"), who has to use it.
type MariaDB struct {
	*Process
	client string
	pass   string
	ca     string
	port   int
}

func (s *Stack) startMariaDB(ctx context.Context) error {
	bin, err := s.cache.program(ctx, "mariadbd", "mariadb-server-core mariadb-client-core", "/usr/sbin/mariadbd")
	if err != nil {
		return err
	}
	install, err := s.cache.program(ctx, "mariadb-install-db", "mariadb-server-core", "/usr/bin/mariadb-install-db")
	if err != nil {
		return err
	}
	client, err := s.cache.program(ctx, "mariadb", "mariadb-client-core", "/usr/bin/mariadb")
	if err != nil {
		return err
	}
	p, err := ports(1)
	if err != nil {
		return err
	}
	data, err := s.folder("mariadb")
	if err != nil {
		return err
	}
	m := &MariaDB{client: client, pass: s.Secrets.Get("password"), ca: s.Secrets.CA, port: p[0]}
	initial := filepath.Join(s.Dir, "mariadb-init.sql")
	if err := os.WriteFile(initial, fmt.Appendf(nil, "CREATE DATABASE IF NOT EXISTS shop;\nCREATE USER IF NOT EXISTS cdc@'127.0.0.1' IDENTIFIED BY '%s' REQUIRE SSL;\nGRANT ALL ON *.* TO cdc@'127.0.0.1';\nFLUSH PRIVILEGES;\n", m.pass), 0o600); err != nil {
		return err
	}
	var as []string
	if os.Getuid() == 0 {
		as = []string{"--user=root"}
	}
	if _, err := os.Stat(filepath.Join(data, "mysql")); err != nil {
		if err := run(ctx, "/", nil, append([]string{install, "--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db"}, as...)...); err != nil {
			return err
		}
	}
	argv := append([]string{bin, "--no-defaults", "--datadir=" + data, fmt.Sprintf("--port=%d", p[0]), "--bind-address=127.0.0.1", "--socket=" + filepath.Join(data, "sock"), "--init-file=" + initial,
		"--server-id=7", "--log-bin=binlog", "--binlog-format=ROW", "--binlog-row-image=FULL", "--binlog-row-metadata=FULL", "--gtid-strict-mode=ON", "--binlog-annotate-row-events=ON",
		"--character-set-server=utf8mb4", "--innodb-buffer-pool-size=64M", "--skip-name-resolve", "--skip-log-error",
		"--ssl-ca=" + s.Secrets.CA, "--ssl-cert=" + s.Secrets.Cert, "--ssl-key=" + s.Secrets.Key}, as...)
	m.Process = s.process(&Process{Name: "mariadb", Address: fmt.Sprintf("127.0.0.1:%d", p[0]), argv: argv, dir: data})
	m.ready = func(ctx context.Context) error { _, err := m.Query(ctx, "SELECT 1"); return err }
	s.MariaDB = m
	return m.Start(ctx)
}

// Query runs SQL in database shop and returns rows as lines, cells parted by
// tabs; NULL is "NULL".
func (m *MariaDB) Query(ctx context.Context, sql string) (string, error) {
	cmd := exec.CommandContext(ctx, m.client, "--no-defaults", "-h127.0.0.1", fmt.Sprintf("-P%d", m.port), "-ucdc", "--default-character-set=utf8mb4", "--ssl-ca="+m.ca, "--ssl-verify-server-cert", "-N", "-B", "shop")
	cmd.Stdin, cmd.Env = strings.NewReader(sql), append(os.Environ(), "MYSQL_PWD="+m.pass)
	var problem strings.Builder
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("mariadb: %w: %s", err, strings.TrimSpace(problem.String()))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
