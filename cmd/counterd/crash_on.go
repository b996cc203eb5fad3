//go:build crashpoints

package main

import (
	"os"
	"syscall"
)

// crashAt is a test facility: the environment variable LIEU_CRASH_AT names one of station.CrashPoints, and the process
// ends there as if its power had failed. Only builds with the tag crashpoints have it.
func crashAt() func(string) {
	at := os.Getenv("LIEU_CRASH_AT")
	return func(point string) {
		if point != at {
			return
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // not one instruction more
	}
}
