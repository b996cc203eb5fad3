package stock

import (
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/pkg/gs1"
)

// Scanned is what a maker's code says of a bottle; what it does not say is zero.
type Scanned struct {
	GTIN   string
	Lot    string
	Expiry calendar.Day
	Serial string
}

// ReadScan reads a GS1 code. fault.Invalid with the key "scan.unreadable" when it is none or names no article.
func ReadScan(code string, now time.Time) (Scanned, error) {
	m, err := gs1.Parse(code, now)
	if err != nil {
		return Scanned{}, fault.New(fault.Invalid, "scan.unreadable", "code on a bottle: %w", err)
	}
	var s Scanned
	s.GTIN, _ = m.Value("01")
	s.Lot, _ = m.Value("10")
	s.Serial, _ = m.Value("21")
	if d, ok := m.Date("17"); ok {
		s.Expiry = calendar.DateOf(d.Year, d.Month, d.Day)
	}
	if s.GTIN == "" || m.MaySwallow() {
		return Scanned{}, fault.New(fault.Invalid, "scan.unreadable", "the code names no article, or lost a separator")
	}
	return s, nil
}

// scannedOf reports why a bottle with this code is not one of the lot; a bottle that was not scanned is taken at the
// word of the two who receive it.
func scannedOf(code string, p Product, l Lot, now time.Time) *fault.Error {
	if code == "" {
		return nil
	}
	s, err := ReadScan(code, now)
	switch {
	case err != nil:
		return fault.New(fault.Invalid, "scan.unreadable", "%w", err)
	case p.GTIN != "" && s.GTIN != p.GTIN:
		return fault.New(fault.Conflict, "scan.other_product", "article %s, not %s", s.GTIN, p.GTIN)
	case s.Lot != "" && s.Lot != l.Number:
		return fault.New(fault.Conflict, "scan.other_lot", "lot %s, not %s", s.Lot, l.Number)
	case !s.Expiry.IsZero() && s.Expiry != l.Expiry:
		return fault.New(fault.Conflict, "scan.other_expiry", "expiry %s, not %s", s.Expiry, l.Expiry)
	}
	return nil
}
