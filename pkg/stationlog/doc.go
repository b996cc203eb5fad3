// Package stationlog is what a counter and the server tell each other that must be provable later: the counter's signed
// records, numbered and linked by hash, and the server's signed orders. A stand-alone verifier needs nothing else.
//
// A record travels and is stored as the exact bytes that were signed. Nobody renders it again to check it.
package stationlog
