package demo

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
)

// chapter is the part of the story that plays at one clinic.
type chapter struct {
	*Story
	site   site
	clinic clinic.Clinic
	cal    calendar.Calendar
	team   map[string]staff.Member // by post
	files  []*file
	shelf  shelf
	stalls []*stall
	shifts []stock.Session // of the counters, as the story opened them this day
	// fresh: the clinic was made in this telling, so nobody but the story has changed anything, and the story knows
	// every fact of it.
	fresh bool
}

// file is one person with the patient's file and the newest order.
type file struct {
	Person
	patient.Patient
	order prescription.Prescription
	holds []prescription.Hold // placed in this telling
	doses []dosing.Dose       // of this telling, oldest first
}

// chapter opens the part of one clinic: it makes the clinic when it is not there yet, and reads how far the story went.
func (s *Story) chapter(ctx context.Context, place site) (*chapter, error) {
	ch := &chapter{Story: s, site: place, team: map[string]staff.Member{}}
	clinics, err := s.store.Clinics().Clinics(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range clinics {
		if c.Number == place.number {
			ch.clinic = c
		}
	}
	if ch.clinic.ID == "" {
		if err := ch.found(ctx); err != nil {
			return nil, err
		}
	}
	if ch.cal, err = ch.clinic.Calendar(nil); err != nil {
		return nil, err
	}
	return ch, ch.load(ctx)
}

// load reads what the chapter needs of an earlier start.
func (ch *chapter) load(ctx context.Context) error {
	members, err := ch.store.Staff().Members(ctx, ch.clinic.ID)
	if err != nil {
		return err
	}
	for _, m := range members {
		for _, p := range posts {
			if m.Username == Username(ch.site.number, p.username) {
				ch.team[p.username] = m
			}
		}
	}
	if err := ch.loadFiles(ctx); err != nil {
		return err
	}
	if err := ch.loadShelf(ctx); err != nil {
		return err
	}
	return ch.loadStalls(ctx)
}

// loadFiles matches the story's people with the clinic's files: the story's files are the clinic's first.
func (ch *chapter) loadFiles(ctx context.Context) error {
	people := Population(ch.Seed+uint64(ch.site.number), ch.site.patients, ch.first.Midnight().Year()) //nolint:gosec // 1–5
	var after patient.ID
	for len(ch.files) < len(people) {
		page, err := ch.store.Patients().Patients(ctx, patient.Filter{Clinic: ch.clinic.ID, After: after, Limit: patient.MaxPage})
		if err != nil {
			return err
		}
		for _, p := range page[:min(len(page), len(people)-len(ch.files))] {
			f := &file{Person: people[len(ch.files)], Patient: p}
			orders, err := ch.store.Prescriptions().Prescriptions(ctx, ch.clinic.ID, p.ID)
			if err != nil {
				return err
			}
			if len(orders) > 0 {
				f.order = orders[0]
			}
			ch.files = append(ch.files, f)
		}
		if len(page) < patient.MaxPage {
			break
		}
		after = page[len(page)-1].ID
	}
	for i := len(ch.files); i < len(people); i++ {
		ch.files = append(ch.files, &file{Person: people[i]})
	}
	return nil
}

// found makes the clinic with its people, long before the story begins.
func (ch *chapter) found(ctx context.Context) (err error) {
	ch.fresh = true
	key := id.New[clinic.ID]()
	ch.clock.at = ch.first.AddDays(-3700).Midnight()
	c := clinic.Clinic{
		ID: key, Number: ch.site.number, Name: ch.site.name, Province: provinceName, District: ch.site.district, Kind: ch.site.kind, Zone: zone,
		RulePack: "vn", RulePackVersion: 1, Demo: true,
	}
	if ch.clinic, err = clinic.NewService(ch.store.Clinics(), ch.clock.now).Create(ctx, c); err != nil {
		return err
	}
	return ch.at(ctx, key, func(d *desk) error { return ch.hire(ctx, d, key) })
}

// adopt has the doctor sign the rule pack, which is younger than the clinic.
func (ch *chapter) adopt(ctx context.Context, d *desk) (err error) {
	c := ch.clinic
	ch.clinic, err = d.clinics.AdoptRulePack(ctx, clinic.Adoption{Clinic: c.ID, By: ch.team["doctor"], Pack: c.RulePack, Version: c.RulePackVersion})
	return err
}

// aim sets the clinic's target of the year in which the story begins.
func (ch *chapter) aim(ctx context.Context, d *desk) error {
	_, err := d.clinics.SetTarget(ctx, ch.team["supervisor"], ch.clinic.ID, ch.first.Midnight().Year(), ch.site.target)
	return err
}

func (ch *chapter) hire(ctx context.Context, d *desk, key clinic.ID) error {
	r := ch.chance("staff")
	for _, p := range posts {
		full := p.name
		if ch.site.number > 1 {
			full = name(r, patient.Female)
		}
		m, err := d.staff.Install(ctx, key, staff.New{
			ID: id.New[staff.ID](), Username: Username(ch.site.number, p.username), Name: full, Roles: p.roles,
			Password: Password, PIN: PIN,
		})
		if err != nil {
			return fmt.Errorf("staff %s: %w", p.username, err)
		}
		ch.team[p.username] = m
	}
	return nil
}

// tell writes what is missing of the clinic's days before today, and prepares today.
func (ch *chapter) tell(ctx context.Context, today calendar.Day) error {
	start := ch.first.AddDays(-min(ch.History, ch.site.history))
	if err := ch.register(ctx, start); err != nil {
		return err
	}
	if err := ch.furnish(ctx, start); err != nil {
		return err
	}
	for d := max(start, ch.Told+1); d < today; d++ {
		if err := ch.day(ctx, d); err != nil {
			return fmt.Errorf("%s: %w", d, err)
		}
	}
	return ch.prepare(ctx, today)
}

// register opens the files of those whose treatment began before the story, and has the rules signed.
func (ch *chapter) register(ctx context.Context, start calendar.Day) error {
	if ch.files[0].Patient.ID != "" {
		return nil
	}
	return ch.at(ctx, ch.clinic.ID, func(d *desk) error {
		if err := ch.aim(ctx, d); err != nil {
			return err
		}
		if err := ch.admit(ctx, d, start.AddDays(-1)); err != nil {
			return err
		}
		return ch.adopt(ctx, d)
	})
}

// admit opens a file for each person whose treatment began on day or before and who has none. The people are in the
// order of that day, so the files are in the order of the people.
func (ch *chapter) admit(ctx context.Context, d *desk, day calendar.Day) error {
	for i, f := range ch.files {
		began := ch.first.AddDays(f.Enrolled)
		if f.Patient.ID != "" || began > day {
			continue
		}
		if at := ch.local(began, 9*time.Hour); at.After(ch.clock.at) {
			ch.clock.at = at
		}
		if err := ch.enrol(ctx, d, f); err != nil {
			return fmt.Errorf("patient %d: %w", i+1, err)
		}
	}
	return nil
}

func (ch *chapter) enrol(ctx context.Context, d *desk, f *file) (err error) {
	doctor := ch.team["doctor"]
	f.Patient, err = d.patients.Register(ctx, ch.clinic.ID, doctor, patient.Registration{
		ID: id.New[patient.ID](), Name: f.Person.Name, BirthYear: f.Person.BirthYear, Sex: f.Person.Sex, Address: f.Person.Address, Phase: f.Person.Phase, Entry: f.Person.Entry,
	})
	if err != nil {
		return err
	}
	f.Patient, err = d.patients.SetStatus(ctx, ch.clinic.ID, doctor, f.Patient.ID, patient.AwaitingStart, "Hồ sơ đủ điều kiện")
	if err != nil || f.Person.Phase == patient.Induction {
		return err
	}
	f.Patient, err = d.patients.SetStatus(ctx, ch.clinic.ID, doctor, f.Patient.ID, patient.InTreatment, "Chuyển từ sổ giấy")
	return err
}

// lapse is the offset of the last day of the last order of those whose order lapsed.
const lapse = -2

// renew has the doctor sign the next order of everybody who has none for the day, but for those who stay away.
func (ch *chapter) renew(ctx context.Context, d *desk, day calendar.Day) error {
	for _, f := range ch.files {
		offset := day.Sub(ch.first)
		if f.order.ID != "" && f.order.To >= day || offset < f.Enrolled || f.IsAway(offset) || f.Lapsed && offset > lapse {
			continue
		}
		if err := ch.sign(ctx, d, f, day); err != nil {
			return fmt.Errorf("order of %s: %w", f.Code, err)
		}
	}
	return nil
}

func (ch *chapter) sign(ctx context.Context, d *desk, f *file, day calendar.Day) (err error) {
	offset := day.Sub(ch.first)
	length := f.OrderDays()
	if f.order.ID == "" && length > 1 {
		length -= ch.chance("order", f.Code).IntN(length) // not everybody's first order began on the story's first day
	}
	if f.Lapsed {
		length = min(length, lapse-offset+1)
	}
	dose := f.DoseOn(offset)
	f.order, err = d.prescriptions.Sign(ctx, ch.clinic.ID, ch.team["doctor"], prescription.Order{
		ID: id.New[prescription.ID](), Patient: f.Patient.ID, Dose: dose, Parts: parts(dose, f.Parts),
		From: day, To: day.AddDays(length - 1), Phase: f.Person.Phase, Reason: reasons[f.Person.Phase],
	})
	return err
}

var reasons = map[patient.Phase]string{
	patient.Induction:   "Khởi liều, theo dõi sau uống",
	patient.Adjustment:  "Dò liều theo dấu hiệu hội chứng cai",
	patient.Maintenance: "Duy trì, ổn định",
	patient.Taper:       "Giảm liều theo nguyện vọng",
}

// holds places the holds that are due on d.
func (ch *chapter) hold(ctx context.Context, d *desk, day calendar.Day) error {
	for _, f := range ch.files {
		if f.Hold == nil || day.Sub(ch.first) != -f.Hold.DaysAgo {
			continue
		}
		hold, err := d.prescriptions.PlaceHold(ctx, ch.clinic.ID, ch.team["doctor"], prescription.NewHold{
			ID: id.New[prescription.HoldID](), Patient: f.Patient.ID, Severity: f.Hold.Severity, Reason: f.Hold.Reason,
			ClearedBy: f.Hold.ClearedBy,
		})
		if err != nil {
			return fmt.Errorf("hold of %s: %w", f.Code, err)
		}
		f.holds = append(f.holds, hold)
	}
	return nil
}

// visit is somebody who comes to the window.
type visit struct {
	*file
	at time.Duration // after local midnight
}

// visits draws who comes on the day, and when: two in five within the first half hour, and those with a second part
// early, so that enough hours lie between the two.
func (ch *chapter) visits(day calendar.Day) []visit {
	r := ch.chance("visits", day.String())
	offset := day.Sub(ch.first)
	var all []visit
	for _, f := range ch.files {
		if offset < f.Enrolled || !f.Comes(offset) || !f.order.Covers(day) {
			continue
		}
		within := 210 * time.Minute
		if len(f.order.Parts) > 1 || r.IntN(5) < 2 {
			within = 30 * time.Minute
		}
		all = append(all, visit{f, opening + time.Duration(r.Int64N(int64(within)))})
		if len(f.order.Parts) > 1 {
			all = append(all, visit{f, afternoon + time.Duration(r.Int64N(int64(time.Hour)))})
		}
	}
	slices.SortFunc(all, func(a, b visit) int { return int(a.at - b.at) })
	return all
}

// When the windows open in the morning, and again for second parts; after local midnight.
const (
	opening   = 6*time.Hour + 30*time.Minute
	afternoon = 15*time.Hour + 30*time.Minute
)

// day plays one whole clinic day in one transaction.
func (ch *chapter) day(ctx context.Context, day calendar.Day) error {
	return ch.at(ctx, ch.clinic.ID, func(d *desk) error {
		ch.clock.at = ch.local(day, opening-time.Hour)
		if err := ch.morning(ctx, d, day); err != nil {
			return err
		}
		visits := ch.visits(day)
		line := ch.line(d, day, visits)
		for i, v := range visits {
			if at := ch.local(day, v.at); at.After(ch.clock.at) {
				ch.clock.at = at
			}
			if err := line.arrive(ctx); err != nil {
				return err
			}
			s := ch.stalls[ch.historyStall(i)]
			if err := line.serve(ctx, i, s, func() error { return ch.pour(ctx, d, s, v, i) }); err != nil {
				return fmt.Errorf("dose of %s: %w", v.Code, err)
			}
		}
		ch.wait(20 * time.Minute)
		if ch.counted(day) {
			if err := ch.closeShifts(ctx, d); err != nil {
				return err
			}
		}
		return ch.evening(ctx, d)
	})
}

// morning is what happens before the windows open: orders, holds, bottles, checks.
func (ch *chapter) morning(ctx context.Context, d *desk, day calendar.Day) error {
	for _, step := range []func(context.Context, *desk, calendar.Day) error{ch.admit, ch.renew, ch.hold, ch.supply, ch.open} {
		if err := step(ctx, d, day); err != nil {
			return err
		}
	}
	if !ch.counted(day) {
		return nil
	}
	return ch.openShifts(ctx, d, day)
}

// wait moves the story on.
func (ch *chapter) wait(d time.Duration) { ch.clock.at = ch.clock.at.Add(d) }

// local is a time of a clinic day.
func (ch *chapter) local(d calendar.Day, after time.Duration) time.Time {
	from, _ := ch.cal.Bounds(d)
	return from.Time().Add(after)
}

// chance draws for one purpose: the same words draw the same numbers, whatever else was drawn before.
func (ch *chapter) chance(purpose ...string) *rand.Rand {
	h := fnv.New64a()
	for _, p := range purpose {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	return rand.New(rand.NewPCG(ch.Seed<<8|uint64(ch.site.number), h.Sum64())) //nolint:gosec // fiction, not secrecy
}
