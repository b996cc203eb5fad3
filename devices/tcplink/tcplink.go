// Package tcplink opens network sockets as device links, for printers that listen on port 9100.
//
// A cable that is pulled says nothing to a socket: the link asks the other end for a sign of life and reports
// ErrDisconnected when none comes, within about ten seconds.
package tcplink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/devices"
)

const (
	connectTimeout = 5 * time.Second
	// lifeSign is how long a quiet line may stay without proof that the other end is there.
	lifeSign = 5 * time.Second
	probes   = 3
	// maxUnread is how much may lie unread before the input counts as a flood and is dropped whole.
	maxUnread = 8 << 10
)

// Link is an open socket. It implements devices.Link.
type Link struct {
	address string
	conn    net.Conn
	arrived chan struct{} // holds one token when unread or dead has news
	reader  chan struct{} // closed when the reader has returned
	writing sync.Mutex    // one write at a time

	mu     sync.Mutex
	unread []byte
	flood  bool
	dead   error // why the link cannot be used any more
}

var _ devices.Link = (*Link)(nil)

// Open connects to address, a host and a port. ErrDisconnected when nobody answers there.
func Open(ctx context.Context, address string) (*Link, error) {
	dialer := net.Dialer{
		Timeout: connectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: lifeSign, Interval: time.Second, Count: probes,
		},
		Control: giveUpUnanswered,
	}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", address, devices.ErrDisconnected, err)
	}
	l := &Link{address: address, conn: conn, arrived: make(chan struct{}, 1), reader: make(chan struct{})}
	go l.receive()
	return l, nil
}

// Read waits for bytes. Bytes that have arrived are returned whatever ctx says. After a flood it reports ErrGarbled once.
func (l *Link) Read(ctx context.Context, p []byte) (int, error) {
	for {
		n, err := l.take(p)
		if n > 0 || err != nil {
			return n, err
		}
		select {
		case <-l.arrived:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (l *Link) take(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flood {
		l.flood = false
		return 0, fmt.Errorf("%s: input came faster than it was read: %w", l.address, devices.ErrGarbled)
	}
	if len(l.unread) == 0 {
		return 0, l.dead
	}
	n := copy(p, l.unread)
	l.unread = l.unread[:copy(l.unread, l.unread[n:])]
	return n, nil
}

// Write sends all of p. When ctx ends first, part of p may have been sent and the link cannot be used any more.
func (l *Link) Write(ctx context.Context, p []byte) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := errors.Join(l.failed(), ctx.Err()); err != nil {
		return err
	}
	if err := l.conn.SetWriteDeadline(time.Time{}); err != nil {
		return l.die(err)
	}
	stop := context.AfterFunc(ctx, func() {
		_ = l.conn.SetWriteDeadline(time.Unix(1, 0)) // on a closed socket there is nothing to hurry
	})
	defer stop()
	if _, err := l.conn.Write(p); err != nil {
		dead := l.die(err)
		if ctx.Err() != nil {
			return fmt.Errorf("%s: write: %w", l.address, ctx.Err())
		}
		return dead
	}
	return nil
}

// Flush drops what has arrived and was not read.
func (l *Link) Flush() error {
	if err := l.failed(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unread, l.flood = l.unread[:0], false
	return nil
}

// Close ends the connection.
func (l *Link) Close() error {
	_ = l.die(net.ErrClosed) // which is what later calls report
	err := l.conn.Close()
	<-l.reader
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (l *Link) receive() {
	defer close(l.reader)
	buf := make([]byte, 512)
	for {
		n, err := l.conn.Read(buf)
		l.keep(buf[:n])
		if err != nil {
			_ = l.die(err) // the reader has nobody to tell but later calls
			return
		}
	}
}

func (l *Link) keep(b []byte) {
	if len(b) == 0 {
		return
	}
	l.mu.Lock()
	if len(l.unread)+len(b) > maxUnread {
		l.unread, l.flood = l.unread[:0], true
	} else {
		l.unread = append(l.unread, b...)
	}
	l.mu.Unlock()
	l.wake()
}

func (l *Link) failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// die records why the link is unusable and returns it; the first reason stays.
func (l *Link) die(cause error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead == nil {
		l.dead = fmt.Errorf("%s: %v: %w", l.address, cause, devices.ErrDisconnected)
	}
	l.wake()
	return l.dead
}

func (l *Link) wake() {
	select {
	case l.arrived <- struct{}{}:
	default:
	}
}
