package httpapi

import (
	"context"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/staff"
)

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func spreadOut(s flow.Spread) gen.Spread {
	return gen.Spread{N: s.N, MedianS: seconds(s.Median), P90S: seconds(s.P90)}
}

// quarterOut turns a quarter hour, counted from the beginning of the clinic day, into one of the clock.
func quarterOut(start calendar.Instant) func(flow.Quarter) gen.QuarterFigures {
	return func(q flow.Quarter) gen.QuarterFigures {
		return gen.QuarterFigures{
			From:    at(start.Add(time.Duration(q.Index) * flow.QuarterHour)),
			Arrived: q.Arrived, Served: q.Served, MedianWaitS: seconds(q.Wait),
		}
	}
}

// ReadQueueFigures shows how long people wait today.
func (s *Server) ReadQueueFigures(ctx context.Context, _ gen.ReadQueueFiguresRequestObject) (gen.ReadQueueFiguresResponseObject, error) {
	m, err := s.queue.Morning(ctx, principalOf(ctx).clinic)
	if err != nil {
		return nil, err
	}
	f := m.Figures
	out := gen.QueueFigures{
		Day: m.Day.String(), Waiting: f.Waiting, Served: f.Served, Left: f.Away, LongestWaitS: seconds(f.Longest),
		MedianWaitS: seconds(f.Wait.Median), P90WaitS: seconds(f.Wait.P90), MedianServiceS: seconds(f.Service.Median),
		Quarters: each(f.Quarters, quarterOut(m.Start)),
	}
	if clear, _, known := m.Clear(m.Pace.Windows); known && f.Waiting > 0 {
		out.ClearAt = at(clear)
	}
	return gen.ReadQueueFigures200JSONResponse(out), nil
}

// ReadMorning shows the day as the supervisor sees it.
func (s *Server) ReadMorning(ctx context.Context, _ gen.ReadMorningRequestObject) (gen.ReadMorningResponseObject, error) {
	c := principalOf(ctx).clinic
	m, err := s.queue.Morning(ctx, c)
	if err != nil {
		return nil, err
	}
	zone, err := s.zone(ctx, c)
	if err != nil {
		return nil, err
	}
	out := morningOut(m)
	out.ClosesAt = at(m.Closes(zone))
	out.Windows = s.windowsOut(m)
	return gen.ReadMorning200JSONResponse(out), nil
}

func morningOut(m queue.Morning) gen.Morning {
	f := m.Figures
	out := gen.Morning{
		Day: m.Day.String(), Now: at(m.Now), Waiting: f.Waiting, AtWindow: f.AtWindow, Served: f.Served, Away: f.Away,
		Coming: m.Coming, LongestS: seconds(f.Longest), Wait: spreadOut(f.Wait), Service: spreadOut(f.Service), Visit: spreadOut(f.Whole),
		Steps: []gen.MorningStep{}, Causes: []gen.MorningCause{},
		Quarters: each(f.Quarters, quarterOut(m.Start)), Usual: each(m.Usual, quarterOut(m.Start)), UsualDays: m.Days,
		CycleS: seconds(m.Pace.Cycle), Serving: m.Pace.Windows, Rules: rulesOut(m.Rules),
		Missed: each(m.Missed, func(x flow.Miss) gen.MissedTarget {
			return gen.MissedTarget{Target: gen.MissedTargetTarget(x.Target), ValueS: seconds(x.Value), LimitS: seconds(x.Limit)}
		}),
		Refusals: each(m.Refusals, func(r queue.Refusal) gen.RefusalCount {
			return gen.RefusalCount{Rule: r.Rule, Where: gen.RefusalCountWhere(r.Where), N: r.N}
		}),
	}
	for _, step := range flow.Steps() {
		if took, seen := f.Steps[step]; seen {
			out.Steps = append(out.Steps, gen.MorningStep{Step: gen.MorningStepStep(step.String()), Took: spreadOut(took)})
		}
	}
	for _, cause := range flow.Causes {
		out.Causes = append(out.Causes, gen.MorningCause{Cause: gen.MorningCauseCause(cause), WaitedS: seconds(f.Causes[cause])})
	}
	for _, windows := range []int{m.Pace.Windows - 1, m.Pace.Windows, m.Pace.Windows + 1} {
		if windows < 1 && windows != m.Pace.Windows {
			continue // nobody would be served
		}
		one := gen.Forecast{Windows: windows}
		if waiting, all, known := m.Clear(windows); known {
			one.Known, one.WaitingAt = true, at(waiting)
			if m.Foreseen() {
				one.AllAt = at(all)
			}
		}
		out.Forecasts = append(out.Forecasts, one)
	}
	names := map[equipment.StationID]string{}
	for _, st := range m.Stations {
		names[st.ID] = st.Name
	}
	out.Trouble = each(m.Trouble, func(t queue.Trouble) gen.DeviceTrouble {
		return gen.DeviceTrouble{
			Station: gen.UUID(t.Station), StationName: names[t.Station], Kind: gen.DeviceKind(t.Kind), State: gen.DeviceState(t.State),
			Since: at(t.Since), Detail: t.Detail,
		}
	})
	return out
}

// windowsOut lists the windows in service, and those that served somebody today.
func (s *Server) windowsOut(m queue.Morning) []gen.MorningWindow {
	served := map[string]flow.WindowFigures{}
	for _, w := range m.Figures.Windows {
		served[w.Window] = w
	}
	up := map[equipment.StationID]bool{}
	for _, w := range s.Windows() {
		up[w.Station] = w.Up
	}
	out := []gen.MorningWindow{}
	for _, st := range m.Stations {
		w, did := served[string(st.ID)]
		if !did && !st.Active {
			continue
		}
		out = append(out, gen.MorningWindow{
			Station: gen.UUID(st.ID), Name: st.Name, Served: w.Served, PerHour: w.PerHour, Service: spreadOut(w.Service),
			Up: up[st.ID] || s.hub.connected(st.ID),
		})
	}
	return out
}

func (s *Server) zone(ctx context.Context, c clinic.ID) (*time.Location, error) {
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return nil, err
	}
	return time.LoadLocation(cl.Zone)
}

func rulesOut(r queue.Rules) gen.QueueRules {
	return gen.QueueRules{
		OpensMin: int(r.Opens / time.Minute), ClosesMin: int(r.Closes / time.Minute), SlotSize: r.SlotSize,
		Targets: gen.QueueTargets{
			LongestWaitS: seconds(r.Targets[flow.LongestWait]), MedianWaitS: seconds(r.Targets[flow.MedianWait]),
			P90VisitS: seconds(r.Targets[flow.P90Whole]),
		},
		Rooms: gen.QueueRooms{
			Nurse: r.Rooms[staff.Nurse], Pharmacist: r.Rooms[staff.Pharmacist], Doctor: r.Rooms[staff.Doctor],
		},
	}
}

// ReadQueueRules shows what the clinic decided about its queue.
func (s *Server) ReadQueueRules(ctx context.Context, _ gen.ReadQueueRulesRequestObject) (gen.ReadQueueRulesResponseObject, error) {
	r, err := s.queue.Rules(ctx, principalOf(ctx).clinic)
	return gen.ReadQueueRules200JSONResponse(rulesOut(r)), err
}

// SetQueueRules decides. What is left out is not decided any more.
func (s *Server) SetQueueRules(ctx context.Context, r gen.SetQueueRulesRequestObject) (gen.SetQueueRulesResponseObject, error) {
	p, b := principalOf(ctx), r.Body
	rules := queue.Rules{
		Clinic: p.clinic, Opens: time.Duration(b.OpensMin) * time.Minute, Closes: time.Duration(b.ClosesMin) * time.Minute,
		SlotSize: b.SlotSize, Targets: flow.Targets{}, Rooms: map[staff.Role]string{},
	}
	for target, limit := range map[flow.Target]int64{
		flow.LongestWait: b.Targets.LongestWaitS, flow.MedianWait: b.Targets.MedianWaitS, flow.P90Whole: b.Targets.P90VisitS,
	} {
		if limit > 0 {
			rules.Targets[target] = time.Duration(limit) * time.Second
		}
	}
	for role, room := range map[staff.Role]string{
		staff.Nurse: b.Rooms.Nurse, staff.Pharmacist: b.Rooms.Pharmacist, staff.Doctor: b.Rooms.Doctor,
	} {
		if room != "" {
			rules.Rooms[role] = room
		}
	}
	decided, err := s.queue.SetRules(ctx, p.member, rules)
	return gen.SetQueueRules200JSONResponse(rulesOut(decided)), err
}

// ListSlots lists the arrival slots of a day.
func (s *Server) ListSlots(ctx context.Context, r gen.ListSlotsRequestObject) (gen.ListSlotsResponseObject, error) {
	day, err := s.dayOrToday(ctx, r.Params.Day)
	if err != nil {
		return nil, err
	}
	slots, err := s.queue.Slots(ctx, principalOf(ctx).clinic, day)
	return gen.ListSlots200JSONResponse{Day: day.String(), Items: each(slots, func(x queue.Slot) gen.Slot {
		return gen.Slot{At: at(x.At), Taken: x.Taken, Size: x.Size, Past: x.Past}
	})}, err
}

func slotOut(b queue.Booking) gen.PatientSlot {
	return gen.PatientSlot{Patient: gen.UUID(b.Patient), Day: b.Day.String(), At: at(b.At)}
}

// ReadPatientSlot shows when a patient means to come on a day.
func (s *Server) ReadPatientSlot(ctx context.Context, r gen.ReadPatientSlotRequestObject) (gen.ReadPatientSlotResponseObject, error) {
	day, err := dayOf(r.Day)
	if err != nil {
		return nil, err
	}
	c, who := principalOf(ctx).clinic, idOf[patient.ID](r.Id)
	files, err := s.files(ctx, c, []patient.ID{who})
	if err != nil {
		return nil, err
	}
	if _, known := files[who]; !known {
		return nil, errNotFound("patient", string(who))
	}
	b, err := s.queue.BookingOf(ctx, c, who, day)
	b.Patient, b.Day = who, day
	return gen.ReadPatientSlot200JSONResponse(slotOut(b)), err
}

// BookSlot keeps a quarter hour for a patient.
func (s *Server) BookSlot(ctx context.Context, r gen.BookSlotRequestObject) (gen.BookSlotResponseObject, error) {
	p := principalOf(ctx)
	day, err := dayOf(r.Day)
	if err != nil {
		return nil, err
	}
	b, err := s.queue.Book(ctx, p.clinic, p.member, idOf[patient.ID](r.Id), day, calendar.At(r.Body.At))
	return gen.BookSlot200JSONResponse(slotOut(b)), err
}
