// Package replay lets the morning of a model happen at the real server. A fictional clinic is made in a database of its own;
// then every patient of the plan is checked in at the door, called, served and sent home over the public interface, at the
// time at which the model says so. The server reads the time from a clock that the replay moves, so that a morning passes in
// as long as the requests take.
//
// The server is the real one, over a real SQLite file: it decides who is called next, judges every dose, and keeps the
// record. The counters are played: they sign the same records as the daemon and deliver them over the same interface, but
// no pump moves, because a pump does not run faster than the clock on the wall.
//
// On the way the replay reads the supervisor's page and holds it against its own log of the morning.
package replay
