//go:build !linux

package demo

import (
	"os"
	"os/exec"
)

// detach has nothing to set where the kernel cannot end a child together with its parent.
func detach(*exec.Cmd) {}

func terminate(p *os.Process) error { return p.Signal(os.Interrupt) }

// attach does not keep two demonstrations out of one folder here.
func attach(lock string) (release func() error, err error) {
	return func() error { return nil }, os.WriteFile(lock, nil, 0o600)
}
