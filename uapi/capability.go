package uapi

import "strconv"

// Capability is a Linux capability, by its number.
type Capability uint8

// Capabilities that BPF needs.
const (
	CapDACOverride Capability = 1  // read and write files of root, such as tracefs
	CapNetAdmin    Capability = 12 // attach to the network
	CapSysAdmin    Capability = 21 // everything below before Linux 5.8; listing by id, mounting
	CapSysResource Capability = 24 // raise RLIMIT_MEMLOCK before Linux 5.11
	CapSyslog      Capability = 34 // see kernel addresses
	CapPerfmon     Capability = 38 // tracing (5.8)
	CapBPF         Capability = 39 // load programs, create maps (5.8)
)

var capNames = [...]string{
	CapDACOverride: "CAP_DAC_OVERRIDE",
	CapNetAdmin:    "CAP_NET_ADMIN",
	CapSysAdmin:    "CAP_SYS_ADMIN",
	CapSysResource: "CAP_SYS_RESOURCE",
	CapSyslog:      "CAP_SYSLOG",
	CapPerfmon:     "CAP_PERFMON",
	CapBPF:         "CAP_BPF",
}

// String returns the name as capabilities(7) spells it.
func (c Capability) String() string {
	if int(c) < len(capNames) && capNames[c] != "" {
		return capNames[c]
	}
	return "Capability(" + strconv.Itoa(int(c)) + ")"
}

// ProgCaps returns the capabilities needed to load a program of type t.
func ProgCaps(t ProgType) []Capability {
	switch t {
	case ProgSchedCls, ProgSchedAct, ProgXDP, ProgLWTIn, ProgLWTOut, ProgLWTXmit, ProgLWTSeg6Local,
		ProgSKSKB, ProgSKMsg,
		ProgFlowDissector, ProgCgroupDevice, ProgCgroupSock, ProgCgroupSockAddr, ProgCgroupSockOpt,
		ProgCgroupSysctl, ProgSockOps,
		ProgNetfilter:
		return []Capability{CapBPF, CapNetAdmin}
	case ProgKprobe, ProgTracepoint, ProgPerfEvent, ProgRawTracepoint, ProgRawTracepointWritable,
		ProgTracing, ProgLSM,
		ProgStructOps:
		return []Capability{CapBPF, CapPerfmon}
	case ProgExt:
		return []Capability{CapBPF, CapPerfmon, CapNetAdmin}
	}
	return []Capability{CapBPF}
}

// MapCaps returns the capabilities needed to create a map of type t.
func MapCaps(t MapType) []Capability {
	switch t {
	case MapSockMap, MapSockHash, MapDevMap, MapDevMapHash, MapXSKMap:
		return []Capability{CapBPF, CapNetAdmin}
	}
	return []Capability{CapBPF}
}
