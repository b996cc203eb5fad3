package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// do runs steps in one transaction.
func do(t testing.TB, s *Store, c clinic.ID, fn func(ctx context.Context, tx *Tx) error) error {
	return s.inTx(t.Context(), c, func(tx *Tx) error { return fn(t.Context(), tx) })
}

func same(t testing.TB, want, got any, err error) {
	t.Helper()
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func notFound(t testing.TB, err error) {
	t.Helper()
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("error %v, want not found", err)
	}
}

func TestClinics(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		c := clinic.Clinic{
			ID: id.New[clinic.ID](), Number: 7, Name: "Cơ sở Đống Đa", Province: "Hà Nội", District: "Đống Đa", Kind: clinic.DispensingPoint,
			Zone: "Asia/Ho_Chi_Minh", CutOver: 4 * time.Hour, RulePack: "vn", RulePackVersion: 2, AdoptedBy: "x", AdoptedAt: eight, Demo: true,
		}
		must(t, do(t, s, c.ID, func(ctx context.Context, tx *Tx) error { return tx.InsertClinic(ctx, c) }))
		got, err := s.Clinics().Clinic(ctx, c.ID)
		same(t, c, got, err)
		again := c
		again.ID = id.New[clinic.ID]()
		wantFault(t, do(t, s, again.ID, func(ctx context.Context, tx *Tx) error { return tx.InsertClinic(ctx, again) }), "clinic.number_taken")

		c.Name, c.AdoptedBy, c.AdoptedAt = "Tên mới", "y", eight.Add(time.Hour)
		closure := clinic.Closure{Clinic: c.ID, Day: theDay, Reason: "bão"}
		must(t, do(t, s, c.ID, func(ctx context.Context, tx *Tx) error {
			locked, err := tx.LockClinic(ctx, c.ID)
			if err != nil || locked.Name == c.Name {
				t.Errorf("locked %+v, %v", locked, err)
			}
			_, err = tx.FindClosure(ctx, c.ID, theDay)
			notFound(t, err)
			return errors.Join(tx.UpdateClinic(ctx, c), tx.PutClosure(ctx, clinic.Closure{Clinic: c.ID, Day: theDay, Reason: "mất điện"}),
				tx.PutClosure(ctx, closure), tx.RecordChange(ctx, clinic.Change{Clinic: c.ID, Recorded: eight, Action: "closure.set"}))
		}))
		list, err := s.Clinics().Clinics(ctx)
		same(t, []clinic.Clinic{c}, list, err)
		closures, err := s.Clinics().Closures(ctx, c.ID, theDay, theDay)
		same(t, []clinic.Closure{closure}, closures, err)
		must(t, do(t, s, c.ID, func(ctx context.Context, tx *Tx) error {
			return errors.Join(tx.DeleteClosure(ctx, c.ID, theDay), tx.DeleteClosure(ctx, c.ID, theDay))
		}))
		closures, err = s.Clinics().Closures(ctx, c.ID, theDay, theDay)
		same(t, 0, len(closures), err)
		events, err := s.Audit().Events(ctx, audit.Filter{Clinic: c.ID})
		must(t, err)
		if len(events) != 1 || events[0].Actor != audit.System || events[0].Subject != string(c.ID) || string(events[0].Data) != "null" {
			t.Errorf("events %+v", events)
		}
		_, err = s.Clinics().Clinic(ctx, "nonsense")
		notFound(t, err)
		verified(t, s)
	})
}

func TestStaff(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		w := newWorld(t, s, 1, 0, 0)
		m := staff.Member{
			ID: id.New[staff.ID](), Clinic: w.clinic, Username: "lan", Name: "Lê Thị Lan", Roles: []staff.Role{staff.Nurse, staff.Pharmacist},
			Badge: "B1", PasswordHash: "p", PINHash: "q", Active: true,
		}
		second := m
		second.ID, second.Username, second.Badge = id.New[staff.ID](), "mai", ""
		third := second
		third.ID, third.Username = id.New[staff.ID](), "hoa"
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			return errors.Join(tx.InsertMember(ctx, m), tx.InsertMember(ctx, second), tx.InsertMember(ctx, third))
		}))
		taken := m
		taken.ID, taken.Badge = id.New[staff.ID](), ""
		wantFault(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.InsertMember(ctx, taken) }), "staff.username_taken")
		taken.Username, taken.Badge = "new", m.Badge
		wantFault(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.InsertMember(ctx, taken) }), "staff.badge_taken")

		got, err := s.Staff().MemberByUsername(ctx, "lan")
		same(t, m, got, err)
		got, err = s.Staff().MemberByBadge(ctx, w.clinic, "B1")
		same(t, m, got, err)
		_, err = s.Staff().MemberByBadge(ctx, w.clinic, "")
		notFound(t, err)
		_, err = s.Staff().Member(ctx, id.New[clinic.ID](), m.ID)
		notFound(t, err)
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			n, err := tx.ActiveWithRole(ctx, staff.Pharmacist)
			if n != 3 || err != nil {
				t.Errorf("%d pharmacists, %v", n, err)
			}
			locked, err := tx.LockMember(ctx, m.ID)
			m = locked
			m.Active, m.Badge, m.Name = false, "", "Lê Lan"
			return errors.Join(err, tx.UpdateMember(ctx, m))
		}))
		got, err = s.Staff().Member(ctx, w.clinic, m.ID)
		same(t, m, got, err)
		all, err := s.Staff().Members(ctx, w.clinic)
		same(t, 4, len(all), err)
		if all[1].Username != "hoa" {
			t.Errorf("not by username: %v", all)
		}
	})
}

// A failure is counted, whoever else fails at once.
func TestAttempts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		a, err := s.Staff().Attempts(t.Context(), "pin:x")
		same(t, staff.Attempts{Key: "pin:x"}, a, err)
		errs := together(16, func(int) error {
			return s.Staff().UpdateAttempts(t.Context(), "pin:x", func(a *staff.Attempts) { a.Failures++; a.LastAt = eight })
		})
		must(t, errors.Join(errs...))
		must(t, s.Staff().UpdateAttempts(t.Context(), "pin:x", func(a *staff.Attempts) { a.LockedUntil = eight.Add(time.Minute) }))
		a, err = s.Staff().Attempts(t.Context(), "pin:x")
		same(t, staff.Attempts{Key: "pin:x", Failures: 16, LastAt: eight, LockedUntil: eight.Add(time.Minute)}, a, err)
	})
}

func TestPatients(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		w := newWorld(t, s, 1, 1, 0)
		p := newPatient(w, id.New[patient.ID](), 77)
		p.Name, p.NationalID, p.NationalIDMark, p.Previous = "Đặng Thị Ánh", []byte{1, 0, 2}, []byte{9, 9}, w.patients[0]
		p.Version = 1
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.InsertPatient(ctx, p) }))
		got, err := s.Patients().PatientByCode(ctx, w.clinic, "P0077")
		same(t, p, got, err)
		twin := newPatient(w, id.New[patient.ID](), 77)
		wantFault(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.InsertPatient(ctx, twin) }), "patient.code_taken")

		ph := patient.Photo{MediaType: "image/jpeg", Data: []byte{0xff, 0xd8, 0}, TakenAt: eight}
		p.Status, p.Phase, p.EndedOn, p.EndReason = patient.Ended, patient.Taper, theDay, patient.OwnWish
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			found, err := tx.FilesByFingerprint(ctx, []byte{9, 9})
			if len(found) != 1 || found[0].ID != p.ID {
				t.Errorf("found %v", found)
			}
			n, err2 := tx.EndActiveOrders(ctx, w.patients[0], "x", eight)
			if n != 1 {
				t.Errorf("%d orders ended", n)
			}
			return errors.Join(err, err2, tx.PutPhoto(ctx, p.ID, ph), tx.BumpPatient(ctx, p.ID), tx.UpdatePatient(ctx, withPhoto(p)), tx.BumpPatient(ctx, p.ID))
		}))
		p = withPhoto(p)
		p.Version = 2
		got, err = s.Patients().Patient(ctx, w.clinic, p.ID)
		same(t, p, got, err)
		photo, err := s.Patients().Photo(ctx, w.clinic, p.ID)
		same(t, ph, photo, err)
		_, err = s.Patients().Photo(ctx, w.clinic, w.patients[0])
		notFound(t, err)
		_, err = s.Patients().Patient(ctx, id.New[clinic.ID](), p.ID)
		notFound(t, err)
		files, err := s.Records().Files(ctx, w.clinic, []patient.ID{p.ID, id.New[patient.ID]()})
		same(t, map[patient.ID]patient.Patient{p.ID: p}, files, err)
	})
}

func withPhoto(p patient.Patient) patient.Patient { p.HasPhoto = true; return p }

func TestPatientSearch(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 0, 0)
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			for i, name := range []string{"Đỗ Văn Đức", "Đỗ Thị Hoa", "Nguyễn 100% Ân", "Lê Đức Anh"} {
				p := newPatient(w, id.New[patient.ID](), i)
				p.Name = name
				if i == 1 {
					p.Status = patient.Suspended
				}
				if err := tx.InsertPatient(ctx, p); err != nil {
					return err
				}
			}
			return nil
		}))
		for query, want := range map[string]int{
			"": 4, "do": 2, "đức": 2, "duc do": 1, "uc": 0, "P000": 4, "P0002": 1, "100%": 1, "%": 0, "_": 0, "!": 0, "ĐỖ HOA": 1, "x": 0,
		} {
			found, err := s.Patients().Patients(t.Context(), patient.Filter{Clinic: w.clinic, Query: query})
			must(t, err)
			if len(found) != want {
				t.Errorf("%q finds %d, want %d", query, len(found), want)
			}
		}
		found, err := s.Patients().Patients(t.Context(), patient.Filter{Clinic: w.clinic, Statuses: []patient.Status{patient.Suspended}, Query: "do"})
		same(t, 1, len(found), err)
		first, err := s.Patients().Patients(t.Context(), patient.Filter{Clinic: w.clinic, Limit: 3})
		same(t, 3, len(first), err)
		rest, err := s.Patients().Patients(t.Context(), patient.Filter{Clinic: w.clinic, Limit: 3, After: first[2].ID})
		same(t, 1, len(rest), err)
		other, err := s.Patients().Patients(t.Context(), patient.Filter{Clinic: id.New[clinic.ID]()})
		same(t, 0, len(other), err)
	})
}

func TestPrescriptions(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		w := newWorld(t, s, 1, 1, 1)
		p := w.patients[0]
		o := newOrder(w, p, id.New[prescription.ID](), 2)
		o.From, o.To, o.Supersedes = theDay.AddDays(11), theDay.AddDays(20), w.orders[0]
		o.Parts, o.Reason = []measure.Mass{40 * measure.Milligram, 20 * measure.Milligram}, "chia liều"
		h := prescription.Hold{
			ID: id.New[prescription.HoldID](), Clinic: w.clinic, Patient: p, Severity: prescription.Stop, Reason: "xét nghiệm",
			ClearedBy: staff.Doctor, PlacedBy: w.doctor, PlacedAt: eight,
		}
		cl := prescription.Clearance{ID: id.New[prescription.ClearanceID](), Clinic: w.clinic, Patient: p, Rule: "missed.refer", Day: theDay, By: w.doctor, Recorded: eight}
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			return errors.Join(tx.InsertPrescription(ctx, o), tx.InsertHold(ctx, h), tx.InsertClearance(ctx, cl))
		}))
		file, err := s.Patients().Patient(ctx, w.clinic, p)
		same(t, int64(3), file.Version, err) // one order when the world was made, and this transaction
		clash := o
		clash.ID = id.New[prescription.ID]()
		wantFault(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.InsertPrescription(ctx, clash) }), "prescription.version_taken")

		got, err := s.Prescriptions().Prescription(ctx, w.clinic, o.ID)
		same(t, o, got, err)
		sit, err := s.Dispensings().Situation(ctx, w.query(0, 0, ""))
		must(t, err)
		if sit.Facts.NextOrder == nil || sit.Facts.NextOrder.ID != o.ID || len(sit.Facts.Holds) != 1 || sit.Facts.Holds[0] != h || fmt.Sprint(sit.Facts.Cleared) != "[missed.refer]" {
			t.Errorf("facts %+v", sit.Facts)
		}
		ending, err := s.Prescriptions().OrdersEnding(ctx, w.clinic, theDay, theDay.AddDays(15))
		same(t, 0, len(ending), err) // the first order is continued by the second
		ending, err = s.Prescriptions().OrdersEnding(ctx, w.clinic, theDay, theDay.AddDays(20))
		same(t, []prescription.Prescription{o}, ending, err)

		h.LiftedBy, h.LiftedAt, h.LiftNote = w.doctor, eight.Add(time.Hour), "xong"
		o.Status, o.EndedAt, o.EndedBy = prescription.Cancelled, eight, w.doctor
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			active, err := tx.ActivePrescriptions(ctx, p)
			if len(active) != 2 || active[1].ID != o.ID {
				t.Errorf("active %v", active)
			}
			last, err2 := tx.LastPrescriptionVersion(ctx, p)
			if last != 2 {
				t.Errorf("last version %d", last)
			}
			return errors.Join(err, err2, tx.EndHold(ctx, h), tx.EndPrescription(ctx, o))
		}))
		notFound(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.EndPrescription(ctx, o) }))
		notFound(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.EndHold(ctx, h) }))
		all, err := s.Prescriptions().Prescriptions(ctx, w.clinic, p)
		same(t, o, all[0], err)
		holds, err := s.Prescriptions().Holds(ctx, w.clinic, p, true)
		same(t, []prescription.Hold{h}, holds, err)
		open, err := s.Prescriptions().OpenHolds(ctx, w.clinic)
		same(t, 0, len(open), err)
		clearances, err := s.Prescriptions().Clearances(ctx, w.clinic, p, theDay)
		same(t, []prescription.Clearance{cl}, clearances, err)
	})
}

func TestStock(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		w := newWorld(t, s, 1, 0, 2)
		l := stock.Lot{
			ID: id.New[stock.LotID](), Clinic: w.clinic, Product: w.product, Number: "L2", Concentration: 10_000, Density: 1_050_000,
			DensityBy: "x", DensityAt: eight, DensityTempC: 251, Expiry: calendar.DateOf(2026, 6, 30), State: stock.LotQuarantined, Funding: "GF",
		}
		b := stock.Bottle{ID: id.New[stock.BottleID](), Clinic: w.clinic, Lot: l.ID, Code: "B-9", Place: stock.PlaceStore, State: stock.Sealed, LabelVolume: measure.Litre}
		d := stock.Document{
			ID: id.New[stock.DocumentID](), Clinic: w.clinic, Kind: stock.Receipt, By: "x", Witness: "y", Party: "Công ty", Number: "BB-12",
			Data: []byte(`{"copies": 3}`), Occurred: eight, Recorded: eight,
		}
		in := w.move(b.ID, stock.Supplier, stock.Store, measure.Litre)
		in.Lot, in.Cause = l.ID, string(d.ID)
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			return errors.Join(tx.InsertLot(ctx, l), tx.InsertBottle(ctx, b), tx.InsertDocument(ctx, d), tx.PostMoves(ctx, []stock.Move{in}))
		}))
		twin := l
		twin.ID = id.New[stock.LotID]()
		wantFault(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.InsertLot(ctx, twin) }), "lot.number_taken")
		got, err := s.Stock().Lot(ctx, w.clinic, l.ID)
		same(t, l, got, err)
		doc, err := s.Stock().Document(ctx, w.clinic, d.ID)
		same(t, d, doc, err)
		docs, err := s.Stock().Documents(ctx, stock.DocumentFilter{Clinic: w.clinic, Kinds: []stock.DocumentKind{stock.Receipt}, From: eight, To: eight.Add(time.Second)})
		same(t, []stock.Document{d}, docs, err)
		docs, err = s.Stock().Documents(ctx, stock.DocumentFilter{Clinic: w.clinic, To: eight})
		same(t, 0, len(docs), err)

		b.State, b.TareWeight, b.OpenedAt, b.OpenedGross = stock.InUse, 1000, eight, 9000
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			locked, err := tx.LockBottle(ctx, b.ID)
			if locked.Balance[stock.Store] != measure.Litre || locked.Balance.Sum() != 0 {
				t.Errorf("locked %+v", locked)
			}
			many, err2 := tx.LockBottles(ctx, w.lot)
			if len(many) != 2 || many[0].ID != w.bottles[0] {
				t.Errorf("locked %+v", many)
			}
			return errors.Join(err, err2, tx.UpdateBottle(ctx, b))
		}))
		b.Balance = stock.Balance{}
		for _, a := range stock.Accounts {
			b.Balance[a] = 0
		}
		b.Balance[stock.Supplier], b.Balance[stock.Store] = -measure.Litre, measure.Litre
		bottle, err := s.Stock().BottleByCode(ctx, w.clinic, "B-9")
		same(t, b, bottle, err)
		some, err := s.Stock().Bottles(ctx, stock.BottleFilter{Clinic: w.clinic, Lot: l.ID, States: []stock.BottleState{stock.InUse}})
		same(t, []stock.Bottle{b}, some, err)
		sums, err := s.Stock().LotBalances(ctx, w.clinic)
		must(t, err)
		if sums[w.lot][stock.InBottle] != 2*measure.Litre || sums[l.ID][stock.Store] != measure.Litre {
			t.Errorf("sums %v", sums)
		}
		in.FromAfter, in.ToAfter = -measure.Litre, measure.Litre
		moves, err := s.Stock().Moves(ctx, stock.MoveFilter{Clinic: w.clinic, Document: d.ID})
		same(t, []stock.Move{in}, moves, err)
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			m, err := tx.FindMove(ctx, in.ID)
			same(t, in, m, err)
			reversed, err := tx.MoveReversed(ctx, in.ID)
			if reversed {
				t.Error("reversed")
			}
			return err
		}))
		verified(t, s)
	})
}

func TestDocumentKinds(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 0, 0)
		for _, k := range []stock.DocumentKind{
			stock.Receipt, stock.Opening, stock.Wasting, stock.Purging, stock.LossReport, stock.SurplusFound, stock.Return,
			stock.Destroying, stock.Reversal, "empty", "break",
		} {
			d := stock.Document{ID: id.New[stock.DocumentID](), Clinic: w.clinic, Kind: k, By: "x", Occurred: eight, Recorded: eight}
			must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.InsertDocument(ctx, d) }))
		}
		alone := stock.Document{ID: id.New[stock.DocumentID](), Clinic: w.clinic, Kind: stock.Wasting, By: "x", Witness: "x", Occurred: eight, Recorded: eight}
		wantFault(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.InsertDocument(ctx, alone) }), "witness.same")
	})
}

func TestEquipment(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		w := newWorld(t, s, 1, 1, 2)
		st, err := s.Equipment().StationByID(ctx, w.stations[0])
		must(t, err)
		st.Name, st.EnrolCode, st.EnrolBy, st.Manual, st.PublicKey = "Cửa A", "hash", eight, true, make([]byte, 32)
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.UpdateStation(ctx, st) }))
		got, err := s.Equipment().Station(ctx, w.clinic, st.ID)
		same(t, st, got, err)
		st.Bottle = string(w.bottles[1])
		wantFault(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.UpdateStation(ctx, st) }), "station.bottle_taken")
		st.Bottle, st.Name = string(w.bottles[0]), "Cửa 2"
		wantFault(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.UpdateStation(ctx, st) }), "station.name_taken")

		devices, err := s.Equipment().Devices(ctx, w.clinic, st.ID)
		same(t, 2, len(devices), err)
		pump := devices[0]
		if pump.Kind != equipment.Pump || pump.Profile.MaxDose != 50*measure.Millilitre {
			t.Errorf("pump %+v", pump)
		}
		twin := pump
		twin.ID = id.New[equipment.DeviceID]()
		wantFault(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.InsertDevice(ctx, twin) }), "device.kind_taken")
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			m, err := tx.MountableBottle(ctx, string(w.bottles[1]))
			want := equipment.MountableBottle{ID: string(w.bottles[1]), InUse: true, Released: true, Expiry: calendar.DateOf(2027, 1, 1), Station: w.stations[1]}
			same(t, want, m, err)
			pump.Serial, pump.Model = "S1", "new-era"
			busy, err := tx.StationBusy(ctx, st.ID)
			if busy {
				t.Error("busy")
			}
			return errors.Join(err, tx.UpdateDevice(ctx, pump))
		}))
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			for serial, want := range map[string]bool{"S1": true, "": true, "S2": false} {
				known, err := tx.SetDevice(ctx, st.ID, deviceReport("pump", serial), eight)
				if err != nil || known != want {
					t.Errorf("serial %q known %t, %v", serial, known, err)
				}
			}
			known, err := tx.SetDevice(ctx, st.ID, deviceReport("printer", ""), eight)
			if known {
				t.Error("an unregistered printer is known")
			}
			d, err2 := tx.DeviceOf(ctx, st.ID, equipment.Pump)
			if d.State != equipment.Down || d.StateAt != eight {
				t.Errorf("device %+v", d)
			}
			return errors.Join(err, err2, tx.RemoveDevice(ctx, pump.ID), tx.InsertDevice(ctx, twin))
		}))
		sit, err := s.Dispensings().Situation(ctx, w.query(0, 0, ""))
		must(t, err)
		for _, d := range sit.Facts.Station.Devices {
			if d.Verified != (d.Kind == equipment.Scale) {
				t.Errorf("device %+v", d) // the new pump was not verified today
			}
		}
		b := w.beginning(0, 1, 1)
		must(t, w.begin(t, s, b))
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			busy, err := tx.StationBusy(ctx, w.stations[1])
			if !busy {
				t.Error("not busy")
			}
			return err
		}))
	})
}

func TestQueue(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		w := newWorld(t, s, 1, 3, 1)
		ticket := queue.Ticket{ID: id.New[queue.TicketID](), Clinic: w.clinic, Day: theDay, Patient: w.patients[0], State: queue.Arrived, Priority: "mang thai", ArrivedAt: eight}
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) (err error) {
			ticket.Number, err = tx.NextTicketNumber(ctx, theDay)
			return errors.Join(err, tx.InsertTicket(ctx, ticket))
		}))
		got, err := s.Queue().Ticket(ctx, w.clinic, ticket.ID)
		same(t, ticket, got, err)
		if ticket.Number != 1 {
			t.Errorf("number %d", ticket.Number)
		}
		again := ticket
		again.ID, again.Number = id.New[queue.TicketID](), 2
		wantFault(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.InsertTicket(ctx, again) }), "ticket.open")
		coming, err := s.Queue().StillToCome(ctx, w.clinic, theDay)
		same(t, 2, len(coming), err)
		if coming[0].Code != "P0001" || !coming[0].LastDay.IsZero() {
			t.Errorf("coming %+v", coming)
		}

		b := w.beginning(0, 0, 1)
		must(t, w.begin(t, s, b))
		ticket.State, ticket.Station, ticket.AtWindowAt = queue.AtWindow, w.stations[0], eight
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			at, err := tx.TicketAtStation(ctx, w.stations[0], theDay)
			same(t, ticket, at, err)
			open, err := tx.HasOpenDispensing(ctx, w.patients[0])
			if !open {
				t.Error("no open dispensing")
			}
			return err
		}))
		swallow(t, s, w, b.Dispensing)
		got, err = s.Queue().Ticket(ctx, w.clinic, ticket.ID)
		must(t, err)
		if got.State != queue.Done || got.DoneAt.IsZero() {
			t.Errorf("ticket %+v", got)
		}
		attended, err := s.Queue().Attended(ctx, w.clinic, theDay)
		same(t, []queue.Attendance{{Patient: w.patients[0], Code: "P0000", Name: "Nguyễn Văn Đức", Mass: 60 * measure.Milligram, At: eight}}, attended, err)
		clocks, err := s.Queue().DoseClocks(ctx, w.clinic, theDay)
		same(t, []queue.DoseClock{{
			Patient: w.patients[0], Station: w.stations[0], Day: theDay, Begun: eight, Measured: eight.Add(time.Second),
			Swallowed: eight.Add(time.Second), Ended: eight.Add(time.Second),
		}}, clocks, err)
		clocks, err = s.Queue().DoseClocks(ctx, w.clinic, theDay+1)
		same(t, []queue.DoseClock{}, clocks, err)
		left, err := s.Queue().Tickets(ctx, w.clinic, theDay, queue.Arrived, queue.Called)
		same(t, 0, len(left), err)
		verified(t, s)
	})
}

// Numbers of one day are given once, in order, to however many ask at once.
func TestSerialsUnderRace(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 0, 0)
		numbers := make([]int, 24)
		errs := together(len(numbers), func(i int) error {
			return do(t, s, w.clinic, func(ctx context.Context, tx *Tx) (err error) {
				numbers[i], err = tx.NextPatientSerial(ctx)
				return err
			})
		})
		must(t, errors.Join(errs...))
		seen := map[int]bool{}
		for _, n := range numbers {
			if n < 1 || n > len(numbers) || seen[n] {
				t.Errorf("numbers %v", numbers)
			}
			seen[n] = true
		}
	})
}
