package equipment

import (
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/secret"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

const here clinic.ID = "clinic-1"

// memory is a Store and a Tx of one clinic.
type memory struct {
	Store
	stations map[StationID]Station
	devices  map[DeviceID]Device
	bottles  map[string]MountableBottle
	void     []string // why checks were ended
	lot      string   // a bottle of another lot
	entries  []audit.Entry
	busy     bool
}

func read[K comparable, V any](m map[K]V, k K) (V, error) {
	v, ok := m[k]
	if !ok {
		return v, fault.New(fault.NotFound, "not_found", "nothing")
	}
	return v, nil
}

func (m *memory) InTx(_ context.Context, _ clinic.ID, fn func(Tx) error) error { return fn(m) }

func (m *memory) StationByID(_ context.Context, id StationID) (Station, error) {
	return read(m.stations, id)
}

func (m *memory) InsertStation(_ context.Context, s Station) error { m.stations[s.ID] = s; return nil }

func (m *memory) LockStation(_ context.Context, id StationID) (Station, error) {
	return read(m.stations, id)
}

func (m *memory) UpdateStation(_ context.Context, s Station) error { m.stations[s.ID] = s; return nil }

func (m *memory) StationBusy(context.Context, StationID) (bool, error) { return m.busy, nil }

func (m *memory) InsertDevice(_ context.Context, d Device) error { m.devices[d.ID] = d; return nil }

func (m *memory) LockDevice(_ context.Context, id DeviceID) (Device, error) {
	return read(m.devices, id)
}

func (m *memory) UpdateDevice(_ context.Context, d Device) error { m.devices[d.ID] = d; return nil }

func (m *memory) DeviceOf(_ context.Context, st StationID, k DeviceKind) (Device, error) {
	for _, d := range m.devices {
		if d.Station == st && d.Kind == k {
			return d, nil
		}
	}
	return read(m.devices, "")
}

func (m *memory) RemoveDevice(_ context.Context, id DeviceID) error {
	d := m.devices[id]
	d.Station = ""
	m.devices[id] = d
	return nil
}

func (m *memory) MountableBottle(_ context.Context, id string) (MountableBottle, error) {
	return read(m.bottles, id)
}

func (m *memory) VoidCheck(_ context.Context, _ StationID, reason string, _ calendar.Instant) error {
	m.void = append(m.void, reason)
	return nil
}

func (m *memory) VoidCheckOfOtherLot(_ context.Context, _ StationID, bottle string, _ calendar.Instant) (bool, error) {
	if bottle == "" || bottle != m.lot {
		return false, nil
	}
	m.void = append(m.void, "lot")
	return true, nil
}

func (m *memory) Record(_ context.Context, e audit.Entry) error {
	m.entries = append(m.entries, e)
	return nil
}

type oneClinic struct{}

func (oneClinic) Clinic(context.Context, clinic.ID) (clinic.Clinic, error) {
	return clinic.Clinic{ID: here, Number: 7, Zone: "Asia/Ho_Chi_Minh"}, nil
}

func person(id staff.ID, r staff.Role) staff.Member {
	return staff.Member{ID: id, Clinic: here, Active: true, Roles: []staff.Role{r}}
}

var (
	admin  = person("admin-1", staff.Administrator)
	nurse  = person("nurse-1", staff.Nurse)
	today  = calendar.DateOf(2026, 3, 2)
	public = ed25519.PublicKey(strings.Repeat("k", ed25519.PublicKeySize))
)

type bench struct {
	*Service
	store *memory
	clock time.Time
}

// newBench has one station, "w1", not enrolled.
func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		store: &memory{
			stations: map[StationID]Station{}, devices: map[DeviceID]Device{}, bottles: map[string]MountableBottle{},
		},
		clock: time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC),
	}
	b.Service = NewService(b.store, oneClinic{}, secret.Codes{}, func() time.Time { return b.clock })
	if _, err := b.AddStation(t.Context(), here, admin, NewStation{ID: "w1", Name: "Cửa 1"}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) code(t *testing.T) string {
	t.Helper()
	code, _, err := b.IssueEnrolCode(t.Context(), here, admin, "w1")
	if err != nil {
		t.Fatal(err)
	}
	return code
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

func TestAnEnrolmentCodeWorksOnceAndForAQuarterOfAnHour(t *testing.T) {
	for name, tc := range map[string]struct {
		wait time.Duration
		key  string
	}{
		"one microsecond before its end": {CodeLife - time.Microsecond, ""},
		"at its end":                     {CodeLife, "station.wrong_code"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			code := b.code(t)
			if stored := b.store.stations["w1"].EnrolCode; stored == "" || strings.Contains(stored, code) {
				t.Errorf("stored as %q", stored)
			}
			b.clock = b.clock.Add(tc.wait)
			_, err := b.Enrol(t.Context(), "w1", code, public)
			wantKey(t, err, tc.key)
			_, err = b.Enrol(t.Context(), "w1", code, public)
			wantKey(t, err, "station.wrong_code")
		})
	}
}

func TestWhoDoesNotEnrol(t *testing.T) {
	b := newBench(t)
	_, err := b.Enrol(t.Context(), "w1", "", public) // no code was issued
	wantKey(t, err, "station.wrong_code")
	old, code := b.code(t), b.code(t)
	_, err = b.Enrol(t.Context(), "w1", old, public)
	wantKey(t, err, "station.wrong_code")
	_, err = b.Enrol(t.Context(), "w9", code, public)
	wantKey(t, err, "station.wrong_code")
	_, err = b.Enrol(t.Context(), "w1", code, public[:31])
	wantKey(t, err, "station.key")
	_, _, err = b.IssueEnrolCode(t.Context(), here, nurse, "w1")
	wantKey(t, err, "staff.may_not")
}

func TestARevokedStationIsNobody(t *testing.T) {
	b := newBench(t)
	_, err := b.Identify(t.Context(), "w1")
	wantKey(t, err, "station.unknown")
	_, err = b.Enrol(t.Context(), "w1", b.code(t), public)
	wantKey(t, err, "")
	if st, err := b.Identify(t.Context(), "w1"); err != nil || !st.Active {
		t.Errorf("enrolled station: %+v, %v", st, err)
	}
	b.store.busy = true // a stolen computer is not waited for
	_, err = b.Revoke(t.Context(), here, admin, "w1", "stolen")
	wantKey(t, err, "")
	_, err = b.Identify(t.Context(), "w1")
	wantKey(t, err, "station.unknown")
	_, err = b.Identify(t.Context(), "w9")
	wantKey(t, err, "station.unknown")
}

func TestTheAuditHoldsNoCode(t *testing.T) {
	b := newBench(t)
	code := b.code(t)
	_, err := b.Enrol(t.Context(), "w1", code, public)
	wantKey(t, err, "")
	for _, e := range b.store.entries {
		if strings.Contains(string(e.Data), code) || strings.Contains(string(e.Data), secret.Codes{}.Hash(code)) {
			t.Errorf("%s holds the code", e.Action)
		}
	}
	if last := b.store.entries[len(b.store.entries)-1]; last.Actor != (audit.Actor{Kind: audit.ByStation, ID: "w1"}) {
		t.Errorf("enrolled by %+v", last.Actor)
	}
}

func TestWhichBottleIsMounted(t *testing.T) {
	good := MountableBottle{ID: "b", InUse: true, Released: true, Expiry: today}
	for name, tc := range map[string]struct {
		edit func(*MountableBottle, *memory)
		by   staff.Member
		key  string
	}{
		"one in use, on its lot's last day": {func(*MountableBottle, *memory) {}, nurse, ""},
		"one that is here already":          {func(b *MountableBottle, _ *memory) { b.Station = "w1" }, nurse, ""},
		"one at another window":             {func(b *MountableBottle, _ *memory) { b.Station = "w2" }, nurse, "bottle.elsewhere"},
		"a sealed one":                      {func(b *MountableBottle, _ *memory) { b.InUse = false }, nurse, "bottle.state"},
		"one of a recalled lot":             {func(b *MountableBottle, _ *memory) { b.Released = false }, nurse, "lot.not_released"},
		"an expired one":                    {func(b *MountableBottle, _ *memory) { b.Expiry-- }, nurse, "lot.expired"},
		"while a dose is under way":         {func(_ *MountableBottle, m *memory) { m.busy = true }, nurse, "station.busy"},
		"by an administrator":               {func(*MountableBottle, *memory) {}, admin, "staff.may_not"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			bottle := good
			tc.edit(&bottle, b.store)
			b.store.bottles["b"] = bottle
			_, err := b.MountBottle(t.Context(), here, tc.by, "w1", "b")
			wantKey(t, err, tc.key)
			if mounted := b.store.stations["w1"].Bottle == "b"; mounted != (tc.key == "") {
				t.Errorf("mounted: %v", mounted)
			}
			if tc.key == "" {
				_, err = b.MountBottle(t.Context(), here, nurse, "w1", "")
				wantKey(t, err, "")
			}
		})
	}
}

func TestAnotherLotEndsTheCheck(t *testing.T) {
	for lot, want := range map[string]int{"": 0, "b": 1} {
		b := newBench(t)
		b.store.bottles["b"] = MountableBottle{ID: "b", InUse: true, Released: true, Expiry: today}
		b.store.lot = lot
		_, err := b.MountBottle(t.Context(), here, nurse, "w1", "b")
		wantKey(t, err, "")
		if len(b.store.void) != want {
			t.Errorf("bottle of another lot %t: checks ended %v", want == 1, b.store.void)
		}
	}
}

func TestDevices(t *testing.T) {
	b := newBench(t)
	ml := measure.Millilitre
	pump := Device{
		ID: "d1", Clinic: here, Station: "w1", Kind: Pump, Model: "new-era", State: Ready,
		Profile: Profile{MinDose: ml / 2, MaxDose: 30 * ml, Resolution: 10, Residual: 100 * ml},
	}
	for range 2 {
		d, err := b.RegisterDevice(t.Context(), admin, pump)
		wantKey(t, err, "")
		if d.State != Unknown {
			t.Errorf("a new device is %s before its station spoke", d.State)
		}
	}
	second := pump
	second.ID = "d2"
	_, err := b.RegisterDevice(t.Context(), admin, second)
	wantKey(t, err, "device.kind_taken")
	second.Kind = Scale
	_, err = b.RegisterDevice(t.Context(), admin, second)
	wantKey(t, err, "device.profile")

	wantKey(t, b.RemoveDevice(t.Context(), here, admin, "d1"), "")
	if diff := cmp.Diff([]string{"pump"}, b.store.void); diff != "" {
		t.Errorf("checks ended (-want +got):\n%s", diff)
	}
	wantKey(t, b.RemoveDevice(t.Context(), here, admin, "d1"), "device.removed")
	second.Kind = Pump
	_, err = b.RegisterDevice(t.Context(), admin, second)
	wantKey(t, err, "")
}

func TestPumpProfiles(t *testing.T) {
	ml := measure.Millilitre
	good := Profile{MinDose: ml / 2, MaxDose: 30 * ml, Resolution: 10, Residual: 100 * ml}
	for name, edit := range map[string]func(*Profile){
		"no resolution":             func(p *Profile) { p.Resolution = 0 },
		"coarser than its smallest": func(p *Profile) { p.Resolution = p.MinDose + 1 },
		"largest below smallest":    func(p *Profile) { p.MaxDose = p.MinDose - 1 },
		"no smallest":               func(p *Profile) { p.MinDose = 0 },
		"more than half a litre":    func(p *Profile) { p.MaxDose = maxDose + 1 },
		"negative residual":         func(p *Profile) { p.Residual = -1 },
	} {
		p := good
		edit(&p)
		if p.validate() == nil {
			t.Errorf("accepted: %s", name)
		}
	}
	if err := good.validate(); err != nil {
		t.Error(err)
	}
}
