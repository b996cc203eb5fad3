package tcplink_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/tcplink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connected is a link and the socket at its other end.
func connected(t *testing.T) (*tcplink.Link, net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	link, err := tcplink.Open(t.Context(), listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := link.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
		_ = far.Close() // some cases have closed it
	})
	return link, far
}

func read(ctx context.Context, link *tcplink.Link, n int) ([]byte, error) {
	var all []byte
	buf := make([]byte, 64)
	for len(all) < n {
		m, err := link.Read(ctx, buf)
		if err != nil {
			return all, err
		}
		all = append(all, buf[:m]...)
	}
	return all, nil
}

func TestCarriesBytesBothWays(t *testing.T) {
	link, far := connected(t)
	if err := link.Write(t.Context(), []byte("~HS")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 3)
	if _, err := far.Read(got); err != nil || string(got) != "~HS" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := far.Write([]byte("\x02030\x03")); err != nil {
		t.Fatal(err)
	}
	if got, err := read(t.Context(), link, 5); err != nil || string(got) != "\x02030\x03" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	link, far := connected(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if n, err := link.Read(ctx, make([]byte, 8)); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d, %v", n, err)
	}
	// Afterwards the link is as good as before, and what has arrived comes first, whatever the context says.
	if _, err := far.Write([]byte("ab")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1)
	if n, err := link.Read(t.Context(), buf); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if n, err := link.Read(ctx, buf); n != 1 || buf[0] != 'b' || err != nil {
		t.Errorf("%d %q, %v", n, buf, err)
	}
}

func TestTheOtherEndGoes(t *testing.T) {
	link, far := connected(t)
	if _, err := far.Write([]byte("last")); err != nil {
		t.Fatal(err)
	}
	if err := far.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := read(t.Context(), link, 5)
	if string(got) != "last" || !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("%q, %v", got, err)
	}
	if err := link.Write(t.Context(), []byte("x")); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("writing: %v", err)
	}
	if err := link.Flush(); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("flushing: %v", err)
	}
}

// A printer that takes nothing off the line holds a write up until its context ends. Part may have been sent: the link
// is not used again.
func TestAWriteThatHangs(t *testing.T) {
	link, _ := connected(t)
	much := make([]byte, 64<<20) // more than any socket takes unread
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := link.Write(ctx, much)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if err := link.Write(t.Context(), []byte("x")); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestFlushDropsWhatHasArrived(t *testing.T) {
	link, far := connected(t)
	if _, err := far.Write([]byte("old")); err != nil {
		t.Fatal(err)
	}
	if got, err := read(t.Context(), link, 1); err != nil || len(got) != 3 {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := far.Write([]byte("stale")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1)
	if _, err := link.Read(t.Context(), buf); err != nil {
		t.Fatal(err)
	}
	if err := link.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if got, err := read(t.Context(), link, 3); err != nil || string(got) != "new" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestNobodyThere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := tcplink.Open(t.Context(), address); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("%v", err)
	}
}

func TestCloseTwice(t *testing.T) {
	link, _ := connected(t)
	if err := link.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := link.Read(t.Context(), make([]byte, 1)); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("%v", err)
	}
}
