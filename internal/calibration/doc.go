// Package calibration owns the proof that a window's scale and pump are right: the check of the day, the pours that belong
// to no patient, the recalibrations of a pump, and the standing of all of it, which the rule book reads before a dose.
//
// A check is passed by its figures and by nothing else: a scale against check weights, then, after a prime, shots of
// several volumes that are weighed one by one. [Judge] is a pure function of what was recorded, and `clinicd verify`
// judges every check again.
//
// A shot or a prime is poured like a dose: its volume is reserved before the order leaves, the counter writes down the
// point of no return before the pump hears of it, and a report of it is a fact that is never refused. It ends as waste of
// a narcotic on the account of purged liquid, before a witness, in the transaction of the report. What an interrupted one
// moved at least is booked at once; the rest stays in doubt until two people settle it.
package calibration
