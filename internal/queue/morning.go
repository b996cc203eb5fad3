package queue

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// Morning is a clinic's day as somebody sees it who has to do something about it in the next ten minutes. The page and the
// metrics are both made of it, so that they cannot disagree.
type Morning struct {
	Day        calendar.Day
	Start, Now calendar.Instant // of the clinic day; as of when
	Visits     []flow.Visit
	Windows    []flow.Window // what kept them from serving
	Figures    flow.Figures
	Usual      []flow.Quarter // of the days before
	Days       int            // how many days that are
	Pace       flow.Pace
	Coming     int          // due today and neither here nor dosed
	Arrivals   []flow.Group // of them, if the day goes on as usual
	Rules      Rules
	Missed     []flow.Miss
	Refusals   []Refusal
	Trouble    []Trouble
	Stations   []equipment.Station
}

// Trouble is a device that does not work, or of which nobody knows.
type Trouble struct {
	Station equipment.StationID
	Kind    equipment.DeviceKind
	State   equipment.DeviceState
	Since   calendar.Instant
	Detail  string
}

// Clear forecasts when everybody is served with so many windows: those who wait now, and those who are still to come.
func (m Morning) Clear(windows int) (waiting, all calendar.Instant, known bool) {
	p := m.Pace.With(windows)
	now, ok := p.Clear(m.Figures.Waiting, nil)
	later, all2 := p.Clear(m.Figures.Waiting, m.Arrivals)
	if !ok || !all2 {
		return 0, 0, false
	}
	return m.Now.Add(now), m.Now.Add(later), true
}

// Foreseen reports whether the days before say when those who are still to come usually do. Without any such day nobody
// knows when everybody will be served, though it is known for those who wait.
func (m Morning) Foreseen() bool { return m.Coming == 0 || len(m.Usual) > 0 }

// Closes returns when the windows close today, zero when the clinic did not say.
func (m Morning) Closes(zone *time.Location) calendar.Instant { return m.Rules.closesOn(m.Day, zone) }

func (r Rules) closesOn(d calendar.Day, zone *time.Location) calendar.Instant {
	if r.Closes == 0 {
		return 0
	}
	year, month, day := d.Midnight().Date()
	return calendar.At(time.Date(year, month, day, int(r.Closes/time.Hour), int(r.Closes%time.Hour/time.Minute), 0, 0, zone))
}

// Morning reads the day of a clinic as of now. Those who ask at once share one, which nobody changes.
func (s *Service) Morning(ctx context.Context, c clinic.ID) (Morning, error) {
	return s.mornings.get(ctx, c, func(ctx context.Context) (Morning, error) { return s.morning(ctx, c) })
}

func (s *Service) morning(ctx context.Context, c clinic.ID) (m Morning, err error) {
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return m, err
	}
	m.Now = s.instant()
	if m.Day, err = cl.Day(m.Now); err != nil {
		return m, err
	}
	if m.Start, err = start(cl, m.Day); err != nil {
		return m, err
	}
	past, err := s.history(ctx, cl)
	if err != nil {
		return m, err
	}
	if err := s.read(ctx, c, past, &m); err != nil {
		return m, err
	}
	m.Figures = flow.Day(m.Visits, m.Windows, m.Start, m.Now)
	m.Usual, m.Days = past.usual, past.days
	m.Pace = flow.PaceNow(m.Visits, past.pace.Cycle, m.Now)
	m.Arrivals = flow.Expect(m.Usual, m.Coming, m.Start, m.Now)
	m.Missed = m.Rules.Targets.Missed(m.Figures)
	return m, nil
}

// read fills in what the store knows of the day.
func (s *Service) read(ctx context.Context, c clinic.ID, p past, m *Morning) error {
	tickets, err := s.store.Tickets(ctx, c, m.Day)
	if err != nil {
		return err
	}
	doses, err := s.store.DoseClocks(ctx, c, m.Day)
	if err != nil {
		return err
	}
	blocks, err := s.store.Blocks(ctx, c, m.Day)
	if err != nil {
		return err
	}
	m.Visits = blocked(visits(tickets, doses), tickets, blocks)
	if m.Rules, err = s.store.Rules(ctx, c); err != nil {
		return err
	}
	if m.Refusals, err = s.store.Refusals(ctx, c, m.Day); err != nil {
		return err
	}
	coming, err := s.store.StillToCome(ctx, c, m.Day)
	if err != nil {
		return err
	}
	m.Coming = len(coming)
	changes, err := s.store.DeviceChanges(ctx, c, m.Start, m.Now)
	if err != nil {
		return err
	}
	stations, devices, err := s.store.Windows(ctx, c)
	if err != nil {
		return err
	}
	serving := expected(stations, m.Visits, p)
	m.Stations, m.Trouble = stations, trouble(stations, serving, devices, m.Start)
	m.Windows = windowsOf(serving, devices, changes, doses, m.Start)
	return nil
}

// Pace is how fast the windows work now.
func (s *Service) Pace(ctx context.Context, c clinic.ID) (flow.Pace, error) {
	p, _, err := s.pace(ctx, c)
	return p, err
}

func (s *Service) pace(ctx context.Context, c clinic.ID) (flow.Pace, []Ticket, error) {
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return flow.Pace{}, nil, err
	}
	past, err := s.history(ctx, cl)
	if err != nil {
		return flow.Pace{}, nil, err
	}
	tickets, err := s.store.Tickets(ctx, c, past.today)
	if err != nil {
		return flow.Pace{}, nil, err
	}
	return flow.PaceNow(visits(tickets, nil), past.pace.Cycle, s.instant()), tickets, nil
}

// Prospect is what a patient at the door wants to know.
type Prospect struct {
	Ahead        int // are called before
	Wait         time.Duration
	Known        bool // Wait is
	Closes       calendar.Instant
	AfterClosing bool // the windows close before this patient would be called
	Rooms        map[staff.Role]string
}

// Prospect says how long it will take until a ticket is called. Without a pace of today it reckons with that of the days
// before.
func (s *Service) Prospect(ctx context.Context, t Ticket) (Prospect, error) {
	p, tickets, err := s.pace(ctx, t.Clinic)
	if err != nil {
		return Prospect{}, err
	}
	cl, err := s.clinics.Clinic(ctx, t.Clinic)
	if err != nil {
		return Prospect{}, err
	}
	if !p.Known() {
		past, err := s.history(ctx, cl)
		if err != nil {
			return Prospect{}, err
		}
		p = past.pace
	}
	rules, err := s.store.Rules(ctx, t.Clinic)
	if err != nil {
		return Prospect{}, err
	}
	zone, err := time.LoadLocation(cl.Zone)
	if err != nil {
		return Prospect{}, err
	}
	out := Prospect{Closes: rules.closesOn(t.Day, zone), Rooms: rules.Rooms, Ahead: ahead(t, tickets)}
	out.Wait, out.Known = p.Wait(out.Ahead)
	out.AfterClosing = !out.Closes.IsZero() && s.instant().Add(out.Wait) > out.Closes
	return out, nil
}

// ahead counts who is called before a ticket that waits; none are before one that was called.
func ahead(t Ticket, tickets []Ticket) (n int) {
	waiting := slices.DeleteFunc(slices.Clone(tickets), func(w Ticket) bool { return w.State != Arrived })
	Order(waiting)
	return max(slices.IndexFunc(waiting, func(w Ticket) bool { return w.ID == t.ID }), 0)
}

// blocked puts what kept each patient from being served on their visit; visits and tickets are in one order.
func blocked(all []flow.Visit, tickets []Ticket, blocks []Block) []flow.Visit {
	byTicket := map[TicketID]*flow.Visit{}
	for i, t := range tickets {
		byTicket[t.ID] = &all[i]
	}
	for _, b := range blocks {
		v, ok := byTicket[b.Ticket]
		switch {
		case !ok:
		case b.Cause == flow.Held:
			v.Hold = append(v.Hold, b.Span)
		default:
			v.Order = append(v.Order, b.Span)
		}
	}
	return all
}

// needed reports whether a window cannot serve without this device.
func needed(st equipment.Station, k equipment.DeviceKind) bool {
	return k == equipment.Scale || (k == equipment.Pump && !st.Manual)
}

// trouble lists the devices that were heard of and do not work now: those of the windows that were to serve, and any
// that went away today. What has been switched off for days at a window that nobody opens is no news.
func trouble(stations, serving []equipment.Station, devices []equipment.Device, start calendar.Instant) []Trouble {
	var out []Trouble
	for _, st := range stations {
		opens := slices.ContainsFunc(serving, func(x equipment.Station) bool { return x.ID == st.ID })
		for _, d := range devices {
			news := !d.StateAt.IsZero() && (opens || d.StateAt >= start)
			if st.Active && d.Station == st.ID && d.State != equipment.Ready && news {
				out = append(out, Trouble{Station: st.ID, Kind: d.Kind, State: d.State, Since: d.StateAt, Detail: d.Detail})
			}
		}
	}
	return out
}

// expected lists the windows that were to serve: those that served somebody on the day, and those that did on the last day
// before and have not been taken out of service. A window that nobody means to open keeps nobody waiting.
func expected(stations []equipment.Station, all []flow.Visit, p past) []equipment.Station {
	served := map[string]bool{}
	for _, v := range all {
		if !v.Clock[flow.AtWindow].IsZero() {
			served[v.Window] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(stations), func(st equipment.Station) bool {
		return !served[string(st.ID)] && !(st.Active && p.served[string(st.ID)])
	})
}

// windowsOf lists what kept each window from serving.
func windowsOf(stations []equipment.Station, devices []equipment.Device, changes []DeviceChange, doses []DoseClock, start calendar.Instant) []flow.Window {
	out := make([]flow.Window, 0, len(stations))
	for _, st := range stations {
		w := flow.Window{Down: downs(st, devices, changes, start)}
		for _, d := range doses {
			if d.Station != st.ID {
				continue
			}
			if !d.Doubt.IsZero() {
				w.Exception = append(w.Exception, flow.Span{From: d.Doubt, To: d.Ended})
			}
			if !d.Odd.IsZero() && !d.Measured.IsZero() {
				w.Exception = append(w.Exception, flow.Span{From: d.Measured, To: d.Odd})
			}
		}
		out = append(out, w)
	}
	return out
}

// downs lists when a window lacked a device that it needs. A device of which nothing was heard since the day began is as
// it was before.
func downs(st equipment.Station, devices []equipment.Device, changes []DeviceChange, start calendar.Instant) []flow.Span {
	var out []flow.Span
	for _, d := range devices {
		if d.Station != st.ID || !needed(st, d.Kind) {
			continue
		}
		var since calendar.Instant
		heard := false
		for _, c := range changes {
			if c.Station != st.ID || c.Kind != d.Kind {
				continue
			}
			heard = true
			switch {
			case c.State != equipment.Ready && since.IsZero():
				since = c.At
			case c.State == equipment.Ready && !since.IsZero():
				out, since = append(out, flow.Span{From: since, To: c.At}), 0
			}
		}
		if !heard && d.State != equipment.Ready && !d.StateAt.IsZero() {
			since = max(start, d.StateAt)
		}
		if !since.IsZero() {
			out = append(out, flow.Span{From: since})
		}
	}
	return out
}

// start is where the quarter hours of a clinic day are counted from: the full quarter hour at or before its beginning.
func start(cl clinic.Clinic, d calendar.Day) (calendar.Instant, error) {
	cal, err := cl.Calendar(nil)
	if err != nil {
		return 0, err
	}
	from, _ := cal.Bounds(d)
	return from.Add(-(cl.CutOver % flow.QuarterHour)), nil
}

// past is what the days before today were like.
type past struct {
	today calendar.Day
	days  int
	usual []flow.Quarter
	pace  flow.Pace // the usual cycle, and the usual number of windows
	// served are the windows of the newest of those days.
	served map[string]bool
}

// pasts keeps it, per clinic, for a day: the days before do not change any more.
type pasts struct {
	mu sync.Mutex
	of map[clinic.ID]past
}

// Bounds of the days before.
const (
	lookBack = 21 // days
	mostDays = 7  // that had visits
)

func (s *Service) history(ctx context.Context, cl clinic.Clinic) (past, error) {
	today, err := cl.Day(s.instant())
	if err != nil {
		return past{}, err
	}
	s.past.mu.Lock()
	known, ok := s.past.of[cl.ID]
	s.past.mu.Unlock()
	if ok && known.today == today {
		return known, nil
	}
	tickets, err := s.store.TicketsBetween(ctx, cl.ID, today.AddDays(-lookBack), today.AddDays(-1))
	if err != nil {
		return past{}, err
	}
	p, err := pastOf(cl, today, tickets)
	if err != nil {
		return past{}, err
	}
	s.past.mu.Lock()
	defer s.past.mu.Unlock()
	if s.past.of == nil {
		s.past.of = map[clinic.ID]past{}
	}
	s.past.of[cl.ID] = p
	return p, nil
}

// pastOf adds up the newest days that had visits.
func pastOf(cl clinic.Clinic, today calendar.Day, tickets []Ticket) (past, error) {
	byDay := map[calendar.Day][]flow.Visit{}
	var days []calendar.Day // newest first
	for _, t := range slices.Backward(tickets) {
		if len(days) == 0 || days[len(days)-1] != t.Day {
			if len(days) == mostDays {
				break
			}
			days = append(days, t.Day)
		}
		byDay[t.Day] = append(byDay[t.Day], t.visit())
	}
	p := past{today: today, days: len(days)}
	var quarters [][]flow.Quarter
	var all []flow.Visit
	var windows []time.Duration // counts, for their median
	for _, d := range days {
		from, err := start(cl, d)
		if err != nil {
			return past{}, err
		}
		quarters = append(quarters, flow.Quarters(byDay[d], from, from.Add(24*time.Hour)))
		all = append(all, byDay[d]...)
		serving := map[string]bool{}
		for _, v := range byDay[d] {
			if !v.Clock[flow.AtWindow].IsZero() && v.Window != "" {
				serving[v.Window] = true
			}
		}
		windows = append(windows, time.Duration(len(serving)))
		if p.served == nil {
			p.served = serving
		}
	}
	p.usual = flow.Usual(quarters)
	p.pace.Cycle, _ = flow.Cycle(all)
	p.pace.Windows = int(flow.Quantile(windows, 50))
	return p, nil
}
