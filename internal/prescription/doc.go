// Package prescription owns the doctor's orders, the holds placed on a patient, and the clearances that answer a rule
// which sent the patient to the doctor.
//
// Orders are never edited: a change is a new version. When a new order overlaps active ones, they are superseded, and
// the days before the new order that an old one still has are kept by a shortened copy of it, signed by the same doctor
// in the same act. So at most one active order covers a day, and cancelling the new order never brings an old dose back.
// A day that loses its order is refused unless the doctor says that this is meant ([Order.AcceptGap]).
package prescription
