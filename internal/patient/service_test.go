package patient

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
)

const here clinic.ID = "clinic-1"

// memory is a Store and a Tx of one clinic.
type memory struct {
	Store
	files     map[ID]Patient
	photos    map[ID]Photo
	entries   []audit.Entry
	serial    int
	open      int // dispensings of everybody
	cancelled []ID
	broken    bool // the audit cannot be written
}

func (m *memory) InTx(_ context.Context, _ clinic.ID, fn func(Tx) error) error { return fn(m) }

func (m *memory) Patient(ctx context.Context, _ clinic.ID, id ID) (Patient, error) {
	return m.LockPatient(ctx, id)
}

func (m *memory) PatientByCode(_ context.Context, _ clinic.ID, code string) (Patient, error) {
	for _, p := range m.files {
		if p.Code == code {
			return p, nil
		}
	}
	return Patient{}, fault.New(fault.NotFound, "not_found", "nothing")
}

func (m *memory) Patients(context.Context, Filter) (all []Patient, _ error) {
	for _, p := range m.files {
		all = append(all, p)
	}
	return all, nil
}

func (m *memory) NextPatientSerial(context.Context) (int, error) { m.serial++; return m.serial, nil }

func (m *memory) InsertPatient(_ context.Context, p Patient) error { m.files[p.ID] = p; return nil }

func (m *memory) LockPatient(_ context.Context, id ID) (Patient, error) {
	p, ok := m.files[id]
	if !ok {
		return Patient{}, fault.New(fault.NotFound, "not_found", "nothing")
	}
	return p, nil
}

func (m *memory) UpdatePatient(_ context.Context, p Patient) error {
	p.Version = m.files[p.ID].Version
	m.files[p.ID] = p
	return nil
}

func (m *memory) BumpPatient(_ context.Context, id ID) error {
	p := m.files[id]
	p.Version++
	m.files[id] = p
	return nil
}

func (m *memory) FilesByFingerprint(_ context.Context, mark []byte) (found []Patient, _ error) {
	for _, p := range m.files {
		if bytes.Equal(p.NationalIDMark, mark) {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b Patient) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return found, nil
}

func (m *memory) PutPhoto(_ context.Context, id ID, ph Photo) error { m.photos[id] = ph; return nil }

func (m *memory) OpenDispensings(context.Context, ID) (int, error) { return m.open, nil }

func (m *memory) EndActiveOrders(_ context.Context, id ID, _ string, _ calendar.Instant) (int, error) {
	m.cancelled = append(m.cancelled, id)
	return 1, nil
}

func (m *memory) Record(_ context.Context, e audit.Entry) error {
	if m.broken {
		return errors.New("disk full")
	}
	m.entries = append(m.entries, e)
	return nil
}

// sealer writes text backwards behind what it is bound to.
type sealer struct{}

func turn(b []byte) []byte { b = bytes.Clone(b); slices.Reverse(b); return b }

func (sealer) Seal(plain, bound []byte) ([]byte, error) {
	return append(bytes.Clone(bound), turn(plain)...), nil
}

func (sealer) Open(sealed, bound []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(sealed, bound)
	if !ok {
		return nil, errors.New("bound to something else")
	}
	return turn(rest), nil
}

func (sealer) Fingerprint(text string) []byte { return []byte("mark of " + text) }

type oneClinic struct{}

func (oneClinic) Clinic(context.Context, clinic.ID) (clinic.Clinic, error) {
	return clinic.Clinic{ID: here, Number: 7, Zone: "Asia/Ho_Chi_Minh"}, nil
}

func person(id staff.ID, r staff.Role) staff.Member {
	return staff.Member{ID: id, Clinic: here, Active: true, Roles: []staff.Role{r}}
}

var (
	doctor = person("doctor-1", staff.Doctor)
	nurse  = person("nurse-1", staff.Nurse)
)

const (
	name          = "Nguyễn Văn Thử"
	citizenNumber = "001099012345"
)

func newBench() (*Service, *memory) {
	m := &memory{files: map[ID]Patient{}, photos: map[ID]Photo{}}
	now := func() time.Time { return time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC) }
	return NewService(m, oneClinic{}, sealer{}, now), m
}

func registration(id ID) Registration {
	return Registration{ID: id, Name: name, BirthYear: 1985, Sex: Male, NationalID: citizenNumber}
}

func register(t *testing.T, s *Service, r Registration) Patient {
	t.Helper()
	p, err := s.Register(t.Context(), here, doctor, r)
	if err != nil {
		t.Fatal(err)
	}
	return p
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

func TestOnePersonHasOneOpenFile(t *testing.T) {
	s, m := newBench()
	first := register(t, s, registration("a"))
	if again := register(t, s, registration("a")); again.Code != first.Code || len(m.files) != 1 {
		t.Errorf("a repeated registration made %d files", len(m.files))
	}
	second := registration("b")
	second.NationalID = " 0010 9901 2345 " // the same number, typed otherwise
	_, err := s.Register(t.Context(), here, doctor, second)
	wantKey(t, err, "patient.duplicate")

	_, err = s.End(t.Context(), here, doctor, "a", OwnWish, "")
	wantKey(t, err, "")
	if back := register(t, s, second); back.Previous != "a" || back.Code == first.Code {
		t.Errorf("the returning patient's file %+v does not name the first one", back)
	}

	third := registration("c")
	third.NationalID = "001099054321"
	register(t, s, third)
	typo := citizenNumber
	_, err = s.Correct(t.Context(), here, doctor, "c", Particulars{NationalID: &typo})
	wantKey(t, err, "patient.duplicate")
}

func TestRegistrationChecks(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*Registration)
		by   staff.Member
		key  string
	}{
		"a nurse registers":               {func(*Registration) {}, nurse, "staff.may_not"},
		"seventeen without consent":       {func(r *Registration) { r.BirthYear = 2009 }, doctor, "patient.consent"},
		"seventeen with consent":          {func(r *Registration) { r.BirthYear, r.RepresentativeConsent = 2009, true }, doctor, ""},
		"eighteen this year":              {func(r *Registration) { r.BirthYear = 2008 }, doctor, ""},
		"a national id that is none":      {func(r *Registration) { r.NationalID = "12-34" }, doctor, "patient.national_id"},
		"without a national id":           {func(r *Registration) { r.NationalID = "" }, doctor, ""},
		"a phase that is none":            {func(r *Registration) { r.Phase = "holiday" }, doctor, "patient.phase"},
		"from another clinic, maintained": {func(r *Registration) { r.Phase = Maintenance }, doctor, ""},
		"an earlier file that is unknown": {func(r *Registration) { r.Previous = "z" }, doctor, "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newBench()
			r := registration("a")
			tc.edit(&r)
			_, err := s.Register(t.Context(), here, tc.by, r)
			wantKey(t, err, tc.key)
			if tc.key != "" && len(m.entries) != 0 {
				t.Error("a refused registration was audited as done")
			}
		})
	}
}

func TestTheAuditNamesNobody(t *testing.T) {
	s, m := newBench()
	p := register(t, s, registration("a"))
	newName, newID, year := "Trần Văn Khác", "001099099999", 1986
	_, err := s.Correct(t.Context(), here, doctor, "a", Particulars{Name: &newName, NationalID: &newID, BirthYear: &year})
	wantKey(t, err, "")
	for _, read := range []func() error{
		func() error { _, err := s.Read(t.Context(), here, nurse, "a"); return err },
		func() error { _, err := s.ReadByCode(t.Context(), here, nurse, p.Code); return err },
		func() error { _, err := s.List(t.Context(), nurse, Filter{Clinic: here, Query: "trần"}); return err },
		func() error { _, err := s.RevealNationalID(t.Context(), here, doctor, "a"); return err },
	} {
		before := len(m.entries)
		wantKey(t, read(), "")
		if len(m.entries) != before+1 {
			t.Errorf("a read made %d audit entries", len(m.entries)-before)
		}
	}
	for _, e := range m.entries {
		for _, secret := range []string{"Nguyễn", "Trần", "trần", citizenNumber, newID} {
			if strings.Contains(string(e.Data), secret) {
				t.Errorf("%s holds %q", e.Action, secret)
			}
		}
	}
	if data := string(m.entries[1].Data); !strings.Contains(data, `"birth_year":{"new":1986,"old":1985}`) || !strings.Contains(data, `["name","national_id"]`) {
		t.Errorf("the correction is audited as %s", data)
	}
}

func TestWithoutAnAuditThereIsNoRead(t *testing.T) {
	s, m := newBench()
	p := register(t, s, registration("a"))
	m.broken = true
	if got, err := s.Read(t.Context(), here, nurse, "a"); err == nil || got.Name != "" {
		t.Errorf("read %+v, %v", got, err)
	}
	if got, err := s.ReadByCode(t.Context(), here, nurse, p.Code); err == nil || got.Name != "" {
		t.Errorf("read by card %+v, %v", got, err)
	}
	if got, err := s.List(t.Context(), nurse, Filter{Clinic: here}); err == nil || got != nil {
		t.Errorf("list %+v, %v", got, err)
	}
	if got, err := s.RevealNationalID(t.Context(), here, doctor, "a"); err == nil || got != "" {
		t.Errorf("national id %q, %v", got, err)
	}
}

func TestANationalIDOpensInItsOwnFile(t *testing.T) {
	s, m := newBench()
	register(t, s, registration("a"))
	got, err := s.RevealNationalID(t.Context(), here, doctor, "a")
	wantKey(t, err, "")
	if got != citizenNumber {
		t.Errorf("national id %q", got)
	}
	_, err = s.RevealNationalID(t.Context(), here, nurse, "a")
	wantKey(t, err, "staff.may_not")
	other := m.files["a"]
	other.ID = "b"
	m.files["b"] = other
	if _, err := s.RevealNationalID(t.Context(), here, doctor, "b"); err == nil {
		t.Error("a sealed id copied into another file opens there")
	}
}

func TestStatusesFollowTheirTable(t *testing.T) {
	allowed := map[Status][]Status{
		Applied: {AwaitingStart}, AwaitingStart: {InTreatment, Suspended}, InTreatment: {Suspended}, Suspended: {InTreatment}, Ended: nil,
	}
	for _, from := range Statuses {
		for _, to := range Statuses {
			s, m := newBench()
			register(t, s, registration("a"))
			p := m.files["a"]
			p.Status = from
			m.files["a"] = p
			_, err := s.SetStatus(t.Context(), here, doctor, "a", to, "because")
			if want := slices.Contains(allowed[from], to); (err == nil) != want || (m.files["a"].Status == to && m.files["a"].Version == 2) != want {
				t.Errorf("%s to %s: %v, file version %d", from, to, err, m.files["a"].Version)
			}
		}
	}
}

func TestEndingATreatment(t *testing.T) {
	for name, tc := range map[string]struct {
		by     staff.Member
		open   int
		reason EndReason
		note   string
		key    string
	}{
		"by a doctor":                  {doctor, 0, Dropped, "", ""},
		"by a nurse":                   {nurse, 0, Dropped, "", "staff.may_not"},
		"for a reason not on the list": {doctor, 0, "unpaid fees", "", "patient.end_reason"},
		"for another reason, unsaid":   {doctor, 0, OtherReason, "", "patient.end_reason"},
		"for another reason, said":     {doctor, 0, OtherReason, "moved abroad", ""},
		"with a dose under way":        {doctor, 1, Dropped, "", "patient.dispensing_open"},
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newBench()
			register(t, s, registration("a"))
			m.open = tc.open
			p, err := s.End(t.Context(), here, tc.by, "a", tc.reason, tc.note)
			wantKey(t, err, tc.key)
			if tc.key != "" {
				return
			}
			if p.Status != Ended || p.EndedOn != calendar.DateOf(2026, 3, 2) || p.EndReason != tc.reason || len(m.cancelled) != 1 {
				t.Errorf("ended %+v, orders cancelled of %v", p, m.cancelled)
			}
			_, err = s.SetStatus(t.Context(), here, doctor, "a", InTreatment, "again")
			wantKey(t, err, "patient.ended")
		})
	}
}

func TestPhotos(t *testing.T) {
	jpeg, png := []byte("\xff\xd8\xff\xe0 and so on"), []byte("\x89PNG\r\n\x1a\n and so on")
	for name, tc := range map[string]struct {
		data      []byte
		mediaType string
		key       string
	}{
		"a JPEG":            {jpeg, "image/jpeg", ""},
		"a PNG":             {png, "image/png", ""},
		"a GIF":             {[]byte("GIF89a"), "", "patient.photo_type"},
		"a drawing in SVG":  {[]byte("<svg onload=alert(1)>"), "", "patient.photo_type"},
		"nothing":           {nil, "", "patient.photo_type"},
		"the largest":       {append(bytes.Clone(jpeg), make([]byte, MaxPhotoBytes-len(jpeg))...), "image/jpeg", ""},
		"one byte too many": {append(bytes.Clone(jpeg), make([]byte, MaxPhotoBytes-len(jpeg)+1)...), "", "patient.photo_size"},
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newBench()
			register(t, s, registration("a"))
			wantKey(t, s.SetPhoto(t.Context(), here, doctor, "a", tc.data), tc.key)
			if got := m.photos["a"].MediaType; got != tc.mediaType || m.files["a"].HasPhoto != (tc.key == "") {
				t.Errorf("stored %q, has photo: %v", got, m.files["a"].HasPhoto)
			}
		})
	}
}

func TestAMisreadCardOpensNothing(t *testing.T) {
	s, m := newBench()
	p := register(t, s, registration("a"))
	wrong := []byte(p.Code)
	wrong[len(wrong)-1] ^= 1
	for _, scanned := range []string{"", string(wrong), "B" + p.Code[1:], p.Code + "0"} {
		before := len(m.entries)
		_, err := s.ReadByCode(t.Context(), here, nurse, scanned)
		wantKey(t, err, "card.not_patient")
		if len(m.entries) != before {
			t.Errorf("%q was audited as a read", scanned)
		}
	}
}

func TestPhases(t *testing.T) {
	for name, tc := range map[string]struct {
		status   Status
		from, to Phase
		want     bool
	}{
		"induction to adjustment":           {InTreatment, Induction, Adjustment, true},
		"induction to maintenance":          {InTreatment, Induction, Maintenance, false},
		"adjustment to maintenance":         {InTreatment, Adjustment, Maintenance, true},
		"maintenance to induction, again":   {InTreatment, Maintenance, Induction, true},
		"taper back to maintenance":         {InTreatment, Taper, Maintenance, true},
		"staying":                           {InTreatment, Taper, Taper, true},
		"maintenance before the first dose": {AwaitingStart, Induction, Maintenance, true},
		"after the end":                     {Ended, Maintenance, Maintenance, false},
		"a phase that is none":              {Applied, Induction, "holiday", false},
	} {
		if got := (Patient{Status: tc.status, Phase: tc.from}).MayEnterPhase(tc.to); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
