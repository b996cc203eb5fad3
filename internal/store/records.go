package store

import (
	"context"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
)

// Records reads what no single noun owns.
type Records struct{ s *Store }

// Records returns the reader of registers and incidents.
func (s *Store) Records() Records { return Records{s} }

// maxFiles bounds one call of Files.
const maxFiles = 1000

// Files reads the files of these patients, for lists that name them. An id that is not of this clinic is left out. The
// reading is not audited here.
func (r Records) Files(ctx context.Context, c clinic.ID, ids []patient.ID) (map[patient.ID]patient.Patient, error) {
	if len(ids) > maxFiles {
		return nil, fault.New(fault.Invalid, "list.too_long", "%d files at once", len(ids))
	}
	files := make(map[patient.ID]patient.Patient, len(ids))
	if len(ids) == 0 {
		return files, nil
	}
	rows, err := list[patientRow](r.s.read.WithContext(ctx).Where("clinic = ? AND id IN ?", c, ids))
	for _, row := range rows {
		files[row.ID] = toPatient(row)
	}
	return files, err
}

// Incidents lists incidents, newest first; before pages, "" for the first page.
func (r Records) Incidents(ctx context.Context, c clinic.ID, before string, limit int) ([]dispensing.Incident, error) {
	db := r.s.report.WithContext(ctx).Where("clinic = ?", c)
	if before != "" {
		db = db.Where("id < ?", before)
	}
	rows, err := list[incidentRow](db.Order("id DESC").Limit(page(limit, 100, 500)))
	return convert(rows, err, func(r incidentRow) dispensing.Incident {
		return dispensing.Incident{
			ID: r.ID, Clinic: r.Clinic, Dispensing: dispensing.ID(r.Dispensing), Kind: r.Kind, Data: raw(r.Data), Opened: r.Opened,
		}
	})
}

// DaySteps lists the steps of every dispensing of a clinic day, by dispensing and number.
func (r Records) DaySteps(ctx context.Context, c clinic.ID, d calendar.Day) ([]dispensing.Step, error) {
	var rows []stepRow
	err := r.s.report.WithContext(ctx).Raw(dayStepsSQL, c, d).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("steps of %s: %w", d, mapError(err))
	}
	return convert(rows, nil, toStep)
}

var dayStepsSQL = "SELECT " + columns("s", stepRow{}) + ` FROM dispensing d JOIN dispensing_step s ON s.dispensing = d.id
	WHERE d.clinic = ? AND d.day = ? ORDER BY s.dispensing, s.seq`

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return mapError(row(s.read.WithContext(ctx), "SELECT 1", nil, &one))
}
