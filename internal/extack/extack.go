// Package extack obtains the kernel's message about a system call that returns only an errno.
//
// The kernel writes the messages that netlink returns as extended acks in other calls as well, such
// as attaching XDP programs by a link, and then discards them. Before that they pass the tracepoint
// netlink:netlink_extack (5.13), which this package reads.
package extack

import (
	"bytes"
	"encoding/binary"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/purebpf/bpf/sys"
)

// eventIDs are the files with the tracepoint's number. If tracefs is not mounted, this package does
// not mount it.
var eventIDs = [...]string{
	"/sys/kernel/tracing/events/netlink/netlink_extack/id",
	"/sys/kernel/debug/tracing/events/netlink/netlink_extack/id",
}

const (
	recordSample = 9    // PERF_RECORD_SAMPLE
	dataHead     = 1024 // offsets in struct perf_event_mmap_page
	dataTail     = 1032
	messageField = 8 // offset of the __data_loc after the fields that all events have
)

// Of runs call on this thread and returns the kernel's last message during the call. Without access
// to the tracepoint (tracefs, and CAP_PERFMON or CAP_SYS_ADMIN) it returns "" without running call.
func Of(call func()) string {
	id, ok := eventID()
	if !ok {
		return ""
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fd, err := sys.PerfEventOpen(&sys.PerfEventAttr{
		Type: sys.PerfTypeTracepoint, Config: id, Sample: 1, SampleType: sys.PerfSampleRaw,
	}, 0, -1, -1, 0)
	if err != nil {
		return ""
	}
	defer fd.Close()
	page := os.Getpagesize()
	b, err := sys.Mmap(fd.Int(), 0, 2*page, sys.ProtRead|sys.ProtWrite, sys.MapShared)
	if err != nil {
		return ""
	}
	defer sys.Munmap(b)
	call()
	head := atomic.LoadUint64((*uint64)(unsafe.Pointer(&b[dataHead])))
	// The ring was empty and loses records that do not fit, so records do not wrap.
	words := last(b[page:][:min(head, uint64(page))])
	atomic.StoreUint64((*uint64)(unsafe.Pointer(&b[dataTail])), head)
	return words
}

func eventID() (uint64, bool) {
	for _, file := range eventIDs {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		id, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
		return id, err == nil
	}
	return 0, false
}

// last returns the message of the last sample among records.
func last(records []byte) (words string) {
	for len(records) >= 8 {
		size := int(binary.NativeEndian.Uint16(records[6:]))
		if size < 8 || size > len(records) {
			break
		}
		if binary.NativeEndian.Uint32(records) == recordSample && size >= 12 {
			if text := message(records[12:size]); text != "" {
				words = text
			}
		}
		records = records[size:]
	}
	return words
}

// message reads the string of an event: "__data_loc char[] msg" holds its length and offset.
func message(event []byte) string {
	if len(event) < messageField+4 {
		return ""
	}
	at := binary.NativeEndian.Uint32(event[messageField:])
	offset, length := int(at&0xffff), int(at>>16)
	if offset+length > len(event) {
		return ""
	}
	text, _, _ := bytes.Cut(event[offset:offset+length], []byte{0})
	return string(text)
}
