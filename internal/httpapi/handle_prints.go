package httpapi

import (
	"context"
	"slices"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/print"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// ticketPrinter is the model of the catalogue that prints tickets.
const ticketPrinter = "esc-pos"

type printEvent struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

// OrderPrint orders a ticket from the printer of a window's counter.
func (s *Server) OrderPrint(ctx context.Context, r gen.OrderPrintRequestObject) (gen.OrderPrintResponseObject, error) {
	p := principalOf(ctx)
	want := printed{
		id: idOf[string](r.Body.Id), clinic: p.clinic, station: idOf[equipment.StationID](r.Id), ticket: idOf[queue.TicketID](r.Body.Ticket),
		ordered: s.now(),
	}
	if old, known := s.prints.of(p.clinic, want.id, s.now()); known {
		return orderedOut(want, old)
	}
	if err := s.mayPrint(ctx, p.clinic, want.station); err != nil {
		return nil, err
	}
	job, err := s.ticketJob(ctx, p.clinic, want.ticket, print.Language(r.Body.Language))
	if err != nil {
		return nil, err
	}
	if want.job, err = stationlog.Pack(job); err != nil {
		return nil, err
	}
	kept, isNew := s.prints.add(want)
	if isNew {
		s.hub.wake(want.station)
	}
	return orderedOut(want, kept)
}

// orderedOut answers with what is kept. An id that was used for something else, also in another clinic, is a conflict.
func orderedOut(want, kept printed) (gen.OrderPrintResponseObject, error) {
	if kept.clinic != want.clinic || kept.station != want.station || kept.ticket != want.ticket {
		return nil, fault.New(fault.Conflict, "print.other", "print %s is of another ticket", want.id)
	}
	return gen.OrderPrint202JSONResponse(printOut(kept)), nil
}

// mayPrint refuses an order that would only wait for its lease to end.
func (s *Server) mayPrint(ctx context.Context, c clinic.ID, st equipment.StationID) error {
	w, err := s.equipment.Station(ctx, c, st)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(w.Devices, func(d equipment.Device) bool { return d.Kind == equipment.Printer && d.Model == ticketPrinter }) {
		return fault.New(fault.Conflict, "print.no_printer", "station %s has no ticket printer", st)
	}
	if !s.hub.connected(st) {
		return fault.New(fault.Conflict, "print.not_connected", "station %s does not listen for orders", st)
	}
	return nil
}

// ticketJob draws a ticket as it stands: who waits longer has a shorter estimate.
func (s *Server) ticketJob(ctx context.Context, c clinic.ID, key queue.TicketID, lang print.Language) ([]byte, error) {
	t, err := s.queue.Ticket(ctx, c, key)
	if err != nil {
		return nil, err
	}
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return nil, err
	}
	local, err := cl.Calendar(nil)
	if err != nil {
		return nil, err
	}
	look, err := s.queue.Prospect(ctx, t)
	if err != nil {
		return nil, err
	}
	next, err := s.queue.BookingOf(ctx, c, t.Patient, t.Day.AddDays(1))
	if err != nil {
		return nil, err
	}
	out := print.Ticket{Clinic: cl.Name, Number: t.Number, At: local.Local(t.ArrivedAt), Wait: look.Wait, Known: look.Known}
	if !next.At.IsZero() {
		out.Slot = local.Local(next.At)
	}
	job, err := s.press.Ticket(out, lang)
	if err != nil {
		return nil, fault.New(fault.Invalid, "print.text", "ticket %s: %w", key, err)
	}
	return job, nil
}

// ReadPrint says what became of a print.
func (s *Server) ReadPrint(ctx context.Context, r gen.ReadPrintRequestObject) (gen.ReadPrintResponseObject, error) {
	o, ok := s.prints.of(principalOf(ctx).clinic, idOf[string](r.Id), s.now())
	if !ok {
		return nil, fault.New(fault.NotFound, "print.not_found", "print %s", r.Id)
	}
	return gen.ReadPrint200JSONResponse(printOut(o)), nil
}

func printOut(o printed) gen.Print {
	return gen.Print{
		Id: o.id, Station: gen.UUID(o.station), Kind: gen.PrintKindTicket, Ticket: gen.UUID(o.ticket),
		State: gen.PrintState(o.state), Reason: o.reason, OrderedAt: o.ordered.UTC(),
	}
}
