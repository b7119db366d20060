// Package hotplug tells when CPUs may have gone or come. When a CPU goes offline the kernel stops
// its perf events for good: PERF_EVENT_IOC_ENABLE reports success and starts nothing, they have to
// be opened anew.
//
// Nothing is polled. The kernel announces CPUs by uevents, which reach every process of the initial
// user namespace without privileges; the socket filters all others out. A suspend takes CPUs away
// without uevents, but moves the clock, which ends the wait for a timer that is cancelled by that.
// A process that may open no such socket is woken every five seconds instead.
package hotplug
