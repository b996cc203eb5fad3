package dosing

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lieu-clinic/lieu/internal/staff"
)

// systemSource is the source of rules that need no value from a pack.
const systemSource = "lieu"

// Decide applies the whole book to the facts. It is pure: the same facts give the same decision, whatever the order of
// holds, doses and devices in them. Refusals come heaviest first, then in the order of the book.
func Decide(p Pack, f Facts) Decision {
	s := assess(p, f)
	d := Decision{
		Pack: p.Name, PackVersion: p.Version,
		Part: s.part, Dose: s.dose, Volume: s.volume, MissedDays: s.missed,
		Refusals: []Reason{}, Notes: []Reason{},
	}
	for _, r := range book {
		for _, found := range r.check(s) {
			reason := s.cleared(s.reason(r.Rule, found))
			if reason.Severity.refuses() {
				d.Refusals = append(d.Refusals, reason)
			} else {
				d.Notes = append(d.Notes, reason)
			}
		}
	}
	slices.SortStableFunc(d.Refusals, heaviestFirst)
	slices.SortStableFunc(d.Notes, heaviestFirst)
	return d
}

func heaviestFirst(a, b Reason) int { return cmp.Compare(b.Severity.weight(), a.Severity.weight()) }

// weight orders severities. A severity that nobody knows weighs as much as Stop.
func (s Severity) weight() int {
	switch s {
	case Information:
		return 0
	case Warning:
		return 1
	case Refer:
		return 2
	case Stop:
	}
	return 3
}

func (s Severity) refuses() bool { return s.weight() >= Refer.weight() }

// reason turns a finding into the reason that is shown and stored.
func (s situation) reason(r Rule, found finding) Reason {
	out := Reason{
		Rule: r.ID, Severity: r.Severity, Value: found.value, Limit: found.limit,
		Source: systemSource, Verified: true,
		ClearedBy: append([]staff.Role{}, r.ClearedBy...), Args: found.args,
	}
	if found.severity != "" {
		out.Severity = found.severity
	}
	if found.clearedBy != nil {
		out.ClearedBy = append([]staff.Role{}, found.clearedBy...)
	}
	if found.from == nil {
		return out
	}
	out.Source, out.Verified = found.from.Source, found.from.Verified || s.pack.Adopted
	if !out.Verified && out.Severity.weight() > r.Unbound.weight() {
		out.Severity = r.Unbound
	}
	return out
}

// cleared answers a referral that a doctor cleared for today. Nothing but a referral can be cleared.
func (s situation) cleared(r Reason) Reason {
	if r.Severity != Refer || !slices.Contains(s.facts.Cleared, string(r.Rule)) {
		return r
	}
	args := maps.Clone(r.Args)
	if args == nil {
		args = make(map[string]string, 2)
	}
	args["clearance"] = string(r.Rule) + " " + s.facts.Today.String()
	args["was"] = string(Refer)
	r.Severity, r.Args = Information, args
	return r
}
