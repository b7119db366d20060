// Package stream is the common part of readers of event streams, whatever their rings look like:
// one goroutine reads at a time, an idle one waits in the Go runtime's poller, and any goroutine
// may end the wait.
package stream
