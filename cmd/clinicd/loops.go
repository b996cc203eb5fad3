package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/httpapi"
	"github.com/lieu-clinic/lieu/internal/metrics"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Periods of the background loops. None is on the way of a dose: the end of a lease frees nobody, and figures are for
// looking at.
const (
	leasesEvery   = 2 * time.Second
	figuresEvery  = 15 * time.Second
	sessionsEvery = 10 * time.Minute
	countersEvery = 2 * time.Minute
)

// loops is what the server does by itself.
type loops struct {
	log      *slog.Logger
	now      func() time.Time
	services httpapi.Services
	db       *store.Store
	api      *httpapi.Server
	figures  *metrics.Server
	visits   map[clinic.ID]calendar.Instant // counted up to here
}

func newLoops(log *slog.Logger, now func() time.Time, sv httpapi.Services, db *store.Store, api *httpapi.Server, figures *metrics.Server) *loops {
	return &loops{log: log, now: now, services: sv, db: db, api: api, figures: figures, visits: map[clinic.ID]calendar.Instant{}}
}

// start runs the loops until the context ends; the channel is closed when all have ended.
func (l *loops) start(ctx context.Context) <-chan struct{} {
	var wg sync.WaitGroup
	for _, loop := range []struct {
		name  string
		every time.Duration
		work  func(context.Context) error
	}{{"leases", leasesEvery, l.holdExpired}, {"figures", figuresEvery, l.show}, {"sessions", sessionsEvery, l.sweepSessions}, {"counters", countersEvery, l.watchCounters}} {
		wg.Go(func() { l.run(ctx, loop.name, loop.every, loop.work) })
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	return done
}

// run does the work now and then. A failure is logged and the next turn tries again.
func (l *loops) run(ctx context.Context, name string, every time.Duration, work func(context.Context) error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		switch err := work(ctx); {
		case err == nil:
			l.figures.LoopDone(name, l.now())
		case ctx.Err() == nil:
			l.log.Error("loop", "loop", name, "cause", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (l *loops) holdExpired(ctx context.Context) error {
	return l.eachClinic(ctx, func(c clinic.Clinic) error {
		return errors.Join(l.services.Dispensing.HoldExpired(ctx, c.ID), l.services.Calibration.HoldExpired(ctx, c.ID))
	})
}

// watchCounters gives an alarm for every counter session that is open after its day.
func (l *loops) watchCounters(ctx context.Context) error {
	return l.eachClinic(ctx, func(c clinic.Clinic) error {
		n, err := l.services.Stock.WatchSessions(ctx, c.ID)
		if n > 0 {
			l.log.Warn("counter sessions are open after their day", "clinic", c.Number, "sessions", n)
		}
		return err
	})
}

func (l *loops) sweepSessions(ctx context.Context) error {
	_, err := l.db.Sessions(l.now).Sweep(ctx)
	return err
}

// eachClinic goes on after the failure of one clinic.
func (l *loops) eachClinic(ctx context.Context, do func(clinic.Clinic) error) error {
	all, err := l.services.Clinics.Clinics(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range all {
		errs = append(errs, do(c))
	}
	return errors.Join(errs...)
}

func (l *loops) show(ctx context.Context) error {
	live := map[string]httpapi.Window{}
	for _, w := range l.api.Windows() {
		live[string(w.Station)] = w
	}
	var seen []metrics.Clinic
	err := l.eachClinic(ctx, func(c clinic.Clinic) error {
		m, err := l.figuresOf(ctx, c, live)
		if err == nil {
			seen = append(seen, m)
		}
		return err
	})
	l.figures.Show(seen)
	return err
}

func (l *loops) figuresOf(ctx context.Context, c clinic.Clinic, live map[string]httpapi.Window) (m metrics.Clinic, err error) {
	m = metrics.Clinic{Number: c.Number, Open: map[dispensing.State]int{}}
	if m.Morning, err = l.services.Queue.Morning(ctx, c.ID); err != nil {
		return m, err
	}
	m.Waiting = m.Morning.Figures.Waiting
	l.countVisits(c, m.Morning)
	balances, err := l.services.Stock.LotBalances(ctx, c.ID)
	if err != nil {
		return m, err
	}
	m.Accounts = sum(balances)
	open, err := l.services.Dispensing.List(ctx, dispensing.Filter{Clinic: c.ID, States: openStates(), Limit: 500})
	if err != nil {
		return m, err
	}
	for _, d := range open {
		m.Open[d.State]++
	}
	m.Windows, err = l.windowsOf(ctx, c, live)
	return m, err
}

// windowsOf shows the windows in service: whether each is heard of, and what its check and its control chart say.
func (l *loops) windowsOf(ctx context.Context, c clinic.Clinic, live map[string]httpapi.Window) ([]metrics.Window, error) {
	now := calendar.At(l.now())
	day, err := c.Day(now)
	if err != nil {
		return nil, err
	}
	windows, err := l.services.Equipment.Stations(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	standings, err := l.services.Calibration.Standings(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	drifts, err := l.services.Calibration.Drifts(ctx, c.ID)
	out := make([]metrics.Window, 0, len(windows))
	for _, w := range windows {
		if !w.Active {
			continue
		}
		seen, known := live[string(w.ID)]
		m := metrics.Window{ID: string(w.ID), Known: known, Up: seen.Up, Lag: seen.QueueDepth, LagAge: seen.QueueAge}
		if k := standings[w.ID]; k.State != calibration.NoCheck {
			m.Check, m.CheckAge = k.State == calibration.Passed && k.Day == day, now.Sub(k.Since)
		}
		for _, d := range drifts {
			if d.Station == w.ID && d.Level.Abs() > m.Drift.Abs() {
				m.Drift = d.Level
			}
		}
		out = append(out, m)
	}
	return out, err
}

// countVisits counts the visits that ended since the last look. Visits from before the start are not counted again.
func (l *loops) countVisits(c clinic.Clinic, m queue.Morning) {
	mark, known := l.visits[c.ID]
	if !known {
		mark = m.Now
	}
	newest := mark
	for _, v := range m.Visits {
		if ended := v.Clock[flow.Left]; ended > mark {
			l.figures.Visit(c.Number, v, flow.Split(v, m.Windows, m.Now))
			newest = max(newest, ended)
		}
	}
	l.visits[c.ID] = newest
}

func sum(balances map[stock.LotID]stock.Balance) map[stock.Account]measure.Volume {
	out := make(map[stock.Account]measure.Volume, len(stock.Accounts))
	for _, b := range balances {
		for account, v := range b {
			out[account] += v
		}
	}
	return out
}

func openStates() []dispensing.State {
	var open []dispensing.State
	for _, s := range dispensing.States {
		if s.Open() {
			open = append(open, s)
		}
	}
	return open
}
