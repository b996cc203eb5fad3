package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

type slotRow struct {
	Patient  patient.ID   `gorm:"primaryKey"`
	Day      calendar.Day `gorm:"primaryKey;autoIncrement:false"`
	Clinic   clinic.ID
	At       calendar.Instant
	ByStaff  staff.ID
	Recorded calendar.Instant
}

func (slotRow) TableName() string { return "slot" }

func toBooking(r slotRow) queue.Booking {
	return queue.Booking{Clinic: r.Clinic, Patient: r.Patient, Day: r.Day, At: r.At, By: r.ByStaff, Recorded: r.Recorded}
}

type queueRulesRow struct {
	Clinic   clinic.ID `gorm:"primaryKey"`
	OpensS   int
	ClosesS  int
	SlotSize int
	Targets  string
	Rooms    string
}

func (queueRulesRow) TableName() string { return "queue_rules" }

func (s queues) TicketsBetween(ctx context.Context, c clinic.ID, first, last calendar.Day) ([]queue.Ticket, error) {
	rows, err := list[ticketRow](s.report.WithContext(ctx).Where("clinic = ? AND day >= ? AND day <= ?", c, first, last).Order("day, number"))
	return convert(rows, err, toTicket)
}

type blockRow struct {
	Ticket queue.TicketID
	Cause  flow.Cause
	Since  calendar.Instant
	Until  calendar.Instant
}

// blocksSQL: an order that was there at the arrival blocks nobody, also when another replaced it later.
const blocksSQL = `SELECT t.id AS ticket, 'hold' AS cause, h.placed_at AS since, h.lifted_at AS until
	FROM ticket t JOIN hold h ON h.patient = t.patient
	WHERE t.clinic = ? AND t.day = ? AND h.severity = 'stop' AND (h.lifted_at IS NULL OR h.lifted_at > t.arrived_at)
UNION ALL
SELECT t.id, 'prescription', t.arrived_at,
	(SELECT min(o.signed_at) FROM prescription o
		WHERE o.patient = t.patient AND o.from_day <= t.day AND o.to_day >= t.day AND o.signed_at > t.arrived_at)
	FROM ticket t
	WHERE t.clinic = ? AND t.day = ? AND NOT EXISTS (SELECT 1 FROM prescription o
		WHERE o.patient = t.patient AND o.from_day <= t.day AND o.to_day >= t.day AND o.signed_at <= t.arrived_at
			AND (o.ended_at IS NULL OR o.ended_at > t.arrived_at))
UNION ALL
SELECT t.id, 'prescription', t.arrived_at, c.recorded
	FROM ticket t JOIN clearance c ON c.patient = t.patient AND c.day = t.day
	WHERE t.clinic = ? AND t.day = ? AND c.recorded > t.arrived_at
ORDER BY 1, 3`

func (s queues) Blocks(ctx context.Context, c clinic.ID, d calendar.Day) ([]queue.Block, error) {
	var rows []blockRow
	err := s.report.WithContext(ctx).Raw(blocksSQL, c, d, c, d, c, d).Scan(&rows).Error
	return convert(rows, mapError(err), func(r blockRow) queue.Block {
		return queue.Block{Ticket: r.Ticket, Cause: r.Cause, Span: flow.Span{From: r.Since, To: r.Until}}
	})
}

func (s queues) DeviceChanges(ctx context.Context, c clinic.ID, from, to calendar.Instant) ([]queue.DeviceChange, error) {
	var rows []struct {
		Station  equipment.StationID
		Recorded calendar.Instant
		Payload  []byte
	}
	err := s.report.WithContext(ctx).Raw(`SELECT station, recorded, payload FROM station_record
		WHERE clinic = ? AND kind = 'device' AND recorded >= ? AND recorded <= ?
		ORDER BY recorded, station, seq`, c, from, to).Scan(&rows).Error
	if err != nil {
		return nil, mapError(err)
	}
	out := make([]queue.DeviceChange, 0, len(rows))
	for _, r := range rows {
		var rec stationlog.Record
		var d stationlog.Device
		if json.Unmarshal(r.Payload, &rec) != nil || rec.Decode(&d) != nil {
			continue // it is an incident already
		}
		out = append(out, queue.DeviceChange{
			Station: r.Station, Kind: equipment.DeviceKind(d.Kind), State: equipment.DeviceState(d.State), At: r.Recorded,
		})
	}
	return out, nil
}

func (s queues) Windows(ctx context.Context, c clinic.ID) ([]equipment.Station, []equipment.Device, error) {
	stations, err := s.Equipment().Stations(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	devices, err := s.Equipment().Devices(ctx, c, "")
	return stations, devices, err
}

func (s queues) Bookings(ctx context.Context, c clinic.ID, d calendar.Day) ([]queue.Booking, error) {
	rows, err := list[slotRow](s.read.WithContext(ctx).Where("clinic = ? AND day = ?", c, d).Order("at, patient"))
	return convert(rows, err, toBooking)
}

func (s queues) Rules(ctx context.Context, c clinic.ID) (queue.Rules, error) {
	r, err := take[queueRulesRow](s.read.WithContext(ctx), "queue rules", "clinic = ?", c)
	if fault.Is(err, fault.NotFound) {
		return queue.Rules{Clinic: c}, nil
	}
	if err != nil {
		return queue.Rules{}, err
	}
	out := queue.Rules{
		Clinic: c, Opens: time.Duration(r.OpensS) * time.Second, Closes: time.Duration(r.ClosesS) * time.Second, SlotSize: r.SlotSize,
	}
	if err := json.Unmarshal([]byte(r.Targets), &out.Targets); err != nil {
		return queue.Rules{}, fmt.Errorf("targets of the queue: %w", err)
	}
	if err := json.Unmarshal([]byte(r.Rooms), &out.Rooms); err != nil {
		return queue.Rules{}, fmt.Errorf("rooms of the queue: %w", err)
	}
	return out, nil
}

type refusalRow struct {
	Rule  string
	Place queue.Where
	N     int
}

func (s queues) Refusals(ctx context.Context, c clinic.ID, d calendar.Day) ([]queue.Refusal, error) {
	var rows []refusalRow
	err := s.read.WithContext(ctx).Raw("SELECT rule, place, n FROM refusal WHERE clinic = ? AND day = ? ORDER BY n DESC, rule, place", c, d).
		Scan(&rows).Error
	return convert(rows, mapError(err), func(r refusalRow) queue.Refusal { return queue.Refusal{Rule: r.Rule, Where: r.Place, N: r.N} })
}

func (s queues) CountRefusals(ctx context.Context, c clinic.ID, d calendar.Day, w queue.Where, rules []string) error {
	return s.inTx(ctx, c, func(t *Tx) error { return t.countRefusals(d, w, slices.Compact(slices.Sorted(slices.Values(rules)))) })
}

// countRefusals takes the rules sorted, so that two who count never wait for each other.
func (t *Tx) countRefusals(d calendar.Day, w queue.Where, rules []string) error {
	for _, rule := range rules {
		_, err := t.exec(`INSERT INTO refusal (clinic, day, place, rule, n) VALUES (?, ?, ?, ?, 1)
			ON CONFLICT (clinic, day, place, rule) DO UPDATE SET n = refusal.n + 1`, t.clinic, d, w, rule)
		if err != nil {
			return mapError(err)
		}
	}
	return nil
}

// TicketOfStation implements queue.Tx.
func (t *Tx) TicketOfStation(_ context.Context, st equipment.StationID, d calendar.Day) (queue.Ticket, error) {
	r, err := take[ticketRow](t.db.Order("number"), "ticket",
		"station = ? AND day = ? AND clinic = ? AND state IN ('called', 'at_window')", st, d, t.clinic)
	return toTicket(r), err
}

// Waiting implements queue.Tx.
func (t *Tx) Waiting(_ context.Context, d calendar.Day) ([]queue.Ticket, error) {
	rows, err := list[ticketRow](t.db.Where("clinic = ? AND day = ? AND state = 'arrived'", t.clinic, d))
	return convert(rows, err, toTicket)
}

// Booking implements queue.Tx.
func (t *Tx) Booking(_ context.Context, p patient.ID, d calendar.Day) (queue.Booking, error) {
	r, err := take[slotRow](t.db, "slot", "patient = ? AND day = ? AND clinic = ?", p, d, t.clinic)
	return toBooking(r), err
}

// LockSlots implements queue.Tx. The day's serial number is the lock: it counts the changes of the day's slots.
func (t *Tx) LockSlots(_ context.Context, d calendar.Day) ([]queue.Booking, error) {
	if _, err := t.next("slots " + d.String()); err != nil {
		return nil, err
	}
	rows, err := list[slotRow](t.db.Where("clinic = ? AND day = ?", t.clinic, d).Order("at, patient"))
	return convert(rows, err, toBooking)
}

// PutBooking implements queue.Tx.
func (t *Tx) PutBooking(_ context.Context, b queue.Booking) error {
	if err := t.sameClinic(b.Clinic); err != nil {
		return err
	}
	_, err := t.exec(`INSERT INTO slot (patient, day, clinic, at, by_staff, recorded) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (patient, day) DO UPDATE SET at = excluded.at, by_staff = excluded.by_staff, recorded = excluded.recorded`,
		b.Patient, b.Day, b.Clinic, b.At, b.By, b.Recorded)
	return mapError(err)
}

// RemoveBooking implements queue.Tx.
func (t *Tx) RemoveBooking(_ context.Context, p patient.ID, d calendar.Day) error {
	_, err := t.exec("DELETE FROM slot WHERE patient = ? AND day = ? AND clinic = ?", p, d, t.clinic)
	return mapError(err)
}

// PutRules implements queue.Tx.
func (t *Tx) PutRules(_ context.Context, r queue.Rules) error {
	if err := t.sameClinic(r.Clinic); err != nil {
		return err
	}
	targets, err := json.Marshal(r.Targets)
	if err != nil {
		return err
	}
	rooms, err := json.Marshal(r.Rooms)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO queue_rules (clinic, opens_s, closes_s, slot_size, targets, rooms) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (clinic) DO UPDATE SET opens_s = excluded.opens_s, closes_s = excluded.closes_s,
			slot_size = excluded.slot_size, targets = excluded.targets, rooms = excluded.rooms`,
		r.Clinic, int(r.Opens/time.Second), int(r.Closes/time.Second), r.SlotSize, string(targets), string(rooms))
	return mapError(err)
}
