package replay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/rush"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Config is what a replay needs to know.
type Config struct {
	rush.Setting
	// History is how many days the clinic remembers from before.
	History int
	// Now is the time on the wall.
	Now func() time.Time
	// Dir is where the database is made, and removed again; "" for the system's place for such things.
	Dir string
	// Progress is called with what is being done, and how far it is; nil for nobody.
	Progress func(what string, done, of int)
}

// Bounds of a Config beyond those of its Setting.
const (
	maxPatients = 1000 // a bottle at one window lasts so long
	maxHistory  = 14
)

// Validate says what is absurd.
func (c Config) Validate() error {
	if err := c.Setting.Validate(); err != nil {
		return err
	}
	switch {
	case c.Patients > maxPatients:
		return fmt.Errorf("%d patients are too many to replay: at most %d; the model alone takes more", c.Patients, maxPatients)
	case c.History < 0 || c.History > maxHistory:
		return fmt.Errorf("%d days before: 0 to %d", c.History, maxHistory)
	}
	return nil
}

// Errors of a forecast or an estimate: how far it was from the truth, later being positive.
type Errors struct {
	N        int
	Mean     time.Duration // signed
	Absolute time.Duration // mean of the absolute ones
	Worst    time.Duration // the one farthest off, signed
}

// Report is what a replay found.
type Report struct {
	rush.Snapshot               // as it was when everybody had gone
	Cleared       time.Duration // when that was, since the opening
	Visits        []rush.Visit
	// Model is what the same plan came to in memory, and Same that it was the same for every patient.
	Model rush.Snapshot
	Same  bool
	// Looks is how often the page was read, and Differs what it showed otherwise than the log had it.
	Looks   int
	Differs []string
	// Everybody is the error of the forecast of when everybody who is due is served, Waiting of when those who wait are, and
	// Door of the wait that each patient was told at the door. Unknown is at how many looks there was somebody to come or to
	// serve, and no forecast.
	Everybody, Waiting, Door Errors
	Unknown                  int
	// Recorded is the liquid of all doses as the record has it, InCups what was truly in the cups, and Farthest the largest
	// difference in one cup.
	Recorded, InCups, Farthest measure.Volume
	Requests                   time.Duration // how long the morning itself took, on the wall
}

// Run replays one morning. It leaves nothing behind, however it ends.
func Run(ctx context.Context, c Config) (r Report, err error) {
	if err := c.Validate(); err != nil {
		return r, err
	}
	if c.Progress == nil {
		c.Progress = func(string, int, int) {}
	}
	plan := c.Plan(0)
	expected, err := plan.Run(ctx, rush.NewLine(plan))
	if err != nil {
		return r, err
	}
	if last := rush.Cleared(expected); last > closed {
		return r, fmt.Errorf("the last patient would leave %s after the opening, when the clinic day is over: fewer patients, more windows or a shorter service",
			last.Round(time.Minute))
	}
	dir, err := os.MkdirTemp(c.Dir, "lieu-replay-")
	if err != nil {
		return r, fmt.Errorf("folder of the replay: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f, err := c.prepare(ctx, dir, plan)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.close(ctx)) }()
	began := c.Now()
	visits, err := plan.Run(ctx, f)
	if err != nil {
		return r, err
	}
	r = f.report(visits)
	r.Requests = c.Now().Sub(began)
	if err := f.verify(ctx); err != nil {
		return r, err
	}
	r.Model, r.Same = rush.Snap(expected, rush.Cleared(expected)), slices.Equal(visits, expected)
	return r, nil
}

// prepare makes the clinic, its past and the morning before its opening. The day lies ahead of the clock on the wall: the
// server bounds how long a request may take by its own clock, and one that is behind would have every request late.
func (c Config) prepare(ctx context.Context, dir string, plan rush.Plan) (f *floor, err error) {
	today, err := calendar.New(zone, cutOver, nil)
	if err != nil {
		return nil, err
	}
	day := today.Day(calendar.At(c.Now())).AddDays(c.History + 3)
	founded, err := openingOf(day.AddDays(-c.History - 1))
	if err != nil {
		return nil, err
	}
	k := &clock{at: founded}
	s, err := serve(ctx, dir, k.now, c.Now)
	if err != nil {
		return nil, err
	}
	p := &place{server: s, clock: k, team: map[staff.Role]staff.Member{}, byID: map[patient.ID]int{}, day: day}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close(ctx))
		}
	}()
	if err := p.found(ctx); err != nil {
		return nil, err
	}
	if err := c.fill(ctx, p, plan); err != nil {
		return nil, err
	}
	return newFloor(ctx, p, plan, func(done int) { c.Progress("patients served", done, c.Patients) })
}

func (c Config) fill(ctx context.Context, p *place, plan rush.Plan) error {
	c.Progress("files and windows", 0, 1)
	if err := p.decide(ctx, c.Setting); err != nil {
		return err
	}
	if err := p.admit(ctx, c.Patients); err != nil {
		return err
	}
	if err := p.furnish(ctx, c.Windows); err != nil {
		return err
	}
	if err := p.book(ctx, plan); err != nil { // while the slots have the size that was decided
		return err
	}
	for d := c.History; d > 0; d-- {
		c.Progress("days before", c.History-d, c.History)
		if err := p.remember(ctx, c.Setting, d); err != nil {
			return err
		}
	}
	c.Progress("orders and checks", 0, 1)
	p.clock.set(p.opening.Add(-150 * time.Minute))
	if err := p.prescribe(ctx); err != nil {
		return err
	}
	return p.check(ctx)
}

// report adds up what was seen.
func (f *floor) report(visits []rush.Visit) Report {
	r := Report{Visits: visits, Looks: len(f.looks), Cleared: rush.Cleared(visits)}
	r.Snapshot = rush.Snap(visits, r.Cleared)
	var everybody, waiting, door []time.Duration
	for _, l := range f.looks {
		for _, d := range l.differs {
			r.Differs = append(r.Differs, fmt.Sprintf("%s after the opening: %s", l.at, d))
		}
		if l.page.Waiting+l.page.Coming == 0 {
			continue
		}
		w, all, known := l.forecast(f.opening)
		if !known {
			r.Unknown++
			continue
		}
		if all > 0 {
			everybody = append(everybody, all-r.Cleared)
		}
		if len(l.waiting) == 0 {
			continue
		}
		var last time.Duration
		for _, who := range l.waiting {
			last = max(last, visits[who].At[rush.Left])
		}
		waiting = append(waiting, w-last)
	}
	for i, e := range f.estimates {
		if e != nil {
			door = append(door, time.Duration(*e)*time.Second-visits[i].Queued())
		}
	}
	for i, v := range f.recorded {
		r.Recorded, r.InCups, r.Farthest = r.Recorded+v, r.InCups+f.cups[i], max(r.Farthest, (v-f.cups[i]).Abs())
	}
	r.Everybody, r.Waiting, r.Door = errorsOf(everybody), errorsOf(waiting), errorsOf(door)
	return r
}

// verify lets the record check itself.
func (f *floor) verify(ctx context.Context) error {
	var found []error
	err := f.store.Verify(ctx, func(x store.Finding) { found = append(found, errors.New(x.String())) })
	return errors.Join(append(found, err)...)
}

func errorsOf(ds []time.Duration) (e Errors) {
	var sum, absolute time.Duration
	for _, d := range ds {
		sum, absolute = sum+d, absolute+d.Abs()
		if d.Abs() > e.Worst.Abs() {
			e.Worst = d
		}
	}
	if e.N = len(ds); e.N > 0 {
		e.Mean, e.Absolute = mean(sum, e.N), mean(absolute, e.N)
	}
	return e
}

func mean(sum time.Duration, n int) time.Duration {
	return time.Duration(math.Round(sum.Seconds()/float64(n))) * time.Second
}
