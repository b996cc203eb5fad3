package clinic

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
)

// Signatory is whoever acts; staff.Member is one.
type Signatory interface {
	// StaffID is the person's id, as it stands in records.
	StaffID() string
	// MayAdopt reports why the person may not adopt rules for c; nil when they may.
	MayAdopt(c ID) error
	// MayManage reports why the person may not change the calendar of c; nil when they may.
	MayManage(c ID) error
}

// Service keeps the clinics of a database. It is safe for concurrent use.
type Service struct {
	store Store
	now   func() time.Time
}

// NewService returns a ready Service.
func NewService(store Store, now func() time.Time) *Service { return &Service{store: store, now: now} }

func (s *Service) instant() calendar.Instant { return calendar.At(s.now()) }

// MaxNumber is the largest number of a clinic: cards and labels have two digits for it.
const MaxNumber = 99

// Validate checks the particulars of a clinic.
func (c Clinic) Validate() error {
	switch {
	case c.ID == "":
		return fault.New(fault.Invalid, "id.malformed", "a clinic has no id")
	case c.Number < 1 || c.Number > MaxNumber:
		return fault.New(fault.Invalid, "clinic.number", "number %d outside 1–%d", c.Number, MaxNumber)
	case !plain(c.Name, 120) || !plain(c.Province, 60) || (c.District != "" && !plain(c.District, 60)):
		return fault.New(fault.Invalid, "clinic.name", "name or province is empty, too long, or has control characters")
	case c.Kind != TreatmentFacility && c.Kind != DispensingPoint:
		return fault.New(fault.Invalid, "clinic.kind", "kind %q is not known", c.Kind)
	case c.RulePack == "" || c.RulePackVersion < 1:
		return fault.New(fault.Invalid, "clinic.rule_pack", "a clinic works by a version of a rule pack")
	}
	if _, err := c.Calendar(nil); err != nil {
		return fault.New(fault.Invalid, "clinic.calendar", "calendar: %w", err)
	}
	return nil
}

func plain(s string, most int) bool {
	return s != "" && s == strings.TrimSpace(s) && utf8.RuneCountInString(s) <= most && !strings.ContainsFunc(s, unicode.IsControl)
}

// Day returns the clinic day that i counts for.
func (c Clinic) Day(i calendar.Instant) (calendar.Day, error) {
	cal, err := c.Calendar(nil)
	if err != nil {
		return 0, fmt.Errorf("clinic %s: %w", c.ID, err)
	}
	return cal.Day(i), nil
}

// Create adds a clinic, as an act of the installation. Nobody has adopted its rule pack yet.
func (s *Service) Create(ctx context.Context, c Clinic) (Clinic, error) {
	c.AdoptedBy, c.AdoptedAt = "", 0
	if err := c.Validate(); err != nil {
		return Clinic{}, err
	}
	err := s.store.InTx(ctx, c.ID, func(tx Tx) error {
		if err := tx.InsertClinic(ctx, c); err != nil {
			return err
		}
		return tx.RecordChange(ctx, Change{
			Clinic: c.ID, Recorded: s.instant(), Action: "clinic.create",
			Data: data(map[string]any{
				"number": c.Number, "kind": c.Kind, "zone": c.Zone, "cut_over_s": int(c.CutOver.Seconds()),
				"rule_pack": c.RulePack, "rule_pack_version": c.RulePackVersion, "demo": c.Demo,
			}),
		})
	})
	if err != nil {
		return Clinic{}, err
	}
	return c, nil
}

// Clinic reads one.
func (s *Service) Clinic(ctx context.Context, c ID) (Clinic, error) { return s.store.Clinic(ctx, c) }

// Clinics lists every clinic of the database by number.
func (s *Service) Clinics(ctx context.Context) ([]Clinic, error) { return s.store.Clinics(ctx) }

// Today returns the clinic's day of now.
func (s *Service) Today(ctx context.Context, c ID) (calendar.Day, error) {
	cl, err := s.store.Clinic(ctx, c)
	if err != nil {
		return 0, err
	}
	return cl.Day(s.instant())
}

// maxClosureSpan bounds one list of closures, in days.
const maxClosureSpan = 3 * 366

// Closures lists the closures from day from to day to, both included.
func (s *Service) Closures(ctx context.Context, c ID, from, to calendar.Day) ([]Closure, error) {
	if from.IsZero() || to < from || to.Sub(from) > maxClosureSpan {
		return nil, fault.New(fault.Invalid, "closure.span", "days missing, reversed or further apart than %d", maxClosureSpan)
	}
	return s.store.Closures(ctx, c, from, to)
}

// SetClosure closes the clinic on a day, or gives its closure another reason. A day that is over stays as it was: whether
// it was a day of dosing decides whether a patient missed it.
func (s *Service) SetClosure(ctx context.Context, by Signatory, cl Closure) error {
	if !plain(cl.Reason, 200) {
		return fault.New(fault.Invalid, "closure.reason", "a closure has a reason of at most 200 characters")
	}
	return s.changeDay(ctx, by, cl.Clinic, cl.Day, func(tx Tx, old Closure) (string, error) {
		if old.Reason == cl.Reason {
			return "", nil
		}
		return "closure.set", tx.PutClosure(ctx, cl)
	}, cl.Reason)
}

// RemoveClosure opens a day again.
func (s *Service) RemoveClosure(ctx context.Context, by Signatory, c ID, d calendar.Day) error {
	return s.changeDay(ctx, by, c, d, func(tx Tx, old Closure) (string, error) {
		if old.Reason == "" {
			return "", nil
		}
		return "closure.remove", tx.DeleteClosure(ctx, c, d)
	}, "")
}

// changeDay runs edit on the closure of a day as it stands (zero for none) and audits it under the action that edit
// returns; with no action nothing was to be done.
func (s *Service) changeDay(ctx context.Context, by Signatory, c ID, d calendar.Day, edit func(Tx, Closure) (string, error), reason string) error {
	if err := by.MayManage(c); err != nil {
		return err
	}
	return s.store.InTx(ctx, c, func(tx Tx) error {
		cl, err := tx.LockClinic(ctx, c)
		if err != nil {
			return err
		}
		now := s.instant()
		today, err := cl.Day(now)
		if err != nil {
			return err
		}
		if d < today {
			return fault.New(fault.Conflict, "closure.past", "day %s is over", d)
		}
		old, err := tx.FindClosure(ctx, c, d)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		action, err := edit(tx, old)
		if err != nil || action == "" {
			return err
		}
		return tx.RecordChange(ctx, Change{
			Clinic: c, Recorded: now, By: by.StaffID(), Action: action,
			Data: data(map[string]any{"day": d, "old": old.Reason, "new": reason}),
		})
	})
}

// Bounds of a target.
const (
	firstTargetYear = 2000
	lastTargetYear  = 2100
	maxTarget       = 1_000_000
)

// SetTarget sets how many patients a clinic is to have in treatment in a year. An earlier word for the same year stays on
// record.
func (s *Service) SetTarget(ctx context.Context, by Signatory, c ID, year, patients int) (t Target, err error) {
	if err := by.MayManage(c); err != nil {
		return Target{}, err
	}
	if year < firstTargetYear || year > lastTargetYear || patients < 1 || patients > maxTarget {
		return Target{}, fault.New(fault.Invalid, "target.range", "year %d–%d, patients 1–%d", firstTargetYear, lastTargetYear, maxTarget)
	}
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		if _, err := tx.LockClinic(ctx, c); err != nil {
			return err
		}
		now := s.instant()
		t = Target{Clinic: c, Year: year, Patients: patients, By: by.StaffID(), Recorded: now}
		if err := tx.InsertTarget(ctx, t); err != nil {
			return err
		}
		return tx.RecordChange(ctx, Change{
			Clinic: c, Recorded: now, By: by.StaffID(), Action: "target.set", Data: data(map[string]any{"year": year, "patients": patients}),
		})
	})
	return t, err
}

// Neighbours lists every clinic of the same province, by number, the clinic itself among them.
func (s *Service) Neighbours(ctx context.Context, c ID) ([]Clinic, error) {
	own, err := s.store.Clinic(ctx, c)
	if err != nil {
		return nil, err
	}
	all, err := s.store.Clinics(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(o Clinic) bool { return o.Province != own.Province }), nil
}

// Targets returns the targets of a year that count, by clinic.
func (s *Service) Targets(ctx context.Context, year int) (map[ID]Target, error) {
	return s.store.Targets(ctx, year)
}

// Adoption is a medical lead's signature under one version of a rule pack. The caller has checked that the version
// exists and that the PIN was the signatory's.
type Adoption struct {
	Clinic  ID
	By      Signatory
	Pack    string
	Version int
}

// AdoptRulePack makes a version the clinic's rule pack by a doctor's signature, which also makes its unverified values
// binding. Events of the past keep the version that they were judged by.
func (s *Service) AdoptRulePack(ctx context.Context, a Adoption) (c Clinic, err error) {
	if err := a.By.MayAdopt(a.Clinic); err != nil {
		return Clinic{}, err
	}
	if a.Pack == "" || a.Version < 1 {
		return Clinic{}, fault.New(fault.Invalid, "clinic.rule_pack", "no rule pack is named")
	}
	err = s.store.InTx(ctx, a.Clinic, func(tx Tx) error {
		if c, err = tx.LockClinic(ctx, a.Clinic); err != nil {
			return err
		}
		was := c
		now := s.instant()
		c.RulePack, c.RulePackVersion, c.AdoptedBy, c.AdoptedAt = a.Pack, a.Version, a.By.StaffID(), now
		if err := tx.UpdateClinic(ctx, c); err != nil {
			return err
		}
		return tx.RecordChange(ctx, Change{
			Clinic: a.Clinic, Recorded: now, By: a.By.StaffID(), Action: "rules.adopt",
			Data: data(map[string]any{
				"pack": a.Pack, "version": a.Version,
				"old_pack": was.RulePack, "old_version": was.RulePackVersion, "old_by": was.AdoptedBy,
			}),
		})
	})
	if err != nil {
		return Clinic{}, err
	}
	return c, nil
}

// data renders a change; every value in this package can be JSON.
func data(v map[string]any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("change of a clinic: %v", err))
	}
	return b
}
