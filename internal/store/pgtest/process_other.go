//go:build !linux

package pgtest

import "os/exec"

func unprivileged(*exec.Cmd) {}

func unprivilegedOwner(string) error { return nil }

func startBound(cmd *exec.Cmd) error { return cmd.Start() }
