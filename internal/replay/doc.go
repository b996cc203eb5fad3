// Package replay lets the morning of a model happen at the real server. A fictional clinic is made in a database of its own;
// then every patient of the plan is checked in at the door, called, served and sent home over the public interface, at the
// time at which the model says so. Server and counters read the time from a clock that the replay moves, so that a morning
// passes in as long as the requests and the serial lines take.
//
// The server is the real one, over a real SQLite file: it decides who is called next, judges every dose, and keeps the
// record. So is the counter of each window: the daemon's code with its own journal, which speaks through serial ports to a
// pump and a balance of the bench. Only the bench's time is the replay's too, because a pump does not run faster than its
// clock.
//
// On the way the replay reads the supervisor's page and holds it against its own log of the morning. At the end it holds the
// doses on record against what was in the cups, and lets the record check itself.
package replay
