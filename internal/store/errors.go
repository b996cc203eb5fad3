package store

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/ncruces/go-sqlite3"
	"gorm.io/gorm"

	"github.com/lieu-clinic/lieu/internal/fault"
)

// broken says what a violated constraint means to a caller. SQLite names a CHECK, but of a unique constraint it names
// only the columns.
type broken struct {
	name    string
	columns string
	code    fault.Code
	key     string
}

// constraints holds those that a caller can do something about. Any other unique constraint is a Conflict, and any other
// violation a defect.
var constraints = []broken{
	{"clinic_number_once", "clinic.number", fault.Conflict, "clinic.number_taken"},
	{"clinic_day_fixed", "", fault.Conflict, "clinic.day_fixed"},
	{"staff_username_once", "staff.username", fault.Conflict, "staff.username_taken"},
	{"staff_badge_once", "staff.clinic, staff.badge", fault.Conflict, "staff.badge_taken"},
	{"patient_code_once", "patient.clinic, patient.code", fault.Conflict, "patient.code_taken"},
	{"prescription_version_once", "prescription.patient, prescription.version", fault.Conflict, "prescription.version_taken"},
	{"lot_number_once", "lot.product, lot.number", fault.Conflict, "lot.number_taken"},
	{"bottle_code_once", "bottle.clinic, bottle.code", fault.Conflict, "bottle.code_taken"},
	{"move_reversed_once", "move.reverses", fault.Conflict, "move.reversed"},
	{"station_name_once", "station.clinic, station.name", fault.Conflict, "station.name_taken"},
	{"station_bottle_once", "station.bottle", fault.Conflict, "station.bottle_taken"},
	{"device_kind_once", "device.station, device.kind", fault.Conflict, "device.kind_taken"},
	{"ticket_open_once", "ticket.patient, ticket.day", fault.Conflict, "ticket.open"},
	{"ticket_number_once", "ticket.clinic, ticket.day, ticket.number", fault.Conflict, "ticket.number_taken"},
	{"dispensing_state_patient_once", "dispensing_state.patient", fault.Conflict, "dispensing.patient_open"},
	{"dispensing_state_station_once", "dispensing_state.station", fault.Conflict, "dispensing.station_busy"},
	{"dispensing_step_pk", "dispensing_step.dispensing, dispensing_step.seq", fault.Conflict, "dispensing.step_taken"},
	{"dose_pk", "dose.patient, dose.day, dose.part", fault.Conflict, "dose.given"},
	{"station_record_pk", "station_record.station, station_record.seq", fault.Conflict, "record.gap"},
	{"dispensing_step_two_people", "", fault.Invalid, "witness.same"},
	{"document_two_people", "", fault.Invalid, "witness.same"},
	{"counter_session_two_people", "", fault.Invalid, "witness.same"},
	{"counter_session_open_once", "counter_session.station", fault.Conflict, "session.open_already"},
	{"counter_session_shift_once", "counter_session.station, counter_session.day, counter_session.shift", fault.Conflict, "session.shift_taken"},
	{"stock_count_running_once", "stock_count.session", fault.Conflict, "count.running"},
	{"count_entry_pk", "count_entry.count_id, count_entry.person, count_entry.bottle", fault.Conflict, "witness.same"},
}

// violation is what an engine said, in one shape.
type violation struct {
	unique  bool
	name    string // of the constraint; "" when the engine does not say
	columns string // "table.column, …" of a unique constraint on SQLite
}

// mapError gives an error of either engine its code. What is not known stays as it is, and so is Internal. The engine's
// own text names no values.
func mapError(err error) error {
	if err == nil {
		return nil
	}
	var coded *fault.Error
	if errors.As(err, &coded) {
		return err
	}
	if v, ok := violationOf(err); ok {
		return v.fault(err)
	}
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return fault.New(fault.NotFound, "not_found", "no such row")
	case errors.As(err, &pg) && pg.Code == "22P02":
		return fault.New(fault.NotFound, "not_found", "id is not a UUID")
	case retryable(err):
		return fault.New(fault.Unavailable, "database.busy", "database is busy: %w", err)
	case unreachable(err):
		return fault.New(fault.Unavailable, "database.down", "database: %w", err)
	}
	return err
}

func violationOf(err error) (violation, bool) {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "23505":
			return violation{unique: true, name: pg.ConstraintName}, true
		case "23514", "23503", "23001":
			return violation{name: pg.ConstraintName}, true
		}
		return violation{}, false
	}
	var lite *sqlite3.Error
	if !errors.As(err, &lite) || lite.Code() != sqlite3.CONSTRAINT {
		return violation{}, false
	}
	what := lite.Error()
	if i := strings.LastIndex(what, "constraint failed: "); i >= 0 {
		what = what[i+len("constraint failed: "):]
	}
	switch lite.ExtendedCode() {
	case sqlite3.CONSTRAINT_UNIQUE, sqlite3.CONSTRAINT_PRIMARYKEY:
		return violation{unique: true, columns: what}, true
	case sqlite3.CONSTRAINT_CHECK:
		return violation{name: what}, true
	case sqlite3.CONSTRAINT_TRIGGER:
		if strings.Contains(lite.Error(), "append_only") {
			return violation{name: "append_only"}, true
		}
		return violation{name: "clinic_day_fixed"}, true
	default:
		return violation{}, true
	}
}

func (v violation) fault(err error) error {
	for _, b := range constraints {
		if (v.name != "" && v.name == b.name) || (v.columns != "" && v.columns == b.columns) {
			return fault.New(b.code, b.key, "%s: %w", b.name, err)
		}
	}
	if v.unique {
		return fault.New(fault.Conflict, "id.taken", "%w", err)
	}
	return fault.New(fault.Internal, "database.constraint", "%w", err)
}

// refusedByEngine reports whether an engine answered, so that the transaction is known to be undone.
func refusedByEngine(err error) bool {
	var pg *pgconn.PgError
	var lite *sqlite3.Error
	return errors.As(err, &pg) || errors.As(err, &lite) || errors.Is(err, context.Canceled)
}

// retryable reports whether the transaction was undone by the engine and may succeed when run again.
func retryable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	return errors.Is(err, sqlite3.BUSY)
}

func unreachable(err error) bool {
	var connect *pgconn.ConnectError
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return true
	case errors.As(err, &connect):
		return true
	case errors.As(err, &pg):
		// Shut down, too many connections, a wait or a statement that took too long, a full disk.
		return strings.HasPrefix(pg.Code, "57") || strings.HasPrefix(pg.Code, "53") || pg.Code == "55P03"
	}
	return errors.Is(err, sqlite3.FULL) || errors.Is(err, sqlite3.INTERRUPT)
}
