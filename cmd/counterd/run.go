package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/internal/metrics"
	"github.com/lieu-clinic/lieu/internal/station"
)

const defaultDir = "/var/lib/lieu-counter"

type runCommand struct {
	Dir     string       `default:"${default_dir}" env:"LIEU_COUNTER_DIR" help:"The counter's directory: key, identity, journal."`
	Config  string       `env:"LIEU_COUNTER_CONFIG" help:"Configuration file; counterd.yaml in the directory when left out."`
	Server  string       `env:"LIEU_SERVER" help:"Address of the server, instead of the one enrolled with."`
	CA      string       `env:"LIEU_CA" name:"ca" help:"PEM file of the authority that signed the server's certificate."`
	Listen  string       `env:"LIEU_COUNTER_LISTEN" help:"Address of the health page and metrics. 127.0.0.1:0 when left out; the address taken is written to listen.addr in the directory."`
	Scale   deviceConfig `env:"LIEU_SCALE" help:"model,port[,key=value…]" placeholder:"SPEC"`
	Pump    deviceConfig `env:"LIEU_PUMP" help:"model,port[,key=value…]; the model manual is no device" placeholder:"SPEC"`
	Scanner deviceConfig `env:"LIEU_SCANNER" help:"model,port[,key=value…]" placeholder:"SPEC"`
	Printer deviceConfig `env:"LIEU_PRINTER" help:"model,port[,key=value…]; its port may be tcp://address:9100" placeholder:"SPEC"`
}

// Run runs the counter until it is told to stop or its journal fails.
func (r *runCommand) Run(ctx context.Context, log *slog.Logger) (err error) {
	c, err := r.config()
	if err != nil {
		return err
	}
	identity, err := station.LoadIdentity(r.Dir)
	if err != nil {
		return err
	}
	if c.Server != "" {
		identity.Server = c.Server
	}
	client, err := httpClient(c.CA)
	if err != nil {
		return err
	}
	server, err := station.NewClient(identity, client, time.Now)
	if err != nil {
		return err
	}
	figures := metrics.NewCounter()
	conf := station.Config{
		Identity: identity, Version: version(), Server: server, Now: time.Now, Log: log, Recorder: figures, CrashAt: crashAt(),
	}
	if err := c.place(&conf, r.Dir); err != nil {
		log.Error("a device is configured wrongly and stays away; the others work", "err", err)
	}
	if conf.Pour, err = c.pour(); err != nil {
		return err
	}
	conf.Journal, err = station.OpenJournal(ctx, station.JournalPath(r.Dir), identity.Station, identity.Key, identity.Position, time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conf.Journal.Close()) }()
	counter, err := station.New(conf)
	if err != nil {
		return err
	}
	stop, err := r.serve(ctx, c.Listen, handler(counter, figures), log)
	if err != nil {
		return err
	}
	defer stop()
	log.Info("counter", "station", identity.Station, "name", identity.Name, "server", identity.Server, "manual", identity.Manual)
	return counter.Run(ctx)
}

// config joins file and flags; a flag wins.
func (r *runCommand) config() (config, error) {
	path, named := r.Config, r.Config != ""
	if !named {
		path = filepath.Join(r.Dir, "counterd.yaml")
	}
	c, err := readConfig(path, named)
	if err != nil {
		return c, err
	}
	for _, o := range []struct {
		flag string
		into *string
	}{{r.Server, &c.Server}, {r.CA, &c.CA}, {r.Listen, &c.Listen}} {
		if o.flag != "" {
			*o.into = o.flag
		}
	}
	for _, o := range []struct {
		flag deviceConfig
		into *deviceConfig
	}{{r.Scale, &c.Devices.Scale}, {r.Pump, &c.Devices.Pump}, {r.Scanner, &c.Devices.Scanner}, {r.Printer, &c.Devices.Printer}} {
		if o.flag.configured() {
			*o.into = o.flag
		}
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	return c, nil
}

// serve offers the health page and metrics until stop is called.
func (r *runCommand) serve(ctx context.Context, addr string, h http.Handler, log *slog.Logger) (stop func(), err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("health page: %w", err)
	}
	taken := l.Addr().String()
	log.Info("listening", "addr", taken)
	if err := os.WriteFile(filepath.Join(r.Dir, "listen.addr"), []byte(taken+"\n"), 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // it ends by Close
	}()
	return func() {
		_ = server.Close()
		<-done
	}, nil
}

// httpClient believes the system's authorities, or one given file alone.
func httpClient(ca string) (*http.Client, error) {
	usual, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the standard HTTP transport was replaced")
	}
	t := usual.Clone()
	t.MaxIdleConnsPerHost = 4
	t.ResponseHeaderTimeout = 10 * time.Second
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", ca)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

type enrollCommand struct {
	Server string `required:"" env:"LIEU_SERVER" help:"Address of the server."`
	Code   string `required:"" help:"One-time code that the server showed for this window."`
	Dir    string `default:"${default_dir}" env:"LIEU_COUNTER_DIR" help:"The counter's directory."`
	CA     string `env:"LIEU_CA" name:"ca" help:"PEM file of the authority that signed the server's certificate."`
}

// Run enrols this counter.
func (e *enrollCommand) Run(ctx context.Context) error {
	client, err := httpClient(e.CA)
	if err != nil {
		return err
	}
	ctx, done := context.WithTimeout(ctx, 30*time.Second)
	defer done()
	i, err := station.Enrol(ctx, e.Dir, e.Server, strings.TrimSpace(e.Code), client, rand.Reader)
	if err != nil {
		return err
	}
	fmt.Printf("enrolled as %s (%s)\n", i.Name, i.Station)
	return nil
}
