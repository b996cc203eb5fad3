package main

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/secret"
	"github.com/lieu-clinic/lieu/internal/staff"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func sqliteCLI(t *testing.T) *cli {
	t.Helper()
	c := &cli{Database: "sqlite://" + filepath.Join(t.TempDir(), "clinic", "lieu.db")}
	_, err := migrate(t.Context(), c.Database)
	require.NoError(t, err)
	return c
}

// The key is made once, readable by its owner alone, and belongs to its database for ever.
func TestTheKeyBelongsToTheDatabase(t *testing.T) {
	c := sqliteCLI(t)
	db, _, err := c.open(t.Context(), quiet())
	require.NoError(t, err)
	require.NoError(t, db.Close())
	path, _, err := c.keyPath()
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	db, _, err = c.open(t.Context(), quiet())
	require.NoError(t, err, "the same key again")
	require.NoError(t, db.Close())

	require.NoError(t, os.Remove(path))
	_, _, err = c.open(t.Context(), quiet())
	require.ErrorContains(t, err, "key is not the one")
}

func TestKeyFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) string {
		path := filepath.Join(dir, "key")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	_, err := loadMaster(filepath.Join(dir, "missing"), false)
	require.ErrorContains(t, err, "openssl rand")
	for _, text := range []string{"", "secret", hex.EncodeToString(make([]byte, secret.KeySize-1))} {
		_, err := loadMaster(write(text), true)
		require.Error(t, err, "%q", text)
	}
	_, err = loadMaster(write(hex.EncodeToString(make([]byte, secret.KeySize))+"\n"), false)
	require.NoError(t, err)
	_, _, err = (&cli{Database: "postgres://clinic/lieu"}).keyPath()
	require.ErrorContains(t, err, "--key-file")
}

func TestAdministration(t *testing.T) {
	c, ctx := sqliteCLI(t), t.Context()
	require.NoError(t, (&clinicAdd{Number: 7, Name: "Cơ sở 7", Province: "Hà Nội", Kind: "treatment_facility", Zone: "Asia/Ho_Chi_Minh", RulePack: "vn"}).Run(ctx, quiet(), c))
	require.ErrorContains(t, (&clinicAdd{Number: 8, Name: "Cơ sở 8", Province: "Hà Nội", Kind: "treatment_facility", Zone: "Asia/Ho_Chi_Minh", RulePack: "vn", Demo: true}).Run(ctx, quiet(), c), "clinic 7 is real")
	require.NoError(t, (&staffAdd{Clinic: 7, Username: "admin", Name: "Quản trị", Role: []string{string(staff.Administrator)}}).Run(ctx, quiet(), c))
	require.Error(t, (&staffAdd{Clinic: 9, Username: "x", Name: "X", Role: []string{"nurse"}}).Run(ctx, quiet(), c))
	require.NoError(t, (&staffReset{Username: "ADMIN"}).Run(ctx, quiet(), c))
	require.NoError(t, (&stationAdd{As: "admin", Name: "Cửa 1"}).Run(ctx, quiet(), c))
	require.NoError(t, verifyCommand{}.Run(ctx, quiet(), c))
}

// The server answers, shows its figures on a listener of their own, and ends within its time although a stream is open.
func TestServeAndStop(t *testing.T) {
	c := sqliteCLI(t)
	require.NoError(t, (&clinicAdd{Number: 7, Name: "Cơ sở 7", Province: "Hà Nội", Kind: "treatment_facility", Zone: "Asia/Ho_Chi_Minh", RulePack: "vn"}).Run(t.Context(), quiet(), c))
	serve := &serveCommand{Listen: freePort(t), MetricsListen: freePort(t)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	log := &listening{ready: make(chan struct{}, 2)}
	go func() { done <- serve.Run(ctx, slog.New(slog.NewTextHandler(log, nil)), c) }()
	for range 2 {
		select {
		case <-log.ready:
		case err := <-done:
			t.Fatal(err)
		}
	}
	require.Contains(t, body(t, "http://"+serve.Listen+"/readyz"), "ready")
	require.Contains(t, body(t, "http://"+serve.Listen+"/v1/openapi.yaml"), "openapi: 3.0.3")
	require.Contains(t, body(t, "http://"+serve.MetricsListen+"/metrics"), "lieu_http_request_seconds")
	cancel()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(15 * time.Second):
		t.Fatal("the server did not stop")
	}
	require.ErrorContains(t, (&serveCommand{Listen: freePort(t), Demo: true}).Run(t.Context(), quiet(), c), "is real")
}

// listening tells when a server says that it listens.
type listening struct{ ready chan struct{} }

func (l *listening) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "msg=listening") {
		l.ready <- struct{}{}
	}
	return len(p), nil
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

func body(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s", b)
	return string(b)
}
