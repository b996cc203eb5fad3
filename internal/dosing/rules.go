package dosing

import (
	"slices"

	"github.com/lieu-clinic/lieu/internal/staff"
)

// The rules of the book.
const (
	ClinicClosed      RuleID = "clinic.closed"
	OrderMissing      RuleID = "order.missing"
	OrderNotStarted   RuleID = "order.not_started"
	OrderExpired      RuleID = "order.expired"
	OrderInvalid      RuleID = "order.invalid"
	OrderTooLong      RuleID = "order.too_long"
	PatientStatus     RuleID = "patient.status"
	HoldStop          RuleID = "hold.stop"
	HoldWarning       RuleID = "hold.warning"
	HoldInformation   RuleID = "hold.information"
	DoseTaken         RuleID = "dose.taken"
	DosePartTaken     RuleID = "dose.part_taken"
	DoseTakeHome      RuleID = "dose.take_home"
	DoseEntitlement   RuleID = "dose.entitlement"
	DispensingOpen    RuleID = "dispensing.open"
	StationPouring    RuleID = "station.pouring"
	DoseTooSoon       RuleID = "dose.too_soon"
	MissedDays        RuleID = "missed.days"
	DoseCeiling       RuleID = "dose.ceiling"
	DoseFirstDay      RuleID = "dose.first_day"
	DoseJump          RuleID = "dose.jump"
	DoseJumpWarning   RuleID = "dose.jump_warning"
	InductionStep     RuleID = "induction.step"
	InductionPace     RuleID = "induction.pace"
	CounterNotOpen    RuleID = "counter.not_open"
	BottleNotMounted  RuleID = "bottle.not_mounted"
	BottleNotInUse    RuleID = "bottle.not_in_use"
	LotExpired        RuleID = "lot.expired"
	LotQuarantined    RuleID = "lot.quarantined"
	LotRecalled       RuleID = "lot.recalled"
	VolumeInexact     RuleID = "volume.inexact"
	BottleTooLow      RuleID = "bottle.too_low"
	BottleLow         RuleID = "bottle.low"
	PumpRange         RuleID = "pump.range"
	PumpResolution    RuleID = "pump.resolution"
	DeviceNotReady    RuleID = "device.not_ready"
	DeviceUnknown     RuleID = "device.unknown"
	DeviceNotVerified RuleID = "device.not_verified"
	PumpDrift         RuleID = "pump.drift"
	PumpDriftWarning  RuleID = "pump.drift_warning"
	DeviceAuxiliary   RuleID = "device.auxiliary"
)

// Rule describes one rule of the book, for the documentation and the screens.
type Rule struct {
	ID RuleID
	// Severity is what the rule does when its value binds, or always when it needs no value from a pack.
	Severity Severity
	// Unbound is what it does while its value is neither verified nor adopted. Clinical rules send the patient to the
	// doctor; the others warn. It is "" for a rule without a value from a pack.
	Unbound Severity
	// ClearedBy says who can do something about it. A hold names its own role instead.
	ClearedBy []staff.Role
	// Value is the key of the pack value that the rule reads, "" for none.
	Value string
	// Says is the rule in one line.
	Says string
}

// rule is a Rule with the function that applies it.
type rule struct {
	Rule
	check func(situation) []finding
}

// finding is what one rule found: everything of a Reason that depends on the facts.
type finding struct {
	value, limit string
	args         map[string]string
	// from is the provenance of the pack value behind it; nil for a property of the system.
	from *Provenance
	// severity replaces the rule's own where the pack or a person chose one.
	severity Severity
	// clearedBy replaces the rule's own where a person chose one.
	clearedBy []staff.Role
}

// Who can do something about a rule.
var (
	nobody   []staff.Role
	doctor   = []staff.Role{staff.Doctor}
	counter  = []staff.Role{staff.Nurse, staff.Pharmacist}
	pharmacy = []staff.Role{staff.Pharmacist}
	managers = []staff.Role{staff.Supervisor, staff.Administrator}
	resolve  = []staff.Role{staff.Nurse, staff.Pharmacist, staff.Supervisor}
)

// book is the whole rule book. Its order is the order of reasons of one severity.
var book = []rule{
	{Rule{ClinicClosed, Stop, "", managers, "", "the clinic is closed today"}, clinicClosed},
	{Rule{OrderMissing, Stop, "", doctor, "", "there is no order, past or coming"}, orderMissing},
	{Rule{OrderNotStarted, Stop, "", doctor, "", "the order begins after today"}, orderNotStarted},
	{Rule{OrderExpired, Stop, "", doctor, "", "the last order ended before today"}, orderExpired},
	{Rule{OrderInvalid, Stop, "", doctor, "", "the order is not active or does not add up"}, orderInvalid},
	{Rule{OrderTooLong, Stop, Warning, doctor, "rx.max_days", "the order runs longer than its phase allows"}, orderTooLong},
	{Rule{PatientStatus, Stop, "", doctor, "", "the patient is not in treatment; awaiting the start allows the first day only"}, patientStatus},
	{Rule{HoldStop, Stop, "", nobody, "", "a person placed a hold that stops"}, holdStop},
	{Rule{DoseTaken, Stop, "", nobody, "", "every part of today's dose is consumed"}, doseTaken},
	{Rule{DoseTakeHome, Stop, "", nobody, "", "a take-home dose covers today"}, doseTakeHome},
	{Rule{DoseEntitlement, Stop, "", doctor, "", "what was given today and this part are together more than the day's dose"}, doseEntitlement},
	{Rule{DispensingOpen, Stop, "", resolve, "", "another dispensing of the patient has not ended"}, dispensingOpen},
	{Rule{DoseTooSoon, Stop, Refer, doctor, "dose.min_hours", "too few hours since the last observed dose; an order in n parts needs an n-th of them"}, doseTooSoon},
	{Rule{MissedDays, Refer, Refer, doctor, "missed.table", "consecutive days without a dose; the table gives the severity"}, missedDays},
	{Rule{DoseCeiling, Stop, Refer, doctor, "dose.hard_ceiling", "the day's dose is above the ceiling"}, doseCeiling},
	{Rule{DoseFirstDay, Stop, Refer, doctor, "dose.first_day_max", "the first day's dose is above its maximum"}, doseFirstDay},
	{Rule{DoseJump, Stop, Refer, doctor, "dose.jump_stop", "the day's dose is too far above the last dose"}, doseJump},
	{Rule{InductionStep, Stop, Refer, doctor, "dose.step_max", "in induction the dose rises by more than one step"}, inductionStep},
	{Rule{InductionPace, Stop, Refer, doctor, "dose.step_min_days", "in induction the dose rises too soon after the last rise"}, inductionPace},
	{Rule{StationPouring, Stop, "", counter, "", "the station has another pour under way"}, stationPouring},
	{Rule{CounterNotOpen, Stop, "", counter, "", "the counter's opening count is not settled, or its session is closed"}, counterNotOpen},
	{Rule{BottleNotMounted, Stop, "", counter, "", "no bottle of a known lot is mounted"}, bottleNotMounted},
	{Rule{BottleNotInUse, Stop, "", counter, "", "the mounted bottle is not in use"}, bottleNotInUse},
	{Rule{LotExpired, Stop, "", counter, "", "the lot's last day of use is past or not known"}, lotExpired},
	{Rule{LotQuarantined, Stop, "", pharmacy, "", "the lot is not released"}, lotQuarantined},
	{Rule{LotRecalled, Stop, "", counter, "", "the lot is recalled"}, lotRecalled},
	{Rule{VolumeInexact, Stop, "", []staff.Role{staff.Doctor, staff.Pharmacist}, "", "the dose is not a whole number of microlitres at the lot's concentration"}, volumeInexact},
	{Rule{BottleTooLow, Stop, "", counter, "", "the bottle less its residual holds less than the dose"}, bottleTooLow},
	{Rule{PumpRange, Stop, "", []staff.Role{staff.Doctor, staff.Pharmacist}, "", "the volume is outside what the pump may be asked for"}, pumpRange},
	{Rule{PumpResolution, Stop, "", []staff.Role{staff.Doctor, staff.Pharmacist}, "", "the volume is not a whole number of the pump's steps"}, pumpResolution},
	{Rule{DeviceNotReady, Stop, "", counter, "", "a pump or scale that the window needs is down or missing"}, deviceNotReady},
	{Rule{DeviceUnknown, Stop, "", counter, "", "nothing is known of a pump or scale that the window needs"}, deviceUnknown},
	{Rule{DeviceNotVerified, Stop, Warning, counter, "device.verify", "a pump or scale has no passed check today"}, deviceNotVerified},
	{Rule{PumpDrift, Stop, Warning, pharmacy, "drift.stop", "pump and scale went too far apart, dose by dose; until the pump is recalibrated and a check passes"}, pumpDrift},
	{Rule{HoldWarning, Warning, "", nobody, "", "a person placed a hold that warns"}, holdWarning},
	{Rule{DoseJumpWarning, Warning, Warning, doctor, "dose.jump_warn", "the day's dose is well above the last dose"}, doseJumpWarning},
	{Rule{BottleLow, Warning, Warning, counter, "bottle.low", "the bottle is nearly empty"}, bottleLow},
	{Rule{PumpDriftWarning, Warning, Warning, pharmacy, "drift.warn", "pump and scale go apart, dose by dose: recalibrate the pump"}, pumpDriftWarning},
	{Rule{DeviceAuxiliary, Warning, "", counter, "", "a scanner or printer is not ready; work goes on by hand"}, deviceAuxiliary},
	{Rule{HoldInformation, Information, "", nobody, "", "a person left word to be shown"}, holdInformation},
	{Rule{DosePartTaken, Information, "", nobody, "", "an earlier part of today's dose is consumed"}, dosePartTaken},
}

// Rules lists the book in its order.
func Rules() []Rule {
	all := make([]Rule, 0, len(book))
	for _, r := range book {
		described := r.Rule
		described.ClearedBy = slices.Clone(r.ClearedBy)
		all = append(all, described)
	}
	return all
}
