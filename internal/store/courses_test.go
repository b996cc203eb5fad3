package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/census"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/patient"
)

// Who is counted, and which files are one person.
func TestCourses(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 1, 1)
		other := newWorld(t, s, 2, 1, 0)
		fill(t, s, w) // gives the first patient a dose
		n := 0
		add := func(c clinic.ID, change func(*patient.Patient)) patient.ID {
			t.Helper()
			n++
			p := newPatient(w, id.New[patient.ID](), 500+n)
			p.Clinic, p.Code = c, fmt.Sprintf("Q%04d", n)
			change(&p)
			must(t, do(t, s, c, func(ctx context.Context, tx *Tx) error { return tx.InsertPatient(ctx, p) }))
			return p.ID
		}
		mark := []byte{1, 2, 3}
		first := add(w.clinic, func(p *patient.Patient) { p.Status = patient.Suspended })
		back := add(w.clinic, func(p *patient.Patient) { p.Previous, p.Entry, p.NationalIDMark = first, patient.ReturnEntry, mark })
		elsewhere := add(other.clinic, func(p *patient.Patient) { p.Entry, p.NationalIDMark = patient.TransferEntry, mark })
		for _, st := range []patient.Status{patient.Applied, patient.AwaitingStart} {
			add(w.clinic, func(p *patient.Patient) { p.Status = st })
		}
		add(w.clinic, func(p *patient.Patient) { // left before the first dose
			p.Status, p.EndedOn, p.EndReason = patient.Ended, theDay, patient.OwnWish
		})
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			p, err := tx.LockPatient(ctx, w.patients[0])
			if err != nil {
				return err
			}
			p.Status, p.EndedOn, p.EndReason = patient.Ended, theDay, patient.Dropped
			return tx.UpdatePatient(ctx, p)
		}))

		all, err := s.Records().Courses(t.Context(), []clinic.ID{w.clinic, other.clinic})
		must(t, err)
		got := map[patient.ID]census.Course{}
		for _, c := range all {
			got[c.Patient] = c
		}
		if got[w.patients[0]].To != theDay || got[w.patients[0]].Reason != patient.Dropped {
			t.Errorf("the one who dropped out: %+v", got[w.patients[0]])
		}
		if got[first].Person != got[back].Person || got[back].Person != got[elsewhere].Person || got[back].Person == "" || got[back].Entry != patient.ReturnEntry {
			t.Errorf("three files of one person: %q, %q, %q", got[first].Person, got[back].Person, got[elsewhere].Person)
		}
		own, err := s.Records().Courses(t.Context(), []clinic.ID{w.clinic})
		must(t, err)
		if len(own) != 3 || len(all) != 4+len(other.patients) {
			t.Errorf("%d courses here, %d in all", len(own), len(all))
		}
	})
}

// The newest target of a year counts; the earlier ones stay.
func TestTargets(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 1, 1)
		for i, n := range []int{800, 790} {
			must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
				return tx.InsertTarget(ctx, clinic.Target{Clinic: w.clinic, Year: 2026, Patients: n, By: "a", Recorded: eight.Add(time.Duration(i) * time.Hour)})
			}))
		}
		got, err := s.Clinics().Targets(t.Context(), 2026)
		must(t, err)
		if len(got) != 1 || got[w.clinic].Patients != 790 {
			t.Errorf("%+v", got)
		}
		if got, err := s.Clinics().Targets(t.Context(), 2027); err != nil || len(got) != 0 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// The last dose and the last order of everybody in treatment, and of nobody else.
func TestAttendance(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 2, 1)
		fill(t, s, w) // gives the first patient a dose
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			p := newPatient(w, id.New[patient.ID](), 900)
			p.Status = patient.Suspended
			return tx.InsertPatient(ctx, p)
		}))
		all, err := s.Records().Attendance(t.Context(), w.clinic)
		must(t, err)
		got := map[patient.ID]census.Attendance{}
		for _, a := range all {
			got[a.Patient] = a
		}
		if first := got[w.patients[0]]; len(all) != 2 || first.Last != theDay || first.OrderTo != theDay.AddDays(10) {
			t.Errorf("%d, %+v", len(all), first)
		}
		if second := got[w.patients[1]]; !second.Last.IsZero() || second.Since.IsZero() {
			t.Errorf("%+v", second)
		}
	})
}
