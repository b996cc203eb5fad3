package web

import (
	"strconv"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// icons stand beside every colour, so that a colour is never the only signal.
var icons = map[string]string{
	"stop": "✕", "refer": "✕", "warning": "!", "information": "i", "green": "✓", "amber": "!", "red": "✕", "blue": "…", "good": "✓",
	"warn": "!", "bad": "✕", "dull": "–", "info": "i",
}

func (c *screen) mass(ug int64) string     { return measure.Mass(ug).Format(c.locale) }
func (c *screen) volume(ul int64) string   { return measure.Volume(ul).Format(c.locale) }
func (c *screen) weight(ug int64) string   { return measure.Weight(ug).Format(c.locale) }
func (c *screen) strength(ug int64) string { return measure.Concentration(ug).Format(c.locale) }

// roundedUp is a mean or a proposal, which is known to no microlitre, in whole millilitres.
func (c *screen) roundedUp(ul int64) string { return c.volume((ul + 999) / 1000 * 1000) }

// density of 0 was never measured.
func (c *screen) density(ug int64) string {
	if ug == 0 {
		return c.t("unknown")
	}
	return measure.Density(ug).Format(c.locale)
}

// clock is the time of day at the clinic, 24 hours; "" when t is unset.
func (c *screen) clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(c.zone).Format("15:04")
}

// moment is date and time of day at the clinic.
func (c *screen) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(c.zone).Format("02/01/2006 15:04")
}

const (
	isoDay  = "2006-01-02"
	showDay = "02/01/2006"
)

// day shows YYYY-MM-DD as the clinic writes dates; text that is no day stays as it is.
func (c *screen) day(d string) string {
	t, err := time.Parse(isoDay, d)
	if err != nil {
		return d
	}
	return t.Format(showDay)
}

// typedDay is the YYYY-MM-DD of a day as people write it; other text stays as it is, for the API to refuse.
func typedDay(text string) string {
	if t, err := time.Parse("2/1/2006", text); err == nil {
		return t.Format(isoDay)
	}
	return text
}

// percent shows tenths of a per cent.
func (c *screen) percent(permille int) string {
	point := "."
	if c.locale == measure.Vietnamese {
		point = ","
	}
	return strconv.Itoa(permille/10) + point + strconv.Itoa(permille%10) + " %"
}

func (c *screen) shortDay(d string) string {
	t, err := time.Parse(isoDay, d)
	if err != nil {
		return d
	}
	return c.t("weekday."+strconv.Itoa(int(t.Weekday()))) + " " + t.Format("02/01")
}

// duration is a waiting time, in seconds while that says more.
func (c *screen) duration(seconds int64) string {
	if seconds < 120 {
		return c.n("seconds", int(seconds))
	}
	return c.n("minutes", int(seconds/60))
}

func (c *screen) roles(roles []clinicapi.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = c.known("role."+string(r), string(r))
	}
	return strings.Join(names, ", ")
}

// reasonView is one rule's word on a dose.
type reasonView struct {
	Severity, Icon, Word string
	Rule                 string
	Text                 string
	Free                 string // what a person wrote on a hold; not shown at the door
	Value, Limit         string
	ClearedBy            string
}

func (c *screen) reasons(from []clinicapi.Reason) []reasonView {
	out := make([]reasonView, 0, len(from))
	for _, r := range from {
		v := reasonView{
			Severity: string(r.Severity), Icon: icons[string(r.Severity)], Word: c.t("severity." + string(r.Severity)),
			Rule: r.Rule, Text: r.Message, Free: r.Args["reason"],
			Value: c.found(r.Value), Limit: c.found(r.Limit), ClearedBy: c.roles(r.ClearedBy),
		}
		if v.Text == "" {
			v.Text = r.Rule
		}
		if strings.Contains(v.Text, v.Free) {
			v.Free = ""
		}
		if len(r.ClearedBy) == 0 && (r.Severity == clinicapi.SeverityStop || r.Severity == clinicapi.SeverityRefer) {
			v.ClearedBy = c.t("reason.nobody")
		}
		out = append(out, v)
	}
	return out
}

// found puts a value that a rule found into the reader's language: "4 d", "62.5 mg", "2026-11-22", "in_use".
func (c *screen) found(s string) string {
	if s == "" {
		return ""
	}
	if low, high, ok := strings.Cut(s, " – "); ok {
		return c.found(low) + " – " + c.found(high)
	}
	if m, err := measure.ParseMass(s, measure.English); err == nil && strings.HasSuffix(s, "mg") {
		return m.Format(c.locale)
	}
	if v, err := measure.ParseVolume(s, measure.English); err == nil && strings.HasSuffix(s, "mL") {
		return v.Format(c.locale)
	}
	if k, err := measure.ParseConcentration(s, measure.English); err == nil && strings.HasSuffix(s, "mg/mL") {
		return k.Format(c.locale)
	}
	if number, ok := strings.CutSuffix(s, " d"); ok {
		if n, err := strconv.Atoi(number); err == nil {
			return c.n("days", n)
		}
	}
	if number, ok := strings.CutSuffix(s, " h"); ok {
		if n, err := strconv.Atoi(number); err == nil {
			return c.n("hours", n)
		}
	}
	if d := c.day(s); d != s {
		return d
	}
	return c.known("value."+s, s)
}

// tag is a state with its word and a colour.
type tag struct{ Class, Icon, Text string }

func (c *screen) tag(noun, state string) tag {
	class := tagClasses[noun+"."+state]
	if class == "" {
		class = "dull"
	}
	return tag{class, icons[class], c.known(noun+"."+state, state)}
}

var tagClasses = map[string]string{
	"bottle.sealed": "info", "bottle.in_use": "good", "bottle.quarantined": "bad", "bottle.broken": "bad",
	"lot.released": "good", "lot.quarantined": "warn", "lot.recalled": "bad",
	"device.ready": "good", "device.down": "bad", "device.unknown": "warn",
	"dispensing.administered": "good", "dispensing.handed_over": "good", "dispensing.partly_taken": "warn", "dispensing.wasted": "warn",
	"dispensing.in_doubt": "bad", "dispensing.held": "bad", "dispensing.reserved": "info", "dispensing.dispensing": "info", "dispensing.measured": "info",
	"status.in_treatment": "good", "status.awaiting_start": "info", "status.applied": "info", "status.suspended": "warn",
	"order.active": "good", "order.superseded": "dull", "order.cancelled": "bad", "order.expired": "warn", "order.future": "info",
	"counter.up": "good", "counter.silent": "warn", "ticket.called": "info", "ticket.at_window": "info", "ticket.done": "good",
	"draft.draft": "info", "draft.signed": "warn", "draft.posted": "good",
	"session.opening_count": "info", "session.open": "good", "session.closing_count": "info", "session.reconciled": "warn", "session.closed": "dull",
	"count.counting": "info", "count.counted": "warn", "count.disagreed": "bad", "count.settled": "good",
}

// cell is one day of a patient's calendar.
type cell struct {
	Kind, Day, Letter, Word, Dose string
	Today                         bool
}

func (c *screen) cells(days clinicapi.DayList) []cell {
	out := make([]cell, 0, len(days.Items))
	for _, d := range days.Items {
		k := string(d.State)
		v := cell{Kind: k, Day: c.shortDay(d.Day), Letter: c.t("day." + k + ".letter"), Word: c.t("day." + k), Today: d.Day == days.Today}
		if d.DoseUg > 0 {
			v.Dose = c.mass(d.DoseUg)
		}
		out = append(out, v)
	}
	return out
}
