//go:build !linux

package pgtest

import (
	"os"
	"os/exec"
)

func unprivileged(*exec.Cmd) {}

func unprivilegedOwner(string) error { return nil }

func startBound(cmd *exec.Cmd) error { return cmd.Start() }

func claim(string) (*os.File, error) { return nil, nil }

func sweep(string) {}
