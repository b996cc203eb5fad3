package e2e

import (
	"context"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/station"
)

// crashRow is one row of the crash table beside the workflow's code.
type crashRow struct {
	points  []string // the second strikes during the recovery from the first
	process string
	state   dispensing.State
	pours   int
	patient string
}

// crashTable reads the table from the workflow's README, which is thereby held to what happens.
func crashTable(t *testing.T) (rows []crashRow) {
	t.Helper()
	text, err := os.ReadFile("../dispensing/README.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(text), "<!-- crash-table:")
	require.True(t, ok, errNoTable)
	for _, line := range strings.Split(table, "\n") {
		cells := strings.Split(line, " | ")
		if len(cells) != 5 || strings.Contains(line, "point | process") {
			continue
		}
		pours, err := strconv.Atoi(cells[3])
		require.NoError(t, err, line)
		rows = append(rows, crashRow{
			points:  strings.Split(strings.TrimPrefix(cells[0], "| "), ", "),
			process: cells[1], state: dispensing.State(cells[2]), pours: pours, patient: strings.TrimSuffix(cells[4], " |"),
		})
	}
	return rows
}

// Every point at which the counter can be killed is in the table.
func TestCrashTableIsComplete(t *testing.T) {
	named := map[string]bool{}
	for _, row := range crashTable(t) {
		for _, p := range row.points {
			named[p] = true
		}
	}
	for _, p := range station.CrashPoints {
		if !named[p] {
			t.Errorf("the crash table lacks %s", p)
		}
	}
}

// Each row: the process is killed for real at the point, started again, and the record is true.
func TestCrashTable(t *testing.T) {
	if testing.Short() {
		t.Skip("kills real processes")
	}
	slots := make(chan struct{}, 3) // two cores, and each row is four processes that mostly wait
	for _, row := range crashTable(t) {
		t.Run(strings.Join(row.points, " then "), func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			if row.process == "clinicd" {
				crashServer(t, row)
			} else {
				crashCounter(t, row)
			}
		})
	}
}

func crashCounter(t *testing.T, row crashRow) {
	r := newRig(t, 1, "", row.points[0])
	r.devicesReady()
	r.bench.Only().PlaceCup()
	key := r.begin(0)
	require.True(t, r.counter.died(30*time.Second), "the counter did not reach %s", row.points[0])
	for _, next := range row.points[1:] {
		r.startCounter(next)
		require.True(t, r.counter.died(30*time.Second), "the recovery did not reach %s", next)
	}
	r.startCounter("")
	r.reaches(key, row.state)
	r.stands(key, row)
}

func crashServer(t *testing.T, row crashRow) {
	point := row.points[0]
	r := newRig(t, 1, "", "")
	r.devicesReady()
	r.server.stop()
	r.startServer(point)
	r.bench.Only().PlaceCup()
	key := id.New[string]()
	died := make(chan bool, 1)
	go func() { died <- r.server.died(40 * time.Second) }()
	r.drive(key, point, died)
	r.stands(key, row)
}

// drive plays the nurse: begin, hand over, taken, until the server dies; then it starts the server again and asks once
// more what the nurse would ask, as far as the row's state needs it.
func (r *rig) drive(key, point string, died <-chan bool) {
	r.t.Helper()
	for {
		select {
		case ok := <-died:
			require.True(r.t, ok, "the server did not reach %s", point)
			r.startServer("")
			return
		default:
		}
		switch r.state(key) {
		case "none":
			r.tryBegin(key, 0)
		case dispensing.Measured:
			r.handOverOnce(key)
			r.takenOnce(key)
		default:
		}
	}
}

func (r *rig) stands(key string, row crashRow) {
	r.t.Helper()
	r.reaches(key, row.state)
	require.Equal(r.t, row.pours, r.runs(), "motion commands that reached the pump")
	other := id.New[string]()
	switch row.patient {
	case "free":
		r.freshCup()
		r.finish(r.beginAnew())
	case "blocked until handed over", "blocked until taken":
		require.Equal(r.t, http.StatusUnprocessableEntity, r.tryBegin(other, 0), "the patient is blocked")
		r.finish(key)
	case "blocked until resolved":
		require.Equal(r.t, http.StatusUnprocessableEntity, r.tryBegin(other, 0), "the patient is blocked")
	case "done for the day":
		require.Equal(r.t, http.StatusUnprocessableEntity, r.tryBegin(other, 0), "the patient had the dose")
	default:
		r.t.Fatalf("the table says %q of the patient", row.patient)
	}
	r.close()
}

// freshCup replaces the cup on the pan by an empty one.
func (r *rig) freshCup() {
	_, _ = r.bench.Only().LiftCup() // there may be none
	r.bench.Only().PlaceCup()
}

// beginAnew doses a patient who is free, as the nurse would: when the counter gives its word that it did not pour, for
// instance because a device was still coming back, she asks once more.
func (r *rig) beginAnew() (key string) {
	r.t.Helper()
	for range 3 {
		key = r.begin(0)
		r.eventually("the counter answers", func() bool {
			s := r.state(key)
			return s == dispensing.Measured || s == dispensing.Voided
		})
		if r.state(key) == dispensing.Measured {
			break
		}
	}
	return key
}

// finish sees a dispensing through to the swallow.
func (r *rig) finish(key string) {
	r.t.Helper()
	r.reaches(key, dispensing.Measured)
	r.handOver(key, 0)
	r.taken(key)
	r.reaches(key, dispensing.Administered)
}

func (r *rig) handOverOnce(key string) {
	_, _ = r.api.HandOverWithResponse(context.Background(), key, handOverBody(r.c.patients[0].Code)) // the loop looks at the state
}

func (r *rig) takenOnce(key string) {
	_, _ = r.api.TakenWithResponse(context.Background(), key) // the loop looks at the state
}
