package stock

import (
	"context"
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Draft is a document that is not posted yet. The first signature fixes what it says; the second, by another person,
// posts it, and the document of the same id then stands in the book.
type Draft struct {
	ID       DocumentID
	Clinic   clinic.ID
	Kind     DocumentKind
	Paper    Paper
	Reason   string
	Late     bool
	Occurred calendar.Instant // 0: when it is posted
	MadeBy   string           // staff id
	MadeAt   calendar.Instant
	SignedBy string // staff id of the first signature, "" while it may be changed
	SignedAt calendar.Instant
	Dropped  calendar.Instant // 0 unless it was given up
	Posted   bool             // read only: its document stands
}

// Paper is what a draft says, as far as its kind needs it.
type Paper struct {
	Bottle  BottleID        `json:"bottle,omitempty"`
	Bottles []BottleID      `json:"bottles,omitempty"`
	Into    BottleID        `json:"into,omitempty"`    // consolidation
	Station string          `json:"station,omitempty"` // change of bottle
	From    Place           `json:"from,omitempty"`    // transfer
	To      Place           `json:"to,omitempty"`
	Amount  measure.Volume  `json:"amount_ul,omitempty"`
	Gross   measure.Weight  `json:"gross_ug,omitempty"` // of the bottle, with what is in it before the act
	Out     measure.Weight  `json:"out_gross_ug,omitempty"`
	Tare    measure.Weight  `json:"tare_ug,omitempty"`  // of the rinsed bottle that ends
	Found   *measure.Volume `json:"found_ul,omitempty"` // measured in the bottle before its rest went
	Unread  string          `json:"unread,omitempty"`   // why it was not weighed
	Lot     LotID           `json:"lot,omitempty"`      // receipt
	Party   string          `json:"party,omitempty"`
	Number  string          `json:"number,omitempty"`
	Copies  int             `json:"copies,omitempty"`
	Items   []Delivered     `json:"items,omitempty"`
	Account Account         `json:"account,omitempty"` // destruction of waste or purged liquid
	Move    MoveID          `json:"move,omitempty"`    // reversal
}

func (p Paper) reading() Reading { return Reading{Gross: p.Gross, Found: p.Found, Unread: p.Unread} }

func (p Paper) posting(a Act) Posting {
	return Posting{Act: a, Bottle: p.Bottle, Amount: p.Amount, Reading: p.reading()}
}

func (p Paper) ending(a Act) Ending {
	return Ending{Act: a, Bottle: p.Bottle, Reading: p.reading(), Tare: p.Tare}
}

// State says how far a draft has come.
func (d Draft) State() string {
	switch {
	case d.Posted:
		return "posted"
	case !d.Dropped.IsZero():
		return "dropped"
	case d.SignedBy != "":
		return "signed"
	}
	return "draft"
}

// poster posts a document of one kind with what its draft says.
type poster func(s *Service, ctx context.Context, a Act, p Paper) error

// posters are the kinds that begin as a draft. What stops something, and what one person does alone, does not wait for a
// second one and has no draft.
var posters = map[DocumentKind]poster{
	Receipt: func(s *Service, ctx context.Context, a Act, p Paper) error {
		_, _, err := s.Receive(ctx, Delivery{Act: a, Lot: p.Lot, Party: p.Party, Number: p.Number, Copies: p.Copies, Bottles: p.Items})
		return err
	},
	Transfer: func(s *Service, ctx context.Context, a Act, p Paper) error {
		_, err := s.Transfer(ctx, BottleTransfer{Act: a, Bottles: p.Bottles, From: p.From, To: p.To, Party: p.Party, Number: p.Number})
		return err
	},
	Opening: func(s *Service, ctx context.Context, a Act, p Paper) error {
		_, err := s.Open(ctx, BottleOpening{Act: a, Bottle: p.Bottle, Reading: p.reading()})
		return err
	},
	Changing: func(s *Service, ctx context.Context, a Act, p Paper) error {
		_, err := s.ChangeBottle(ctx, BottleChange{Act: a, Station: p.Station, In: p.Bottle, OutGross: p.Out, InGross: p.Gross})
		return err
	},
	Consolidate: func(s *Service, ctx context.Context, a Act, p Paper) error {
		_, err := s.Consolidate(ctx, Consolidation{Act: a, From: p.Bottle, Into: p.Into, Amount: p.Amount})
		return err
	},
	Wasting:      amountOf((*Service).Waste),
	Purging:      amountOf((*Service).Purge),
	LossReport:   amountOf((*Service).ReportLoss),
	SurplusFound: amountOf((*Service).ReportSurplus),
	Return:       amountOf((*Service).ReturnToSupplier),
	Emptying: func(s *Service, ctx context.Context, a Act, p Paper) error {
		_, err := s.Empty(ctx, p.ending(a))
		return err
	},
	Breaking: func(s *Service, ctx context.Context, a Act, p Paper) error {
		_, err := s.Broken(ctx, a, p.Bottle)
		return err
	},
	Abnormal: func(s *Service, ctx context.Context, a Act, p Paper) error {
		_, err := s.WriteMinutes(ctx, Minutes{Act: a, Bottles: p.Bottles, Party: p.Party, Number: p.Number})
		return err
	},
	Destroying: func(s *Service, ctx context.Context, a Act, p Paper) (err error) {
		if p.Account == "" {
			_, err = s.Destroy(ctx, p.ending(a))
			return err
		}
		_, err = s.DestroyWaste(ctx, p.posting(a), p.Account)
		return err
	},
	Reversal: func(s *Service, ctx context.Context, a Act, p Paper) error {
		_, err := s.Reverse(ctx, a, p.Move)
		return err
	},
}

func amountOf(post func(*Service, context.Context, Posting) (Bottle, error)) poster {
	return func(s *Service, ctx context.Context, a Act, p Paper) error {
		_, err := post(s, ctx, p.posting(a))
		return err
	}
}

// DraftKinds lists the kinds that begin as a draft, sorted.
func DraftKinds() []DocumentKind {
	kinds := make([]DocumentKind, 0, len(posters))
	for k := range posters {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

// SaveDraft writes a draft, or writes it anew while nobody has signed it.
func (s *Service) SaveDraft(ctx context.Context, by staff.Member, d Draft) (Draft, error) {
	if err := by.Require(d.Clinic, staff.ManageStock); err != nil {
		return Draft{}, err
	}
	if _, ok := posters[d.Kind]; !ok || d.ID == "" {
		return Draft{}, fault.New(fault.Invalid, "draft.kind", "no draft of kind %q, or without an id", d.Kind)
	}
	if len(d.Reason) > MaxReason || len(d.Paper.Party) > MaxParty || len(d.Paper.Unread) > MaxReason || len(d.Paper.Items) > MaxBottles || len(d.Paper.Bottles) > MaxBottles {
		return Draft{}, fault.New(fault.Invalid, "reason.missing", "a text of the draft, or a list, is too long")
	}
	now := s.instant()
	d.MadeBy, d.MadeAt, d.SignedBy, d.SignedAt, d.Dropped, d.Posted = string(by.ID), now, "", 0, 0, false
	err := s.ledger.InTx(ctx, d.Clinic, func(tx Tx) error {
		old, err := tx.LockDraft(ctx, d.ID)
		switch {
		case fault.Is(err, fault.NotFound):
			err = tx.InsertDraft(ctx, d)
		case err != nil:
		case old.State() != "draft" || old.Kind != d.Kind:
			err = fault.New(fault.Conflict, "draft.fixed", "draft %s is %s", d.ID, old.State()).With("state", old.State())
		default:
			d.MadeBy, d.MadeAt = old.MadeBy, old.MadeAt
			err = tx.UpdateDraft(ctx, d)
		}
		if err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(now, "draft.save", string(d.ID), map[string]any{"kind": d.Kind, "paper": d.Paper, "reason": d.Reason}))
	})
	if err != nil {
		return Draft{}, err
	}
	return d, nil
}

// SignDraft is the first signature: it fixes what the draft says. Signing again by the same person changes nothing.
func (s *Service) SignDraft(ctx context.Context, c clinic.ID, by staff.Member, key DocumentID) (Draft, error) {
	return s.changeDraft(ctx, c, by, key, "draft.sign", func(d *Draft, now calendar.Instant) (bool, error) {
		if d.State() == "signed" && d.SignedBy == string(by.ID) {
			return false, nil
		}
		if d.State() != "draft" {
			return false, fault.New(fault.Conflict, "draft.fixed", "draft %s is %s", d.ID, d.State()).With("state", d.State())
		}
		d.SignedBy, d.SignedAt = string(by.ID), now
		return true, nil
	})
}

// DropDraft gives a draft up. What was signed but not posted may be given up too: nothing happened yet.
func (s *Service) DropDraft(ctx context.Context, c clinic.ID, by staff.Member, key DocumentID) (Draft, error) {
	return s.changeDraft(ctx, c, by, key, "draft.drop", func(d *Draft, now calendar.Instant) (bool, error) {
		switch {
		case d.Posted:
			return false, fault.New(fault.Conflict, "draft.fixed", "draft %s is posted", d.ID).With("state", d.State())
		case !d.Dropped.IsZero():
			return false, nil
		}
		d.Dropped = now
		return true, nil
	})
}

func (s *Service) changeDraft(ctx context.Context, c clinic.ID, by staff.Member, key DocumentID, action string, edit func(*Draft, calendar.Instant) (bool, error)) (d Draft, err error) {
	if err := by.Require(c, staff.ManageStock); err != nil {
		return Draft{}, err
	}
	err = s.ledger.InTx(ctx, c, func(tx Tx) error {
		if d, err = tx.LockDraft(ctx, key); err != nil {
			return err
		}
		now := s.instant()
		changed, err := edit(&d, now)
		if err != nil || !changed {
			return err
		}
		if err := tx.UpdateDraft(ctx, d); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(now, action, string(key), map[string]any{"kind": d.Kind}))
	})
	if err != nil {
		return Draft{}, err
	}
	return d, nil
}

// PostDraft is the second signature. The pair is whoever signed first and another person; the caller has checked the
// credential of each. A draft that was posted before stays as it is.
func (s *Service) PostDraft(ctx context.Context, c clinic.ID, p staff.Pair, key DocumentID) (Draft, error) {
	if err := p.Require(c, staff.ManageStock, staff.WitnessStock); err != nil {
		return Draft{}, err
	}
	d, err := s.ledger.Draft(ctx, c, key)
	switch {
	case err != nil:
		return Draft{}, err
	case d.Posted:
		return d, nil
	case d.State() != "signed":
		return Draft{}, fault.New(fault.Conflict, "draft.not_signed", "draft %s is %s", key, d.State()).With("state", d.State())
	case d.SignedBy != string(p.By.ID):
		return Draft{}, fault.New(fault.Invalid, "draft.signer", "draft %s was signed by somebody else", key)
	}
	post, ok := posters[d.Kind]
	if !ok {
		return Draft{}, fault.New(fault.Invalid, "draft.kind", "no draft of kind %q", d.Kind)
	}
	a := Act{Clinic: c, ID: d.ID, Pair: p, Reason: d.Reason, Occurred: d.Occurred, Late: d.Late, Party: d.Paper.Party, Number: d.Paper.Number}
	if err := post(s, ctx, a, d.Paper); err != nil {
		return Draft{}, err
	}
	return s.ledger.Draft(ctx, c, key)
}

// Draft reads one.
func (s *Service) Draft(ctx context.Context, c clinic.ID, key DocumentID) (Draft, error) {
	return s.ledger.Draft(ctx, c, key)
}

// Drafts lists what waits for a signature, newest first.
func (s *Service) Drafts(ctx context.Context, c clinic.ID) ([]Draft, error) {
	return s.ledger.Drafts(ctx, c)
}

// Weights lists the weighings of a bottle, oldest first.
func (s *Service) Weights(ctx context.Context, c clinic.ID, b BottleID) ([]Weight, error) {
	return s.ledger.Weights(ctx, c, b)
}
