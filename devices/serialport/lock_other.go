//go:build !unix

package serialport

// lock is nothing where the system opens a serial port for one program only.
type lock struct{}

func acquire(_, _ string) (*lock, error) { return &lock{}, nil }

func (*lock) release() {}

func held(string, string) bool { return false }

func denied(string) bool { return false }
