package e2e

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/calibration/walk"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/rulepack"
	"github.com/lieu-clinic/lieu/internal/secret"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/internal/store/pgtest"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// postgres is started by the first test that asks for it.
var postgres = &pgtest.Server{Options: pgtest.Options{Migrate: func(ctx context.Context, url string) error {
	_, err := store.Migrate(ctx, url)
	return err
}}}

// engines runs a test on both engines.
func engines(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) {
		test(t, sqlite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		test(t, postgres.Database(t))
	})
}

func sqlite(t *testing.T) string {
	url := "sqlite://" + filepath.Join(t.TempDir(), "lieu.db")
	_, err := store.Migrate(t.Context(), url)
	require.NoError(t, err)
	return url
}

func open(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(context.WithoutCancel(t.Context()), url, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// clock is a clock that tests move by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// smallClinic is one clinic with what a dose needs, made through the services as its staff would.
type smallClinic struct {
	clinic     clinic.Clinic
	admin      staff.Member
	doctor     staff.Member
	pharmacist staff.Member
	nurse      staff.Member
	supervisor staff.Member
	patients   []patient.Patient
	station    equipment.Station
	bottle     stock.Bottle
	lot        stock.Lot
	key        ed25519.PrivateKey // of the station's counter
	code       string             // unused enrolment code; "" once enrolled by key
}

// Credentials of every member of staff in a small clinic.
const (
	password = "Ruộng-bậc-thang-7"
	pin      = "271828"
)

// masterKey seals what is secret in the tests' databases.
var masterKey = []byte("0123456789abcdef0123456789abcdef")

// cheap keeps the tests from spending their time on hashing. A stored hash carries its cost, so a real server reads it.
var cheap = secret.Cost{MemoryKiB: 64, Iterations: 1}

type services struct {
	store         *store.Store
	clinics       *clinic.Service
	staff         *staff.Service
	patients      *patient.Service
	prescriptions *prescription.Service
	stock         *stock.Service
	equipment     *equipment.Service
	doses         *dispensing.Service
	checks        *calibration.Service
}

func newServices(t testing.TB, s *store.Store, now func() time.Time, o dispensing.Options) services {
	t.Helper()
	derive := func(purpose string) []byte {
		k, err := secret.Derive(masterKey, purpose)
		require.NoError(t, err)
		return k
	}
	sealer, err := secret.NewSealer(derive(secret.ForFingerprints), secret.Key{ID: 1, Bytes: derive(secret.ForSealing)})
	require.NoError(t, err)
	gate := secret.NewGate(2)
	cs := clinic.NewService(s.Clinics(), now)
	return services{
		store:   s,
		clinics: cs,
		staff: staff.NewService(s.Staff(), cs, staff.Hashers{
			Password: secret.NewPasswords(gate, cheap),
			PIN:      secret.NewPINs(gate, cheap, derive(secret.ForPINs)),
		}, now),
		patients:      patient.NewService(s.Patients(), cs, sealer, now),
		prescriptions: prescription.NewService(s.Prescriptions(), cs, nil, now),
		stock:         stock.NewService(s.Stock(), cs, now),
		equipment:     equipment.NewService(s.Equipment(), cs, secret.Codes{}, now),
		doses:         dispensing.NewService(s.Dispensings(), packs, now, o),
		checks:        calibration.NewService(s.Calibration(), cs, now, calibration.Options{}),
	}
}

func packs(name string, version int) (dosing.Pack, error) {
	p, err := rulepack.Load(name)
	if err == nil && p.Version != version {
		return dosing.Pack{}, errors.New("no such version")
	}
	return p, err
}

const density = measure.Density(1_060_000)

// found makes a small clinic with n patients on 60 mg, one window with a pump, and one bottle of a litre.
func (s services) found(t testing.TB, number, n int) *smallClinic {
	t.Helper()
	ctx := t.Context()
	c := &smallClinic{}
	var err error
	c.clinic, err = s.clinics.Create(ctx, clinic.Clinic{
		ID: id.New[clinic.ID](), Number: number, Name: fmt.Sprintf("Cơ sở %d", number), Province: "Tỉnh thử",
		Kind: clinic.TreatmentFacility, Zone: "Asia/Ho_Chi_Minh", CutOver: 4 * time.Hour, RulePack: "vn", RulePackVersion: 1,
	})
	require.NoError(t, err)
	hire := func(name string, role staff.Role) staff.Member {
		m, err := s.staff.Install(ctx, c.clinic.ID, staff.New{
			ID: id.New[staff.ID](), Username: fmt.Sprintf("%s%d", role, number), Name: name,
			Roles: []staff.Role{role}, Password: password, PIN: pin,
		})
		require.NoError(t, err)
		return m
	}
	c.admin, c.doctor = hire("Đỗ Quản Trị", staff.Administrator), hire("Bùi Bác Sĩ", staff.Doctor)
	c.pharmacist, c.nurse = hire("Ngô Dược Sĩ", staff.Pharmacist), hire("Lê Điều Dưỡng", staff.Nurse)
	c.supervisor = hire("Phạm Giám Sát", staff.Supervisor)
	s.shelve(t, c)
	s.furnish(t, c, 1)
	for i := range n {
		c.patients = append(c.patients, s.admit(t, c, i))
	}
	return c
}

// ofACheck is what a check of the day pours away: a prime, and three shots each of three volumes.
const ofACheck = 81 * measure.Millilitre

// shelve receives a litre, and what the first check pours away, and opens it.
func (s services) shelve(t testing.TB, c *smallClinic) {
	t.Helper()
	ctx := t.Context()
	p, err := s.stock.AddProduct(ctx, c.pharmacist, stock.Product{
		ID: id.New[stock.ProductID](), Clinic: c.clinic.ID, Name: "Methadon 10 mg/mL",
		Concentration: 10 * measure.MilligramPerMillilitre, Form: "oral solution",
	})
	require.NoError(t, err)
	today, err := s.clinics.Today(ctx, c.clinic.ID)
	require.NoError(t, err)
	c.lot, err = s.stock.AddLot(ctx, c.pharmacist, stock.Lot{
		ID: id.New[stock.LotID](), Clinic: c.clinic.ID, Product: p.ID, Number: "A-0042", Concentration: p.Concentration,
		Expiry: today.AddDays(300), State: stock.LotReleased, Funding: "trial",
	})
	require.NoError(t, err)
	c.lot, err = s.stock.SetDensity(ctx, c.clinic.ID, c.pharmacist, c.lot.ID, density, 200)
	require.NoError(t, err)
	act := func() stock.Act {
		return stock.Act{
			Clinic: c.clinic.ID, ID: id.New[stock.DocumentID](),
			Pair: staff.Pair{By: c.pharmacist, Witness: c.nurse}, Reason: "start of the day",
		}
	}
	bottle := id.New[stock.BottleID]()
	_, _, err = s.stock.Receive(ctx, stock.Delivery{
		Act: act(), Lot: c.lot.ID, Party: "Kho tỉnh", Number: "BB-1",
		Bottles: []stock.Delivered{{ID: bottle, Label: measure.Litre + ofACheck}},
	})
	require.NoError(t, err)
	c.bottle, err = s.stock.Open(ctx, stock.BottleOpening{Act: act(), Bottle: bottle, Reading: stock.Reading{Unread: "no scale for bottles"}})
	require.NoError(t, err)
}

// furnish adds a window with a verified pump and scale and mounts the bottle. The counter enrols with a fresh key.
func (s services) furnish(t testing.TB, c *smallClinic, window int) {
	t.Helper()
	s.furnishWith(t, c, window, equipment.Pump, equipment.Scale, equipment.Scanner)
}

// furnishWith adds a window with these devices; without a pump it is one that pours by hand.
func (s services) furnishWith(t testing.TB, c *smallClinic, window int, kinds ...equipment.DeviceKind) {
	t.Helper()
	ctx := t.Context()
	st, err := s.equipment.AddStation(ctx, c.clinic.ID, c.admin, equipment.NewStation{
		ID: id.New[equipment.StationID](), Name: fmt.Sprintf("Cửa %d", window), Manual: !slices.Contains(kinds, equipment.Pump),
	})
	require.NoError(t, err)
	for _, kind := range kinds {
		d := equipment.Device{ID: id.New[equipment.DeviceID](), Clinic: c.clinic.ID, Station: st.ID, Kind: kind, Model: "sim"}
		if kind == equipment.Pump {
			d.Profile = equipment.Profile{MinDose: 200, MaxDose: 30_000, Resolution: 10, Residual: 20_000}
		}
		d, err = s.equipment.RegisterDevice(ctx, c.admin, d)
		require.NoError(t, err)
	}
	_, err = s.equipment.MountBottle(ctx, c.clinic.ID, c.pharmacist, st.ID, string(c.bottle.ID))
	require.NoError(t, err)
	c.station = st
	c.code, _, err = s.equipment.IssueEnrolCode(ctx, c.clinic.ID, c.admin, st.ID)
	require.NoError(t, err)
	k := s.plug(t, c) // a computer that checks the window and is then replaced
	s.check(t, c, k)
	c.code, _, err = s.equipment.IssueEnrolCode(ctx, c.clinic.ID, c.admin, st.ID)
	require.NoError(t, err)
}

// check carries out the check of the day at the window, whose counter the test plays.
func (s services) check(t testing.TB, c *smallClinic, k *counter) {
	t.Helper()
	done, err := walk.Walk{
		Service: s.checks, Clinic: c.clinic.ID, Station: c.station.ID, Pair: staff.Pair{By: c.pharmacist, Witness: c.nurse},
		Report: func(_ context.Context, kind stationlog.Kind, body any) error {
			k.report(t, kind, body)
			return nil
		},
	}.Run(t.Context())
	require.NoError(t, err)
	require.True(t, done.Result.Passed, "%+v", done.Result.Figures)
}

// enrol makes the test itself the counter of the window, with devices that are ready.
func (s services) enrol(t testing.TB, c *smallClinic) *counter {
	t.Helper()
	k := s.plug(t, c)
	k.ready(t)
	return k
}

// plug makes the test itself the counter of the window. It goes on where the counter before it stopped.
func (s services) plug(t testing.TB, c *smallClinic) *counter {
	t.Helper()
	_, c.key, _ = ed25519.GenerateKey(nil)
	st, err := s.equipment.Enrol(t.Context(), c.station.ID, c.code, c.key.Public().(ed25519.PublicKey))
	require.NoError(t, err)
	c.code, c.station = "", st
	k := &counter{s: s, c: c, seq: st.EventSeq, prev: stationlog.Genesis}
	if st.EventSeq > 0 {
		k.prev = string(st.EventHash)
	}
	return k
}

// fictional are the names of patients who do not exist.
var fictional = []string{
	"Nguyễn Văn Đường", "Trần Thị Lụa", "Phạm Quốc Mộc", "Lê Hữu Sơn", "Vũ Thị Mận", "Đặng Văn Thuyền", "Bùi Thị Sen", "Hoàng Văn Ruộng",
}

// admit registers a patient in treatment with an order of 60 mg for a fortnight.
func (s services) admit(t testing.TB, c *smallClinic, i int) patient.Patient {
	t.Helper()
	ctx := t.Context()
	p, err := s.patients.Register(ctx, c.clinic.ID, c.doctor, patient.Registration{
		ID: id.New[patient.ID](), Name: fictional[i%len(fictional)], BirthYear: 1970 + i%20, Sex: patient.Male,
		Phase: patient.Maintenance,
	})
	require.NoError(t, err)
	p, err = s.patients.SetStatus(ctx, c.clinic.ID, c.doctor, p.ID, patient.AwaitingStart, "accepted")
	require.NoError(t, err)
	today, err := s.clinics.Today(ctx, c.clinic.ID)
	require.NoError(t, err)
	_, err = s.prescriptions.Sign(ctx, c.clinic.ID, c.doctor, prescription.Order{
		ID: id.New[prescription.ID](), Patient: p.ID, Dose: 60 * measure.Milligram,
		From: today, To: today.AddDays(13), Phase: patient.Maintenance, Reason: "stable",
	})
	require.NoError(t, err)
	return p
}

// counter is a counter played by the test: it signs records as the daemon does.
type counter struct {
	s    services
	c    *smallClinic
	seq  int64
	prev string
}

// sign makes the next record of the chain.
func (k *counter) sign(t testing.TB, kind stationlog.Kind, body any) stationlog.Signed {
	t.Helper()
	k.seq++
	signed, err := stationlog.Sign(stationlog.Record{
		Station: string(k.c.station.ID), Seq: k.seq, Prev: k.prev, Kind: kind, Occurred: time.Unix(1_700_000_000+k.seq, 0),
		Body: mustJSON(t, body),
	}, k.c.key)
	require.NoError(t, err)
	k.prev = signed.Hash()
	return signed
}

// report signs a record and delivers it.
func (k *counter) report(t testing.TB, kind stationlog.Kind, body any) stationlog.Signed {
	t.Helper()
	signed := k.sign(t, kind, body)
	accepted, err := k.s.doses.Report(t.Context(), k.c.station, []stationlog.Signed{signed})
	require.NoError(t, err)
	require.Equal(t, k.seq, accepted)
	return signed
}

func (k *counter) ready(t testing.TB) {
	for _, kind := range []string{"pump", "scale", "scanner"} {
		k.report(t, stationlog.KindDevice, stationlog.Device{Kind: kind, State: "ready", Model: "sim"})
	}
}

// poured is the outcome of a good pour of v.
func poured(t testing.TB, d dispensing.ID, v measure.Volume) stationlog.Outcome {
	t.Helper()
	w, err := density.Weight(v)
	require.NoError(t, err)
	return stationlog.Outcome{
		Dispensing: string(d), Pump: v, PumpKnown: true, GrossBefore: 6 * measure.WeightGram,
		GrossAfter: 6*measure.WeightGram + w, WeightKnown: true, DurationMS: 5000,
	}
}

// verify fails the test on any finding of the record's own check.
func (s services) verify(t testing.TB) {
	t.Helper()
	require.NoError(t, s.store.Verify(context.WithoutCancel(t.Context()), func(f store.Finding) {
		t.Errorf("verify: %+v", f)
	}))
}

func (s services) balance(t testing.TB, c *smallClinic) stock.Balance {
	t.Helper()
	b, err := s.stock.Bottle(t.Context(), c.clinic.ID, c.bottle.ID)
	require.NoError(t, err)
	return b.Balance
}
