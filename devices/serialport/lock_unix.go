//go:build unix

package serialport

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lock is an advisory lock on a file named after the port. It ends with the process at the latest, so a killed
// program leaves nothing behind; the file itself stays.
type lock struct{ f *os.File }

// acquire locks the port that path leads to: two names of one device share one lock.
func acquire(dir, path string) (*lock, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, explain(path, err)
	}
	name := lockName(dir, real)
	// Another user's lock file in a sticky directory may be opened but not "created" again.
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		f, err = os.OpenFile(name, os.O_RDONLY|os.O_CREATE, 0o644) //nolint:gosec // holds nothing; every user of the port must be able to lock it
	}
	if err != nil {
		return nil, fmt.Errorf("serial port %s: lock file: %w", path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, busy(path)
		}
		return nil, fmt.Errorf("serial port %s: lock file: %w", path, err)
	}
	return &lock{f}, nil
}

// lockName is the lock file of the port with that real name.
func lockName(dir, real string) string {
	return filepath.Join(dir, "lieu-"+strings.ReplaceAll(strings.Trim(real, "/"), "/", "-")+".lock")
}

// held reports whether a program holds the lock of the port. It takes the lock for a moment when nobody does.
func held(dir, real string) bool {
	f, err := os.Open(lockName(dir, real))
	if err != nil {
		return false // nobody ever locked it here
	}
	defer f.Close()
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// denied reports whether this user may not use the port.
func denied(path string) bool {
	const readWrite = 6
	return errors.Is(syscall.Access(path, readWrite), syscall.EACCES)
}

func (l *lock) release() { l.f.Close() }
