// Package queue owns the tickets of a clinic day: arrived, called, at the window, done; the arrival slots that patients
// book; and what a clinic decided about its waiting.
//
// A patient has at most one open ticket a day, so a card that is scanned twice at the door gets the number it has. A
// ticket is at one window, and a window has one patient: the next one steps up when this one is done. Tickets say who is
// here; they decide nothing about a dose, and a patient with a dose under way keeps the ticket until the dose has ended.
//
// The order of the queue is one rule, [Order]: the priority lane, then the place. A place is the arrival, a little earlier
// for those who keep to a booked slot, and a few people later for those who were called and did not come. A hold does not
// change it: whoever is held is passed over and keeps the place.
package queue
