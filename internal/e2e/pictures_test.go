package e2e

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/internal/web/browsertest"
)

// TestPictures takes the pictures of the documents, from real processes with fictional people, into the folder that
// SHOTS names.
func TestPictures(t *testing.T) {
	if os.Getenv("SHOTS") == "" {
		t.Skip("SHOTS names no folder")
	}
	r := seeded(t, func(st *store.Store) *smallClinic {
		return lived(t, st, 7, len(fictional), func(patient, day int) bool { return (patient+2*day)%9 != 6 })
	})
	r.startServer("")
	r.signIn()
	r.install(0.6) // slow enough for a picture of a pour
	r.startCounter("")
	d := r.desk(browsertest.Start(t))
	d.signIn(r.c.nurse)

	d.Open("/check-in")
	for i, p := range r.c.patients[:6] {
		d.checkIn(p, i+1)
	}
	d.Until(`document.querySelectorAll('#lists .ticket').length === 6`)
	d.Shot("door")

	d.window()
	first, second := r.c.patients[0], r.c.patients[1]
	d.cup()
	d.scan(first)
	d.stage("patient")
	d.Until(`document.querySelector('[data-device=scale] .age').textContent === 'ổn định'`)
	d.Shot("window-ready")
	d.enter()
	d.Until(`document.querySelector('[data-pour] progress')?.value > 1500`)
	d.Shot("window-pouring")
	d.stage("bind")
	d.Until(`document.querySelector('.queue .called')`)
	d.Shot("window-handover")
	d.handOver(first)
	d.enter()
	d.verdict("XONG")
	d.Shot("window-done")

	r.counter.kill()
	r.startCounter("after-run")
	d.window()
	d.pour(second)
	require.True(t, r.counter.died(30*time.Second))
	r.startCounter("")
	d.verdict("CHƯA RÕ")
	r.counterUp()
	d.Shot("window-doubt")
	d.exception("\r")
	d.Shot("window-resolve")

	d = r.desk(browsertest.Start(t))
	d.signIn(r.c.pharmacist)
	d.Open("/stock")
	d.Shot("stock")
	d.Open("/register")
	d.Shot("register")
}
