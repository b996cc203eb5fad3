package demo

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration/walk"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// stall is one window with its devices and its bottle. All but the live one have a counter that exists in the story
// alone: its key comes from the seed, and it signs what it says like any counter.
type stall struct {
	equipment.Station
	live    bool
	key     ed25519.PrivateKey
	pump    equipment.Device
	scale   equipment.Device
	bottle  stock.Bottle
	left    measure.Volume // in the bottle by the book
	density measure.Density
}

// Profile is how the pump of every window is set up, and what the simulated pump can do.
var Profile = equipment.Profile{
	MinDose: 500 * measure.Microlitre, MaxDose: 30 * measure.Millilitre, Resolution: 10 * measure.Microlitre, Residual: 20 * measure.Millilitre,
}

// reserve is how much the story leaves in a bottle before it opens the next: the largest dose and what no pump draws.
const reserve = 60 * measure.Millilitre

// forCheck is what a check of the day pours away, beside what the day's first doses need.
const forCheck = 100*measure.Millilitre + reserve

func (ch *chapter) loadStalls(ctx context.Context) error {
	windows, err := equipment.NewService(ch.store.Equipment(), nil, nil, ch.clock.now).Stations(ctx, ch.clinic.ID)
	if err != nil {
		return err
	}
	for _, w := range windows {
		s := ch.stall(w.Station)
		for _, d := range w.Devices {
			s.devices(d)
		}
		if w.Bottle != "" {
			b, err := ch.store.Stock().Bottle(ctx, ch.clinic.ID, stock.BottleID(w.Bottle))
			if err != nil {
				return err
			}
			if err := ch.mounted(s, b); err != nil {
				return err
			}
		}
		ch.stalls = append(ch.stalls, s)
	}
	return nil
}

func (ch *chapter) stall(st equipment.Station) *stall {
	return &stall{Station: st, live: ch.site.number == 1 && st.Name == LiveWindow, key: ch.counterKey(st.Name)}
}

func (s *stall) devices(d equipment.Device) {
	switch d.Kind {
	case equipment.Pump:
		s.pump = d
	case equipment.Scale:
		s.scale = d
	case equipment.Scanner, equipment.Printer:
	}
}

// counterKey is the key of a counter that exists in the story alone.
func (ch *chapter) counterKey(window string) ed25519.PrivateKey {
	seed := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(fmt.Sprintf("story counter %d %s ", ch.site.number, window)), ch.Seed))
	return ed25519.NewKeyFromSeed(seed[:])
}

// furnish sets up the windows before the story begins, and mounts the first bottles.
func (ch *chapter) furnish(ctx context.Context, start calendar.Day) error {
	if len(ch.stalls) > 0 {
		return nil
	}
	ch.clock.at = ch.local(start.AddDays(-1), 14*time.Hour)
	if err := ch.decide(ctx); err != nil {
		return fmt.Errorf("queue rules: %w", err)
	}
	return ch.at(ctx, ch.clinic.ID, func(d *desk) error {
		for _, window := range ch.site.windows {
			s, err := ch.build(ctx, d, window)
			if err != nil {
				return fmt.Errorf("window %s: %w", window, err)
			}
			ch.stalls = append(ch.stalls, s)
		}
		return nil
	})
}

// decide says when the windows are open, what the clinic wants to keep to, and where its people are found.
func (ch *chapter) decide(ctx context.Context) error {
	clinics := clinic.NewService(ch.store.Clinics(), ch.clock.now)
	_, err := queue.NewService(ch.store.Queue(), clinics, ch.clock.now, nil).SetRules(ctx, ch.team["admin"], queue.Rules{
		Clinic: ch.clinic.ID, Opens: 6*time.Hour + 30*time.Minute, Closes: 17 * time.Hour, SlotSize: 12,
		Targets: flow.Targets{flow.LongestWait: 30 * time.Minute, flow.MedianWait: 15 * time.Minute, flow.P90Whole: 35 * time.Minute},
		Rooms:   map[staff.Role]string{staff.Doctor: "Phòng 2", staff.Pharmacist: "Kho thuốc", staff.Nurse: "Quầy tiếp nhận"},
	})
	return err
}

func (ch *chapter) build(ctx context.Context, d *desk, window string) (*stall, error) {
	admin := ch.team["admin"]
	st, err := d.equipment.AddStation(ctx, ch.clinic.ID, admin, equipment.NewStation{ID: id.New[equipment.StationID](), Name: window})
	if err != nil {
		return nil, err
	}
	s := ch.stall(st)
	if !s.live { // the live one enrols its own key with the running server
		code, _, err := d.equipment.IssueEnrolCode(ctx, ch.clinic.ID, admin, st.ID)
		if err != nil {
			return nil, err
		}
		public, ok := s.key.Public().(ed25519.PublicKey)
		if !ok {
			return nil, fmt.Errorf("key of window %s is no Ed25519 key", window)
		}
		if s.Station, err = d.equipment.Enrol(ctx, st.ID, code, public); err != nil {
			return nil, err
		}
	}
	for _, kind := range []equipment.DeviceKind{equipment.Pump, equipment.Scale, equipment.Scanner} {
		dev := equipment.Device{
			ID: id.New[equipment.DeviceID](), Clinic: ch.clinic.ID, Station: st.ID, Kind: kind, Model: models[kind],
		}
		if kind == equipment.Pump {
			dev.Profile = Profile
		}
		if dev, err = d.equipment.RegisterDevice(ctx, admin, dev); err != nil {
			return nil, err
		}
		s.devices(dev)
	}
	return s, nil
}

// models are the catalogue's names of the devices at each window.
var models = map[equipment.DeviceKind]string{equipment.Pump: "new-era", equipment.Scale: "mt-sics", equipment.Scanner: "line"}

// checkedDays is for how many days before the first one the windows' checks are told, shot by shot.
const checkedDays = 6

// open makes each window of the story ready for a day: a bottle, devices that answer, a check of pump and scale.
func (ch *chapter) open(ctx context.Context, d *desk, day calendar.Day) error {
	for _, s := range ch.stalls {
		if err := ch.change(ctx, d, s, forCheck); err != nil {
			return fmt.Errorf("window %s: %w", s.Name, err)
		}
		if s.live {
			continue
		}
		if day.Sub(ch.first) >= -checkedDays {
			if err := ch.check(ctx, d, s); err != nil {
				return fmt.Errorf("check of window %s: %w", s.Name, err)
			}
		}
		for _, kind := range []string{"scale", "pump", "scanner"} {
			if err := ch.say(ctx, d, s, stationlog.KindDevice, stationlog.Device{Kind: kind, State: "ready"}); err != nil {
				return err
			}
		}
	}
	return nil
}

// check carries out the check of the day at a window, with its counter played by the story.
func (ch *chapter) check(ctx context.Context, d *desk, s *stall) error {
	if err := d.settle(ctx); err != nil {
		return err
	}
	r := ch.chance("check", s.Name, fmt.Sprint(s.EventSeq))
	c, err := walk.Walk{
		Service: d.calibration, Clinic: ch.clinic.ID, Station: s.ID, Pair: ch.pair(),
		Report: func(ctx context.Context, kind stationlog.Kind, body any) error { return ch.say(ctx, d, s, kind, body) },
		Wait:   ch.wait,
		Arrives: func(v measure.Volume) measure.Volume {
			return v + v.PerMille(int64(r.IntN(5)-2))
		},
	}.Run(ctx)
	if err != nil {
		return err
	}
	for _, p := range c.Pours {
		s.left -= p.Booked
	}
	return d.settle(ctx)
}

// takeOver makes the story the counter of the live window, so that it can be checked before its own counter is there. The
// counter enrols afterwards, as one that replaces another. False when something is under way there.
func (ch *chapter) takeOver(ctx context.Context, d *desk, s *stall) (bool, error) {
	code, _, err := d.equipment.IssueEnrolCode(ctx, ch.clinic.ID, ch.team["admin"], s.ID)
	if err != nil {
		return false, err
	}
	public, ok := s.key.Public().(ed25519.PublicKey)
	if !ok {
		return false, fmt.Errorf("key of window %s is no Ed25519 key", s.Name)
	}
	st, err := d.equipment.Enrol(ctx, s.ID, code, public)
	if fault.Is(err, fault.Conflict) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.Station, ch.Rekeyed = st, true
	return true, nil
}

// change puts a full bottle in the place of one that holds less than is needed.
func (ch *chapter) change(ctx context.Context, d *desk, s *stall, need measure.Volume) error {
	if s.Bottle != "" && s.left >= need {
		return nil
	}
	if err := d.settle(ctx); err != nil {
		return err
	}
	old, left := s.bottle, s.left
	full, err := ch.uncork(ctx, d)
	if err != nil {
		return err
	}
	if _, err := d.equipment.MountBottle(ctx, ch.clinic.ID, ch.team["pharmacist"], s.ID, string(full.ID)); err != nil {
		return err
	}
	s.Bottle = string(full.ID)
	if err := ch.mounted(s, full); err != nil {
		return err
	}
	if old.ID == "" {
		return nil
	}
	return ch.finish(ctx, d, old, left)
}

func (ch *chapter) mounted(s *stall, b stock.Bottle) error {
	lot, ok := ch.lot(b.Lot)
	if !ok {
		return fmt.Errorf("bottle %s is of an unknown lot", b.Code)
	}
	s.bottle, s.left, s.density = b, b.Balance[stock.InBottle], lot.Density
	return nil
}

// historyStall chooses the window of the i-th visit: the live one stays for the living.
func (ch *chapter) historyStall(i int) int {
	first := 0
	if ch.stalls[0].live {
		first = 1
	}
	return first + i%(len(ch.stalls)-first)
}

// say has a story's counter sign a record and report it.
func (ch *chapter) say(ctx context.Context, d *desk, s *stall, kind stationlog.Kind, body any) error {
	prev := stationlog.Genesis
	if s.EventSeq > 0 {
		prev = string(s.EventHash)
	}
	d.about(s, nil)
	rec := stationlog.Record{
		Station: string(s.ID), Seq: s.EventSeq + 1, Prev: prev, Kind: kind, Occurred: ch.clock.now(), Body: audit.Data(body),
	}
	signed, err := stationlog.Sign(rec, s.key)
	if err != nil {
		return err
	}
	if _, err := d.dispensings.Report(ctx, s.Station, []stationlog.Signed{signed}); err != nil {
		return err
	}
	s.EventSeq, s.EventHash = rec.Seq, []byte(signed.Hash())
	return nil
}

// pour is one dose at a window of the story, from the nurse's word to the swallow. Somebody whom a rule stops goes home
// without, as in life.
func (ch *chapter) pour(ctx context.Context, d *desk, s *stall, v visit, n int) error {
	if err := ch.change(ctx, d, s, reserve); err != nil {
		return err
	}
	nurse := ch.team["nurse"]
	if n%2 == 1 {
		nurse = ch.team["nurse2"]
	}
	d.about(s, v.file)
	begun, err := d.dispensings.Begin(ctx, dispensing.Request{
		ID: id.New[dispensing.ID](), Clinic: ch.clinic.ID, Patient: v.Patient.ID, Station: s.ID, By: nurse,
	})
	if fault.Is(err, fault.Refused) {
		ch.wait(15 * time.Second)
		return nil
	}
	if err != nil {
		return err
	}
	measured, err := ch.fill(ctx, d, s, begun)
	if err != nil {
		return err
	}
	s.left -= measured
	act := dispensing.Act{Clinic: ch.clinic.ID, ID: begun.ID, By: nurse}
	ch.wait(4 * time.Second)
	if n%391 == 390 { // now and then a cup is knocked over; the patient gets another
		act.Witness, act.Reason = ch.team["pharmacist"], "Đổ cốc khi trao"
		if _, err := d.dispensings.Wasted(ctx, act); err != nil {
			return err
		}
		return ch.pour(ctx, d, s, v, n+1)
	}
	if _, err := d.dispensings.HandOver(ctx, act, v.Patient.ID); err != nil {
		return err
	}
	ch.wait(12 * time.Second)
	_, err = d.dispensings.Taken(ctx, act)
	ch.wait(6 * time.Second)
	return err
}

// fill is what the counter does and says: the point of no return, the motion, the weight. It returns the volume that
// counts.
func (ch *chapter) fill(ctx context.Context, d *desk, s *stall, dose dispensing.Dispensing) (measure.Volume, error) {
	r := ch.chance("pour", s.Name, dose.Day.String(), fmt.Sprint(s.EventSeq))
	const grain = 10 * measure.WeightMilligram // what the balance shows
	empty := measure.Weight(310+r.IntN(25)) * grain
	ch.wait(2 * time.Second)
	err := ch.say(ctx, d, s, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: string(dose.ID), Volume: dose.Volume, GrossBefore: empty})
	if err != nil {
		return 0, err
	}
	moved := dose.Volume + dose.Volume.PerMille(int64(r.IntN(9)-4)) // up to four per mille off
	liquid, err := s.density.Weight(moved)
	if err != nil {
		return 0, err
	}
	took := 3*time.Second + time.Duration(dose.Volume)*time.Millisecond
	ch.wait(took)
	outcome := stationlog.Outcome{
		Dispensing: string(dose.ID), Pump: dose.Volume, PumpKnown: true, GrossBefore: empty,
		GrossAfter: (empty + liquid) / grain * grain, WeightKnown: true, DurationMS: took.Milliseconds(),
	}
	if err := ch.say(ctx, d, s, stationlog.KindMeasured, outcome); err != nil {
		return 0, err
	}
	return s.density.Volume(outcome.GrossAfter - outcome.GrossBefore)
}

// evening switches the story's counters off: their windows say so until they are opened again.
func (ch *chapter) evening(ctx context.Context, d *desk) error {
	for _, s := range ch.stalls {
		if s.live {
			continue
		}
		for _, kind := range []string{"scale", "pump", "scanner"} {
			if err := ch.say(ctx, d, s, stationlog.KindDevice, stationlog.Device{Kind: kind, State: "down", Detail: "switched_off"}); err != nil {
				return err
			}
		}
	}
	return nil
}

// ready gives a window its bottle and its check for today.
func (ch *chapter) ready(ctx context.Context, d *desk, s *stall) error {
	if err := ch.change(ctx, d, s, forCheck); err != nil {
		return err
	}
	if s.live {
		if ours, err := ch.takeOver(ctx, d, s); err != nil || !ours {
			return err
		}
	}
	return ch.check(ctx, d, s)
}

// prepare makes today a day on which the clinic can work: orders, checks, a bottle at each window, the oddments.
func (ch *chapter) prepare(ctx context.Context, today calendar.Day) error {
	standings, err := ch.store.Calibration().Standings(ctx, ch.clinic.ID)
	if err != nil {
		return err
	}
	for _, k := range standings {
		if k.Day == today {
			return nil
		}
	}
	return ch.at(ctx, ch.clinic.ID, func(d *desk) error {
		// Right after midnight the day is younger than its preparation takes.
		ch.clock.at, ch.clock.present = ch.local(today, 0), ch.Now()
		for _, step := range []func(context.Context, *desk, calendar.Day) error{ch.admit, ch.renew, ch.hold, ch.supply} {
			if err := step(ctx, d, today); err != nil {
				return err
			}
		}
		for _, s := range ch.stalls {
			if err := ch.ready(ctx, d, s); err != nil {
				return fmt.Errorf("window %s: %w", s.Name, err)
			}
		}
		if err := ch.openShifts(ctx, d, today); err != nil {
			return err
		}
		if today != ch.first {
			return nil
		}
		if err := ch.insist(ctx, d); err != nil {
			return err
		}
		return ch.oddments(ctx, d, today)
	})
}
