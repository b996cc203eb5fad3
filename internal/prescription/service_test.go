package prescription

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

const here clinic.ID = "clinic-1"

// memory is a Store and a Tx of one clinic with one patient.
type memory struct {
	Store
	file    patient.Patient
	orders  map[ID]Prescription
	holds   map[HoldID]Hold
	entries []audit.Entry
}

func missing() error { return fault.New(fault.NotFound, "not_found", "nothing") }

func (m *memory) InTx(_ context.Context, _ clinic.ID, fn func(Tx) error) error { return fn(m) }

func (m *memory) Prescription(ctx context.Context, _ clinic.ID, id ID) (Prescription, error) {
	return m.FindPrescription(ctx, id)
}

func (m *memory) LockPatient(_ context.Context, id patient.ID) (patient.Patient, error) {
	if id != m.file.ID {
		return patient.Patient{}, missing()
	}
	return m.file, nil
}

func (m *memory) BumpPatient(context.Context, patient.ID) error { m.file.Version++; return nil }

func (m *memory) UpdatePatient(_ context.Context, p patient.Patient) error { m.file = p; return nil }

func (m *memory) FindPrescription(_ context.Context, id ID) (Prescription, error) {
	p, ok := m.orders[id]
	if !ok {
		return Prescription{}, missing()
	}
	return p, nil
}

func (m *memory) ActivePrescriptions(context.Context, patient.ID) ([]Prescription, error) {
	var active []Prescription
	for _, p := range m.orders {
		if p.Status == Active {
			active = append(active, p)
		}
	}
	slices.SortFunc(active, func(a, b Prescription) int { return a.From.Sub(b.From) })
	return active, nil
}

func (m *memory) LastPrescriptionVersion(context.Context, patient.ID) (last int, _ error) {
	for _, p := range m.orders {
		last = max(last, p.Version)
	}
	return last, nil
}

func (m *memory) InsertPrescription(_ context.Context, p Prescription) error {
	m.orders[p.ID] = p
	return nil
}

func (m *memory) EndPrescription(_ context.Context, p Prescription) error {
	m.orders[p.ID] = p
	return nil
}

func (m *memory) FindHold(_ context.Context, id HoldID) (Hold, error) {
	h, ok := m.holds[id]
	if !ok {
		return Hold{}, missing()
	}
	return h, nil
}

func (m *memory) InsertHold(_ context.Context, h Hold) error { m.holds[h.ID] = h; return nil }

func (m *memory) EndHold(_ context.Context, h Hold) error { m.holds[h.ID] = h; return nil }

func (m *memory) FindClearance(context.Context, ClearanceID) (Clearance, error) {
	return Clearance{}, missing()
}

func (m *memory) InsertClearance(context.Context, Clearance) error { return nil }

func (m *memory) Record(_ context.Context, e audit.Entry) error {
	m.entries = append(m.entries, e)
	return nil
}

type oneClinic struct{}

func (oneClinic) Clinic(context.Context, clinic.ID) (clinic.Clinic, error) {
	return clinic.Clinic{ID: here, Number: 7, Zone: "Asia/Ho_Chi_Minh"}, nil
}

var (
	today  = calendar.DateOf(2026, 3, 2)
	doctor = person("doctor-1", staff.Doctor)
	nurse  = person("nurse-1", staff.Nurse)
)

func person(id staff.ID, r staff.Role) staff.Member {
	return staff.Member{ID: id, Clinic: here, Active: true, Roles: []staff.Role{r}}
}

func newBench(limits Limits) (*Service, *memory) {
	m := &memory{
		file:   patient.Patient{ID: "p", Clinic: here, Status: patient.InTreatment, Phase: patient.Maintenance, Version: 1},
		orders: map[ID]Prescription{}, holds: map[HoldID]Hold{},
	}
	// 06:00 in Vietnam on the second of March is still the first in UTC.
	now := func() time.Time { return time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC) }
	return NewService(m, oneClinic{}, limits, now), m
}

func order(id ID, mg, from, to int) Order {
	return Order{
		ID: id, Patient: "p", Dose: measure.Mass(mg) * measure.Milligram, From: today.AddDays(from), To: today.AddDays(to),
		Phase: patient.Maintenance, Reason: "stable",
	}
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

// doses returns the dose in mg that is ordered on each day from today-2 to today+9; 0 is none, and -1 is more than one.
func (m *memory) doses() []int {
	var out []int
	for d := today - 2; d < today+10; d++ {
		dose := 0
		for _, p := range m.orders {
			if p.Status == Active && p.Covers(d) {
				if dose != 0 {
					dose = -1
					break
				}
				dose = int(p.Dose / measure.Milligram)
			}
		}
		out = append(out, dose)
	}
	return out
}

func TestSigningOverActiveOrders(t *testing.T) {
	before := func(m *memory, orders ...Order) {
		for i, o := range orders {
			m.orders[o.ID] = Prescription{
				ID: o.ID, Clinic: here, Patient: "p", Version: i + 1, Dose: o.Dose, Parts: []measure.Mass{o.Dose},
				From: o.From, To: o.To, Phase: o.Phase, Status: Active,
			}
		}
	}
	for name, tc := range map[string]struct {
		active []Order
		sign   Order
		gap    string // first day lost when the doctor does not accept it
		want   []int  // from today-2 on
	}{
		"the first order": {
			nil, order("new", 60, 2, 4), "",
			[]int{0, 0, 0, 0, 60, 60, 60, 0, 0, 0, 0, 0},
		},
		"from today, to the same end": {
			[]Order{order("old", 80, -2, 5)}, order("new", 60, 0, 5), "",
			[]int{0, 0, 60, 60, 60, 60, 60, 60, 0, 0, 0, 0},
		},
		"from the day after tomorrow: the old order keeps the days before": {
			[]Order{order("old", 80, -2, 5)}, order("new", 60, 2, 5), "",
			[]int{80, 80, 80, 80, 60, 60, 60, 60, 0, 0, 0, 0},
		},
		"continued without a break": {
			[]Order{order("old", 80, -2, 2)}, order("new", 60, 3, 6), "",
			[]int{80, 80, 80, 80, 80, 60, 60, 60, 60, 0, 0, 0},
		},
		"one day too late": {
			[]Order{order("old", 80, -2, 2)}, order("new", 60, 4, 6), "2026-03-05",
			[]int{80, 80, 80, 80, 80, 0, 60, 60, 60, 0, 0, 0},
		},
		"ending before the old one did": {
			[]Order{order("old", 80, -2, 6)}, order("new", 60, 0, 3), "2026-03-06",
			[]int{0, 0, 60, 60, 60, 60, 0, 0, 0, 0, 0, 0},
		},
		"over two orders at once": {
			[]Order{order("a", 80, -2, 2), order("b", 90, 3, 6)}, order("new", 60, 1, 6), "",
			[]int{80, 80, 80, 60, 60, 60, 60, 60, 60, 0, 0, 0},
		},
		"before a later order that it does not touch": {
			[]Order{order("b", 90, 3, 6)}, order("new", 60, 0, 2), "",
			[]int{0, 0, 60, 60, 60, 90, 90, 90, 90, 0, 0, 0},
		},
		"after one that ended the day before yesterday": {
			[]Order{order("old", 80, -9, -2)}, order("new", 60, 0, 2), "",
			[]int{80, 0, 60, 60, 60, 0, 0, 0, 0, 0, 0, 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newBench(nil)
			before(m, tc.active...)
			p, err := s.Sign(t.Context(), here, doctor, tc.sign)
			if tc.gap != "" {
				wantKey(t, err, "prescription.gap")
				var f *fault.Error
				if errors.As(err, &f); f.Args["day"] != tc.gap {
					t.Errorf("gap on %s, want %s", f.Args["day"], tc.gap)
				}
				tc.sign.AcceptGap = true
				p, err = s.Sign(t.Context(), here, doctor, tc.sign)
			}
			wantKey(t, err, "")
			if diff := cmp.Diff(tc.want, m.doses()); diff != "" {
				t.Errorf("doses by day (-want +got):\n%s", diff)
			}
			if last, _ := m.LastPrescriptionVersion(t.Context(), "p"); p.Version != last {
				t.Errorf("version %d, the newest is %d", p.Version, last)
			}
			if m.file.Version == 1 {
				t.Error("the file's version did not change")
			}
		})
	}
}

func TestCancellingANewOrderDoesNotBringTheOldDoseBack(t *testing.T) {
	s, m := newBench(nil)
	for _, o := range []Order{order("old", 80, 0, 5), order("new", 40, 0, 5)} {
		if _, err := s.Sign(t.Context(), here, doctor, o); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Cancel(t.Context(), here, doctor, "new", "intoxicated"); err != nil {
		t.Fatal(err)
	}
	if doses := m.doses(); slices.Max(doses) != 0 {
		t.Errorf("doses by day after the cancellation: %v", doses)
	}
	_, err := s.Cancel(t.Context(), here, doctor, "old", "as well")
	wantKey(t, err, "prescription.not_active")
}

func TestWhatIsNotSigned(t *testing.T) {
	limits := func(clinic.Clinic, patient.Phase) (int, bool) { return 5, true }
	for name, tc := range map[string]struct {
		edit func(*Order, *memory)
		by   staff.Member
		key  string
	}{
		"from yesterday":     {func(o *Order, _ *memory) { o.From--; o.To-- }, doctor, "prescription.past"},
		"by a nurse":         {func(*Order, *memory) {}, nurse, "staff.may_not"},
		"six days of five":   {func(o *Order, _ *memory) { o.To++ }, doctor, "prescription.too_long"},
		"for an ended file":  {func(_ *Order, m *memory) { m.file.Status = patient.Ended }, doctor, "patient.ended"},
		"a phase too far":    {func(_ *Order, m *memory) { m.file.Phase = patient.Induction }, doctor, "patient.phase"},
		"for nobody":         {func(o *Order, _ *memory) { o.Patient = "q" }, doctor, "not_found"},
		"five days, allowed": {func(*Order, *memory) {}, doctor, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newBench(limits)
			o := order("new", 60, 0, 4)
			tc.edit(&o, m)
			_, err := s.Sign(t.Context(), here, tc.by, o)
			wantKey(t, err, tc.key)
			if tc.key != "" && (len(m.orders) != 0 || len(m.entries) != 0) {
				t.Error("something was written")
			}
		})
	}
}

func TestARepeatedSignatureIsOneOrder(t *testing.T) {
	s, m := newBench(nil)
	for range 2 {
		if _, err := s.Sign(t.Context(), here, doctor, order("new", 60, 0, 4)); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.orders) != 1 || len(m.entries) != 1 {
		t.Errorf("%d orders, %d entries", len(m.orders), len(m.entries))
	}
	_, err := s.Sign(t.Context(), here, doctor, order("new", 61, 0, 4))
	wantKey(t, err, "id.taken")
}

func TestWhoLiftsAHold(t *testing.T) {
	for name, tc := range map[string]struct {
		clearedBy staff.Role
		by        staff.Member
		key       string
	}{
		"a nurse's by a nurse":       {staff.Nurse, nurse, ""},
		"a nurse's by a doctor":      {staff.Nurse, doctor, ""},
		"a doctor's by a nurse":      {staff.Doctor, nurse, "hold.not_yours"},
		"a doctor's by a doctor":     {staff.Doctor, doctor, ""},
		"a pharmacist's by a nurse":  {staff.Pharmacist, nurse, "hold.not_yours"},
		"a pharmacist's by a doctor": {staff.Pharmacist, doctor, ""},
		"by somebody without holds":  {staff.Nurse, person("s", staff.Supervisor), "staff.may_not"},
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newBench(nil)
			_, err := s.PlaceHold(t.Context(), here, nurse, NewHold{
				ID: "h", Patient: "p", Severity: Stop, Reason: "smells of alcohol", ClearedBy: tc.clearedBy,
			})
			wantKey(t, err, "")
			placed := m.file.Version
			h, err := s.LiftHold(t.Context(), here, tc.by, "h", "sober")
			wantKey(t, err, tc.key)
			if lifted := tc.key == ""; m.holds["h"].Open() == lifted || (m.file.Version > placed) != lifted || (h.LiftedBy != "") != lifted {
				t.Errorf("hold %+v, file version %d", m.holds["h"], m.file.Version)
			}
		})
	}
}
