package tcplink

import (
	"bytes"
	"errors"
	"testing"

	"github.com/lieu-clinic/lieu/devices"
)

// What comes faster than it is read is dropped whole, and that is said once.
func TestAFloodIsSaid(t *testing.T) {
	l := &Link{address: "printer", arrived: make(chan struct{}, 1)}
	for range maxUnread/512 + 1 {
		l.keep(bytes.Repeat([]byte{'x'}, 512))
	}
	l.keep([]byte("after"))
	if n, err := l.Read(t.Context(), make([]byte, 8)); n != 0 || !errors.Is(err, devices.ErrGarbled) {
		t.Errorf("%d, %v", n, err)
	}
	buf := make([]byte, 8)
	if n, err := l.Read(t.Context(), buf); err != nil || string(buf[:n]) != "after" {
		t.Errorf("%q, %v", buf[:n], err)
	}
}
