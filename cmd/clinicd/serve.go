package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/httpapi"
	"github.com/lieu-clinic/lieu/internal/metrics"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/internal/web"
)

// gcPercent lets half as much garbage lie as Go does by itself: a fifth less memory at work, for a few per cent of the
// processor's time. Whoever has memory to spare sets GOGC.
const gcPercent = 50

type serveCommand struct {
	Listen         string        `default:"127.0.0.1:8080" env:"LIEU_LISTEN" help:"Address of the screens and the interface."`
	MetricsListen  string        `default:"127.0.0.1:9090" env:"LIEU_METRICS_LISTEN" help:"Address of /metrics; empty for none."`
	TLSCert        string        `env:"LIEU_TLS_CERT" type:"existingfile" help:"PEM certificate; without one, HTTP."`
	TLSKey         string        `env:"LIEU_TLS_KEY" type:"existingfile" help:"PEM key of the certificate."`
	BehindHTTPS    bool          `env:"LIEU_BEHIND_HTTPS" help:"A proxy before this server speaks HTTPS: cookies travel by it alone."`
	TrustedProxies []string      `env:"LIEU_TRUSTED_PROXIES" help:"Addresses whose X-Forwarded-For is believed."`
	Demo           bool          `env:"LIEU_DEMO" help:"Serve fictional clinics. Real ones are refused then, and fictional ones otherwise."`
	Bench          string        `env:"LIEU_BENCH" type:"path" help:"Folder of a simulated bench, whose scanner and cups the demonstration's screens may move."`
	BenchStations  []string      `env:"LIEU_BENCH_STATIONS" placeholder:"ID=COUNTER" help:"Which counter of the bench a station has."`
	IdleLock       time.Duration `default:"3m" env:"LIEU_IDLE_LOCK" help:"How long a screen may stand untouched before it asks for a PIN; negative for never."`
}

// Times of the HTTP server. There is no timeout for a whole answer, because a live stream is one: bodies and events have
// deadlines of their own.
const (
	headerTime  = 5 * time.Second
	idleTime    = 2 * time.Minute
	maxHeaders  = 16 << 10
	graceful    = 8 * time.Second // open requests are finished
	loopsPeriod = 2 * time.Second // loops come to their end
)

// Run serves until the context ends. A SQLite database is brought to the program's schema first.
func (s *serveCommand) Run(ctx context.Context, log *slog.Logger, c *cli) error {
	if _, told := os.LookupEnv("GOGC"); !told {
		debug.SetGCPercent(gcPercent)
	}
	if strings.HasPrefix(c.Database, "sqlite:") {
		applied, err := migrate(ctx, c.Database)
		if err != nil {
			return err
		}
		if len(applied) > 0 {
			log.Info("migrated", "applied", applied)
		}
	}
	db, k, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()

	now := time.Now
	w := watch{hub: httpapi.NewHub(now), figures: metrics.NewServer()}
	services := assemble(db, k, now, &w)
	if err := sameKind(ctx, services.Clinics, s.Demo); err != nil {
		return err
	}
	secure := s.TLSCert != "" || s.BehindHTTPS
	api, err := httpapi.New(services, httpapi.Config{
		Log: log, Now: now, Sessions: db.Sessions(now), Key: k.orders, Hub: w.hub, Observer: w.figures, Ready: readiness(db, folderOf(c.Database), now),
		SecureCookies: secure, TrustedProxies: s.TrustedProxies,
	})
	if err != nil {
		return err
	}
	bench, err := s.bench()
	if err != nil {
		return err
	}
	options := web.Options{IdleLock: s.IdleLock, Log: log}
	if bench != nil {
		options.Bench = bench
	}
	site := http.NewServeMux()
	site.Handle("/", web.New(api.Handler(), options))
	for _, own := range []string{"/livez", "/readyz", "/docs", "/docs/"} {
		site.Handle(own, api.Handler())
	}

	loops := newLoops(log, now, services, db, api, w.figures)
	loopsDone := loops.start(ctx)
	err = s.serve(ctx, log, site, api, w.figures.Handler())
	select {
	case <-loopsDone:
	case <-time.After(loopsPeriod):
		log.Warn("loops did not end in time")
	}
	return err
}

// serve runs both listeners until the context ends or one of them fails, and then shuts down in good order.
func (s *serveCommand) serve(ctx context.Context, log *slog.Logger, site http.Handler, api *httpapi.Server, figures http.Handler) error {
	requests, cutOff := context.WithCancel(context.WithoutCancel(ctx))
	defer cutOff()
	failed := make(chan error, 2)
	main, err := s.listen(ctx, log, s.Listen, site, requests, failed, s.TLSCert != "")
	if err != nil {
		return err
	}
	servers := []*http.Server{main}
	if s.MetricsListen != "" {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", figures)
		m, err := s.listen(ctx, log, s.MetricsListen, mux, requests, failed, false)
		if err != nil {
			return errors.Join(err, main.Close())
		}
		servers = append(servers, m)
	}
	// Starting took memory that serving does not need: to read the contract and the templates, and to run through the
	// program once.
	debug.FreeOSMemory()
	if err := releaseProgram(); err != nil {
		log.Info("the program's pages stay in memory", "err", err)
	}
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case err = <-failed:
	}
	api.CloseStreams()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceful)
	defer cancel()
	for _, srv := range servers {
		if serr := srv.Shutdown(grace); serr != nil {
			cutOff()
			err = errors.Join(err, fmt.Errorf("shutdown: %w", serr), srv.Close())
		}
	}
	log.Info("stopped")
	return err
}

// listen starts one server. Its requests live under the context requests.
func (s *serveCommand) listen(ctx context.Context, log *slog.Logger, address string, h http.Handler, requests context.Context, failed chan<- error, secure bool) (*http.Server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeaders,
		BaseContext: func(net.Listener) context.Context { return requests },
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	log.Info("listening", "address", l.Addr().String(), "tls", secure)
	go func() {
		err := s.run(srv, l, secure)
		if !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()
	return srv, nil
}

func (s *serveCommand) run(srv *http.Server, l net.Listener, secure bool) error {
	if secure {
		return srv.ServeTLS(l, s.TLSCert, s.TLSKey)
	}
	return srv.Serve(l)
}

// sameKind keeps fictional and real clinics apart: a person at a screen must never wonder which one this is.
func sameKind(ctx context.Context, clinics *clinic.Service, demo bool) error {
	all, err := clinics.Clinics(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		switch {
		case c.Demo && !demo:
			return fmt.Errorf("clinic %d is fictional: serve it with --demo", c.Number)
		case !c.Demo && demo:
			return fmt.Errorf("clinic %d is real: it is not served with --demo", c.Number)
		}
	}
	return nil
}

// migrate makes the folder of a SQLite database and brings the database to the program's schema.
func migrate(ctx context.Context, database string) ([]string, error) {
	if path, ok := strings.CutPrefix(database, "sqlite://"); ok {
		path, _, _ = strings.Cut(path, "?")
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return nil, err
		}
	}
	return store.Migrate(ctx, database)
}
