package sim

import (
	"os"
	"syscall"
	"unsafe"

	"github.com/creack/pty"
)

// terminal is a pseudo-terminal. The slave's end is kept open, so that a client that closes or dies does not hang the
// line up, and so that the exclusive lock a killed client left behind can be taken off.
type terminal struct {
	master *os.File
	slave  *os.File
	baud   uint32
}

func newTerminal(baud uint32) (*terminal, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return nil, err
	}
	defer master.Close()
	// Raw before anybody knows the name: a fresh terminal echoes and turns CR into LF.
	if err := makeRaw(slave, baud); err != nil {
		slave.Close()
		return nil, err
	}
	// pty.Open leaves the master blocking, so that closing it would not end a read; a non-blocking copy does.
	fd, err := syscall.Dup(int(master.Fd()))
	if err == nil {
		syscall.CloseOnExec(fd)
		err = syscall.SetNonblock(fd, true)
	}
	if err != nil {
		slave.Close()
		return nil, err
	}
	return &terminal{master: os.NewFile(uintptr(fd), "pty master"), slave: slave, baud: baud}, nil
}

// settings is the kernel's struct termios2, which tells the rate in numbers.
type settings struct {
	iflag, oflag, cflag, lflag uint32
	line                       uint8
	cc                         [19]uint8
	ispeed, ospeed             uint32
}

const (
	getSettings = 0x802c542a // TCGETS2
	setSettings = 0x402c542b // TCSETS2
	rateBits    = 0x100f     // CBAUD
	rateNumber  = 0x1000     // BOTHER: the rate is in ispeed and ospeed
)

func makeRaw(f *os.File, baud uint32) error {
	var s settings
	if err := ioctl(f, getSettings, unsafe.Pointer(&s)); err != nil {
		return err
	}
	s.iflag, s.oflag, s.lflag = 0, 0, 0
	s.cflag = s.cflag&^(syscall.CSIZE|syscall.PARENB|rateBits) | syscall.CS8 | rateNumber
	s.ispeed, s.ospeed = baud, baud
	s.cc[syscall.VMIN], s.cc[syscall.VTIME] = 1, 0
	return ioctl(f, setSettings, unsafe.Pointer(&s))
}

// mismatch reports whether the client has set another baud rate than the device's. The terminal would carry the bytes
// all the same; a real line would not.
func (t *terminal) mismatch() bool {
	var s settings
	err := ioctl(t.slave, getSettings, unsafe.Pointer(&s))
	return err == nil && s.ospeed != t.baud
}

func ioctl(f *os.File, request uintptr, arg unsafe.Pointer) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var errno syscall.Errno
	err = conn.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg))
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return err
}

func (t *terminal) read(p []byte) (int, error) {
	n, err := t.master.Read(p)
	if n > 0 && t.mismatch() {
		copy(p, scramble(p[:n]))
	}
	return n, err
}

func (t *terminal) write(p []byte) error {
	if t.mismatch() {
		p = scramble(p)
	}
	_, err := t.master.Write(p)
	return err
}

// refresh takes a stale exclusive lock off. It cannot be told from a live one, so on these terminals the lock never
// lasts; the drivers' own lock files keep programs apart.
func (t *terminal) refresh() { _ = ioctl(t.slave, syscall.TIOCNXCL, nil) }

func (t *terminal) name() string { return t.slave.Name() }

func (t *terminal) close() {
	_ = t.master.Close()
	_ = t.slave.Close()
}
