package tcplink

import (
	"syscall"
	"time"
)

// tcpUserTimeout is the option TCP_USER_TIMEOUT: how long sent bytes may stay unanswered.
const tcpUserTimeout = 18

// giveUpUnanswered makes the system give a connection up whose bytes nobody acknowledges: life signs are asked for only
// while nothing is under way.
func giveUpUnanswered(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(2*lifeSign/time.Millisecond))
	})
	if err != nil {
		return err
	}
	return failed
}
