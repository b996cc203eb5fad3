// Package equipment owns the dispensing windows and what stands on them: stations, their devices, and the bottle under
// each pump. How a window proves that it doses right is in package calibration.
//
// A station is enrolled once: an administrator issues a code that works for a quarter of an hour, the counter computer
// shows it together with the public half of a key born there, and from then on signs with that key. The code is stored
// as a hash and is gone once used. A computer that replaces another one is enrolled at the same station and goes on with
// the station's chain of events where the server last saw it.
package equipment
