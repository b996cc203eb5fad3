package httpapi

import (
	"context"
	"strings"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// register is one day's doses with everything that stands beside them.
type register struct {
	doses    []dispensing.Dispensing // newest first
	steps    map[dispensing.ID][]dispensing.Step
	files    map[patient.ID]patient.Patient
	bottles  map[stock.BottleID]stock.Bottle
	lots     map[stock.LotID]stock.Lot
	products map[stock.ProductID]stock.Product
	stations map[equipment.StationID]string
}

func (s *Server) registerOf(ctx context.Context, day calendar.Day) (g register, err error) {
	c := principalOf(ctx).clinic
	if g.doses, err = s.dosesOf(ctx, day); err != nil {
		return g, err
	}
	steps, err := s.records.DaySteps(ctx, c, day)
	if err != nil {
		return g, err
	}
	g.steps = map[dispensing.ID][]dispensing.Step{}
	for _, st := range steps {
		g.steps[st.Dispensing] = append(g.steps[st.Dispensing], st)
	}
	if g.files, err = s.files(ctx, c, each(g.doses, func(d dispensing.Dispensing) patient.ID { return d.Patient })); err != nil {
		return g, err
	}
	if g.bottles, err = s.bottles(ctx, c, each(g.doses, func(d dispensing.Dispensing) stock.BottleID { return d.Bottle })); err != nil {
		return g, err
	}
	sh, err := s.shelf(ctx, c)
	if err != nil {
		return g, err
	}
	g.lots = sh.lots
	products, err := s.stock.Products(ctx, c)
	if err != nil {
		return g, err
	}
	g.products = map[stock.ProductID]stock.Product{}
	for _, p := range products {
		g.products[p.ID] = p
	}
	windows, err := s.equipment.Stations(ctx, c)
	g.stations = map[equipment.StationID]string{}
	for _, w := range windows {
		g.stations[w.ID] = w.Name
	}
	return g, err
}

// dosesOf reads every dispensing of a day, newest first.
func (s *Server) dosesOf(ctx context.Context, day calendar.Day) (all []dispensing.Dispensing, err error) {
	const most = 500 // of one page
	f := dispensing.Filter{Clinic: principalOf(ctx).clinic, Day: day, Limit: most}
	for {
		found, err := s.dispensing.List(ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		if len(found) < most {
			return all, nil
		}
		if len(all) > registerMost {
			return nil, errTooManyDoses
		}
		f.Before = found[len(found)-1].ID
	}
}

func (g register) row(d dispensing.Dispensing, name func(string) string) gen.RegisterRow {
	end, f, product, dispenser := endingOf(d, g.steps[d.ID]), g.files[d.Patient], g.products[g.lots[d.Lot].Product], name(string(d.RequestedBy))
	return gen.RegisterRow{
		ProductName: product.Name, ConcentrationUgMl: int64(d.Concentration), Form: product.Form, Initials: initials(dispenser),
		Dispensing: gen.UUID(d.ID), PatientCode: f.Code, PatientName: f.Name, Part: d.Part, Kind: gen.RegisterRowKind(d.Kind),
		DoseUg: int64(d.Dose), VolumeUl: int64(d.Volume), MeasuredUl: int64(d.Measured), GivenUl: end.given, GivenUg: int64(swallowed(d, end)), WastedUl: end.wasted,
		LotNumber: g.lots[d.Lot].Number, BottleCode: g.bottles[d.Bottle].Code, StationName: g.stations[d.Station],
		State: gen.DispensingState(d.State), Dispenser: dispenser, Witness: name(end.witness),
		RecordedAt: at(d.Recorded), EndedAt: at(end.step.Occurred),
	}
}

// swallowed is the drug that was consumed or taken home: the order's when all of it was, else what the swallowed part held.
func swallowed(d dispensing.Dispensing, end ending) measure.Mass {
	switch {
	case end.given == 0:
		return 0
	case d.State != dispensing.PartlyTaken:
		return d.Dose
	}
	m, err := d.Concentration.MassFloor(measure.Volume(end.given))
	if err != nil {
		return 0 // a dispensing has a concentration
	}
	return m
}

// initials are the first letters of a name's words.
func initials(name string) string {
	var b strings.Builder
	for _, word := range strings.Fields(name) {
		b.WriteRune([]rune(word)[0])
	}
	return strings.ToUpper(b.String())
}
