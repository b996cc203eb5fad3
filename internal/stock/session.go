package stock

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// SessionID identifies a counter session.
type SessionID string

// SessionState is how far a counter's shift has come.
type SessionState string

// The states. Each leads to the next one only; a count leads on when it is settled.
const (
	OpeningCount SessionState = "opening_count"
	SessionOpen  SessionState = "open"
	ClosingCount SessionState = "closing_count"
	Reconciled   SessionState = "reconciled"
	Closed       SessionState = "closed"
)

// Session is one shift of one counter.
type Session struct {
	ID        SessionID
	Clinic    clinic.ID
	Station   string
	Day       calendar.Day
	Shift     int // 1, 2, … of the day
	State     SessionState
	StartedBy string // staff id: whose counter it is
	StartedAt calendar.Instant
	OpenedAt  calendar.Instant
	ClosedAt  calendar.Instant
	ClosedBy  string
	Witness   string
	AlarmedAt calendar.Instant // when it was found open after its day
}

// Overdue reports whether the session should have been closed before today.
func (s Session) Overdue(today calendar.Day) bool { return s.State != Closed && s.Day < today }

// SessionStart begins a counter's shift with its opening count.
type SessionStart struct {
	Clinic  clinic.ID
	ID      SessionID
	Count   CountID
	Station string
	Shift   int
	By      staff.Member
}

// MaxShift bounds the shifts of a day.
const MaxShift = 9

// StartSession begins a counter's shift and its opening count. A repeated request finds the session.
func (s *Service) StartSession(ctx context.Context, st SessionStart) (ses Session, err error) {
	if err := st.By.Require(st.Clinic, staff.CountStock); err != nil {
		return Session{}, err
	}
	if st.ID == "" || st.Count == "" || st.Station == "" || st.Shift < 1 || st.Shift > MaxShift {
		return Session{}, fault.New(fault.Invalid, "session.incomplete", "a session has ids, a station and a shift from 1 to %d", MaxShift)
	}
	today, err := s.today(ctx, st.Clinic)
	if err != nil {
		return Session{}, err
	}
	now := s.instant()
	err = s.ledger.InTx(ctx, st.Clinic, func(tx Tx) error {
		if ses, err = tx.LockSession(ctx, st.ID); err == nil {
			return same(ses.Station == st.Station && ses.Shift == st.Shift, string(st.ID))
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		if _, err := tx.LockCounter(ctx, st.Station); err != nil {
			return err
		}
		ses = Session{
			ID: st.ID, Clinic: st.Clinic, Station: st.Station, Day: today, Shift: st.Shift, State: OpeningCount,
			StartedBy: string(st.By.ID), StartedAt: now,
		}
		if err := tx.InsertSession(ctx, ses); err != nil {
			return err
		}
		if err := startCount(ctx, tx, Count{
			ID: st.Count, Clinic: st.Clinic, Session: ses.ID, Station: ses.Station, Phase: PhaseOpening, StartedBy: string(st.By.ID), StartedAt: now,
		}); err != nil {
			return err
		}
		return tx.Record(ctx, st.By.Entry(now, "session.start", string(ses.ID), map[string]any{
			"station": ses.Station, "day": ses.Day, "shift": ses.Shift, "count": st.Count,
		}))
	})
	if err != nil {
		return Session{}, err
	}
	return ses, nil
}

// CountAgain begins the session's next count: the closing one of an open session, or another one where the last count's
// two people disagreed.
func (s *Service) CountAgain(ctx context.Context, c clinic.ID, by staff.Member, key SessionID, count CountID) (ses Session, err error) {
	if err := by.Require(c, staff.CountStock); err != nil {
		return Session{}, err
	}
	now := s.instant()
	err = s.ledger.InTx(ctx, c, func(tx Tx) error {
		if ses, err = tx.LockSession(ctx, key); err != nil {
			return err
		}
		if known, err := tx.LockCount(ctx, count); err == nil {
			return same(known.Session == key, string(count))
		} else if !fault.Is(err, fault.NotFound) {
			return err
		}
		phase := PhaseClosing
		switch ses.State {
		case OpeningCount:
			phase = PhaseOpening
		case SessionOpen, ClosingCount:
			ses.State = ClosingCount
		default:
			return fault.New(fault.Conflict, "session.state", "session %s is %s", key, ses.State).With("state", string(ses.State))
		}
		if err := startCount(ctx, tx, Count{
			ID: count, Clinic: c, Session: key, Station: ses.Station, Phase: phase, StartedBy: string(by.ID), StartedAt: now,
		}); err != nil {
			return err
		}
		if err := tx.UpdateSession(ctx, ses); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(now, "session.count", string(key), map[string]any{"count": count, "phase": phase}))
	})
	if err != nil {
		return Session{}, err
	}
	return ses, nil
}

// CloseSession seals a reconciled session, by two people.
func (s *Service) CloseSession(ctx context.Context, c clinic.ID, p staff.Pair, key SessionID) (ses Session, err error) {
	if err := p.Require(c, staff.CountStock, staff.WitnessStock); err != nil {
		return Session{}, err
	}
	err = s.ledger.InTx(ctx, c, func(tx Tx) error {
		if ses, err = tx.LockSession(ctx, key); err != nil || ses.State == Closed {
			return err
		}
		if ses.State != Reconciled {
			return fault.New(fault.Conflict, "session.state", "session %s is %s", key, ses.State).With("state", string(ses.State))
		}
		ses.State, ses.ClosedAt, ses.ClosedBy, ses.Witness = Closed, s.instant(), string(p.By.ID), string(p.Witness.ID)
		if err := tx.UpdateSession(ctx, ses); err != nil {
			return err
		}
		return tx.Record(ctx, p.Entry(ses.ClosedAt, "session.close", string(key), map[string]any{"station": ses.Station, "day": ses.Day, "shift": ses.Shift}))
	})
	if err != nil {
		return Session{}, err
	}
	return ses, nil
}

// WatchSessions gives an alarm, once, for every session that is still open after its day: an incident each. It returns
// how many it found.
func (s *Service) WatchSessions(ctx context.Context, c clinic.ID) (found int, err error) {
	today, err := s.today(ctx, c)
	if err != nil {
		return 0, err
	}
	now := s.instant()
	err = s.ledger.InTx(ctx, c, func(tx Tx) error {
		late, err := tx.OverdueSessions(ctx, today)
		if err != nil {
			return err
		}
		found = len(late)
		for _, ses := range late {
			ses.AlarmedAt = now
			if err := tx.UpdateSession(ctx, ses); err != nil {
				return err
			}
			data := map[string]any{"session": ses.ID, "station": ses.Station, "day": ses.Day, "shift": ses.Shift, "state": ses.State}
			if err := openIncident(ctx, tx, now, "session.open_past_midnight", data); err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

// Session reads one.
func (s *Service) Session(ctx context.Context, c clinic.ID, key SessionID) (Session, error) {
	return s.ledger.Session(ctx, c, key)
}

// Sessions lists those of a day, and every one that is not closed, newest first.
func (s *Service) Sessions(ctx context.Context, c clinic.ID, day calendar.Day) ([]Session, error) {
	return s.ledger.Sessions(ctx, c, day)
}
