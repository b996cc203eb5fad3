package clinic

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
)

// memory is a Store and a Tx.
type memory struct {
	Store
	clinics  map[ID]Clinic
	closures map[calendar.Day]Closure
	changes  []Change
	targets  []Target
}

func (m *memory) InTx(_ context.Context, _ ID, fn func(Tx) error) error { return fn(m) }

func (m *memory) InsertClinic(_ context.Context, c Clinic) error { m.clinics[c.ID] = c; return nil }

func (m *memory) LockClinic(_ context.Context, c ID) (Clinic, error) {
	cl, ok := m.clinics[c]
	if !ok {
		return Clinic{}, fault.New(fault.NotFound, "not_found", "nothing")
	}
	return cl, nil
}

func (m *memory) UpdateClinic(_ context.Context, c Clinic) error { m.clinics[c.ID] = c; return nil }

func (m *memory) PutClosure(_ context.Context, cl Closure) error { m.closures[cl.Day] = cl; return nil }

func (m *memory) FindClosure(_ context.Context, _ ID, d calendar.Day) (Closure, error) {
	cl, ok := m.closures[d]
	if !ok {
		return Closure{}, fault.New(fault.NotFound, "not_found", "nothing")
	}
	return cl, nil
}

func (m *memory) DeleteClosure(_ context.Context, _ ID, d calendar.Day) error {
	delete(m.closures, d)
	return nil
}

func (m *memory) InsertTarget(_ context.Context, t Target) error {
	m.targets = append(m.targets, t)
	return nil
}

func (m *memory) RecordChange(_ context.Context, ch Change) error {
	m.changes = append(m.changes, ch)
	return nil
}

// signatory may do what its fields say, anywhere.
type signatory struct{ adopts, manages bool }

var errMayNot = fault.New(fault.Forbidden, "staff.may_not", "may not")

func (signatory) StaffID() string { return "person-1" }

func (s signatory) MayAdopt(ID) error { return when(s.adopts) }

func (s signatory) MayManage(ID) error { return when(s.manages) }

func when(may bool) error {
	if !may {
		return errMayNot
	}
	return nil
}

var (
	today  = calendar.DateOf(2026, 3, 2)
	valid  = Clinic{ID: "c", Number: 7, Name: "Cơ sở Thử", Province: "Điện Biên", Kind: TreatmentFacility, Zone: "Asia/Ho_Chi_Minh", RulePack: "vn", RulePackVersion: 1}
	doctor = signatory{adopts: true}
	admin  = signatory{manages: true}
)

func newBench(t *testing.T) (*Service, *memory) {
	t.Helper()
	m := &memory{clinics: map[ID]Clinic{}, closures: map[calendar.Day]Closure{}}
	s := NewService(m, func() time.Time { return time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC) }) // 03:00 of the second
	signed := valid
	signed.AdoptedBy, signed.AdoptedAt = "nobody", 1 // a new clinic's pack is unsigned, whatever it says
	if _, err := s.Create(t.Context(), signed); err != nil {
		t.Fatal(err)
	}
	return s, m
}

func wantKey(t *testing.T, err error, key string) {
	t.Helper()
	var f *fault.Error
	switch {
	case key == "" && err == nil:
	case !errors.As(err, &f) || f.Key != key:
		t.Fatalf("error %v, want key %q", err, key)
	}
}

func TestOnlyADoctorAdoptsRules(t *testing.T) {
	s, m := newBench(t)
	if m.clinics["c"].AdoptedBy != "" {
		t.Fatal("a new clinic has an adopted pack")
	}
	_, err := s.AdoptRulePack(t.Context(), Adoption{Clinic: "c", By: admin, Pack: "vn", Version: 2})
	wantKey(t, err, "staff.may_not")
	c, err := s.AdoptRulePack(t.Context(), Adoption{Clinic: "c", By: doctor, Pack: "vn", Version: 2})
	wantKey(t, err, "")
	if c.RulePackVersion != 2 || c.AdoptedBy != "person-1" || c.AdoptedAt.IsZero() || m.clinics["c"] != c {
		t.Errorf("adopted %+v", c)
	}
	if n := len(m.changes); n != 2 || m.changes[1].By != "person-1" || m.changes[0].By != "" {
		t.Errorf("changes %+v", m.changes)
	}
}

func TestClosures(t *testing.T) {
	s, m := newBench(t)
	set := func(by signatory, d calendar.Day, reason string) error {
		return s.SetClosure(t.Context(), by, Closure{Clinic: "c", Day: d, Reason: reason})
	}
	wantKey(t, set(doctor, today, "Tết"), "staff.may_not")
	wantKey(t, set(admin, today-1, "Tết"), "closure.past") // the second has begun, though not in UTC
	wantKey(t, set(admin, today, ""), "closure.reason")
	for range 2 { // the second time changes nothing
		wantKey(t, set(admin, today, "Tết"), "")
	}
	wantKey(t, set(admin, today, "flood"), "")
	if m.closures[today].Reason != "flood" {
		t.Errorf("closure %+v", m.closures[today])
	}
	for range 2 {
		wantKey(t, s.RemoveClosure(t.Context(), admin, "c", today), "")
	}
	if n := len(m.changes); n != 1+3 || len(m.closures) != 0 {
		t.Errorf("%d changes, %d closures left", n, len(m.closures))
	}
}

func TestTargets(t *testing.T) {
	s, m := newBench(t)
	set := func(by signatory, year, patients int) error {
		_, err := s.SetTarget(t.Context(), by, "c", year, patients)
		return err
	}
	wantKey(t, set(doctor, 2026, 800), "staff.may_not")
	for _, bad := range [][2]int{{1999, 1}, {2101, 1}, {2026, 0}, {2026, -5}, {2026, maxTarget + 1}} {
		wantKey(t, set(admin, bad[0], bad[1]), "target.range")
	}
	wantKey(t, set(admin, 2026, 800), "")
	wantKey(t, set(admin, 2026, 790), "")
	if len(m.targets) != 2 || m.targets[1].Patients != 790 || m.targets[1].By != "person-1" || len(m.changes) != 3 {
		t.Errorf("targets %+v, changes %+v", m.targets, m.changes)
	}
}

func TestParticulars(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*Clinic)
		key  string
	}{
		"valid":               {func(*Clinic) {}, ""},
		"number 99":           {func(c *Clinic) { c.Number = 99 }, ""},
		"number 100":          {func(c *Clinic) { c.Number = 100 }, "clinic.number"},
		"number 0":            {func(c *Clinic) { c.Number = 0 }, "clinic.number"},
		"no such zone":        {func(c *Clinic) { c.Zone = "Asia/Nowhere" }, "clinic.calendar"},
		"a cut-over of a day": {func(c *Clinic) { c.CutOver = 24 * time.Hour }, "clinic.calendar"},
		"another kind":        {func(c *Clinic) { c.Kind = "shop" }, "clinic.kind"},
		"no rule pack":        {func(c *Clinic) { c.RulePack = "" }, "clinic.rule_pack"},
		"no name":             {func(c *Clinic) { c.Name = " " }, "clinic.name"},
	} {
		t.Run(name, func(t *testing.T) {
			c := valid
			tc.edit(&c)
			wantKey(t, c.Validate(), tc.key)
		})
	}
}
