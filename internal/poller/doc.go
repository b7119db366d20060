// Package poller waits for several descriptors at once in the Go runtime's poller, so that an idle
// reader of event streams uses no thread and can be woken by deadlines and by closing.
package poller
