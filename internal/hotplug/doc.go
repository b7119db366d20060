// Package hotplug reports when CPUs may have gone offline or come online. When a CPU goes offline
// the kernel stops its perf events for good: PERF_EVENT_IOC_ENABLE reports success but starts
// nothing, so they must be opened again.
//
// Nothing is polled. The kernel announces CPUs by uevents, which reach every process of the initial
// user namespace without privileges; a socket filter drops all others. A suspend takes CPUs offline
// without uevents but changes the clock, which ends the wait for a timer with
// TFD_TIMER_CANCEL_ON_SET. A process that may not open such a socket is woken every five seconds
// instead.
package hotplug
