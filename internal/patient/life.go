package patient

import "slices"

// statuses is the whole truth about how a file's status changes. Ended is entered by End alone and never left.
var statuses = map[Status][]Status{
	Applied:       {AwaitingStart},
	AwaitingStart: {InTreatment, Suspended},
	InTreatment:   {Suspended},
	Suspended:     {InTreatment},
}

// MayBecome reports whether a file in status s may be set to status to.
func (s Status) MayBecome(to Status) bool { return slices.Contains(statuses[s], to) }

// Statuses lists every status in the order of a treatment.
var Statuses = []Status{Applied, AwaitingStart, InTreatment, Suspended, Ended}

// phases is the whole truth about how the phase changes once treatment has begun. Induction can be entered again from
// everywhere: that is what a long absence asks for.
var phases = map[Phase][]Phase{
	Induction:   {Adjustment, Taper},
	Adjustment:  {Induction, Maintenance, Taper},
	Maintenance: {Induction, Adjustment, Taper},
	Taper:       {Induction, Adjustment, Maintenance},
}

// MayEnterPhase reports whether the patient may go on in phase ph. Before the first dose every phase is open, for
// patients who come from another clinic in the middle of their treatment.
func (p Patient) MayEnterPhase(ph Phase) bool {
	switch {
	case !slices.Contains(Phases, ph) || p.Status == Ended:
		return false
	case ph == p.Phase || p.Status == Applied || p.Status == AwaitingStart:
		return true
	}
	return slices.Contains(phases[p.Phase], ph)
}

// EndReasons lists every reason for which treatment ends.
var EndReasons = []EndReason{
	CompletedTaper, OwnWish, Dropped, RemovedForCause, TransferredOut, Died, Detained, CompulsoryRehab, OtherReason,
}
