package demo

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// HistoryDays is how many clinic days of doses the first clinic of a fresh demonstration has behind it: five weeks.
const HistoryDays = 35

// Person is one fictional patient, before there is a file. Offsets are clinic days counted from the first day of the
// demonstration: 0 is that day, -1 the day before.
type Person struct {
	Name      string
	Sex       patient.Sex
	Address   string
	BirthYear int
	Phase     patient.Phase
	// Dose is that of day 0; see DoseOn.
	Dose measure.Mass
	// Parts is how many parts of a day the dose is taken in: 1, seldom 2.
	Parts int
	// Entry is how the treatment began: for one in seven it is not the first.
	Entry patient.Entry
	// Enrolled is the offset of the day on which the treatment began.
	Enrolled int
	// Misses is how many of a thousand days this person does not come.
	Misses int
	// Away is for how many days before day 0 this person has stayed away and, since nobody called, still does; 0 for most.
	Away int
	// Hold is what stands against the patient on the first day; nil for most.
	Hold *PlannedHold
	// Lapsed means that the last order ran out and no new one was signed.
	Lapsed bool

	seed uint64
}

// Comes reports whether this person comes on the day. Nobody who keeps coming misses more than three days in a row.
func (p Person) Comes(offset int) bool {
	if p.IsAway(offset) {
		return false
	}
	day := uint64(offset + 1<<20) //nolint:gosec // positive for every day there is
	if (day+p.seed)%4 == 0 {
		return true
	}
	r := rand.New(rand.NewPCG(p.seed, day)) //nolint:gosec // fiction, not secrecy
	return r.IntN(1000) >= p.Misses
}

// IsAway reports whether this person stays away on the day.
func (p Person) IsAway(offset int) bool { return p.Away > 0 && offset >= -p.Away }

// DoseOn is the dose that the doctor orders for the day: it rises in induction and adjustment, falls in taper, and stays
// in maintenance. It is Dose on day 0.
func (p Person) DoseOn(offset int) measure.Mass {
	step := func(days int) measure.Mass { return measure.Mass(floorDiv(offset, days)) * 5 * measure.Milligram }
	bound := func(m, low, high measure.Mass) measure.Mass {
		return min(max(m, low*measure.Milligram), high*measure.Milligram)
	}
	switch p.Phase {
	case patient.Induction:
		return bound(p.Dose+step(3), 15, 60)
	case patient.Adjustment:
		return bound(p.Dose+step(5), 20, 90)
	case patient.Taper:
		return bound(p.Dose-step(14), 5, 120)
	case patient.Maintenance:
	}
	return p.Dose
}

// OrderDays is how long the doctor's orders for this person run, by the phase.
func (p Person) OrderDays() int {
	switch p.Phase {
	case patient.Induction:
		return 1
	case patient.Adjustment:
		return 5
	case patient.Taper:
		return 14
	case patient.Maintenance:
	}
	return 30
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// PlannedHold is a hold of a fictional patient.
type PlannedHold struct {
	Severity  prescription.Severity
	Reason    string
	ClearedBy staff.Role
	DaysAgo   int
}

// holds are the reasons for which a fictional patient is held, with how often they are drawn.
var holds = []PlannedHold{
	{Severity: prescription.Stop, ClearedBy: staff.Doctor, Reason: "Hẹn gặp bác sĩ trước khi uống thuốc: kết quả điện tim"},
	{Severity: prescription.Stop, ClearedBy: staff.Doctor, Reason: "Bắt đầu thuốc lao rifampicin, bác sĩ xem lại liều"},
	{Severity: prescription.Warning, ClearedBy: staff.Nurse, Reason: "Hỏi về buồn ngủ ban ngày"},
	{Severity: prescription.Warning, ClearedBy: staff.Doctor, Reason: "Tuần trước có lúc chóng mặt, đo huyết áp"},
	{Severity: prescription.Information, ClearedBy: staff.Nurse, Reason: "Nhận giấy hẹn xét nghiệm ở phòng hành chính"},
	{Severity: prescription.Information, ClearedBy: staff.Nurse, Reason: "Đổi thẻ mới trong tuần này"},
}

// Population draws n people, in the order in which they enrolled. The same seed gives the same people; year is the year
// of the first day.
func Population(seed uint64, n, year int) []Person {
	r := rand.New(rand.NewPCG(seed, 0x6c696575)) //nolint:gosec // fiction, not secrecy
	people := make([]Person, 0, n)
	for range n {
		people = append(people, person(r, year))
	}
	slices.SortStableFunc(people, func(a, b Person) int { return a.Enrolled - b.Enrolled })
	return people
}

func person(r *rand.Rand, year int) Person {
	p := Person{Sex: patient.Male, Parts: 1, BirthYear: year - age(r), seed: r.Uint64()}
	if r.IntN(100) < 6 {
		p.Sex = patient.Female
	}
	p.Name = name(r, p.Sex)
	p.Phase = phase(r)
	p.Entry = entry(p.seed)
	p.Address = address(p.seed)
	p.Enrolled = max(enrolled(r, p.Phase), -365*(year-p.BirthYear-18))
	p.Dose = dose(r, p.Phase)
	if p.Phase == patient.Maintenance && p.Dose >= 100*measure.Milligram && r.IntN(100) < 6 {
		p.Parts = 2
	}
	p.Misses, p.Away = attendance(r, p.Phase)
	if r.IntN(100) < 5 {
		h := pick(r, holds)
		h.DaysAgo = 1 + r.IntN(3)
		p.Hold = &h
	}
	p.Lapsed = p.Hold == nil && p.Away == 0 && p.Phase == patient.Maintenance && r.IntN(200) < 3
	return p
}

// age lies mostly between 32 and 58.
func age(r *rand.Rand) int { return 22 + r.IntN(14) + r.IntN(16) + r.IntN(16) }

func phase(r *rand.Rand) patient.Phase {
	switch n := r.IntN(100); {
	case n < 2:
		return patient.Induction
	case n < 9:
		return patient.Adjustment
	case n < 95:
		return patient.Maintenance
	default:
		return patient.Taper
	}
}

// entry is drawn from the person's own seed, so that it changes nothing else of the story.
func entry(seed uint64) patient.Entry {
	switch seed % 28 {
	case 0, 1, 2:
		return patient.ReturnEntry
	case 3:
		return patient.TransferEntry
	}
	return patient.NewEntry
}

// address is drawn from the person's own seed too. There is no such village.
func address(seed uint64) string {
	return fmt.Sprintf("Số %d, thôn Giả Định %d", 1+seed%180, 1+seed/180%12)
}

func enrolled(r *rand.Rand, p patient.Phase) int {
	switch p {
	case patient.Induction:
		return -3 - r.IntN(9)
	case patient.Adjustment:
		return -HistoryDays - 10 - r.IntN(50)
	default:
		return -120 - r.IntN(3500)
	}
}

// dose follows what Vietnamese clinics report: about three in five at or below 60 mg, a tail above 120 mg. Doses are
// multiples of 5 mg, as prescribed.
func dose(r *rand.Rand, p patient.Phase) measure.Mass {
	between := func(low, high int) measure.Mass {
		return measure.Mass(low+5*r.IntN((high-low)/5+1)) * measure.Milligram
	}
	switch p {
	case patient.Induction:
		return between(20, 30)
	case patient.Adjustment:
		return between(30, 70)
	case patient.Taper:
		return between(10, 40)
	case patient.Maintenance:
	}
	switch n := r.IntN(100); {
	case n < 58:
		return between(25, 60)
	case n < 90:
		return between(65, 120)
	case n < 98:
		return between(125, 180)
	default:
		return between(185, 260)
	}
}

// attendance: most people miss a day now and then, some come badly, and a few have stayed away up to day 0, for as long
// as the rules about missed days tell apart.
func attendance(r *rand.Rand, p patient.Phase) (misses, away int) {
	if p == patient.Induction {
		return 0, 0
	}
	misses = 25
	switch n := r.IntN(100); {
	case n < 45:
		misses = 4
	case n > 90:
		misses = 120
	}
	switch n := r.IntN(1000); {
	case n < 8:
		away = HistoryDays - 2 // about to be proposed as a dropout
	case n < 20:
		away = 6 + r.IntN(8)
	case n < 40:
		away = 4 + r.IntN(2)
	}
	return misses, away
}

// parts divides a dose: the first part is the larger one, and each is a multiple of 5 mg where the dose is.
func parts(dose measure.Mass, n int) []measure.Mass {
	if n < 2 {
		return []measure.Mass{dose}
	}
	second := dose / 2 / (5 * measure.Milligram) * (5 * measure.Milligram)
	return []measure.Mass{dose - second, second}
}
