package store

import (
	"context"
	"encoding/hex"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/census"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/patient"
)

// courseRow is what a count needs of a file.
type courseRow struct {
	ID             patient.ID
	Clinic         clinic.ID
	NationalIDMark []byte
	Entry          patient.Entry
	EnrolledOn     calendar.Day
	EndedOn        calendar.Day
	EndReason      patient.EndReason
	Previous       ref
}

// coursesSQL leaves out who applied and was never accepted, who waits for the first dose, and who left before it.
const coursesSQL = `SELECT p.id, p.clinic, p.national_id_mark, p.entry, p.enrolled_on, p.ended_on, p.end_reason, p.previous
	FROM patient p
	WHERE p.clinic IN ? AND (p.status IN ('in_treatment', 'suspended')
		OR p.status = 'ended' AND EXISTS (SELECT 1 FROM dose d WHERE d.patient = p.id))`

// Courses reads every course of treatment of these clinics. Reading them is counting: no names, and not audited.
func (r Records) Courses(ctx context.Context, clinics []clinic.ID) ([]census.Course, error) {
	var rows []courseRow
	if err := r.s.report.WithContext(ctx).Raw(coursesSQL, clinics).Scan(&rows).Error; err != nil {
		return nil, mapError(err)
	}
	persons := personsOf(rows)
	return convert(rows, nil, func(c courseRow) census.Course {
		return census.Course{
			Clinic: c.Clinic, Patient: c.ID, Person: persons[c.ID], Entry: c.Entry, From: c.EnrolledOn, To: c.EndedOn, Reason: c.EndReason,
		}
	})
}

// personsOf gives every file the same key as the other files of its person: the mark of a national id that any file of
// the chain of returns has, or else the chain's first file.
func personsOf(rows []courseRow) map[patient.ID]string {
	byID := make(map[patient.ID]courseRow, len(rows))
	for _, r := range rows {
		byID[r.ID] = r
	}
	root := func(r courseRow) patient.ID {
		for range rows { // a chain is never longer than there are files
			before, ok := byID[patient.ID(r.Previous)]
			if !ok {
				break
			}
			r = before
		}
		return r.ID
	}
	marks := map[patient.ID]string{}
	for _, r := range rows {
		if len(r.NationalIDMark) > 0 {
			marks[root(r)] = hex.EncodeToString(r.NationalIDMark)
		}
	}
	persons := make(map[patient.ID]string, len(rows))
	for _, r := range rows {
		first := root(r)
		persons[r.ID] = string(first)
		if mark := marks[first]; mark != "" {
			persons[r.ID] = mark
		}
	}
	return persons
}

type attendanceRow struct {
	ID      patient.ID
	Since   calendar.Day
	Last    calendar.Day
	OrderTo calendar.Day
}

const attendanceSQL = `SELECT p.id, p.enrolled_on AS since,
		(SELECT max(d.day) FROM dose d WHERE d.patient = p.id) AS last,
		(SELECT max(o.to_day) FROM prescription o WHERE o.patient = p.id AND o.status = 'active') AS order_to
	FROM patient p WHERE p.clinic = ? AND p.status = 'in_treatment' ORDER BY p.id`

// Attendance reads, of every patient in treatment, when they last came and how long their order runs.
func (r Records) Attendance(ctx context.Context, c clinic.ID) ([]census.Attendance, error) {
	var rows []attendanceRow
	err := r.s.report.WithContext(ctx).Raw(attendanceSQL, c).Scan(&rows).Error
	return convert(rows, mapError(err), func(a attendanceRow) census.Attendance {
		return census.Attendance{Patient: a.ID, Since: a.Since, Last: a.Last, OrderTo: a.OrderTo}
	})
}
