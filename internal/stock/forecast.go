package stock

import (
	"cmp"
	"context"
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// DayUse is how much of a product was given on a day.
type DayUse struct {
	Product ProductID
	Day     calendar.Day
	Given   measure.Volume
}

// LotStock is what is left of a lot and may be given.
type LotStock struct {
	Lot    LotID
	Number string
	Expiry calendar.Day
	Left   measure.Volume
}

// Forecast is how long the stock of one product lasts, and what to order.
type Forecast struct {
	Product   ProductID
	Left      measure.Volume
	PerDay    measure.Volume // mean of the days counted, 0 when nothing was given
	DaysLeft  int            // -1 when nothing is being given
	RunsOut   calendar.Day   // first day that is not covered, 0 when nothing is being given
	OrderBy   calendar.Day   // the latest day to order on
	Order     measure.Volume // proposed, 0 while the cover is enough
	Expiring  []Expiring     // by expiry
	DaysBasis int            // how many days with doses the mean is of
}

// Expiring is what of a lot will not be used before it expires, at the present rate and first expired first out.
type Expiring struct {
	LotStock
	Unused measure.Volume
}

// forecastDays is how far back the mean looks.
const forecastDays = 28

// ForecastOf computes a product's forecast. uses are the days on which doses were given; lots those that may be given.
func ForecastOf(p ProductID, uses []DayUse, lots []LotStock, set Setting, today calendar.Day) Forecast {
	f := Forecast{Product: p, DaysLeft: -1, DaysBasis: len(uses)}
	var given measure.Volume
	for _, u := range uses {
		given += u.Given
	}
	if len(uses) > 0 {
		f.PerDay = (given + measure.Volume(len(uses)) - 1) / measure.Volume(len(uses))
	}
	lots = slices.Clone(lots)
	slices.SortFunc(lots, func(a, b LotStock) int { return cmp.Or(cmp.Compare(a.Expiry, b.Expiry), cmp.Compare(a.Lot, b.Lot)) })
	for _, l := range lots {
		f.Left += l.Left
	}
	if f.PerDay == 0 {
		return f
	}
	usable := f.spend(lots, today)
	f.DaysLeft = int(usable / f.PerDay)
	f.RunsOut = today.AddDays(f.DaysLeft)
	f.OrderBy = f.RunsOut.AddDays(-set.LeadDays)
	if f.DaysLeft < set.CoverDays+set.LeadDays {
		f.Order = f.PerDay*measure.Volume(set.CoverDays+set.LeadDays) - usable
	}
	return f
}

// spend uses up the lots first expired first out and returns what of them is used in time.
func (f *Forecast) spend(lots []LotStock, today calendar.Day) (usable measure.Volume) {
	for _, l := range lots {
		days := max(0, l.Expiry.Sub(today)+1)
		room := max(0, f.PerDay*measure.Volume(days)-usable)
		used := min(l.Left, room)
		usable += used
		if l.Left > used {
			f.Expiring = append(f.Expiring, Expiring{l, l.Left - used})
		}
	}
	return usable
}

// Forecasts computes the forecast of every product that is in stock or in use.
func (s *Service) Forecasts(ctx context.Context, c clinic.ID) ([]Forecast, error) {
	today, err := s.today(ctx, c)
	if err != nil {
		return nil, err
	}
	set, err := s.ledger.Setting(ctx, c)
	if err != nil {
		return nil, err
	}
	uses, err := s.ledger.Consumption(ctx, c, today.AddDays(-forecastDays))
	if err != nil {
		return nil, err
	}
	lots, err := s.ledger.Lots(ctx, c)
	if err != nil {
		return nil, err
	}
	balances, err := s.ledger.LotBalances(ctx, c)
	if err != nil {
		return nil, err
	}
	products, err := s.ledger.Products(ctx, c)
	if err != nil {
		return nil, err
	}
	var out []Forecast
	for _, p := range products {
		var of []DayUse
		for _, u := range uses {
			if u.Product == p.ID && u.Day < today { // today is not over
				of = append(of, u)
			}
		}
		var left []LotStock
		for _, l := range lots {
			if v := balances[l.ID][Store] + balances[l.ID][InBottle]; l.Product == p.ID && l.State == LotReleased && v > 0 && l.Expiry >= today {
				left = append(left, LotStock{l.ID, l.Number, l.Expiry, v})
			}
		}
		out = append(out, ForecastOf(p.ID, of, left, set, today))
	}
	return out, nil
}
