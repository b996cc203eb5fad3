package store

import (
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// pourSweep is a step of a prime or shot beside the state that its steps should add up to, and what its moves add up to.
// Seq is 0 where there is none.
type pourSweep struct {
	ID                                string
	VolumeUl, Purged, Reserved, Doubt measure.Volume
	LastState                         ref
	Open                              *flag
	Steps                             *int
	BookedUl                          *measure.Volume
	Seq                               int
	Kind                              calibration.PourStep
	FromState, ToState                calibration.State
}

var pourSweepSQL = fmt.Sprintf(`SELECT p.id, p.volume_ul, %s AS purged, %s AS reserved, %s AS doubt, s.state AS last_state, s.open, s.steps,
	s.booked_ul, coalesce(t.seq, 0) AS seq, coalesce(t.kind, '') AS kind, coalesce(t.from_state, '') AS from_state,
	coalesce(t.to_state, '') AS to_state
FROM check_pour p
LEFT JOIN check_pour_state s ON s.pour = p.id
LEFT JOIN check_pour_step t ON t.pour = p.id
ORDER BY p.id, t.seq`, netOf(stock.Purge), netOf(stock.Reserved), netOf(stock.InDoubt))

// netOf is what the moves of a pour left on an account.
func netOf(a stock.Account) string {
	return fmt.Sprintf(`(SELECT CAST(coalesce(sum(CASE WHEN m.to_account = '%[1]s' THEN m.amount_ul WHEN m.from_account = '%[1]s'
		THEN -m.amount_ul ELSE 0 END), 0) AS bigint) FROM move m WHERE m.cause = CAST(p.id AS text))`, a)
}

// pourReplay follows the steps of one prime or shot.
type pourReplay struct {
	last  pourSweep
	state calibration.State
	steps int
}

func verifyPours(db *gorm.DB, report func(Finding)) error {
	var r pourReplay
	err := sweepRows(db, pourSweepSQL, func(x pourSweep) error {
		if x.ID != r.last.ID {
			r.end(report)
			r = pourReplay{}
		}
		r.last = x
		r.step(x, report)
		return nil
	})
	if err == nil {
		r.end(report)
	}
	return err
}

func (r *pourReplay) step(x pourSweep, report func(Finding)) {
	if x.Seq == 0 {
		return
	}
	if to, ok := x.FromState.Next(x.Kind); x.Seq != r.steps+1 || x.FromState != r.state || !ok || to != x.ToState {
		report(Finding{"check_pour_step", fmt.Sprintf("%s/%d", x.ID, x.Seq), fmt.Sprintf(
			"is %s from %q to %q, after step %d that led to %q", x.Kind, x.FromState, x.ToState, r.steps, r.state)})
	}
	r.steps, r.state = x.Seq, x.ToState
}

func (r *pourReplay) end(report func(Finding)) {
	x := r.last
	switch {
	case x.ID == "":
	case x.Steps == nil || r.steps == 0:
		report(Finding{"check_pour", x.ID, "has no state or no steps"})
	case calibration.State(x.LastState) != r.state || *x.Steps != r.steps || bool(*x.Open) != r.state.Open():
		report(Finding{"check_pour_state", x.ID, fmt.Sprintf("is %s after %d steps, the steps add up to %s after %d",
			x.LastState, *x.Steps, r.state, r.steps)})
	default:
		r.moves(x, report)
	}
}

// moves holds what the ledger says of a pour against where it stands.
func (r *pourReplay) moves(x pourSweep, report func(Finding)) {
	var reserved, doubt measure.Volume
	switch r.state {
	case calibration.Reserved, calibration.Pouring, calibration.Held:
		reserved = x.VolumeUl
	case calibration.InDoubt:
		doubt = x.VolumeUl - *x.BookedUl
	case calibration.Measured, calibration.Settled, calibration.Voided:
	}
	if x.Purged != *x.BookedUl || x.Reserved != reserved || x.Doubt != doubt {
		report(Finding{"check_pour", x.ID, fmt.Sprintf("is %s with %d µL booked, its moves leave %d purged, %d reserved, %d in doubt",
			r.state, int64(*x.BookedUl), int64(x.Purged), int64(x.Reserved), int64(x.Doubt))})
	}
}

// checksAtOnce is how many checks are judged again from one read.
const checksAtOnce = 100

// verifyChecks judges every check again from its weighings and shots.
func verifyChecks(db *gorm.DB, report func(Finding)) error {
	last := ""
	for {
		rows, err := list[checkRow](db.Where("CAST(id AS text) > ?", last).Order("CAST(id AS text)").Limit(checksAtOnce))
		if err != nil || len(rows) == 0 {
			return err
		}
		last = string(rows[len(rows)-1].ID)
		checks, err := wholeChecks(db.Session(&gorm.Session{NewDB: true}), rows)
		if err != nil {
			return err
		}
		for _, c := range checks {
			if c.Result != nil {
				judgedAgain(c, report)
			}
		}
	}
}

func judgedAgain(c calibration.Check, report func(Finding)) {
	again := calibration.Judge(c)
	have, err := json.Marshal(c.Result.Figures)
	want, err2 := json.Marshal(again)
	switch {
	case err != nil || err2 != nil || string(have) != string(want):
		report(Finding{"check_result", string(c.ID), "its figures are not those of its weighings and shots"})
	case c.Result.Passed != again.Passed():
		report(Finding{"check_result", string(c.ID), "was not judged by its figures"})
	}
}

// driftSweep is one dose of a control chart, beside the chart that all of them should add up to. Event is 0 where there is
// none.
type driftSweep struct {
	Row         driftRow `gorm:"embedded"`
	Event       int64
	DensityUgMl measure.Density
	Data        string
}

var driftSweepSQL = "SELECT " + columns("g", driftRow{}) + `, coalesce(x.event, 0) AS event, coalesce(x.density_ug_ml, 0) AS density_ug_ml,
	coalesce(x.data, '') AS data
FROM drift_standing g
LEFT JOIN (SELECT d.station, d.lot, t.event, d.density_ug_ml, t.data FROM dispensing d
	JOIN dispensing_step t ON t.dispensing = d.id AND t.kind = 'measured' AND t.actor_kind = 'station') x
	ON x.station = g.station AND x.lot = g.lot AND x.event > g.from_event
ORDER BY g.station, g.lot, x.event`

// verifyDrift follows each control chart from its beginning.
func verifyDrift(db *gorm.DB, report func(Finding)) error {
	var last driftSweep
	var chart drift.Chart
	end := func() {
		if kept := (drift.Chart{N: last.Row.Samples, Level: last.Row.LevelPpm, Peak: last.Row.PeakPpm}); kept != chart {
			report(Finding{"drift_standing", string(last.Row.Station) + "/" + string(last.Row.Lot),
				fmt.Sprintf("stands at %+v, its doses add up to %+v", kept, chart)})
		}
	}
	err := sweepRows(db, driftSweepSQL, func(x driftSweep) error {
		if x.Row.Station != last.Row.Station || x.Row.Lot != last.Row.Lot {
			end()
			chart = drift.Chart{}
		}
		last = x
		var o stationlog.Outcome
		if x.Event == 0 || json.Unmarshal([]byte(x.Data), &o) != nil || o.Manual || !o.PumpKnown || !o.WeightKnown || o.Pump <= 0 {
			return nil
		}
		if scale, err := x.DensityUgMl.Volume(o.GrossAfter - o.GrossBefore); err == nil {
			chart = chart.Add(o.Pump, scale)
		}
		return nil
	})
	if err == nil {
		end()
	}
	return err
}
