// Package stream is what readers of event streams have in common, whatever their rings look like:
// one goroutine reads at a time, an idle one waits in the Go runtime's poller, anyone may end it.
package stream
