package equipment

import (
	"context"
	"crypto/ed25519"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// Clinics gives the service what it needs of a clinic; *clinic.Service is one.
type Clinics interface {
	Clinic(ctx context.Context, c clinic.ID) (clinic.Clinic, error)
}

// Codes makes one-time codes and recognises them by their hashes.
type Codes interface {
	New() (string, error)
	Hash(code string) string
	// Match reports in constant time whether code is the one behind the hash; no code matches "".
	Match(code, hash string) bool
}

// Service keeps stations and their devices. It is safe for concurrent use.
type Service struct {
	store   Store
	clinics Clinics
	codes   Codes
	now     func() time.Time
}

// NewService returns a ready Service.
func NewService(store Store, clinics Clinics, codes Codes, now func() time.Time) *Service {
	return &Service{store: store, clinics: clinics, codes: codes, now: now}
}

func (s *Service) instant() calendar.Instant { return calendar.At(s.now()) }

// Bounds of what is typed, in characters.
const (
	MaxName = 40
	MaxText = 120
)

func plain(text string, most int) bool {
	return text != "" && text == strings.TrimSpace(text) && utf8.RuneCountInString(text) <= most &&
		!strings.ContainsFunc(text, unicode.IsControl)
}

// NewStation is a window to add.
type NewStation struct {
	ID     StationID // made by whoever asks; a repeated request finds the station it made
	Name   string
	Manual bool
}

func (n NewStation) validate() error {
	if n.ID == "" || !plain(n.Name, MaxName) {
		return fault.New(fault.Invalid, "station.name", "id or name is missing, or the name is too long")
	}
	return nil
}

// AddStation adds a window, not enrolled yet.
func (s *Service) AddStation(ctx context.Context, c clinic.ID, by staff.Member, n NewStation) (st Station, err error) {
	if err := by.Require(c, staff.ManageStation); err != nil {
		return Station{}, err
	}
	if err := n.validate(); err != nil {
		return Station{}, err
	}
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		st, err = tx.LockStation(ctx, n.ID)
		if err == nil {
			return same(st.Name == n.Name && st.Manual == n.Manual, string(n.ID))
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		st = Station{ID: n.ID, Clinic: c, Name: n.Name, Manual: n.Manual}
		if err := tx.InsertStation(ctx, st); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(s.instant(), "station.add", string(st.ID), map[string]any{"station": n.Name, "manual": n.Manual}))
	})
	if err != nil {
		return Station{}, err
	}
	return st, nil
}

func same(equal bool, key string) error {
	if !equal {
		return fault.New(fault.Invalid, "id.taken", "id %s names something else", key)
	}
	return nil
}

// Configure renames a window or says whether it pours by hand.
func (s *Service) Configure(ctx context.Context, c clinic.ID, by staff.Member, n NewStation) (Station, error) {
	if err := n.validate(); err != nil {
		return Station{}, err
	}
	return s.manage(ctx, c, by, n.ID, "station.configure", func(tx Tx, st *Station) (any, error) {
		if st.Manual != n.Manual {
			if err := idle(ctx, tx, st.ID); err != nil {
				return nil, err
			}
		}
		was := *st
		st.Name, st.Manual = n.Name, n.Manual
		return map[string]any{"old_name": was.Name, "name": n.Name, "old_manual": was.Manual, "manual": n.Manual}, nil
	})
}

// idle refuses while a dispensing of the station may still move liquid.
func idle(ctx context.Context, tx Tx, st StationID) error {
	busy, err := tx.StationBusy(ctx, st)
	if err == nil && busy {
		err = fault.New(fault.Conflict, "station.busy", "station %s has a dispensing under way", st)
	}
	return err
}

// manage changes a station by an administrator's hand.
func (s *Service) manage(ctx context.Context, c clinic.ID, by staff.Member, key StationID, action string, edit func(Tx, *Station) (any, error)) (Station, error) {
	if err := by.Require(c, staff.ManageStation); err != nil {
		return Station{}, err
	}
	return s.change(ctx, c, by, key, action, edit)
}

// change locks a station, changes, saves and audits it.
func (s *Service) change(ctx context.Context, c clinic.ID, by staff.Member, key StationID, action string, edit func(Tx, *Station) (any, error)) (st Station, err error) {
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		if st, err = tx.LockStation(ctx, key); err != nil {
			return err
		}
		data, err := edit(tx, &st)
		if err != nil {
			return err
		}
		if err := tx.UpdateStation(ctx, st); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(s.instant(), action, string(key), data))
	})
	if err != nil {
		return Station{}, err
	}
	return st, nil
}

// CodeLife is how long an enrolment code works.
const CodeLife = 15 * time.Minute

// IssueEnrolCode returns a fresh one-time code for a station; an earlier code stops working. It is shown once and only
// its hash is kept.
func (s *Service) IssueEnrolCode(ctx context.Context, c clinic.ID, by staff.Member, key StationID) (code string, until calendar.Instant, err error) {
	code, err = s.codes.New()
	if err != nil {
		return "", 0, err
	}
	until = s.instant().Add(CodeLife)
	_, err = s.manage(ctx, c, by, key, "station.enrol_code", func(_ Tx, st *Station) (any, error) {
		st.EnrolCode, st.EnrolBy = s.codes.Hash(code), until
		return map[string]any{"until": until}, nil
	})
	if err != nil {
		return "", 0, err
	}
	return code, until, nil
}

// Enrol gives a station the public key of its counter computer, against the code. The answer says where the station's
// chain of events stands, for the computer to go on from. Whatever is wrong, station, code or time, is one and the same
// fault.Unauthorized. fault.Conflict while a dispensing of the station may still move liquid: people settle it first.
func (s *Service) Enrol(ctx context.Context, key StationID, code string, public ed25519.PublicKey) (Station, error) {
	if len(public) != ed25519.PublicKeySize {
		return Station{}, fault.New(fault.Invalid, "station.key", "a public key of %d bytes", len(public))
	}
	known, err := s.store.StationByID(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return Station{}, wrongCode(key)
	}
	if err != nil {
		return Station{}, err
	}
	var st Station
	err = s.store.InTx(ctx, known.Clinic, func(tx Tx) (err error) {
		if st, err = tx.LockStation(ctx, key); err != nil {
			return err
		}
		now := s.instant()
		if !s.codes.Match(code, st.EnrolCode) || now >= st.EnrolBy {
			return wrongCode(key)
		}
		// A new counter would be asked for its word on what the old one was told to pour, and cannot know.
		if err := idle(ctx, tx, key); err != nil {
			return err
		}
		replaced := len(st.PublicKey) > 0
		st.PublicKey, st.EnrolCode, st.EnrolBy, st.Active = public, "", 0, true
		if err := tx.UpdateStation(ctx, st); err != nil {
			return err
		}
		return tx.Record(ctx, enrolment(st, now, replaced))
	})
	if err != nil {
		return Station{}, err
	}
	return st, nil
}

func wrongCode(key StationID) error {
	return fault.New(fault.Unauthorized, "station.wrong_code", "station %s: no such station, or a wrong or late code", key)
}

// Revoke takes a station's key away: from now on nothing that it says is believed, and nobody doses there. It works at
// once, whatever is under way; people resolve what is left open.
func (s *Service) Revoke(ctx context.Context, c clinic.ID, by staff.Member, key StationID, reason string) (Station, error) {
	if reason == "" || utf8.RuneCountInString(reason) > MaxText {
		return Station{}, fault.New(fault.Invalid, "reason.missing", "a reason is missing or too long")
	}
	return s.manage(ctx, c, by, key, "station.revoke", func(_ Tx, st *Station) (any, error) {
		st.PublicKey, st.EnrolCode, st.EnrolBy, st.Active = nil, "", 0, false
		return map[string]any{"reason": reason, "event_seq": st.EventSeq}, nil
	})
}

// Identify reads the station that a signed request claims to come from, with the key to check it by. One that is unknown,
// revoked or not enrolled is fault.Unauthorized.
func (s *Service) Identify(ctx context.Context, key StationID) (Station, error) {
	st, err := s.store.StationByID(ctx, key)
	if err == nil && st.Active && len(st.PublicKey) == ed25519.PublicKeySize {
		return st, nil
	}
	if err == nil || fault.Is(err, fault.NotFound) {
		return Station{}, fault.New(fault.Unauthorized, "station.unknown", "station %s is not enrolled", key)
	}
	return Station{}, err
}

// Window is a station with what stands on it.
type Window struct {
	Station
	Devices []Device
}

// Station reads one with its devices.
func (s *Service) Station(ctx context.Context, c clinic.ID, key StationID) (Window, error) {
	st, err := s.store.Station(ctx, c, key)
	if err != nil {
		return Window{}, err
	}
	devices, err := s.store.Devices(ctx, c, key)
	return Window{st, devices}, err
}

// Stations lists the clinic's stations by name, with their devices.
func (s *Service) Stations(ctx context.Context, c clinic.ID) ([]Window, error) {
	stations, err := s.store.Stations(ctx, c)
	if err != nil {
		return nil, err
	}
	devices, err := s.store.Devices(ctx, c, "")
	if err != nil {
		return nil, err
	}
	at := make(map[StationID][]Device, len(stations))
	for _, d := range devices {
		at[d.Station] = append(at[d.Station], d)
	}
	windows := make([]Window, 0, len(stations))
	for _, st := range stations {
		windows = append(windows, Window{st, at[st.ID]})
	}
	return windows, nil
}
