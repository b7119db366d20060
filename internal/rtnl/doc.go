// Package rtnl makes the few netlink requests that BPF needs: XDP and classic TC programs on
// network interfaces, routes through programs, names and indexes of interfaces, features of
// drivers.
//
// A request is sent on a socket of its own in the calling thread's network namespace. Refusals are
// *Error with the kernel's own words, in which errors.Is finds the errno. Away from Linux every
// request answers ENOSYS.
package rtnl
