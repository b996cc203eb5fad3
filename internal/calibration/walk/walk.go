// Package walk carries a check of the day from its beginning to its judgement, as two people and a counter would, for
// whoever plays the counter: the demonstration's story, and tests of whole systems. The figures are what the played pump
// makes them; nothing here can pass a check by itself.
package walk

import (
	"context"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// Walk is one check to carry out. Where there is a pump, Report is needed, or Pour; the others may be nil.
type Walk struct {
	Service *calibration.Service
	Clinic  clinic.ID
	Station equipment.StationID
	staff.Pair
	// Report delivers what the played counter says, signed.
	Report func(ctx context.Context, kind stationlog.Kind, body any) error
	// Pour lets a real counter carry out what was ordered, instead of the played one.
	Pour func(context.Context, calibration.Pour) error
	// Wait lets time pass.
	Wait func(time.Duration)
	// Arrives is how much of a pour reaches the vessel; nil for all of it.
	Arrives func(ordered measure.Volume) measure.Volume
}

// The scale that the walk plays: it shows 0.01 g, and the vessel on it weighs 120 g when empty.
const (
	Grain  = 10 * measure.WeightMilligram
	vessel = 120 * measure.WeightGram
)

// Run carries the check out and returns it with its result, whatever that is.
func (w Walk) Run(ctx context.Context) (calibration.Check, error) {
	if w.Wait == nil {
		w.Wait = func(time.Duration) {}
	}
	if w.Arrives == nil {
		w.Arrives = func(v measure.Volume) measure.Volume { return v }
	}
	c, err := w.Service.BeginCheck(ctx, calibration.Beginning{
		ID: id.New[calibration.CheckID](), Clinic: w.Clinic, Station: w.Station, Pair: w.Pair, TemperatureC: 250,
	})
	gross := vessel
	for err == nil {
		next := c.Next()
		switch next.Kind {
		case calibration.StepWeigh:
			w.Wait(10 * time.Second)
			c, err = w.Service.Weigh(ctx, calibration.Reading{
				Clinic: w.Clinic, Check: c.ID, By: w.By, Nominal: next.Nominal, Shown: next.Nominal, Weights: "F1-0427",
			})
		case calibration.StepPrime, calibration.StepShot:
			if gross, err = w.pour(ctx, c, gross); err == nil {
				c, err = w.Service.Check(ctx, w.Clinic, c.ID)
			}
		case calibration.StepFinish:
			w.Wait(5 * time.Second)
			return w.Service.Finish(ctx, w.Clinic, w.By, c.ID)
		default:
			return c, fmt.Errorf("check %s stopped at %s", c.ID, next.Kind)
		}
	}
	return c, err
}

// pour orders what is due and plays the counter that pours it into the vessel. It returns what the vessel weighs then.
func (w Walk) pour(ctx context.Context, c calibration.Check, before measure.Weight) (after measure.Weight, err error) {
	p, err := w.Service.PourNext(ctx, calibration.PourRequest{ID: id.New[calibration.PourID](), Clinic: w.Clinic, Check: c.ID, By: w.By})
	if err != nil {
		return 0, err
	}
	if w.Pour != nil {
		return before, w.Pour(ctx, p)
	}
	purpose := stationlog.OrderKind(p.Kind)
	w.Wait(2 * time.Second)
	err = w.Report(ctx, stationlog.KindDispensing, stationlog.Dispensing{
		Dispensing: string(p.ID), Volume: p.Volume, GrossBefore: before, Purpose: purpose,
	})
	if err != nil {
		return 0, err
	}
	liquid, err := p.Density.Weight(w.Arrives(p.Volume))
	if err != nil {
		return 0, err
	}
	after = (before + liquid + Grain/2) / Grain * Grain
	took := 3*time.Second + time.Duration(p.Volume)*time.Millisecond
	w.Wait(took)
	return after, w.Report(ctx, stationlog.KindMeasured, stationlog.Outcome{
		Dispensing: string(p.ID), Pump: p.Volume, PumpKnown: true, GrossBefore: before, GrossAfter: after, WeightKnown: true,
		Division: Grain, DurationMS: took.Milliseconds(), Purpose: purpose,
	})
}
