package replay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/rulepack"
	"github.com/lieu-clinic/lieu/internal/secret"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/internal/store"
)

// server is the program's server in this process, with a database and a clock of its own.
type server struct {
	httpapi.Services
	store *store.Store
	api   *httpapi.Server
	http  *http.Server
	url   string
	dir   string
	done  chan error
	news  chan struct{} // a dose or a pour of a check went on
}

// cheap hashes next to nothing: signing in is not what is replayed, and nobody else ever signs in here.
var cheap = secret.Cost{MemoryKiB: 64, Iterations: 1}

// serve makes a database in dir and starts the server over it. Sessions live by the clock on the wall: they are of the
// program that makes the requests.
func serve(ctx context.Context, dir string, now, wall func() time.Time) (*server, error) {
	url := "sqlite://" + filepath.Join(dir, "replay.db")
	if _, err := store.Migrate(ctx, url); err != nil {
		return nil, err
	}
	// The store outlives ctx: it is closed in order, not cut off.
	db, err := store.Open(context.WithoutCancel(ctx), url, store.Options{})
	if err != nil {
		return nil, err
	}
	s := &server{store: db, dir: dir, done: make(chan error, 1), news: make(chan struct{}, 1)}
	if err := s.start(ctx, now, wall); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *server) start(ctx context.Context, now, wall func() time.Time) error {
	hub := httpapi.NewHub(now)
	if err := s.assemble(hub, now); err != nil {
		return err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	s.api, err = httpapi.New(s.Services, httpapi.Config{
		Log: slog.New(slog.DiscardHandler), Now: now, Sessions: s.store.Sessions(wall), Key: key, Hub: hub, Ready: s.store.Ready,
	})
	if err != nil {
		return err
	}
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	s.url = "http://" + l.Addr().String()
	s.http = &http.Server{Handler: s.api.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { s.done <- s.http.Serve(l) }()
	return nil
}

func (s *server) assemble(hub *httpapi.Hub, now func() time.Time) error {
	key := bytes.Repeat([]byte{1}, secret.KeySize) // the database is gone before it could hold a secret
	sealer, err := secret.NewSealer(key, secret.Key{ID: 1, Bytes: key})
	if err != nil {
		return err
	}
	pack, err := rulepack.Load(rules)
	if err != nil {
		return err
	}
	packs := func(name string, version int) (dosing.Pack, error) {
		if name != pack.Name || version != pack.Version {
			return dosing.Pack{}, fault.New(fault.NotFound, "rulepack.unknown", "rule pack %s %d", name, version)
		}
		return pack, nil
	}
	db, gate := s.store, secret.NewGate(secret.DefaultGate)
	clinics := clinic.NewService(db.Clinics(), now)
	s.Services = httpapi.Services{
		Clinics: clinics,
		Staff: staff.NewService(db.Staff(), clinics, staff.Hashers{
			Password: secret.NewPasswords(gate, cheap), PIN: secret.NewPINs(gate, cheap, key),
		}, now),
		Patients:      patient.NewService(db.Patients(), clinics, sealer, now),
		Prescriptions: prescription.NewService(db.Prescriptions(), clinics, nil, now),
		Queue:         queue.NewService(db.Queue(), clinics, now, hub.NotifyTicket),
		Equipment:     equipment.NewService(db.Equipment(), clinics, secret.Codes{}, now),
		Stock:         stock.NewService(db.Stock(), clinics, now),
		Calibration:   calibration.NewService(db.Calibration(), clinics, now, calibration.Options{Notify: hub.NotifyCheck}),
		Dispensing: dispensing.NewService(db.Dispensings(), packs, now, dispensing.Options{
			Notify:     func(n dispensing.Notice) { hub.Notify(n); s.tell() },
			NotifyPour: func(n calibration.Notice) { hub.NotifyCheck(n); s.tell() },
		}),
		Records: db.Records(), Trail: db.Audit(), Codes: secret.Codes{}, Packs: packs,
	}
	return nil
}

// tell lets whoever waits for news look again.
func (s *server) tell() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// close ends the server in order.
func (s *server) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	s.api.CloseStreams()
	err := s.http.Shutdown(ctx)
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, s.store.Close())
}
