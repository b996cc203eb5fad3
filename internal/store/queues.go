package store

import (
	"context"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

type ticketRow struct {
	ID         queue.TicketID
	Clinic     clinic.ID
	Day        calendar.Day
	Number     int
	Patient    patient.ID
	State      queue.State
	Station    ref
	Priority   string
	Slot       calendar.Instant
	Place      calendar.Instant
	Skips      int
	ArrivedAt  calendar.Instant
	CalledAt   calendar.Instant
	AtWindowAt calendar.Instant
	DoneAt     calendar.Instant

	IdentifiedAt calendar.Instant
}

func (ticketRow) TableName() string { return "ticket" }

func fromTicket(k queue.Ticket) ticketRow {
	return ticketRow{
		ID: k.ID, Clinic: k.Clinic, Day: k.Day, Number: k.Number, Patient: k.Patient, State: k.State, Station: ref(k.Station),
		Priority: k.Priority, Slot: k.Slot, Place: k.Place, Skips: k.Skips, IdentifiedAt: k.IdentifiedAt, ArrivedAt: k.ArrivedAt, CalledAt: k.CalledAt, AtWindowAt: k.AtWindowAt, DoneAt: k.DoneAt,
	}
}

func toTicket(r ticketRow) queue.Ticket {
	return queue.Ticket{
		ID: r.ID, Clinic: r.Clinic, Day: r.Day, Number: r.Number, Patient: r.Patient, State: r.State,
		Station: equipment.StationID(r.Station), Priority: r.Priority, Slot: r.Slot, Place: r.Place, Skips: r.Skips,
		IdentifiedAt: r.IdentifiedAt, ArrivedAt: r.ArrivedAt, CalledAt: r.CalledAt,
		AtWindowAt: r.AtWindowAt, DoneAt: r.DoneAt,
	}
}

// openTicket is the condition under which a ticket is open.
const openTicket = "state IN ('arrived', 'called', 'at_window')"

type queues struct{ *Store }

// Queue is the store of package queue.
func (s *Store) Queue() queue.Store { return queues{s} }

var _ queue.Tx = (*Tx)(nil)

func (s queues) InTx(ctx context.Context, c clinic.ID, fn func(queue.Tx) error) error {
	return inside(s.Store, ctx, c, fn)
}

func (s queues) Ticket(ctx context.Context, c clinic.ID, id queue.TicketID) (queue.Ticket, error) {
	r, err := take[ticketRow](s.read.WithContext(ctx), "ticket", "id = ? AND clinic = ?", id, c)
	return toTicket(r), err
}

func (s queues) Tickets(ctx context.Context, c clinic.ID, d calendar.Day, states ...queue.State) ([]queue.Ticket, error) {
	db := s.read.WithContext(ctx).Where("clinic = ? AND day = ?", c, d)
	if len(states) > 0 {
		db = db.Where("state IN ?", states)
	}
	rows, err := list[ticketRow](db.Order("number"))
	return convert(rows, err, toTicket)
}

// expectedRow is a line of both lists beside the queue.
type expectedRow struct {
	Patient patient.ID
	Code    string
	Name    string
	Phase   patient.Phase
	LastDay calendar.Day
	MassUg  measure.Mass
	At      calendar.Instant
}

// stillToComeSQL reads the day's tickets once, and not those of all days for each patient.
const stillToComeSQL = `SELECT p.id AS patient, p.code, p.name, p.phase,
		(SELECT max(x.day) FROM dose x WHERE x.patient = p.id) AS last_day
	FROM patient p
	WHERE p.clinic = ? AND p.status IN ('awaiting_start', 'in_treatment')
		AND EXISTS (SELECT 1 FROM prescription o
			WHERE o.patient = p.id AND o.status = 'active' AND o.from_day <= ? AND o.to_day >= ?)
		AND p.id NOT IN (SELECT t.patient FROM ticket t WHERE t.clinic = ? AND t.day = ?)
		AND NOT EXISTS (SELECT 1 FROM dose x WHERE x.patient = p.id AND x.day = ?)
	ORDER BY p.code`

func (s queues) StillToCome(ctx context.Context, c clinic.ID, d calendar.Day) ([]queue.Expected, error) {
	var rows []expectedRow
	err := s.read.WithContext(ctx).Raw(stillToComeSQL, c, d, d, c, d, d).Scan(&rows).Error
	return convert(rows, mapError(err), func(r expectedRow) queue.Expected {
		return queue.Expected{Patient: r.Patient, Code: r.Code, Name: r.Name, Phase: r.Phase, LastDay: r.LastDay}
	})
}

func (s queues) Attended(ctx context.Context, c clinic.ID, d calendar.Day) ([]queue.Attendance, error) {
	var rows []expectedRow
	err := s.read.WithContext(ctx).Raw(`SELECT p.id AS patient, p.code, p.name, CAST(sum(x.mass_ug) AS bigint) AS mass_ug, max(x.at) AS at
		FROM dose x JOIN patient p ON p.id = x.patient
		WHERE x.clinic = ? AND x.day = ?
		GROUP BY p.id, p.code, p.name
		ORDER BY max(x.at) DESC, p.id`, c, d).Scan(&rows).Error
	return convert(rows, mapError(err), func(r expectedRow) queue.Attendance {
		return queue.Attendance{Patient: r.Patient, Code: r.Code, Name: r.Name, Mass: r.MassUg, At: r.At}
	})
}

type doseClockRow struct {
	Patient   patient.ID
	Station   equipment.StationID
	Day       calendar.Day
	Begun     calendar.Instant
	Poured    calendar.Instant
	Measured  calendar.Instant
	Handed    calendar.Instant
	Swallowed calendar.Instant
	Doubt     calendar.Instant
	Odd       calendar.Instant
	Ended     calendar.Instant
}

// doseClocksSQL takes the server's own time of each step: what a counter's clock says decides nothing.
const doseClocksSQL = `SELECT d.patient, d.station, d.day, d.recorded AS begun,
		min(CASE WHEN s.kind = 'dispensing' THEN s.recorded END) AS poured,
		min(CASE WHEN s.kind = 'measured' THEN s.recorded END) AS measured,
		min(CASE WHEN s.kind = 'handed_over' THEN s.recorded END) AS handed,
		min(CASE WHEN s.to_state IN ('administered', 'partly_taken', 'handed_over') THEN s.recorded END) AS swallowed,
		min(CASE WHEN s.kind IN ('in_doubt', 'held') THEN s.recorded END) AS doubt,
		min(CASE WHEN s.kind IN ('deviation', 'partly_taken', 'wasted') THEN s.recorded END) AS odd,
		min(CASE WHEN s.to_state IN ('administered', 'partly_taken', 'handed_over', 'wasted', 'voided') THEN s.recorded END) AS ended
	FROM dispensing d JOIN dispensing_step s ON s.dispensing = d.id
	WHERE d.clinic = ? AND d.day = ?
	GROUP BY d.id, d.patient, d.station, d.day, d.recorded
	ORDER BY d.recorded, d.id`

func (s queues) DoseClocks(ctx context.Context, c clinic.ID, d calendar.Day) ([]queue.DoseClock, error) {
	var rows []doseClockRow
	err := s.report.WithContext(ctx).Raw(doseClocksSQL, c, d).Scan(&rows).Error
	return convert(rows, mapError(err), func(r doseClockRow) queue.DoseClock { return queue.DoseClock(r) })
}

// FindTicket implements queue.Tx.
func (t *Tx) FindTicket(_ context.Context, id queue.TicketID) (queue.Ticket, error) {
	r, err := take[ticketRow](t.db, "ticket", "id = ? AND clinic = ?", id, t.clinic)
	return toTicket(r), err
}

// OpenTicket implements queue.Tx.
func (t *Tx) OpenTicket(_ context.Context, p patient.ID, d calendar.Day) (queue.Ticket, error) {
	r, err := take[ticketRow](t.db, "ticket", "patient = ? AND day = ? AND clinic = ? AND "+openTicket, p, d, t.clinic)
	return toTicket(r), err
}

// NextTicketNumber implements queue.Tx.
func (t *Tx) NextTicketNumber(_ context.Context, d calendar.Day) (int, error) {
	return t.next("ticket " + d.String())
}

// InsertTicket implements queue.Tx.
func (t *Tx) InsertTicket(_ context.Context, k queue.Ticket) error {
	if err := t.sameClinic(k.Clinic); err != nil {
		return err
	}
	if err := insert(t, fromTicket(k)); err != nil {
		return fmt.Errorf("ticket %s: %w", k.ID, err)
	}
	return nil
}

// LockTicket implements queue.Tx.
func (t *Tx) LockTicket(_ context.Context, id queue.TicketID) (queue.Ticket, error) {
	r, err := take[ticketRow](t.locking(), "ticket", "id = ? AND clinic = ?", id, t.clinic)
	return toTicket(r), err
}

// UpdateTicket implements queue.Tx.
func (t *Tx) UpdateTicket(_ context.Context, k queue.Ticket) error {
	r := t.db.Model(&ticketRow{}).Where("id = ? AND clinic = ?", k.ID, t.clinic).
		Select("state", "station", "priority", "place", "skips", "called_at", "at_window_at", "identified_at", "done_at").Updates(fromTicket(k))
	return one("ticket", r.RowsAffected, r.Error)
}

// TicketAtStation implements queue.Tx.
func (t *Tx) TicketAtStation(_ context.Context, st equipment.StationID, d calendar.Day) (queue.Ticket, error) {
	r, err := take[ticketRow](t.db, "ticket", "station = ? AND day = ? AND clinic = ? AND state = 'at_window'", st, d, t.clinic)
	return toTicket(r), err
}

// HasOpenDispensing implements queue.Tx.
func (t *Tx) HasOpenDispensing(ctx context.Context, p patient.ID) (bool, error) {
	n, err := t.OpenDispensings(ctx, p)
	return n > 0, err
}
