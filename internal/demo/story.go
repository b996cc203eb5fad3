// Package demo tells the story of a fictional province, so that a newcomer meets a clinic in the middle of its work: five
// clinics, 724 patients with five weeks of doses behind them, bottles on their shelves, and a window with a simulated
// counter.
//
// The story is written by the same services as a clinic's own days, at the story's time, and every record of it holds
// before the verifier. It is the same story for the same seed and first day. It only ever goes into a database of its own.
package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/rulepack"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/store"
)

// StoryOptions are the knobs of a story.
type StoryOptions struct {
	History int           // days before the first day; 0 for HistoryDays
	Hashers staff.Hashers // of passwords and PINs, as the server's
	Sealer  patient.Sealer
	Now     func() time.Time
	// Say is called with progress for a person to read; nil for nobody.
	Say func(format string, args ...any)
}

// Story writes a fictional province into a store.
type Story struct {
	Marker
	StoryOptions
	store   *store.Store
	clock   clock
	hashers staff.Hashers
	sealer  patient.Sealer
	packs   dispensing.Packs
	first   calendar.Day // day 0
	// Rekeyed says that this telling spoke for the live window's counter: the counter must enrol anew, as one that replaces
	// another.
	Rekeyed bool
}

// NewStory returns the story of m, which is to be told into st.
func NewStory(st *store.Store, m Marker, o StoryOptions) *Story {
	if m.Patients == 0 {
		m.Patients = population()
	}
	if o.History == 0 {
		o.History = HistoryDays
	}
	if o.Say == nil {
		o.Say = func(string, ...any) {}
	}
	return &Story{
		Marker: m, StoryOptions: o, store: st, first: m.FirstDay,
		hashers: staff.Hashers{Password: remembering(o.Hashers.Password), PIN: remembering(o.Hashers.PIN)},
		sealer:  o.Sealer,
		packs:   packs(),
	}
}

// Today is the clinic day of now at every clinic of the story.
func Today(now time.Time) (calendar.Day, error) {
	cal, err := calendar.New(zone, 0, nil)
	if err != nil {
		return 0, fmt.Errorf("demonstration: %w", err)
	}
	return cal.Day(calendar.At(now)), nil
}

// Tell writes whatever of the story is missing up to now: everything into an empty database, the days since the last
// start into one that has the story, nothing into one that is up to date. Told then is the day before today.
func (s *Story) Tell(ctx context.Context) error {
	today, err := Today(s.Now())
	if err != nil {
		return err
	}
	for i, place := range s.sites() {
		ch, err := s.chapter(ctx, place)
		if err != nil {
			return fmt.Errorf("clinic %d: %w", place.number, err)
		}
		s.Say("clinic %d of %d: %s, %d patients", i+1, len(province), place.name, len(ch.files))
		if err := ch.tell(ctx, today); err != nil {
			return fmt.Errorf("clinic %d: %w", place.number, err)
		}
	}
	s.Told = today - 1
	return nil
}

// sites returns the province, made smaller or larger when another number of patients is asked for.
func (s *Story) sites() []site {
	sites := make([]site, len(province))
	left := s.Patients
	for i, p := range province {
		p.patients = max(1, p.patients*s.Patients/population())
		left -= p.patients
		sites[i] = p
	}
	sites[0].patients += max(0, left)
	return sites
}

// packs finds the shipped rule packs, each read once.
func packs() dispensing.Packs {
	known := map[string]dosing.Pack{}
	return func(name string, version int) (dosing.Pack, error) {
		p, ok := known[name]
		if !ok {
			var err error
			if p, err = rulepack.Load(name); err != nil {
				return dosing.Pack{}, err
			}
			known[name] = p
		}
		if p.Version != version {
			return dosing.Pack{}, fault.New(fault.NotFound, "rulepack.unknown", "rule pack %s is shipped in version %d", name, p.Version)
		}
		return p, nil
	}
}

// population is how many patients the province has.
func population() (n int) {
	for _, p := range province {
		n += p.patients
	}
	return n
}

// remembering spares the work of hashing the same secret for everybody: all the people of a story share one.
func remembering(h staff.Hasher) staff.Hasher { return &memo{Hasher: h, known: map[string]string{}} }

type memo struct {
	staff.Hasher
	known map[string]string
}

// Hash implements staff.Hasher.
func (m *memo) Hash(ctx context.Context, plain string) (string, error) {
	if hash, ok := m.known[plain]; ok {
		return hash, nil
	}
	hash, err := m.Hasher.Hash(ctx, plain)
	if err == nil {
		m.known[plain] = hash
	}
	return hash, err
}

// meta is the name of the mark that a demonstration's database carries.
const meta = "demo"

// Own makes an empty database the demonstration's own, for ever, or finds that it is. Any other database is
// fault.Conflict, and is not touched.
func Own(ctx context.Context, st *store.Store) error {
	_, err := st.Meta(ctx, meta)
	if err == nil {
		return nil
	}
	if !fault.Is(err, fault.NotFound) {
		return fmt.Errorf("database: %w", err)
	}
	clinics, err := st.Clinics().Clinics(ctx)
	if err != nil {
		return fmt.Errorf("clinics: %w", err)
	}
	if len(clinics) > 0 {
		return fault.New(fault.Conflict, "demo.foreign", "the database belongs to a clinic and is no demonstration; it was left alone")
	}
	return st.Mark(ctx, meta, []byte("fictional"))
}
