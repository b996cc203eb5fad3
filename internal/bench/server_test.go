package bench

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
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
	"github.com/lieu-clinic/lieu/internal/web"
)

// hashers cost next to nothing: signing in is not what is measured.
func hashers() staff.Hashers {
	gate := secret.NewGate(secret.DefaultGate)
	cheap := secret.Cost{MemoryKiB: 1 << 10, Iterations: 1}
	return staff.Hashers{Password: secret.NewPasswords(gate, cheap), PIN: secret.NewPINs(gate, cheap, bytes.Repeat([]byte{1}, secret.KeySize))}
}

// packs reads a shipped rule pack once, as the server does.
func packs(b *testing.B) dispensing.Packs {
	b.Helper()
	vn, err := rulepack.Load("vn")
	check(b, err)
	return func(name string, version int) (dosing.Pack, error) {
		if name != vn.Name || version != vn.Version {
			return dosing.Pack{}, fault.New(fault.NotFound, "rulepack.unknown", "rule pack %s %d", name, version)
		}
		return vn, nil
	}
}

// httpServer is the program's server on a socket of its own, without its process.
type httpServer struct {
	w       *world
	address string
}

func (w *world) serve(b *testing.B) *httpServer {
	b.Helper()
	key := bytes.Repeat([]byte{7}, secret.KeySize)
	sealer, err := secret.NewSealer(key, secret.Key{ID: 1, Bytes: key})
	check(b, err)
	hub := httpapi.NewHub(time.Now)
	find := packs(b)
	clinics := clinic.NewService(w.store.Clinics(), time.Now)
	api, err := httpapi.New(httpapi.Services{
		Clinics:       clinics,
		Staff:         staff.NewService(w.store.Staff(), clinics, hashers(), time.Now),
		Patients:      patient.NewService(w.store.Patients(), clinics, sealer, time.Now),
		Prescriptions: prescription.NewService(w.store.Prescriptions(), clinics, nil, time.Now),
		Queue:         queue.NewService(w.store.Queue(), clinics, time.Now, hub.NotifyTicket),
		Equipment:     equipment.NewService(w.store.Equipment(), clinics, secret.Codes{}, time.Now),
		Stock:         stock.NewService(w.store.Stock(), clinics, time.Now),
		Calibration:   calibration.NewService(w.store.Calibration(), clinics, time.Now, calibration.Options{Notify: hub.NotifyCheck}),
		Dispensing:    dispensing.NewService(w.store.Dispensings(), find, time.Now, dispensing.Options{Notify: hub.Notify, Lease: time.Hour}),
		Records:       w.store.Records(),
		Trail:         w.store.Audit(),
		Codes:         secret.Codes{},
		Packs:         find,
	}, httpapi.Config{
		// Lines are made and thrown away: writing them is the service manager's work.
		Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), Now: time.Now, Sessions: w.store.Sessions(time.Now),
		Key: ed25519.NewKeyFromSeed(key), Hub: hub,
	})
	check(b, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(b, err)
	srv := &http.Server{Handler: web.New(api.Handler(), web.Options{IdleLock: -1}), ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(listener) }()
	b.Cleanup(func() {
		api.CloseStreams()
		check(b, srv.Shutdown(context.WithoutCancel(b.Context())))
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			b.Error(err)
		}
	})
	return &httpServer{w: w, address: listener.Addr().String()}
}

// signIn opens a session of each nurse and returns their cookies.
func (s *httpServer) signIn(b *testing.B, nurses []nurse) []string {
	b.Helper()
	out := make([]string, len(nurses))
	for i, n := range nurses {
		wire := s.wires(b, 1)[0]
		header, err := wire.ask(request("/v1/session", "", "", fmt.Appendf(nil, `{"username":%q,"password":%q}`, n.username, password)), http.StatusOK)
		check(b, err)
		cookie, _, found := strings.Cut(header.Get("Set-Cookie"), ";")
		if !found {
			b.Fatalf("no cookie: %v", header)
		}
		out[i] = cookie
	}
	return out
}
