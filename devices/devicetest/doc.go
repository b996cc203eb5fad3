// Package devicetest holds what every driver of a kind must pass: the contract suites [Scale], [Pump] and [Scanner],
// to be run against a simulated device, and [Script], a link that plays one conversation byte for byte.
//
// The suites ask for the same thing again and again: whatever the line does to the bytes, no wrong value comes out, a
// motion is never started twice, nothing hangs past its deadline, and no goroutine stays behind. They run in real time
// over terminals, or with [Virtual] in the time of a testing/synctest bubble, which also finds stray goroutines.
package devicetest
