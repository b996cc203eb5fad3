package dosing_test

import (
	"time"

	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// row changes the ordinary facts and says what the adopted pack answers: every refusal and note as "severity rule".
type row struct {
	change func(f *dosing.Facts, p *dosing.Pack)
	want   []string
}

func rows() map[string]map[string]row {
	induction := func(f *dosing.Facts, mass measure.Mass, doses ...dosing.Dose) {
		f.Phase, f.Order = patient.Induction, order(patient.Induction, today, today, mass)
		dosed(f, doses...)
	}
	return map[string]map[string]row{
		"an ordinary morning": {
			"nothing to say": {change: func(*dosing.Facts, *dosing.Pack) {}},
			"away from a window": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station = nil
			}},
			"an empty pack says nothing more": {change: func(_ *dosing.Facts, p *dosing.Pack) { *p = dosing.Pack{} }},
		},
		"clinic": {
			"closed": {func(f *dosing.Facts, _ *dosing.Pack) { f.Closed = "Tết" }, []string{"stop clinic.closed"}},
		},
		"order": {
			"none at all": {func(f *dosing.Facts, _ *dosing.Pack) { f.Order = nil }, []string{"stop order.missing"}},
			"first day":   {change: func(f *dosing.Facts, _ *dosing.Pack) { f.Order.From = today }},
			"last day":    {change: func(f *dosing.Facts, _ *dosing.Pack) { f.Order.To = today }},
			"starts tomorrow": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order, f.NextOrder = nil, order(patient.Maintenance, today+1, today+9, 60*mg)
			}, []string{"stop order.not_started"}},
			"given as the order although it starts tomorrow": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order.From = today + 1
			}, []string{"stop order.not_started"}},
			"ended yesterday": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order, f.LastOrder = nil, order(patient.Maintenance, today-9, today-1, 60*mg)
			}, []string{"stop order.expired"}},
			"given as the order although it ended yesterday": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order.To = today - 1
			}, []string{"stop order.expired"}},
			"for yesterday alone": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order.From, f.Order.To = today-1, today-1
			}, []string{"stop order.expired"}},
			"a gap between two": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order = nil
				f.LastOrder = order(patient.Maintenance, today-9, today-1, 60*mg)
				f.NextOrder = order(patient.Maintenance, today+1, today+9, 60*mg)
			}, []string{"stop order.not_started", "stop order.expired"}},
			"a last order that would cover today is a contradiction": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order, f.LastOrder = nil, f.Order
			}, []string{"stop order.invalid"}},
			"superseded":    {func(f *dosing.Facts, _ *dosing.Pack) { f.Order.Status = prescription.Superseded }, []string{"stop order.invalid"}},
			"without parts": {func(f *dosing.Facts, _ *dosing.Pack) { f.Order.Parts = nil }, []string{"stop order.invalid"}},
			"parts above the dose": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order.Parts = []measure.Mass{60 * mg, 60 * mg}
			}, []string{"stop order.invalid"}},
			"30 days in maintenance": {change: func(f *dosing.Facts, _ *dosing.Pack) { f.Order.To = f.Order.From + 29 }},
			"31 days in maintenance": {func(f *dosing.Facts, _ *dosing.Pack) { f.Order.To = f.Order.From + 30 }, []string{"stop order.too_long"}},
			"31 days where the phase has no limit": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order.To, f.Order.Phase = f.Order.From+30, patient.Taper
			}},
		},
		"patient": {
			"suspended":       {func(f *dosing.Facts, _ *dosing.Pack) { f.Status = patient.Suspended }, []string{"stop patient.status"}},
			"ended":           {func(f *dosing.Facts, _ *dosing.Pack) { f.Status = patient.Ended }, []string{"stop patient.status"}},
			"applied":         {func(f *dosing.Facts, _ *dosing.Pack) { f.Status = patient.Applied }, []string{"stop patient.status"}},
			"nobody's status": {func(f *dosing.Facts, _ *dosing.Pack) { f.Status = "" }, []string{"stop patient.status"}},
			"first dose while awaiting the start": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				f.Status, f.Order = patient.AwaitingStart, order(patient.Induction, today, today, 20*mg)
				dosed(f)
			}},
			"second part of the first day while awaiting the start": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Now = instant(today, 14)
				f.Status, f.Order = patient.AwaitingStart, order(patient.Induction, today, today, 10*mg, 10*mg)
				dosed(f, observed(today, 1, 10*mg))
			}, []string{"information dose.part_taken"}},
			"second day while awaiting the start": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Status = patient.AwaitingStart
			}, []string{"stop patient.status"}},
			"came back: the doses are of an earlier enrolment": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				f.Status, f.EnrolledOn = patient.AwaitingStart, today
			}},
		},
		"holds": {
			"stop": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Holds = []prescription.Hold{hold("h", prescription.Stop)}
			}, []string{"stop hold.stop"}},
			"a severity that nobody knows stops": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Holds = []prescription.Hold{hold("h", "grave")}
			}, []string{"stop hold.stop"}},
			"warning": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Holds = []prescription.Hold{hold("h", prescription.Warning)}
			}, []string{"warning hold.warning"}},
			"information": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Holds = []prescription.Hold{hold("h", prescription.Information)}
			}, []string{"information hold.information"}},
			"lifted": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				h := hold("h", prescription.Stop)
				h.LiftedAt = eight
				f.Holds = []prescription.Hold{h}
			}},
			"two stops and a word": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Holds = []prescription.Hold{hold("c", prescription.Information), hold("b", prescription.Stop), hold("a", prescription.Stop)}
			}, []string{"stop hold.stop", "stop hold.stop", "information hold.information"}},
			"a clearance does not lift a hold": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Holds, f.Cleared = []prescription.Hold{hold("h", prescription.Stop)}, []string{"hold.stop"}
			}, []string{"stop hold.stop"}},
		},
		"taken": {
			"the whole dose": {func(f *dosing.Facts, p *dosing.Pack) {
				p.MinHours.Set = false
				dosed(f, observed(today-1, 1, 60*mg), observed(today, 1, 60*mg))
			}, []string{"stop dose.taken"}},
			"known from the last dose alone": {func(f *dosing.Facts, p *dosing.Pack) {
				p.MinHours.Set = false
				last := observed(today, 1, 60*mg)
				f.LastDose = &last
			}, []string{"stop dose.taken"}},
			"half of it drunk is still taken": {func(f *dosing.Facts, p *dosing.Pack) {
				p.MinHours.Set = false
				dosed(f, observed(today-1, 1, 60*mg), observed(today, 1, 20*mg))
			}, []string{"stop dose.taken"}},
			"first of two parts": {func(f *dosing.Facts, p *dosing.Pack) {
				p.MinHours.Set, f.Order.Parts = false, []measure.Mass{40 * mg, 20 * mg}
				dosed(f, observed(today-1, 1, 60*mg), observed(today, 1, 40*mg))
			}, []string{"information dose.part_taken"}},
			"both parts": {func(f *dosing.Facts, p *dosing.Pack) {
				p.MinHours.Set, f.Order.Parts = false, []measure.Mass{40 * mg, 20 * mg}
				dosed(f, observed(today-1, 1, 60*mg), observed(today, 1, 40*mg), observed(today, 2, 20*mg))
			}, []string{"stop dose.taken"}},
			"a new order of two parts after the whole of the former one": {func(f *dosing.Facts, p *dosing.Pack) {
				p.MinHours.Set, f.Order.Parts = false, []measure.Mass{30 * mg, 30 * mg}
				dosed(f, observed(today-1, 1, 60*mg), observed(today, 1, 60*mg))
			}, []string{"stop dose.entitlement", "information dose.part_taken"}},
			"parts that fill the day exactly": {func(f *dosing.Facts, p *dosing.Pack) {
				p.MinHours.Set, f.Order.Parts = false, []measure.Mass{30 * mg, 30 * mg}
				dosed(f, observed(today-1, 1, 60*mg), observed(today, 1, 30*mg))
			}, []string{"information dose.part_taken"}},
			"take-home for today": {func(f *dosing.Facts, _ *dosing.Pack) {
				dosed(f, observed(today-1, 1, 60*mg), takeHome(today, 1, 60*mg, today-1))
			}, []string{"stop dose.taken", "stop dose.take_home"}},
			"take-home for one part of today": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order.Parts = []measure.Mass{30 * mg, 30 * mg}
				dosed(f, observed(today-1, 1, 60*mg), takeHome(today, 2, 30*mg, today-1))
			}, []string{"stop dose.take_home", "information dose.part_taken"}},
			"take-home for tomorrow": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				dosed(f, observed(today-1, 1, 60*mg), takeHome(today+1, 1, 60*mg, today-1))
			}},
		},
		"other dispensings": {
			"of the patient": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Open = &dosing.OpenDispensing{ID: "d0", State: "in_doubt", Station: "w2"}
			}, []string{"stop dispensing.open"}},
			"of the patient, asked away from a window": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station, f.Open = nil, &dosing.OpenDispensing{ID: "d0", State: "held", Station: "w2"}
			}, []string{"stop dispensing.open"}},
			"of the station": {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Pouring = "d9" }, []string{"stop station.pouring"}},
		},
		"hours between doses": {
			"a minute short": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.LastDose.At = eight.Add(-12*time.Hour + time.Minute)
				f.Doses = nil
			}, []string{"stop dose.too_soon"}},
			"a microsecond short": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.LastDose.At = eight.Add(-12*time.Hour + time.Microsecond)
				f.Doses = nil
			}, []string{"stop dose.too_soon"}},
			"exactly enough": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				f.LastDose.At = eight.Add(-12 * time.Hour)
				f.Doses = nil
			}},
			"a clock that ran backwards": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.LastDose.At = eight.Add(48 * time.Hour)
				f.Doses = nil
			}, []string{"stop dose.too_soon"}},
			"a take-home dose handed over an hour ago is not a swallow": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				dosed(f, observed(today-1, 1, 60*mg), takeHome(today+1, 1, 60*mg, today))
			}},
			"two parts need half, and have it": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order.Parts, f.Now = []measure.Mass{30 * mg, 30 * mg}, instant(today, 13)
				dosed(f, observed(today-1, 1, 60*mg), observed(today, 1, 30*mg))
			}, []string{"information dose.part_taken"}},
			"two parts need half, and lack it": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order.Parts, f.Now = []measure.Mass{30 * mg, 30 * mg}, instant(today, 13)-1
				dosed(f, observed(today-1, 1, 60*mg), observed(today, 1, 30*mg))
			}, []string{"stop dose.too_soon", "information dose.part_taken"}},
			"unset": {change: func(f *dosing.Facts, p *dosing.Pack) {
				p.MinHours.Set, f.LastDose.At = false, eight
				f.Doses = nil
			}},
		},
		"missed days": {
			"one, before the table begins": {change: func(f *dosing.Facts, _ *dosing.Pack) { dosed(f, observed(today-2, 1, 60*mg)) }},
			"two":                          {func(f *dosing.Facts, _ *dosing.Pack) { dosed(f, observed(today-3, 1, 60*mg)) }, []string{"warning missed.days"}},
			"three":                        {func(f *dosing.Facts, _ *dosing.Pack) { dosed(f, observed(today-4, 1, 60*mg)) }, []string{"warning missed.days"}},
			"four":                         {func(f *dosing.Facts, _ *dosing.Pack) { dosed(f, observed(today-5, 1, 60*mg)) }, []string{"refer missed.days"}},
			"five":                         {func(f *dosing.Facts, _ *dosing.Pack) { dosed(f, observed(today-6, 1, 60*mg)) }, []string{"refer missed.days"}},
			"six, and a table that stops still refers": {func(f *dosing.Facts, _ *dosing.Pack) {
				dosed(f, observed(today-7, 1, 60*mg))
			}, []string{"refer missed.days"}},
			"older than the history": {func(f *dosing.Facts, _ *dosing.Pack) {
				last := observed(today-90, 1, 60*mg)
				f.Doses, f.LastDose = nil, &last
			}, []string{"refer missed.days"}},
			"four, cleared by a doctor": {func(f *dosing.Facts, _ *dosing.Pack) {
				dosed(f, observed(today-5, 1, 60*mg))
				f.Cleared = []string{"missed.days"}
			}, []string{"information missed.days"}},
			"take-home covers the days": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				dosed(f, observed(today-4, 1, 60*mg), takeHome(today-3, 1, 60*mg, today-4), takeHome(today-2, 1, 60*mg, today-4),
					takeHome(today-1, 1, 60*mg, today-4))
			}},
			"a cup that nobody drank from covers no day": {func(f *dosing.Facts, _ *dosing.Pack) {
				dosed(f, observed(today-3, 1, 60*mg), observed(today-1, 1, 0))
			}, []string{"warning missed.days"}},
			"none before the first dose ever": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order = order(patient.Induction, today, today, 20*mg)
				dosed(f)
			}},
			"unset": {change: func(f *dosing.Facts, p *dosing.Pack) {
				p.Missed.Set = false
				dosed(f, observed(today-40, 1, 60*mg))
			}},
		},
		"size of the dose": {
			"at the ceiling": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order = order(patient.Maintenance, today, today, 300*mg)
				dosed(f, observed(today-1, 1, 300*mg))
			}},
			"half a milligram above the ceiling": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order = order(patient.Maintenance, today, today, 300*mg+500)
				dosed(f, observed(today-1, 1, 300*mg))
			}, []string{"stop dose.ceiling"}},
			"the ceiling is for the day, not the part": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order = order(patient.Maintenance, today, today, 160*mg, 160*mg)
				dosed(f, observed(today-1, 1, 300*mg))
			}, []string{"stop dose.ceiling"}},
			"first day at its maximum": {change: func(f *dosing.Facts, _ *dosing.Pack) { induction(f, 30*mg) }},
			"first day above its maximum": {func(f *dosing.Facts, _ *dosing.Pack) {
				induction(f, 30*mg+500)
			}, []string{"stop dose.first_day"}},
			"first day taken, above its maximum": {func(f *dosing.Facts, p *dosing.Pack) {
				p.MinHours.Set = false
				induction(f, 40*mg, observed(today, 1, 40*mg))
			}, []string{"stop dose.taken"}},
			"second part lifts the first day above its maximum": {func(f *dosing.Facts, p *dosing.Pack) {
				p.MinHours.Set = false
				f.Order = order(patient.Induction, today, today, 20*mg, 20*mg)
				dosed(f, observed(today, 1, 20*mg))
			}, []string{"stop dose.first_day", "information dose.part_taken"}},
			"a rise of 30 percent": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order = order(patient.Maintenance, today, today, 78*mg)
			}},
			"a rise of more": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order = order(patient.Maintenance, today, today, 78*mg+500)
			}, []string{"warning dose.jump_warning"}},
			"twice the last": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order = order(patient.Maintenance, today, today, 120*mg)
			}, []string{"warning dose.jump_warning"}},
			"more than twice the last": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order = order(patient.Maintenance, today, today, 120*mg+500)
			}, []string{"stop dose.jump"}},
			"a fall is not a jump": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order = order(patient.Taper, today, today, 5*mg)
			}},
			"the same dose in two parts is not a fall nor a rise": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order.Parts = []measure.Mass{30 * mg, 30 * mg}
			}},
			"the same dose in one part after two is not a jump": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				dosed(f, observed(today-1, 1, 30*mg), observed(today-1, 2, 30*mg))
			}},
			"the usual dose after one half-drunk cup is not a jump": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				dosed(f, observed(today-2, 1, 60*mg), observed(today-1, 1, 10*mg))
			}},
			"a dose of four days ago is not the usual one": {func(f *dosing.Facts, _ *dosing.Pack) {
				dosed(f, observed(today-4, 1, 60*mg), observed(today-1, 1, 10*mg))
			}, []string{"stop dose.jump"}},
		},
		"induction": {
			"a whole step": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				induction(f, 40*mg, observed(today-3, 1, 30*mg), observed(today-2, 1, 30*mg), observed(today-1, 1, 30*mg))
			}, want: []string{"warning dose.jump_warning"}},
			"above a step": {func(f *dosing.Facts, _ *dosing.Pack) {
				induction(f, 40*mg+500, observed(today-3, 1, 30*mg), observed(today-1, 1, 30*mg))
			}, []string{"stop induction.step", "warning dose.jump_warning"}},
			"a small rise two days after the last": {func(f *dosing.Facts, _ *dosing.Pack) {
				induction(f, 35*mg, observed(today-3, 1, 20*mg), observed(today-2, 1, 30*mg), observed(today-1, 1, 30*mg))
			}, []string{"stop induction.pace"}},
			"a small rise the day after the last": {func(f *dosing.Facts, _ *dosing.Pack) {
				induction(f, 35*mg, observed(today-9, 1, 20*mg), observed(today-2, 1, 25*mg), observed(today-1, 1, 30*mg))
			}, []string{"stop induction.pace"}},
			"a small rise three days after the last": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				induction(f, 35*mg, observed(today-4, 1, 20*mg), observed(today-3, 1, 30*mg), observed(today-1, 1, 30*mg))
			}},
			"a rise the day after the first dose": {func(f *dosing.Facts, _ *dosing.Pack) {
				induction(f, 25*mg, observed(today-1, 1, 20*mg))
			}, []string{"stop induction.pace"}},
			"the same dose the day after the first": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				induction(f, 20*mg, observed(today-1, 1, 20*mg))
			}},
			"steps do not bind in maintenance": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				f.Order = order(patient.Maintenance, today, today, 75*mg)
				dosed(f, observed(today-2, 1, 50*mg), observed(today-1, 1, 60*mg))
			}},
			"the patient's own phase binds too": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Phase, f.Order = patient.Induction, order(patient.Maintenance, today, today, 75*mg)
				dosed(f, observed(today-4, 1, 60*mg), observed(today-1, 1, 60*mg))
			}, []string{"stop induction.step"}},
		},
		"the counter's session": {
			"not asked for":     {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Session = "" }, nil},
			"open":              {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Session = stock.SessionOpen }, nil},
			"still counting":    {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Session = stock.OpeningCount }, []string{"stop counter.not_open"}},
			"counting to close": {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Session = stock.ClosingCount }, []string{"stop counter.not_open"}},
			"none, or closed":   {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Session = stock.Closed }, []string{"stop counter.not_open"}},
		},
		"bottle": {
			"none":          {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Bottle = nil }, []string{"stop bottle.not_mounted"}},
			"without a lot": {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Lot = nil }, []string{"stop bottle.not_mounted"}},
			"with another bottle's lot": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Bottle.Lot = "l2"
			}, []string{"stop bottle.not_mounted"}},
			"sealed":      {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Bottle.State = stock.Sealed }, []string{"stop bottle.not_in_use"}},
			"quarantined": {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Bottle.State = stock.Quarantined }, []string{"stop bottle.not_in_use"}},
			"holds the dose above the residual": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Bottle.Balance = stock.Balance{stock.InBottle: 26 * mL}
			}, []string{"warning bottle.low"}},
			"lacks a microlitre above the residual": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Bottle.Balance = stock.Balance{stock.InBottle: 26*mL - 1}
			}, []string{"stop bottle.too_low", "warning bottle.low"}},
			"holds the dose exactly, poured by hand": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Pump, f.Station.Bottle.Balance = nil, stock.Balance{stock.InBottle: 6 * mL}
			}, []string{"warning bottle.low"}},
			"overdrawn": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Bottle.Balance = stock.Balance{stock.InBottle: -1}
			}, []string{"stop bottle.too_low", "warning bottle.low"}},
			"at the low mark": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Bottle.Balance = stock.Balance{stock.InBottle: 100 * mL}
			}},
			"below the low mark": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Bottle.Balance = stock.Balance{stock.InBottle: 100*mL - 1}
			}, []string{"warning bottle.low"}},
		},
		"lot": {
			"last day of use":   {change: func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Lot.Expiry = today }},
			"expired yesterday": {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Lot.Expiry = today - 1 }, []string{"stop lot.expired"}},
			"expiry not known":  {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Lot.Expiry = 0 }, []string{"stop lot.expired"}},
			"quarantined":       {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Lot.State = stock.LotQuarantined }, []string{"stop lot.quarantined"}},
			"recalled":          {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Lot.State = stock.LotRecalled }, []string{"stop lot.recalled"}},
			"in no known state": {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Lot.State = "" }, []string{"stop lot.quarantined"}},
		},
		"volume": {
			"not exact at the lot's strength": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Lot.Concentration = 7 * measure.MilligramPerMillilitre
			}, []string{"stop volume.inexact"}},
			"strength not known": {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Lot.Concentration = 0 }, []string{"stop volume.inexact"}},
			"the pump's least":   {change: func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Pump.MinDose = 6 * mL }},
			"below it":           {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Pump.MinDose = 6*mL + 1 }, []string{"stop pump.range"}},
			"the pump's most":    {change: func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Pump.MaxDose = 6 * mL }},
			"above it":           {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Pump.MaxDose = 6*mL - 1 }, []string{"stop pump.range"}},
			"a profile never filled in": {func(f *dosing.Facts, _ *dosing.Pack) {
				*f.Station.Pump = equipment.Profile{}
			}, []string{"stop pump.range"}},
			"whole steps": {change: func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Pump.Resolution = 3 * mL }},
			"not whole":   {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Pump.Resolution = 7 }, []string{"stop pump.resolution"}},
			"by hand": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Pump = nil
			}},
		},
		"devices": {
			"pump down":     {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Devices[0].State = equipment.Down }, []string{"stop device.not_ready"}},
			"scale unknown": {func(f *dosing.Facts, _ *dosing.Pack) { f.Station.Devices[1].State = equipment.Unknown }, []string{"stop device.unknown"}},
			"pump in no known state": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Devices[0].State = ""
			}, []string{"stop device.not_ready"}},
			"none": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Devices = nil
			}, []string{"stop device.not_ready", "stop device.not_ready"}},
			"a pump but no scale": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Devices = f.Station.Devices[:1]
			}, []string{"stop device.not_ready"}},
			"by hand, no scale": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Pump, f.Station.Devices = nil, nil
			}, []string{"stop device.not_ready"}},
			"by hand, the old pump may be down": {change: func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Pump, f.Station.Devices[0] = nil, dosing.DeviceFact{Kind: equipment.Pump, State: equipment.Down}
			}},
			"scale not verified": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Devices[1].Verified = false
			}, []string{"stop device.not_verified"}},
			"scale not verified where nobody asks": {change: func(f *dosing.Facts, p *dosing.Pack) {
				f.Station.Devices[1].Verified, p.VerifyDevices.Value = false, false
			}},
			"pump and scale at the first limit": {change: func(f *dosing.Facts, p *dosing.Pack) {
				f.Station.Drift, f.Station.DriftPeak = -p.DriftWarn.Value, p.DriftWarn.Value
			}},
			"pump and scale beyond the first limit": {func(f *dosing.Facts, p *dosing.Pack) {
				f.Station.Drift, f.Station.DriftPeak = -p.DriftWarn.Value-1, p.DriftWarn.Value+1
			}, []string{"warning pump.drift_warning"}},
			"pump and scale back from the first limit": {change: func(f *dosing.Facts, p *dosing.Pack) {
				f.Station.DriftPeak = p.DriftWarn.Value + 1
			}},
			"pump and scale at the second limit": {func(f *dosing.Facts, p *dosing.Pack) {
				f.Station.Drift, f.Station.DriftPeak = p.DriftStop.Value, p.DriftStop.Value
			}, []string{"warning pump.drift_warning"}},
			"pump and scale beyond the second limit": {func(f *dosing.Facts, p *dosing.Pack) {
				f.Station.Drift, f.Station.DriftPeak = p.DriftStop.Value+1, p.DriftStop.Value+1
			}, []string{"stop pump.drift"}},
			"pump and scale back from the second limit, nobody recalibrated": {func(f *dosing.Facts, p *dosing.Pack) {
				f.Station.DriftPeak = p.DriftStop.Value + 1
			}, []string{"stop pump.drift"}},
			"another lot's pump beyond the second limit, poured by hand now": {change: func(f *dosing.Facts, p *dosing.Pack) {
				f.Station.Pump, f.Station.DriftPeak = nil, p.DriftStop.Value+1
			}},
			"apart where the clinic set no limits": {change: func(f *dosing.Facts, p *dosing.Pack) {
				f.Station.Drift, f.Station.DriftPeak = 5*p.DriftStop.Value, 5*p.DriftStop.Value
				p.DriftStop.Set, p.DriftWarn.Set = false, false
			}},
			"scanner and printer away": {func(f *dosing.Facts, _ *dosing.Pack) {
				f.Station.Devices[2].State, f.Station.Devices[3].State = equipment.Down, equipment.Unknown
			}, []string{"warning device.auxiliary", "warning device.auxiliary"}},
		},
	}
}
