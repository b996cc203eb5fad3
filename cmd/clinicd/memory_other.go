//go:build !linux

package main

// releaseProgram is for Linux: elsewhere the system does as it likes with a program's pages.
func releaseProgram() error { return nil }
