package serialport

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"go.bug.st/serial"
)

// Errors of Open. The text that comes with them says what to do.
var (
	ErrMissing    = errors.New("no such port")
	ErrPermission = errors.New("no permission")
	ErrBusy       = errors.New("in use by another program")
	ErrNotSerial  = errors.New("not a serial port")
	// ErrDescriptors: the process has so many files open that the serial library cannot wait on this one.
	ErrDescriptors = errors.New("too many open files in this process for a serial port")
)

// explain turns what the library says, partly its own errors and partly bare error numbers, into advice.
func explain(path string, err error) error {
	var pe *serial.PortError
	code := serial.PortErrorCode(-1)
	if errors.As(err, &pe) {
		code = pe.Code()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) || code == serial.PortNotFound:
		return fmt.Errorf("serial port %s: %w: is the device plugged in and switched on? `ls -l /dev/serial/by-id`"+
			" lists the adapters that are", path, ErrMissing)
	case errors.Is(err, fs.ErrPermission) || code == serial.PermissionDenied:
		return fmt.Errorf("serial port %s: %w: add the program's user to the group that owns the port"+
			" (`ls -lL %s`), usually dialout, and start it again", path, ErrPermission, path)
	case errors.Is(err, syscall.EBUSY) || code == serial.PortBusy:
		return busy(path)
	case errors.Is(err, syscall.ENOTTY) || code == serial.InvalidSerialPort || code == serial.InvalidSpeed:
		return fmt.Errorf("serial port %s: %w, or one that refuses these settings: %v", path, ErrNotSerial, err)
	case errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.ENODEV):
		return fmt.Errorf("serial port %s: %w: the name is there, the device behind it is not: %v", path, ErrMissing, err)
	}
	return fmt.Errorf("serial port %s: %w", path, err)
}

func busy(path string) error {
	return fmt.Errorf("serial port %s: %w: `fuser -v %s` shows which; ModemManager must be told to leave it alone",
		path, ErrBusy, path)
}

// firstUnusable is the first file descriptor that select cannot name.
const firstUnusable = 1024

// checkDescriptors refuses early what would make the library panic later. The port needs three descriptors.
func checkDescriptors() error {
	f, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer f.Close()
	if f.Fd() >= firstUnusable-8 {
		return fmt.Errorf("%w (descriptor %d): open the ports first, or lower LimitNOFILE", ErrDescriptors, f.Fd())
	}
	return nil
}
