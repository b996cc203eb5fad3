package stock

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/pkg/cardcode"
)

// MaxPage bounds one page of a list.
const MaxPage = 500

// Products lists the clinic's products by name.
func (s *Service) Products(ctx context.Context, c clinic.ID) ([]Product, error) {
	return s.ledger.Products(ctx, c)
}

// Lot reads one.
func (s *Service) Lot(ctx context.Context, c clinic.ID, key LotID) (Lot, error) {
	return s.ledger.Lot(ctx, c, key)
}

// Lots lists the clinic's lots by expiry.
func (s *Service) Lots(ctx context.Context, c clinic.ID) ([]Lot, error) { return s.ledger.Lots(ctx, c) }

// Bottle reads one with its balance.
func (s *Service) Bottle(ctx context.Context, c clinic.ID, key BottleID) (Bottle, error) {
	return s.ledger.Bottle(ctx, c, key)
}

// BottleByCode finds the bottle whose label was scanned.
func (s *Service) BottleByCode(ctx context.Context, c clinic.ID, scanned string) (Bottle, error) {
	code, err := cardcode.Parse(scanned)
	if err != nil || code.Kind != cardcode.Bottle {
		return Bottle{}, fault.New(fault.Invalid, "card.not_bottle", "what was scanned is not a bottle's label")
	}
	return s.ledger.BottleByCode(ctx, c, code.String())
}

// Bottles lists one page of bottles with their balances.
func (s *Service) Bottles(ctx context.Context, f BottleFilter) ([]Bottle, error) {
	if err := checkLimit(f.Limit); err != nil {
		return nil, err
	}
	return s.ledger.Bottles(ctx, f)
}

// LotBalances adds up each lot's bottles.
func (s *Service) LotBalances(ctx context.Context, c clinic.ID) (map[LotID]Balance, error) {
	return s.ledger.LotBalances(ctx, c)
}

// Moves lists one page of moves, newest first.
func (s *Service) Moves(ctx context.Context, f MoveFilter) ([]Move, error) {
	if err := checkLimit(f.Limit); err != nil {
		return nil, err
	}
	return s.ledger.Moves(ctx, f)
}

// Document reads one with its moves.
func (s *Service) Document(ctx context.Context, c clinic.ID, key DocumentID) (Document, []Move, error) {
	d, err := s.ledger.Document(ctx, c, key)
	if err != nil {
		return Document{}, nil, err
	}
	moves, err := s.ledger.Moves(ctx, MoveFilter{Clinic: c, Document: key, Limit: MaxPage})
	return d, moves, err
}

// Documents lists one page of documents, newest first.
func (s *Service) Documents(ctx context.Context, f DocumentFilter) ([]Document, error) {
	if err := checkLimit(f.Limit); err != nil {
		return nil, err
	}
	return s.ledger.Documents(ctx, f)
}

func checkLimit(n int) error {
	if n < 0 || n > MaxPage {
		return fault.New(fault.Invalid, "list.filter", "limit outside 1–%d", MaxPage)
	}
	return nil
}
