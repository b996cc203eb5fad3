// Package flow owns the arithmetic of a clinic's morning: how long each step of a visit took, what the waiting went
// into, how fast the windows work, and when they will be done. It is pure: instants in, durations and counts out, with
// no clock, database or person in it. Whole microseconds are added and divided, so that shares add up to what was shared.
package flow
