package demo

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// detach keeps a child out of the terminal's group, so that Ctrl-C reaches this process alone, which then ends its
// children in order. Should this process be killed, the kernel ends the child.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// attach takes the folder of a lock file for this process alone, until the returned function lets go of it.
func attach(lock string) (release func() error, err error) {
	f, err := os.OpenFile(lock, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("demonstration: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another demonstration works in %s", filepath.Dir(lock))
	}
	return f.Close, nil
}
