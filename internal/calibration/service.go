package calibration

import (
	"context"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
)

// Clinics gives the service what it needs of a clinic; *clinic.Service is one.
type Clinics interface {
	Clinic(ctx context.Context, c clinic.ID) (clinic.Clinic, error)
}

// Notice tells the rest of the server, after a commit, that something changed.
type Notice struct {
	Clinic  clinic.ID
	Station equipment.StationID
	Check   CheckID
	Pour    PourID
	State   State   // of the pour, "" when the notice is about the check
	Result  *Result // of the check that was just judged, nil otherwise
}

// Options tune a Service; the zero value works.
type Options struct {
	Lease time.Duration // how long an order may wait at the counter; zero: 45 s
	// Notify is called after each commit; nil for nobody. It must not block.
	Notify func(Notice)
}

// Service keeps the checks. It is safe for concurrent use.
type Service struct {
	store   Store
	clinics Clinics
	now     func() time.Time
	lease   time.Duration
	tell    func(Notice)
}

// NewService returns a ready Service.
func NewService(store Store, clinics Clinics, now func() time.Time, o Options) *Service {
	s := &Service{store: store, clinics: clinics, now: now, lease: o.Lease, tell: o.Notify}
	if s.lease == 0 {
		s.lease = 45 * time.Second
	}
	if s.tell == nil {
		s.tell = func(Notice) {}
	}
	return s
}

func (s *Service) instant() calendar.Instant { return calendar.At(s.now()) }

func (s *Service) today(ctx context.Context, c clinic.ID) (calendar.Day, error) {
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return 0, err
	}
	return cl.Day(s.instant())
}

// Check reads one.
func (s *Service) Check(ctx context.Context, c clinic.ID, id CheckID) (Check, error) {
	return s.store.Check(ctx, c, id)
}

// Checks lists checks, newest first.
func (s *Service) Checks(ctx context.Context, f Filter) ([]Check, error) {
	return s.store.Checks(ctx, f)
}

// Pour reads one.
func (s *Service) Pour(ctx context.Context, c clinic.ID, id PourID) (Pour, error) {
	return s.store.Pour(ctx, c, id)
}

// Primes lists the primes outside of checks, newest first.
func (s *Service) Primes(ctx context.Context, f Filter) ([]Pour, error) {
	return s.store.Primes(ctx, f)
}

// OpenPours lists the pours that have not ended.
func (s *Service) OpenPours(ctx context.Context, c clinic.ID, st equipment.StationID) ([]Pour, error) {
	return s.store.OpenPours(ctx, c, st)
}

// Standings returns what counts at each station now.
func (s *Service) Standings(ctx context.Context, c clinic.ID) (map[equipment.StationID]Standing, error) {
	return s.store.Standings(ctx, c)
}

// Drifts lists the control charts as they stand.
func (s *Service) Drifts(ctx context.Context, c clinic.ID) ([]Drift, error) {
	return s.store.Drifts(ctx, c)
}

// Recalibrations lists what was done to a station's pumps, newest first.
func (s *Service) Recalibrations(ctx context.Context, f Filter) ([]Recalibration, error) {
	return s.store.Recalibrations(ctx, f)
}

// Chart is the control chart of one station and lot.
type Chart struct {
	Doses  []Weighed // oldest first
	Points []drift.Point
	Limits drift.Limits
	// Known tells limits from none: too few doses say nothing.
	Known bool
	// Began is the index of the first dose of the chart as it stands; the doses before belong to a chart before.
	Began int
	Drift Drift
}

// maxChart is how many doses a chart shows.
const maxChart = 300

// Chart computes the control chart from the doses on record.
func (s *Service) Chart(ctx context.Context, c clinic.ID, st equipment.StationID, lot stock.LotID) (Chart, error) {
	doses, err := s.store.Weighed(ctx, c, st, lot, maxChart)
	if err != nil {
		return Chart{}, err
	}
	drifts, err := s.store.Drifts(ctx, c)
	if err != nil {
		return Chart{}, err
	}
	out := Chart{Doses: make([]Weighed, len(doses))}
	for i, d := range doses {
		out.Doses[len(doses)-1-i] = d
	}
	for _, d := range drifts {
		if d.Station == st && d.Lot == lot {
			out.Drift = d
		}
	}
	out.follow()
	return out, nil
}

// follow draws the running mean. A chart that shows all of its doses begins at zero; one whose beginning is out of sight
// begins so that it ends where it stands: the mean forgets, so its beginning does not show for long.
func (c *Chart) follow() {
	samples := make([]drift.Sample, len(c.Doses))
	for i, d := range c.Doses {
		samples[i] = d.Sample
		if d.Event <= c.Drift.FromEvent {
			c.Began = i + 1
		}
	}
	before := drift.Follow(drift.Chart{}, samples[:c.Began])
	c.Points = append(before, drift.Follow(drift.Chart{}, samples[c.Began:])...)
	c.Limits, c.Known = drift.Individuals(c.Points[c.Began:])
}

// Limits returns what a check of the clinic asks for: its own limits, or the product's.
func (s *Service) Limits(ctx context.Context, c clinic.ID) (SetLimits, error) {
	l, err := s.store.Limits(ctx, c)
	if fault.Is(err, fault.NotFound) {
		return SetLimits{Limits: DefaultLimits()}, nil
	}
	return l, err
}

// SetLimits signs the clinic's own limits; the caller has checked the PIN. They count from the next check on.
func (s *Service) SetLimits(ctx context.Context, c clinic.ID, by staff.Member, l Limits) (set SetLimits, err error) {
	if err := by.Require(c, staff.SetCheckLimits); err != nil {
		return SetLimits{}, err
	}
	if err := l.Validate(); err != nil {
		return SetLimits{}, err
	}
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		last, err := tx.FindLimits(ctx)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		now := s.instant()
		set = SetLimits{Limits: l, Seq: last.Seq + 1, By: by.ID, Recorded: now}
		if err := tx.InsertLimits(ctx, set); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(now, "check.limits", string(c), map[string]any{"old": last.Limits, "new": l, "version": set.Seq}))
	})
	return set, err
}
