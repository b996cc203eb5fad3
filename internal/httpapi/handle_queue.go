package httpapi

import (
	"context"
	"maps"
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// ticketView is what stands beside the tickets of a list: names for those who may see them, and who is held.
type ticketView struct {
	now      calendar.Instant
	files    map[patient.ID]patient.Patient
	held     map[patient.ID]bool
	stations map[equipment.StationID]string
}

func (s *Server) ticketView(ctx context.Context, tickets []queue.Ticket) (ticketView, error) {
	p := principalOf(ctx)
	v := ticketView{now: s.instant(), held: map[patient.ID]bool{}, stations: map[equipment.StationID]string{}}
	windows, err := s.equipment.Stations(ctx, p.clinic)
	if err != nil {
		return v, err
	}
	for _, w := range windows {
		v.stations[w.ID] = w.Name
	}
	if !p.member.May(staff.ReadPatient) || len(tickets) == 0 {
		return v, nil
	}
	holds, err := s.orders.OpenHolds(ctx, p.clinic)
	if err != nil {
		return v, err
	}
	for _, h := range holds {
		v.held[h.Patient] = v.held[h.Patient] || h.Severity == prescription.Stop
	}
	v.files, err = s.files(ctx, p.clinic, each(tickets, func(t queue.Ticket) patient.ID { return t.Patient }))
	return v, err
}

func (s *Server) files(ctx context.Context, c clinic.ID, ids []patient.ID) (map[patient.ID]patient.Patient, error) {
	const most = 500 // of one read
	slices.Sort(ids)
	out := map[patient.ID]patient.Patient{}
	for chunk := range slices.Chunk(slices.Compact(ids), most) {
		found, err := s.records.Files(ctx, c, chunk)
		if err != nil {
			return nil, err
		}
		maps.Copy(out, found)
	}
	return out, nil
}

func (v ticketView) out(t queue.Ticket) gen.Ticket {
	out := gen.Ticket{
		Id: gen.UUID(t.ID), Day: t.Day.String(), Number: t.Number, Patient: gen.UUID(t.Patient), State: gen.TicketState(t.State),
		Station: gen.UUID(t.Station), StationName: v.stations[t.Station], Priority: t.Priority, ArrivedAt: at(t.ArrivedAt),
		CalledAt: at(t.CalledAt), AtWindowAt: at(t.AtWindowAt), DoneAt: at(t.DoneAt), WaitedS: seconds(t.Waited(v.now)),
		Held: v.held[t.Patient], SlotAt: at(t.Slot), OnTime: flow.OnTime(t.ArrivedAt, t.Slot), Skips: t.Skips,
	}
	if f, ok := v.files[t.Patient]; ok {
		out.PatientName, out.PatientCode, out.Phase = f.Name, f.Code, gen.Phase(f.Phase)
	}
	return out
}

func (s *Server) ticketOut(ctx context.Context, t queue.Ticket) (gen.Ticket, error) {
	v, err := s.ticketView(ctx, []queue.Ticket{t})
	return v.out(t), err
}

type queueEvent struct {
	Ticket queue.TicketID `json:"ticket"`
	State  queue.State    `json:"state"`
}

// NotifyTicket tells the streams of a change of a ticket. It is meant as the queue service's tell.
func (h *Hub) NotifyTicket(t queue.Ticket) {
	e := queueEvent{t.ID, t.State}
	h.publish(clinicTopic(t.Clinic), "queue", e)
	if t.Station != "" {
		h.publish(stationTopic(t.Station), "queue", e)
	}
}

// CheckIn gives a patient at the door a ticket, and says what the rule book says of a dose today.
func (s *Server) CheckIn(ctx context.Context, r gen.CheckInRequestObject) (gen.CheckInResponseObject, error) {
	p := principalOf(ctx)
	who, err := s.patients.Resolve(ctx, p.clinic, r.Body.Code)
	if err != nil {
		return nil, err
	}
	t, again, err := s.queue.CheckIn(ctx, p.clinic, p.member, queue.Arrival{ID: id.New[queue.TicketID](), Patient: who, Priority: r.Body.Priority})
	if err != nil {
		return nil, err
	}
	d, _, err := s.dispensing.Decide(ctx, p.clinic, who, "")
	if err != nil {
		return nil, err
	}
	if !again {
		s.countRefusals(ctx, queue.AtDoor, d)
	}
	out := gen.CheckedIn{Decision: s.decisionOut(ctx, d)}
	if out.Ticket, err = s.ticketOut(ctx, t); err != nil {
		return nil, err
	}
	err = s.prospect(ctx, t, &out)
	return gen.CheckIn200JSONResponse(out), err
}

// countRefusals keeps the figure of which rules refuse. A figure that could not be kept is logged and holds up nobody.
func (s *Server) countRefusals(ctx context.Context, w queue.Where, d dosing.Decision) {
	rules := each(d.Refusals, func(r dosing.Reason) string { return string(r.Rule) })
	if err := s.queue.Refused(ctx, principalOf(ctx).clinic, w, rules); err != nil {
		s.log.WarnContext(ctx, "refusals", "cause", err.Error())
	}
}

// prospect tells a patient at the door how long it will take, and where to go first when something keeps them.
func (s *Server) prospect(ctx context.Context, t queue.Ticket, out *gen.CheckedIn) error {
	look, err := s.queue.Prospect(ctx, t)
	if err != nil {
		return err
	}
	out.Ahead, out.ClosesAt, out.AfterClosing = look.Ahead, at(look.Closes), look.AfterClosing
	if look.Known {
		wait := seconds(look.Wait)
		out.EstimateS = &wait
	}
	for _, role := range staff.Roles {
		if room := look.Rooms[role]; room != "" {
			out.Rooms = append(out.Rooms, gen.Room{Role: gen.Role(role), Room: room})
		}
	}
	return nil
}

// ListTickets lists a day's tickets.
func (s *Server) ListTickets(ctx context.Context, r gen.ListTicketsRequestObject) (gen.ListTicketsResponseObject, error) {
	day, err := s.dayOrToday(ctx, r.Params.Day)
	if err != nil {
		return nil, err
	}
	tickets, err := s.queue.Tickets(ctx, principalOf(ctx).clinic, day)
	if err != nil {
		return nil, err
	}
	v, err := s.ticketView(ctx, tickets)
	return gen.ListTickets200JSONResponse{Day: day.String(), Items: each(tickets, v.out)}, err
}

func (s *Server) dayOrToday(ctx context.Context, d *gen.Day) (calendar.Day, error) {
	if d == nil {
		return s.today(ctx, principalOf(ctx).clinic)
	}
	return dayOf(*d)
}

var openStates = []queue.State{queue.Arrived, queue.Called, queue.AtWindow}

// waiting lists the open tickets in the order in which they are served.
func (s *Server) waiting(ctx context.Context, c clinic.ID, day calendar.Day) ([]queue.Ticket, error) {
	open, err := s.queue.Tickets(ctx, c, day, openStates...)
	queue.Order(open)
	return open, err
}

// ReadQueue shows today's queue with the lists beside it.
func (s *Server) ReadQueue(ctx context.Context, _ gen.ReadQueueRequestObject) (gen.ReadQueueResponseObject, error) {
	p := principalOf(ctx)
	day, err := s.today(ctx, p.clinic)
	if err != nil {
		return nil, err
	}
	open, err := s.waiting(ctx, p.clinic, day)
	if err != nil {
		return nil, err
	}
	view, err := s.ticketView(ctx, open)
	if err != nil {
		return nil, err
	}
	coming, err := s.queue.StillToCome(ctx, p.clinic, day)
	if err != nil {
		return nil, err
	}
	attended, err := s.queue.Attended(ctx, p.clinic, day)
	if err != nil {
		return nil, err
	}
	named := p.member.May(staff.ReadPatient)
	return gen.ReadQueue200JSONResponse{
		Day: day.String(), Waiting: each(open, view.out), Coming: each(coming, expectedOut(named)), Attended: each(attended, attendedOut(named)),
	}, nil
}

func expectedOut(named bool) func(queue.Expected) gen.Expected {
	return func(e queue.Expected) gen.Expected {
		out := gen.Expected{Patient: gen.UUID(e.Patient)}
		if named {
			out.Name, out.Code, out.Phase, out.LastDay = e.Name, e.Code, gen.Phase(e.Phase), e.LastDay.String()
		}
		return out
	}
}

func attendedOut(named bool) func(queue.Attendance) gen.Attended {
	return func(a queue.Attendance) gen.Attended {
		out := gen.Attended{Patient: gen.UUID(a.Patient), At: at(a.At)}
		if named {
			out.Name, out.Code, out.DoseUg = a.Name, a.Code, int64(a.Mass)
		}
		return out
	}
}

// ReadBoard shows numbers and nothing else.
func (s *Server) ReadBoard(ctx context.Context, _ gen.ReadBoardRequestObject) (gen.ReadBoardResponseObject, error) {
	out, err := s.board(ctx, principalOf(ctx).clinic)
	return gen.ReadBoard200JSONResponse(out), err
}

func (s *Server) board(ctx context.Context, c clinic.ID) (gen.Board, error) {
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return gen.Board{}, err
	}
	day, err := s.today(ctx, c)
	if err != nil {
		return gen.Board{}, err
	}
	open, err := s.waiting(ctx, c, day)
	if err != nil {
		return gen.Board{}, err
	}
	windows, err := s.equipment.Stations(ctx, c)
	if err != nil {
		return gen.Board{}, err
	}
	names := map[equipment.StationID]string{}
	for _, w := range windows {
		names[w.ID] = w.Name
	}
	out := gen.Board{Clinic: cl.Name, Demo: cl.Demo, Day: day.String(), Called: []gen.BoardCall{}, Waiting: []int{}}
	for _, t := range open {
		if t.State == queue.Arrived {
			out.Waiting = append(out.Waiting, t.Number)
			continue
		}
		out.Called = append(out.Called, gen.BoardCall{
			Number: t.Number, StationName: names[t.Station], State: gen.TicketState(t.State), CalledAt: at(t.CalledAt),
		})
	}
	out.WaitingCount = len(out.Waiting)
	// The last call stands first: it is the one that somebody looks for.
	slices.SortStableFunc(out.Called, func(a, b gen.BoardCall) int { return b.CalledAt.Compare(a.CalledAt) })
	pace, err := s.queue.Pace(ctx, c)
	if wait, known := pace.Wait(out.WaitingCount); known {
		estimate := seconds(wait)
		out.EstimateS = &estimate
	}
	return out, err
}

// CallNext calls the first patient whom no rule keeps from a dose.
func (s *Server) CallNext(ctx context.Context, r gen.CallNextRequestObject) (gen.CallNextResponseObject, error) {
	t, err := s.ticketAct(ctx, "", r.Id, func(ctx context.Context, a queue.Act) (queue.Ticket, error) {
		return s.queue.Next(ctx, a, s.servable)
	})
	return gen.CallNext200JSONResponse(t), err
}

// servable reports whether the rules would let the patient have a dose at a window in order.
func (s *Server) servable(ctx context.Context, t queue.Ticket) (bool, error) {
	d, _, err := s.dispensing.Decide(ctx, t.Clinic, t.Patient, "")
	return d.Allowed(), err
}

// SkipTicket lets others go before somebody who did not come.
func (s *Server) SkipTicket(ctx context.Context, r gen.SkipTicketRequestObject) (gen.SkipTicketResponseObject, error) {
	t, err := s.ticketAct(ctx, r.Id, r.Body.Station, s.queue.Skip)
	return gen.SkipTicket200JSONResponse(t), err
}

// TransferTicket calls a patient of one window to another.
func (s *Server) TransferTicket(ctx context.Context, r gen.TransferTicketRequestObject) (gen.TransferTicketResponseObject, error) {
	t, err := s.ticketAct(ctx, r.Id, r.Body.Station, s.queue.Transfer)
	return gen.TransferTicket200JSONResponse(t), err
}

// CallTicket calls a patient to a window.
func (s *Server) CallTicket(ctx context.Context, r gen.CallTicketRequestObject) (gen.CallTicketResponseObject, error) {
	t, err := s.ticketAct(ctx, r.Id, r.Body.Station, s.queue.Call)
	return gen.CallTicket200JSONResponse(t), err
}

// TicketAtWindow puts a patient at a window.
func (s *Server) TicketAtWindow(ctx context.Context, r gen.TicketAtWindowRequestObject) (gen.TicketAtWindowResponseObject, error) {
	t, err := s.ticketAct(ctx, r.Id, r.Body.Station, func(ctx context.Context, a queue.Act) (queue.Ticket, error) {
		a.Identified = r.Body.Identified
		return s.queue.StepUp(ctx, a)
	})
	return gen.TicketAtWindow200JSONResponse(t), err
}

// TicketBack lets a patient wait again.
func (s *Server) TicketBack(ctx context.Context, r gen.TicketBackRequestObject) (gen.TicketBackResponseObject, error) {
	t, err := s.ticketAct(ctx, r.Id, "", s.queue.SendBack)
	return gen.TicketBack200JSONResponse(t), err
}

// TicketDone ends a visit without a dose.
func (s *Server) TicketDone(ctx context.Context, r gen.TicketDoneRequestObject) (gen.TicketDoneResponseObject, error) {
	t, err := s.ticketAct(ctx, r.Id, "", s.queue.Done)
	return gen.TicketDone200JSONResponse(t), err
}

// TicketLeave ends the visit of a patient who went away.
func (s *Server) TicketLeave(ctx context.Context, r gen.TicketLeaveRequestObject) (gen.TicketLeaveResponseObject, error) {
	t, err := s.ticketAct(ctx, r.Id, "", s.queue.Left)
	return gen.TicketLeave200JSONResponse(t), err
}

// SetTicketPriority moves a patient into the priority lane or out of it.
func (s *Server) SetTicketPriority(ctx context.Context, r gen.SetTicketPriorityRequestObject) (gen.SetTicketPriorityResponseObject, error) {
	p := principalOf(ctx)
	t, err := s.queue.SetPriority(ctx, p.clinic, p.member, idOf[queue.TicketID](r.Id), r.Body.Priority)
	if err != nil {
		return nil, err
	}
	out, err := s.ticketOut(ctx, t)
	return gen.SetTicketPriority200JSONResponse(out), err
}

func (s *Server) ticketAct(ctx context.Context, key, station gen.UUID, act func(context.Context, queue.Act) (queue.Ticket, error)) (gen.Ticket, error) {
	p := principalOf(ctx)
	t, err := act(ctx, queue.Act{
		Clinic: p.clinic, By: p.member, Ticket: idOf[queue.TicketID](key), Station: idOf[equipment.StationID](station),
	})
	if err != nil {
		return gen.Ticket{}, err
	}
	return s.ticketOut(ctx, t)
}
