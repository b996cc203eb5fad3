// Package queue owns the tickets of a clinic day: arrived, called, at the window, done.
//
// A patient has at most one open ticket a day, so a card that is scanned twice at the door gets the number it has. A
// ticket is at one window, and a window has one patient: the next one steps up when this one is done. Tickets say who is
// here; they decide nothing about a dose, and a patient with a dose under way keeps the ticket until the dose has ended.
package queue
