package store

import (
	"context"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/stock"
)

type documentRow struct {
	ID       stock.DocumentID
	Clinic   clinic.ID
	Kind     stock.DocumentKind
	ByStaff  string
	Witness  string
	Reason   string
	Party    string
	Number   string
	Data     string
	Occurred calendar.Instant
	Recorded calendar.Instant
}

func (documentRow) TableName() string { return "document" }

func toDocument(r documentRow) stock.Document {
	return stock.Document{
		ID: r.ID, Clinic: r.Clinic, Kind: r.Kind, By: r.ByStaff, Witness: r.Witness, Reason: r.Reason, Party: r.Party,
		Number: r.Number, Data: raw(r.Data), Occurred: r.Occurred, Recorded: r.Recorded,
	}
}

// FindDocument implements stock.Tx.
func (t *Tx) FindDocument(_ context.Context, id stock.DocumentID) (stock.Document, error) {
	r, err := take[documentRow](t.db, "document", "id = ? AND clinic = ?", id, t.clinic)
	return toDocument(r), err
}

// InsertDocument implements stock.Tx.
func (t *Tx) InsertDocument(_ context.Context, d stock.Document) error {
	if err := t.sameClinic(d.Clinic); err != nil {
		return err
	}
	err := insert(t, documentRow{
		ID: d.ID, Clinic: d.Clinic, Kind: d.Kind, ByStaff: d.By, Witness: d.Witness, Reason: d.Reason, Party: d.Party,
		Number: d.Number, Data: string(d.Data), Occurred: d.Occurred, Recorded: d.Recorded,
	})
	if err != nil {
		return fmt.Errorf("document %s: %w", d.ID, err)
	}
	return nil
}

func (s stocks) Document(ctx context.Context, c clinic.ID, id stock.DocumentID) (stock.Document, error) {
	r, err := take[documentRow](s.read.WithContext(ctx), "document", "id = ? AND clinic = ?", id, c)
	return toDocument(r), err
}

func (s stocks) Documents(ctx context.Context, f stock.DocumentFilter) ([]stock.Document, error) {
	db := s.report.WithContext(ctx).Where("clinic = ?", f.Clinic)
	if len(f.Kinds) > 0 {
		db = db.Where("kind IN ?", f.Kinds)
	}
	if !f.From.IsZero() {
		db = db.Where("occurred >= ?", f.From)
	}
	if !f.To.IsZero() {
		db = db.Where("occurred < ?", f.To)
	}
	if f.Before != "" {
		db = db.Where("id < ?", f.Before)
	}
	rows, err := list[documentRow](db.Order("id DESC").Limit(page(f.Limit, 100, 500)))
	return convert(rows, err, toDocument)
}
