package demo

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/secret"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/internal/store/pgtest"
)

var postgres = &pgtest.Server{Options: pgtest.Options{Migrate: func(ctx context.Context, url string) error {
	_, err := store.Migrate(ctx, url)
	return err
}}}

// noon of the story's first day at its clinics.
var noon = time.Date(2026, 3, 12, 5, 0, 0, 0, time.UTC)

var firstDay = calendar.DateOf(2026, 3, 12)

func engines(t *testing.T, run func(t *testing.T, st *store.Store)) {
	t.Run("sqlite", func(t *testing.T) { run(t, opened(t, fresh(t))) })
	t.Run("postgres", func(t *testing.T) { run(t, opened(t, postgres.Database(t))) })
}

func fresh(t *testing.T) string {
	t.Helper()
	url := "sqlite://" + filepath.Join(t.TempDir(), "demo.db")
	if _, err := store.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	return url
}

func opened(t *testing.T, url string) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// small is a province of forty people with a week behind them.
func small(t *testing.T, now time.Time) StoryOptions {
	t.Helper()
	cheap := secret.Cost{MemoryKiB: 64, Iterations: 1}
	gate := secret.NewGate(2)
	sealer, err := secret.NewSealer(make([]byte, secret.KeySize), secret.Key{ID: 1, Bytes: make([]byte, secret.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	return StoryOptions{
		History: 7,
		Hashers: staff.Hashers{Password: secret.NewPasswords(gate, cheap), PIN: secret.NewPINs(gate, cheap, make([]byte, secret.KeySize))},
		Sealer:  sealer,
		Now:     func() time.Time { return now },
	}
}

func told(t *testing.T, st *store.Store, m Marker, now time.Time) Marker {
	t.Helper()
	s := NewStory(st, m, small(t, now))
	if err := s.Tell(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s.Marker
}

func TestAStoryHoldsBeforeTheVerifier(t *testing.T) {
	engines(t, func(t *testing.T, st *store.Store) {
		m := told(t, st, Marker{Seed: 1, Patients: 40, FirstDay: firstDay}, noon)
		verified(t, st)
		if want := firstDay - 1; m.Told != want {
			t.Errorf("told up to %s, want %s", m.Told, want)
		}
		checkProvince(t, st)
	})
}

func verified(t *testing.T, st *store.Store) {
	t.Helper()
	if err := st.Verify(t.Context(), func(f store.Finding) { t.Error(f) }); err != nil {
		t.Fatal(err)
	}
}

// checkProvince looks at what a newcomer meets.
func checkProvince(t *testing.T, st *store.Store) {
	t.Helper()
	clinics, err := st.Clinics().Clinics(t.Context())
	if err != nil || len(clinics) != 5 {
		t.Fatalf("%d clinics, %v", len(clinics), err)
	}
	doses := 0
	for _, c := range clinics {
		if !c.Demo || c.AdoptedBy == "" {
			t.Errorf("clinic %d: demo %t, rules adopted by %q", c.Number, c.Demo, c.AdoptedBy)
		}
		lots, err := st.Stock().Lots(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		checkLots(t, lots)
		day, err := st.Dispensings().List(t.Context(), dispensing.Filter{Clinic: c.ID, Day: firstDay - 1, Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		doses += len(day)
		today, err := st.Dispensings().List(t.Context(), dispensing.Filter{Clinic: c.ID, Day: firstDay})
		if err != nil || len(today) != 0 {
			t.Errorf("clinic %d has %d doses of today, %v: they are the newcomer's to give", c.Number, len(today), err)
		}
	}
	if doses < 25 {
		t.Errorf("%d doses on the last day of forty people", doses)
	}
}

func checkLots(t *testing.T, lots []stock.Lot) {
	t.Helper()
	var quarantined, soon int
	for _, l := range lots {
		if l.Density < 1_060_000 || l.Density > 1_100_000 {
			t.Errorf("lot %s has a density of %s", l.Number, l.Density)
		}
		if l.State == stock.LotQuarantined {
			quarantined++
		}
		if l.Expiry.Sub(firstDay) < 30 {
			soon++
		}
	}
	if quarantined != 1 || soon != 1 {
		t.Errorf("%d quarantined lots and %d near their expiry, want one of each", quarantined, soon)
	}
}

// Somebody with an order and nothing against them can be dosed today, at a window with a bottle and checked devices.
func TestTodayCanBeWorked(t *testing.T) {
	st := opened(t, fresh(t))
	told(t, st, Marker{Seed: 1, Patients: 40, FirstDay: firstDay}, noon)
	clinics, err := st.Clinics().Clinics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	windows, err := st.Equipment().Stations(t.Context(), clinics[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range windows {
		if w.Bottle == "" {
			t.Errorf("no bottle stands at %s", w.Name)
		}
	}
	service := dispensing.NewService(st.Dispensings(), packs(), func() time.Time { return noon }, dispensing.Options{})
	files, err := st.Queue().StillToCome(t.Context(), clinics[0].ID, firstDay)
	if err != nil {
		t.Fatal(err)
	}
	var may int
	for _, f := range files {
		d, _, err := service.Decide(t.Context(), clinics[0].ID, f.Patient, "")
		if err != nil {
			t.Fatal(err)
		}
		if d.Allowed() {
			may++
		}
	}
	if may < 8 {
		t.Errorf("%d of %d expected patients may be dosed", may, len(files))
	}
}

func TestASecondStartOnTheSameDayChangesNothing(t *testing.T) {
	st := opened(t, fresh(t))
	m := told(t, st, Marker{Seed: 1, Patients: 12, FirstDay: firstDay}, noon)
	before := events(t, st)
	if again := told(t, st, m, noon.Add(time.Hour)); again != m {
		t.Errorf("the marker went from %+v to %+v", m, again)
	}
	if after := events(t, st); after != before {
		t.Errorf("%d audit events, then %d", before, after)
	}
}

func TestAStartDaysLaterTellsTheDaysBetween(t *testing.T) {
	st := opened(t, fresh(t))
	m := told(t, st, Marker{Seed: 1, Patients: 40, FirstDay: firstDay}, noon)
	m = told(t, st, m, noon.Add(3*24*time.Hour))
	if want := firstDay + 2; m.Told != want {
		t.Errorf("told up to %s, want %s", m.Told, want)
	}
	verified(t, st)
	clinics, err := st.Clinics().Clinics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for day := firstDay; day < firstDay+3; day++ {
		doses, err := st.Dispensings().List(t.Context(), dispensing.Filter{Clinic: clinics[0].ID, Day: day, Limit: 100})
		if err != nil || len(doses) < 5 {
			t.Errorf("%d doses on %s, %v", len(doses), day, err)
		}
	}
	standings, err := st.Calibration().Standings(t.Context(), clinics[0].ID)
	if err != nil || len(standings) == 0 {
		t.Errorf("%d windows were checked, %v", len(standings), err)
	}
	for _, k := range standings {
		if k.State != calibration.Passed || k.Day != firstDay+3 {
			t.Errorf("check of a window: %+v", k)
		}
	}
	ending, err := st.Prescriptions().OrdersEnding(t.Context(), clinics[0].ID, firstDay+2, firstDay+2)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range ending {
		if o.Phase == patient.Induction {
			t.Errorf("the order of a patient in induction was not renewed for today")
		}
	}
}

func events(t *testing.T, st *store.Store) (n int64) {
	t.Helper()
	clinics, err := st.Clinics().Clinics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clinics {
		newest, err := st.Audit().Events(t.Context(), audit.Filter{Clinic: c.ID, Limit: 1})
		if err != nil || len(newest) != 1 {
			t.Fatalf("%d events, %v", len(newest), err)
		}
		n += newest[0].Seq
	}
	return n
}

func TestADatabaseOfAClinicIsLeftAlone(t *testing.T) {
	st := opened(t, fresh(t))
	real := clinic.Clinic{
		ID: id.New[clinic.ID](), Number: 1, Name: "Phòng khám", Province: "Huế", Kind: clinic.TreatmentFacility, Zone: zone,
		RulePack: "vn", RulePackVersion: 1,
	}
	if _, err := clinic.NewService(st.Clinics(), func() time.Time { return noon }).Create(t.Context(), real); err != nil {
		t.Fatal(err)
	}
	if err := Own(t.Context(), st); !fault.Is(err, fault.Conflict) {
		t.Fatalf("Own = %v, want a conflict", err)
	}
	if _, err := st.Meta(t.Context(), meta); !fault.Is(err, fault.NotFound) {
		t.Errorf("the database was marked: %v", err)
	}
}

func TestAnEmptyDatabaseBecomesTheDemonstrations(t *testing.T) {
	st := opened(t, fresh(t))
	for range 2 {
		if err := Own(t.Context(), st); err != nil {
			t.Fatal(err)
		}
	}
}

// A demonstration that is started right after midnight prepares its day in the past, however little of the day there is.
func TestAStoryNeverHappensInTheFuture(t *testing.T) {
	st := opened(t, fresh(t))
	midnight := time.Date(2026, 3, 11, 17, 0, 3, 0, time.UTC) // three seconds into the day in Ho Chi Minh City
	told(t, st, Marker{Seed: 1, Patients: 40, FirstDay: firstDay}, midnight)
	verified(t, st)
	clinics, err := st.Clinics().Clinics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clinics {
		last, err := st.Records().ChainAt(t.Context(), c.ID, calendar.At(midnight.AddDate(1, 0, 0)))
		if err != nil {
			t.Fatal(err)
		}
		if last.Recorded > calendar.At(midnight) {
			t.Errorf("clinic %d: something was recorded at %s, after %s", c.Number, last.Recorded, midnight)
		}
	}
}

// Every counter's shift is opened by a count, the living leave it open, and the next start ends it: the clinic gives no dose
// at a counter that was not counted.
func TestCountersAreCounted(t *testing.T) {
	st := opened(t, fresh(t))
	m := told(t, st, Marker{Seed: 1, Patients: 40, FirstDay: firstDay}, noon)
	for i := range 2 {
		clinics, err := st.Clinics().Clinics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range clinics {
			set, err := st.Stock().Setting(t.Context(), c.ID)
			if err != nil || !set.CountGate {
				t.Errorf("clinic %d: the opening count is not asked for, %v", c.Number, err)
			}
			windows, err := st.Equipment().Stations(t.Context(), c.ID)
			if err != nil {
				t.Fatal(err)
			}
			day := m.Told + 1
			sessions, err := st.Stock().Sessions(t.Context(), c.ID, day)
			if err != nil || len(sessions) != len(windows) {
				t.Errorf("clinic %d has %d shifts on %s at %d windows, %v", c.Number, len(sessions), day, len(windows), err)
			}
			for _, ses := range sessions {
				if ses.State != stock.SessionOpen || ses.Day != day {
					t.Errorf("start %d, clinic %d: the shift of %s is %s", i+1, c.Number, ses.Day, ses.State)
				}
			}
		}
		m = told(t, st, m, noon.Add(2*24*time.Hour))
	}
	verified(t, st)
}
