package kernel

// ThreadNetns names the network namespace of the calling thread. /proc/self/ns/net names that of
// the process's first thread, which is another one if the calling thread has changed its own.
const ThreadNetns = "/proc/thread-self/ns/net"
