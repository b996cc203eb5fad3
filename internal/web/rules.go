package web

import (
	"strconv"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// packView is the clinic's rule pack as the medical lead reads it before signing.
type packView struct {
	Pack, Version, By, At string
	Adopted               bool
	Values                []ruleRow
}

type ruleRow struct {
	Name, Value, Source string
	Weight              tag // what the value does: binds, only warns, or is not there
	Steps               []string
}

func showRules(c *screen) error {
	r, err := call[clinicapi.Rules](c.api.ReadRules(c.r.Context()))
	if err != nil {
		return err
	}
	v := packView{Pack: r.Pack, Version: strconv.Itoa(r.Version), Adopted: r.Adopted, By: r.AdoptedBy, At: c.moment(r.AdoptedAt)}
	for _, x := range r.Values {
		v.Values = append(v.Values, c.ruleRow(x))
	}
	return c.render("rules", "", c.t("nav.rules"), v)
}

func (c *screen) ruleRow(x clinicapi.RuleValue) ruleRow {
	row := ruleRow{Name: c.known("rule_value."+x.Key, x.Key), Value: c.ruleAmount(x), Source: x.Source}
	switch {
	case !x.Set:
		row.Weight = tag{"dull", icons["dull"], c.t("rules.unset")}
	case !x.Binding:
		row.Weight = tag{"warn", icons["warn"], c.t("rules.unbound")}
	case x.Verified:
		row.Weight = tag{"good", icons["good"], c.t("rules.verified")}
	default:
		row.Weight = tag{"good", icons["good"], c.t("rules.adopted")}
	}
	for _, s := range x.Steps {
		row.Steps = append(row.Steps, c.n("rules.step", s.FromDays, "Severity", c.t("severity."+string(s.Severity)), "Advice", c.known("advice."+s.Advice, s.Advice)))
	}
	return row
}

// ruleAmount is a number of the pack in its unit; a dash where the pack has none.
func (c *screen) ruleAmount(x clinicapi.RuleValue) string {
	if !x.Set {
		return "–"
	}
	switch x.Unit {
	case clinicapi.RuleValueUnitDays:
		return c.n("days", int(x.Amount))
	case clinicapi.RuleValueUnitHours:
		return c.n("hours", int(x.Amount))
	case clinicapi.RuleValueUnitPercent:
		return strconv.FormatInt(x.Amount, 10) + " %"
	case clinicapi.RuleValueUnitPpm:
		return c.perCent(x.Amount)
	case clinicapi.RuleValueUnitUg:
		return c.mass(x.Amount)
	case clinicapi.RuleValueUnitUl:
		return c.volume(x.Amount)
	case clinicapi.RuleValueUnitYesNo:
		if x.Amount == 0 {
			return c.t("rules.no")
		}
		return c.t("rules.yes")
	}
	return ""
}

// adoptRules signs the pack that the page showed: another version than the clinic has by now is refused by the API.
func adoptRules(c *screen) error {
	f := c.form()
	body := clinicapi.AdoptRules{Pack: f.need("pack"), Version: f.integer("version", 1, 1_000_000), Pin: f.need("pin")}
	err := f.err
	if err == nil {
		_, err = call[clinicapi.Clinic](c.api.AdoptRules(c.r.Context(), body))
	}
	if err != nil {
		return c.again(err, showRules)
	}
	c.redirect("/rules?done=rules_adopt")
	return nil
}

// closuresView is the days on which the clinic does not dispense.
type closuresView struct{ Days []closureRow }

type closureRow struct {
	Day, Shown, Reason string
	Past               bool
}

func showClosures(c *screen) error {
	list, err := call[clinicapi.ClosureList](c.api.ListClosures(c.r.Context()))
	if err != nil {
		return err
	}
	var v closuresView
	for _, x := range list.Items {
		v.Days = append(v.Days, closureRow{x.Day, c.day(x.Day), x.Reason, x.Day < c.session.Today})
	}
	return c.render("closures", "", c.t("nav.closures"), v)
}

func addClosure(c *screen) error {
	f := c.form()
	body := clinicapi.AddClosure{Day: f.day("day"), Reason: f.need("reason")}
	err := f.err
	if err == nil {
		_, err = call[clinicapi.Closure](c.api.AddClosure(c.r.Context(), body))
	}
	if err != nil {
		return c.again(err, showClosures)
	}
	c.redirect("/closures?done=closure_add")
	return nil
}

func removeClosure(c *screen) error {
	if _, err := call[done](c.api.RemoveClosure(c.r.Context(), c.r.PathValue("day"))); err != nil {
		return c.again(err, showClosures)
	}
	c.redirect("/closures?done=closure_remove")
	return nil
}
