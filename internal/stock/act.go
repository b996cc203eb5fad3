package stock

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Clinics gives the service what it needs of a clinic; *clinic.Service is one.
type Clinics interface {
	Clinic(ctx context.Context, c clinic.ID) (clinic.Clinic, error)
}

// Service keeps the narcotics book. It is safe for concurrent use.
type Service struct {
	ledger  Ledger
	clinics Clinics
	now     func() time.Time
}

// NewService returns a ready Service.
func NewService(ledger Ledger, clinics Clinics, now func() time.Time) *Service {
	return &Service{ledger: ledger, clinics: clinics, now: now}
}

func (s *Service) instant() calendar.Instant { return calendar.At(s.now()) }

// Act is what every document has: who did it, who stood by, and why.
type Act struct {
	Clinic clinic.ID
	ID     DocumentID // made by whoever asks; a repeated request finds the document it posted
	// By and Witness are the two people; Witness is the zero Member in an act of one person.
	staff.Pair
	Reason   string
	Occurred calendar.Instant // when it was done; 0 for now
	// Late books now, with an incident, what is told of a day that was closed meanwhile or is long past; without it such an
	// act is refused.
	Late bool
	// Party and Number are the other side, or the council that stood by, and the letter or minutes behind the act.
	Party, Number string
}

// Bounds of an act.
const (
	MaxReason = 500                // bytes
	MaxParty  = 300                // bytes
	maxLate   = 7 * 24 * time.Hour // how late an act may be entered and still keep its own time
)

// people says how many sign an act.
type people int

const (
	onePerson people = 1
	twoPeople people = 2
)

// check refuses an act of the wrong people or with impossible circumstances, and fills in when it occurred.
func (a *Act) check(n people, now calendar.Instant) error {
	if err := a.permitted(n); err != nil {
		return err
	}
	if a.Occurred.IsZero() {
		a.Occurred = now
	}
	switch {
	case a.ID == "":
		return fault.New(fault.Invalid, "id.malformed", "a document without an id")
	case len(a.Reason) > MaxReason, len(a.Party) > MaxParty, len(a.Number) > MaxText:
		return fault.New(fault.Invalid, "reason.missing", "the reason is too long")
	case a.Occurred > now || a.longAgo(now) && !a.Late:
		return fault.New(fault.Invalid, "document.occurred", "an act in the future, or more than %s ago and not told as late", maxLate)
	}
	return nil
}

func (a *Act) longAgo(now calendar.Instant) bool { return now.Sub(a.Occurred) > maxLate }

func (a *Act) permitted(n people) error {
	if n == twoPeople {
		return a.Pair.Require(a.Clinic, staff.ManageStock, staff.WitnessStock)
	}
	a.Witness = staff.Member{}
	return a.By.Require(a.Clinic, staff.ManageStock)
}

// supervised reports whether a supervisor is one of the two.
func (a *Act) supervised() bool {
	return a.By.May(staff.ReviewStock) || a.Witness.May(staff.ReviewStock)
}

// timely refuses an act of a day whose counters were all closed, unless it is told as a late one: that is booked now and
// opens an incident.
func (s *Service) timely(ctx context.Context, tx Tx, a *Act, now calendar.Instant) error {
	if a.Occurred >= now {
		return nil
	}
	cl, err := s.clinics.Clinic(ctx, a.Clinic)
	if err != nil {
		return err
	}
	day, err := cl.Day(a.Occurred)
	if err != nil {
		return err
	}
	closed, err := tx.DayClosed(ctx, day)
	if err != nil || !closed && !a.longAgo(now) {
		return err
	}
	if !a.Late {
		return fault.New(fault.Conflict, "day.closed", "day %s is closed", day).With("day", day.String())
	}
	happened := a.Occurred
	a.Occurred = now
	return openIncident(ctx, tx, now, "stock.late", map[string]any{"document": a.ID, "happened": happened, "by": a.By.ID, "reason": a.Reason})
}

func openIncident(ctx context.Context, tx Tx, now calendar.Instant, kind string, data map[string]any) error {
	return tx.OpenIncident(ctx, Incident{ID: id.New[string](), Kind: kind, Data: audit.Data(data), Opened: now})
}

func (a *Act) needReason() error {
	if a.Reason == "" {
		return fault.New(fault.Invalid, "reason.missing", "a reason is missing")
	}
	return nil
}

// document begins the paper of an act.
func (a *Act) document(kind DocumentKind, now calendar.Instant, data json.RawMessage) Document {
	return Document{
		ID: a.ID, Clinic: a.Clinic, Kind: kind, By: string(a.By.ID), Witness: string(a.Witness.ID), Reason: a.Reason,
		Party: a.Party, Number: a.Number,
		Data: data, Occurred: a.Occurred, Recorded: now,
	}
}

// move begins one line of an act's document.
func (a *Act) move(b Bottle, from, to Account, v measure.Volume, reason string, now calendar.Instant) Move {
	return Move{
		ID: id.New[MoveID](), Clinic: a.Clinic, Bottle: b.ID, Lot: b.Lot, From: from, To: to, Amount: v,
		Cause: string(a.ID), Reason: reason, Occurred: a.Occurred, Recorded: now,
	}
}

// posted looks for the document of an act that is repeated. It is an error when the id names a document of another kind
// or of another person.
func posted(ctx context.Context, tx Tx, a Act, kind DocumentKind) (d Document, found bool, err error) {
	d, err = tx.FindDocument(ctx, a.ID)
	switch {
	case fault.Is(err, fault.NotFound):
		return Document{}, false, nil
	case err != nil:
		return Document{}, false, err
	case d.Kind != kind || d.By != string(a.By.ID):
		return Document{}, false, fault.New(fault.Invalid, "id.taken", "id %s names another document", a.ID)
	}
	return d, true, nil
}

// post writes a document with its moves and its audit entry.
func (s *Service) post(ctx context.Context, tx Tx, a Act, d Document, moves []Move) error {
	for _, m := range moves {
		if err := m.Validate(); err != nil {
			return err
		}
	}
	if err := tx.InsertDocument(ctx, d); err != nil {
		return err
	}
	if err := tx.PostMoves(ctx, moves); err != nil {
		return err
	}
	return tx.Record(ctx, a.Entry(d.Recorded, "stock."+string(d.Kind), string(d.ID), map[string]any{
		"reason": d.Reason, "party": d.Party, "number": d.Number, "occurred": d.Occurred, "moves": lines(moves), "data": d.Data,
	}))
}

// line is what the audit says of a move.
type line struct {
	Move     MoveID         `json:"move"`
	Bottle   BottleID       `json:"bottle"`
	From     Account        `json:"from"`
	To       Account        `json:"to"`
	Amount   measure.Volume `json:"amount_ul"`
	Reverses MoveID         `json:"reverses,omitempty"`
}

func lines(moves []Move) []line {
	out := make([]line, 0, len(moves))
	for _, m := range moves {
		out = append(out, line{m.ID, m.Bottle, m.From, m.To, m.Amount, m.Reverses})
	}
	return out
}
