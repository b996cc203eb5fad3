package prescription_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

const mg = measure.Milligram

var firstDay = calendar.DateOf(2026, time.March, 10)

// soundOrder is 60 mg for 30 days in maintenance.
func soundOrder() prescription.Prescription {
	return prescription.Prescription{
		Dose: 60 * mg, Parts: []measure.Mass{60 * mg}, From: firstDay, To: firstDay + 29, Phase: patient.Maintenance,
	}
}

func checkKey(t *testing.T, err error, key string) {
	t.Helper()
	if key == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	var f *fault.Error
	if !errors.As(err, &f) || f.Key != key || f.Code != fault.Invalid {
		t.Errorf("got %v, want %s", err, key)
	}
}

func TestOrderValidation(t *testing.T) {
	dose := func(parts ...measure.Mass) func(*prescription.Prescription) {
		return func(p *prescription.Prescription) {
			p.Dose, p.Parts = 0, parts
			for _, m := range parts {
				p.Dose += m
			}
		}
	}
	for name, tc := range map[string]struct {
		change func(*prescription.Prescription)
		key    string
	}{
		"sound":              {func(*prescription.Prescription) {}, ""},
		"half a milligram":   {dose(500), ""},
		"less":               {dose(499), "prescription.dose_step"},
		"2.25 mg":            {dose(2250), "prescription.dose_step"},
		"nothing":            {dose(0), "prescription.dose"},
		"negative":           {dose(-60 * mg), "prescription.dose"},
		"the most":           {dose(prescription.MaxDose), ""},
		"more than the most": {dose(prescription.MaxDose + 500), "prescription.dose"},
		"four parts":         {dose(15*mg, 15*mg, 15*mg, 15*mg), ""},
		"five parts":         {dose(12*mg, 12*mg, 12*mg, 12*mg, 12*mg), "prescription.parts"},
		"no parts":           {func(p *prescription.Prescription) { p.Parts = nil }, "prescription.parts"},
		"an empty part":      {dose(60*mg, 0), "prescription.parts"},
		"a negative part":    {dose(70*mg, -10*mg), "prescription.parts"},
		"parts below the dose": {
			func(p *prescription.Prescription) { p.Parts = []measure.Mass{30 * mg, 29 * mg} }, "prescription.parts",
		},
		"parts above the dose": {
			func(p *prescription.Prescription) { p.Parts = []measure.Mass{30 * mg, 31 * mg} }, "prescription.parts",
		},
		"one day":               {func(p *prescription.Prescription) { p.To = p.From }, ""},
		"ends before it begins": {func(p *prescription.Prescription) { p.To = p.From - 1 }, "prescription.dates"},
		"a leap year":           {func(p *prescription.Prescription) { p.To = p.From + 365 }, ""},
		"a day more":            {func(p *prescription.Prescription) { p.To = p.From + 366 }, "prescription.dates"},
		"no first day":          {func(p *prescription.Prescription) { p.From = 0 }, "prescription.dates"},
		"no last day":           {func(p *prescription.Prescription) { p.To = 0 }, "prescription.dates"},
		"all of time": {func(p *prescription.Prescription) {
			p.From, p.To = -1<<31, 1<<31-1
		}, "prescription.dates"},
		"no phase":      {func(p *prescription.Prescription) { p.Phase = "" }, "prescription.phase"},
		"unknown phase": {func(p *prescription.Prescription) { p.Phase = "Maintenance" }, "prescription.phase"},
	} {
		t.Run(name, func(t *testing.T) {
			p := soundOrder()
			tc.change(&p)
			checkKey(t, p.Validate(), tc.key)
		})
	}
}

// What passes has parts that are positive and add up to the dose, whatever numbers were typed.
func TestValidOrdersAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := soundOrder()
		p.Dose = measure.Mass(rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{500, 1000, 20_000, 60_000})).Draw(t, "dose"))
		p.Parts = nil
		for _, n := range rapid.SliceOfN(rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, int64(max(p.Dose, 0))), rapid.Just(int64(p.Dose)), rapid.Just(int64(p.Dose/2))), 0, 5).Draw(t, "parts") {
			p.Parts = append(p.Parts, measure.Mass(n))
		}
		if p.Validate() != nil {
			return
		}
		var sum measure.Mass
		for _, part := range p.Parts {
			if part <= 0 {
				t.Fatalf("a part of %d", part)
			}
			sum += part
		}
		if sum != p.Dose || sum > prescription.MaxDose {
			t.Fatalf("parts of %s in a dose of %s", sum, p.Dose)
		}
	})
}

func TestCoversBothEnds(t *testing.T) {
	p := soundOrder()
	for day, want := range map[calendar.Day]bool{p.From - 1: false, p.From: true, p.To: true, p.To + 1: false} {
		if p.Covers(day) != want {
			t.Errorf("%s covered: %t", day, !want)
		}
	}
	if p.Days() != 30 {
		t.Errorf("%d days", p.Days())
	}
}

func TestHoldValidation(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*prescription.Hold)
		key    string
	}{
		"sound":            {func(*prescription.Hold) {}, ""},
		"warning":          {func(h *prescription.Hold) { h.Severity = prescription.Warning }, ""},
		"information":      {func(h *prescription.Hold) { h.Severity = prescription.Information }, ""},
		"no severity":      {func(h *prescription.Hold) { h.Severity = "" }, "hold.severity"},
		"a rule's word":    {func(h *prescription.Hold) { h.Severity = "refer" }, "hold.severity"},
		"lifted by nobody": {func(h *prescription.Hold) { h.ClearedBy = "" }, "hold.cleared_by"},
		"by an auditor":    {func(h *prescription.Hold) { h.ClearedBy = staff.Auditor }, "hold.cleared_by"},
		"no reason":        {func(h *prescription.Hold) { h.Reason = "" }, "hold.reason"},
		"longest reason":   {func(h *prescription.Hold) { h.Reason = strings.Repeat("x", prescription.MaxReason) }, ""},
		"longer":           {func(h *prescription.Hold) { h.Reason = strings.Repeat("x", prescription.MaxReason+1) }, "hold.reason"},
	} {
		t.Run(name, func(t *testing.T) {
			h := prescription.Hold{Severity: prescription.Stop, Reason: "smells of alcohol", ClearedBy: staff.Doctor}
			tc.change(&h)
			checkKey(t, h.Validate(), tc.key)
		})
	}
}

func TestHoldIsOpenUntilLifted(t *testing.T) {
	h := prescription.Hold{}
	if !h.Open() {
		t.Error("a new hold is lifted")
	}
	if h.LiftedAt = 1; h.Open() {
		t.Error("a lifted hold is open")
	}
}
