package store

import (
	"context"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// History is a stretch of a clinic's doses that happened before they came here: those of a demonstration. Everything in
// it is in the order in which it happened.
type History struct {
	Dispensings []dispensing.Dispensing // as they are after the last of their Steps
	Steps       []dispensing.Step
	Moves       []stock.Move // balances after are filled in here
	Doses       []HistoryDose
	Records     []HistoryRecord
}

// HistoryDose is a consumption fact with what it belongs to.
type HistoryDose struct {
	dosing.Dose
	Patient    patient.ID
	Dispensing dispensing.ID
}

// HistoryRecord is a station's signed record. The caller has checked its signature and its link.
type HistoryRecord struct {
	stationlog.Record
	Signed   stationlog.Signed
	Recorded calendar.Instant
}

// loadBatch is how many rows one statement inserts.
const loadBatch = 200

// LoadHistory writes a stretch of history, a row for a row as the workflow itself would have written it, but many rows at
// a time. What the schema holds of doses, moves and records it holds here too; the audit entries are the caller's.
func (t *Tx) LoadHistory(ctx context.Context, h History) error {
	if err := t.loadDispensings(h); err != nil {
		return fmt.Errorf("history: %w", mapError(err))
	}
	if err := t.PostMoves(ctx, h.Moves); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if err := t.loadRecords(h.Records); err != nil {
		return fmt.Errorf("history: %w", mapError(err))
	}
	return nil
}

func (t *Tx) loadDispensings(h History) error {
	headers, states := make([]dispensingRow, len(h.Dispensings)), make([]dispensingStateRow, len(h.Dispensings))
	patients := make([]patient.ID, len(h.Dispensings))
	for i, d := range h.Dispensings {
		if err := t.sameClinic(d.Clinic); err != nil {
			return err
		}
		headers[i], states[i] = fromDispensing(d)
		patients[i] = d.Patient
	}
	steps := make([]stepRow, len(h.Steps))
	for i, s := range h.Steps {
		steps[i] = fromStep(t.clinic, s)
	}
	doses := make([]doseRow, len(h.Doses))
	for i, d := range h.Doses {
		doses[i] = doseRow{
			Patient: d.Patient, Day: d.Day, Part: d.Part, Clinic: t.clinic, Dispensing: d.Dispensing, MassUg: d.Mass, Kind: d.Kind, At: d.At,
		}
	}
	for _, err := range []error{load(t, headers), load(t, states), load(t, steps), load(t, doses)} {
		if err != nil {
			return err
		}
	}
	if len(patients) == 0 {
		return nil
	}
	_, err := t.exec(`UPDATE patient SET version = version + 1,
		status = CASE WHEN status = ? AND id IN (SELECT patient FROM dose WHERE clinic = ?) THEN ? ELSE status END
		WHERE clinic = ? AND id IN ?`, patient.AwaitingStart, t.clinic, patient.InTreatment, t.clinic, patients)
	return err
}

// loadRecords appends the records of one or more stations, each from the end of its chain on.
func (t *Tx) loadRecords(records []HistoryRecord) error {
	rows := make([]stationRecordRow, len(records))
	first, last := map[string]int64{}, map[string]HistoryRecord{}
	for i, r := range records {
		rows[i] = recordRow(t.clinic, r.Record, r.Signed, r.Recorded)
		if _, seen := first[r.Station]; !seen {
			first[r.Station] = r.Seq
		}
		last[r.Station] = r
	}
	for station, r := range last {
		n, err := t.exec("UPDATE station SET event_seq = ?, event_hash = ? WHERE id = ? AND clinic = ? AND event_seq = ?",
			r.Seq, r.Signed.Hash(), station, t.clinic, first[station]-1)
		if err != nil {
			return err
		}
		if n != 1 {
			return fault.New(fault.Conflict, "record.gap", "record %d does not follow the last one of station %s", first[station], station)
		}
	}
	return load(t, rows)
}

func load[R any](t *Tx, rows []R) error {
	if len(rows) == 0 {
		return nil
	}
	return t.db.CreateInBatches(&rows, loadBatch).Error
}
