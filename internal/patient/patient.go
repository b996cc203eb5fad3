package patient

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
)

// ID identifies a patient's file at one clinic.
type ID string

// Sex as registers ask for it.
type Sex string

// The sexes that the registers have columns for.
const (
	Male   Sex = "male"
	Female Sex = "female"
)

// Status is where a patient stands with the clinic.
type Status string

// The statuses of an enrolment.
const (
	Applied       Status = "applied"
	AwaitingStart Status = "awaiting_start" // accepted, first dose not yet taken
	InTreatment   Status = "in_treatment"
	Suspended     Status = "suspended" // in hospital, in custody, away for a while
	Ended         Status = "ended"
)

// Phase is the stage of treatment, which limits how long an order may run.
type Phase string

// The phases of treatment.
const (
	Induction   Phase = "induction"   // khởi liều
	Adjustment  Phase = "adjustment"  // dò liều, điều chỉnh liều
	Maintenance Phase = "maintenance" // duy trì
	Taper       Phase = "taper"       // giảm liều tiến tới ngừng
)

// Phases lists every phase in the order of treatment.
var Phases = []Phase{Induction, Adjustment, Maintenance, Taper}

// EndReason is why treatment ended. The list is fixed because the reason has legal effect on the patient.
type EndReason string

// The reasons.
const (
	CompletedTaper  EndReason = "completed_taper"
	OwnWish         EndReason = "own_wish"
	Dropped         EndReason = "dropped"
	RemovedForCause EndReason = "removed_for_breach"
	TransferredOut  EndReason = "transferred_out"
	Died            EndReason = "died"
	Detained        EndReason = "detained"
	CompulsoryRehab EndReason = "compulsory_rehab"
	OtherReason     EndReason = "other"
)

// Entry is how a course of treatment began, as provinces count it.
type Entry string

// The entries.
const (
	NewEntry      Entry = "new"            // mới: the first treatment
	ReturnEntry   Entry = "returned"       // điều trị lại: after an earlier treatment had ended
	TransferEntry Entry = "transferred_in" // chuyển đến: goes on with a treatment that began at another facility
)

// Entries lists every entry.
var Entries = []Entry{NewEntry, ReturnEntry, TransferEntry}

// Patient is one person's file.
type Patient struct {
	ID         ID
	Clinic     clinic.ID
	Code       string // what the card says, with its check digits; see pkg/cardcode
	Name       string // as written on the identity card, with diacritics
	BirthYear  int
	Sex        Sex
	Address    string // as registers name it, "" when not recorded
	NationalID []byte // sealed; see package secret. nil when not recorded
	// NationalIDMark is the keyed fingerprint of the national id, by which a second file of one person is found.
	NationalIDMark []byte
	HasPhoto       bool
	Status         Status
	Phase          Phase
	Entry          Entry
	EnrolledOn     calendar.Day
	EndedOn        calendar.Day
	EndReason      EndReason
	// Previous is the ended file of an earlier treatment here, "" for none: a file is never opened again.
	Previous ID
	// Version counts the changes of this row and of everything that a dose decision for this patient depends on.
	Version int64
}

// entered is how the course began, where nobody said otherwise.
func (p Patient) entered() Entry {
	switch {
	case p.Entry != "":
		return p.Entry
	case p.Previous != "":
		return ReturnEntry
	}
	return NewEntry
}

// Limits on what a file may hold.
const (
	MaxNameLength = 120
	MaxAddress    = 200
	MaxPhotoBytes = 48 << 10
	MinAge        = 12 // Decree 141/2024/NĐ-CP art. 29
	MaxAge        = 110
)

// Validate checks what a person typed. today is the clinic day.
func (p Patient) Validate(today calendar.Day) error {
	name := strings.TrimSpace(p.Name)
	switch {
	case name == "" || utf8.RuneCountInString(name) > MaxNameLength || name != p.Name || hasControl(name):
		return fault.New(fault.Invalid, "patient.name", "name is empty, too long, or has stray blanks or control characters")
	case p.Sex != Male && p.Sex != Female:
		return fault.New(fault.Invalid, "patient.sex", "sex is not one of the register's columns")
	case utf8.RuneCountInString(p.Address) > MaxAddress || strings.TrimSpace(p.Address) != p.Address || hasControl(p.Address):
		return fault.New(fault.Invalid, "patient.address", "address is too long, or has stray blanks or control characters")
	}
	year := today.Midnight().Year()
	if p.BirthYear > year-MinAge || p.BirthYear < year-MaxAge {
		return fault.New(fault.Invalid, "patient.birth_year", "birth year outside %d–%d", year-MaxAge, year-MinAge)
	}
	return nil
}

// hasControl finds what cannot be seen: control and format characters, which can turn a name around on a label, other
// line ends, and bytes that are no text.
func hasControl(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) })
}
