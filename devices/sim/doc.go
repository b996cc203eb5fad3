// Package sim is the bench: dispensing counters that exist only as physics. In each, a bottle, a pump, a cup,
// a balance and a line scanner share one seeded world, so that what the pump moves is what the balance weighs,
// and a driver that dispenses without the balance seeing it is found out.
//
// The devices speak their real protocols on pseudo-terminals, published as pump0, scale0, scanner0 in a directory, or
// in memory through [Bench.Link]. Faults are made on request. A control socket in the same directory takes JSON lines;
// [Dial] speaks to it.
//
// The world's clock can run faster than the protocols' ([Config.Speed]); in a testing/synctest bubble with in-memory
// links everything runs in virtual time.
package sim
