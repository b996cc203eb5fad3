//go:build !crashpoints

package main

// crashAt does nothing: this build cannot be told to crash.
func crashAt() func(string) { return nil }
