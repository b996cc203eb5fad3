package web

import (
	"net/http"
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// slotView asks when a patient comes next.
type slotView struct {
	Station, Patient string
	Day, DayShown    string
	Booked           string // the time that is kept, "" for none
	Options          []slotOption
}

type slotOption struct {
	At, Text string
	Left     int
	Full     bool
	Chosen   bool
}

// daysToLookAt is how far ahead the next day with slots is looked for: over a weekend with a holiday at its end.
const daysToLookAt = 4

// nextSlot offers the slots of the next day that has any; nil when there is none.
func (c *screen) nextSlot(station, patient string) (*slotView, error) {
	today, err := time.Parse(isoDay, c.session.Today)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // a screen that does not know its day offers no other
	}
	for n := 1; n <= daysToLookAt; n++ {
		v, err := c.slotsOf(station, patient, today.AddDate(0, 0, n).Format(isoDay))
		if err != nil || v != nil {
			return v, err
		}
	}
	return nil, nil //nolint:nilnil // no slots, no question
}

func (c *screen) slotsOf(station, patient, day string) (*slotView, error) {
	list, err := call[clinicapi.SlotList](c.api.ListSlots(c.r.Context(), &clinicapi.ListSlotsParams{Day: &day}))
	if err != nil || len(list.Items) == 0 {
		return nil, err
	}
	booked, err := call[clinicapi.PatientSlot](c.api.ReadPatientSlot(c.r.Context(), patient, day))
	if err != nil {
		return nil, err
	}
	wished := booked.At
	if wished.IsZero() {
		if wished, err = c.usualTime(patient, day); err != nil {
			return nil, err
		}
	}
	v := &slotView{Station: station, Patient: patient, Day: day, DayShown: c.shortDay(day), Booked: c.clock(booked.At)}
	for _, s := range list.Items {
		if s.Past {
			continue
		}
		mine := s.At.Equal(booked.At)
		v.Options = append(v.Options, slotOption{
			At: s.At.Format(time.RFC3339), Text: c.clock(s.At), Left: max(s.Size-s.Taken, 0), Full: s.Taken >= s.Size && !mine, Chosen: s.At.Equal(wished),
		})
	}
	return v, nil
}

// usualTime is the same time of day as today's slot, on another day; zero without one.
func (c *screen) usualTime(patient, day string) (time.Time, error) {
	today, err := call[clinicapi.PatientSlot](c.api.ReadPatientSlot(c.r.Context(), patient, c.session.Today))
	if err != nil || today.At.IsZero() {
		return time.Time{}, err
	}
	at := today.At.In(c.zone)
	d, err := time.Parse(isoDay, day)
	if err != nil {
		return time.Time{}, nil //nolint:nilerr // no wish
	}
	return time.Date(d.Year(), d.Month(), d.Day(), at.Hour(), at.Minute(), 0, 0, c.zone), nil
}

// bookSlot keeps a slot, changes it, or with no time gives it back.
func bookSlot(c *screen) error {
	f := c.form()
	patient, day := f.need("patient"), f.need("day")
	if f.err != nil {
		return f.err
	}
	var body clinicapi.BookSlot
	if text := f.text("at"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			f.wrong("input.missing", "slot")
			return f.err
		}
		body.At = at
	}
	_, err := call[clinicapi.PatientSlot](c.api.BookSlot(c.r.Context(), patient, day, body))
	if err != nil {
		c.problem, c.status = c.explain(err), statusOf(err)
	}
	v, read := c.slotsOf(c.r.PathValue("station"), patient, day)
	if read != nil {
		return read
	}
	return c.fragment("window", "slot", v)
}

// slipView is the paper for the next visit. It says when, and not who or why.
type slipView struct {
	Clinic, Day, From, To string
}

func showSlip(c *screen) error {
	patient, day := c.r.PathValue("patient"), c.r.PathValue("day")
	slot, err := call[clinicapi.PatientSlot](c.api.ReadPatientSlot(c.r.Context(), patient, day))
	if err != nil {
		return err
	}
	if slot.At.IsZero() {
		c.status = http.StatusNotFound
		return errNoPage
	}
	return c.render("slip", "slip", c.t("slip.title"), slipView{
		Clinic: c.session.Clinic.Name, Day: c.shortDay(day) + slot.At.In(c.zone).Format("/2006"),
		From: c.clock(slot.At), To: c.clock(slot.At.Add(15 * time.Minute)),
	})
}
