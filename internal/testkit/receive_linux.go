package testkit

import (
	"time"

	"golang.org/x/sys/unix"
)

// Receive waits for a packet on a socket, even if signals arrive in the meantime; the error is
// EAGAIN if none comes.
func Receive(socket int, b []byte, wait time.Duration) (int, error) {
	for deadline := time.Now().Add(wait); ; {
		left := max(time.Until(deadline), 0)
		ready := []unix.PollFd{{Fd: int32(socket), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, int(left.Milliseconds())); err != nil && err != unix.EINTR {
			return 0, err
		}
		n, _, err := unix.Recvfrom(socket, b, unix.MSG_DONTWAIT)
		if err != unix.EAGAIN && err != unix.EINTR || left == 0 {
			return n, err
		}
	}
}
