package linkinfo

import (
	"bytes"

	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// nameRoom is enough for a path, the longest name of any link.
const nameRoom = 4096

// text returns the part of b before the first NUL.
func text(b []byte) string {
	if n := bytes.IndexByte(b, 0); n >= 0 {
		b = b[:n]
	}
	return string(b)
}

func readRawTracepoint(fd int) (Detail, error) {
	name := make([]byte, nameRoom)
	d := sys.RawTracepointInfo{Name: sys.Slice(name), NameLen: nameRoom}
	if _, err := sys.LinkDetailByFD(fd, &d); err != nil {
		return nil, err
	}
	return &RawTracepoint{Tracepoint: text(name), Cookie: d.Cookie}, nil
}

func readIter(fd int, raw *sys.LinkInfo) (Detail, error) {
	name := make([]byte, nameRoom)
	d := sys.IterInfo{TargetName: sys.Slice(name), TargetNameLen: nameRoom}
	if _, err := sys.LinkDetailByFD(fd, &d); err != nil {
		return nil, err
	}
	l := &Iter{Target: text(name), MapID: d.MapID}
	switch l.Target {
	case "cgroup":
		c := sys.LinkInfoAs[sys.IterCgroupInfo](raw)
		l.CgroupID, l.Order = c.CgroupID, uapi.CgroupIterOrder(c.Order)
	case "task", "task_file", "task_vma":
		l.TID, l.PID = d.Words[0], d.Words[1]
	}
	return l, nil
}

func readPerfEvent(fd int, raw *sys.LinkInfo) (Detail, error) {
	event := sys.LinkInfoAs[sys.PlainEventInfo](raw)
	kind := event.Type
	switch kind {
	case 0: // before 6.6
		return nil, nil
	case sys.PerfEventTypeEvent:
		return &PerfEvent{EventType: event.EventType, Config: event.Config, Cookie: event.Cookie},
			nil
	}
	name := make([]byte, nameRoom)
	d := sys.PerfEventInfo{Name: sys.Slice(name), NameLen: nameRoom}
	if _, err := sys.LinkDetailByFD(fd, &d); err != nil {
		return nil, err
	}
	switch kind {
	case sys.PerfEventTypeUprobe, sys.PerfEventTypeUretprobe:
		return &Uprobe{
			Return: kind == sys.PerfEventTypeUretprobe, Path: text(name), Offset: d.Offset,
			Cookie: d.A, RefCtrOffset: d.B,
		}, nil
	case sys.PerfEventTypeKprobe, sys.PerfEventTypeKretprobe:
		return &Kprobe{
			Return: kind == sys.PerfEventTypeKretprobe, Function: text(name), Offset: d.Offset,
			Address: d.A, Missed: d.B, Cookie: d.C,
		}, nil
	case sys.PerfEventTypeTracepoint:
		return &Tracepoint{Tracepoint: text(name), Cookie: d.A}, nil
	}
	return nil, nil
}

func readKprobeMulti(fd int, raw *sys.LinkInfo) (Detail, error) {
	first := sys.LinkInfoAs[sys.KprobeMultiInfo](raw)
	addrs, cookies := make([]uint64, first.Count), make([]uint64, first.Count)
	d := sys.KprobeMultiInfo{Count: first.Count, Addrs: sys.Slice(addrs),
		Cookies: sys.Slice(cookies)}
	if first.Count == 0 {
		return nil, nil // before 6.6
	}
	if _, err := sys.LinkDetailByFD(fd, &d); err != nil {
		return nil, err
	}
	l := &KprobeMulti{
		Return: d.Flags&sys.KprobeMultiReturn != 0, Missed: d.Missed,
		Functions: make([]KprobeMultiFunction, len(addrs)),
	}
	for i := range addrs {
		l.Functions[i] = KprobeMultiFunction{addrs[i], cookies[i]}
	}
	return l, nil
}

func readUprobeMulti(fd int, raw *sys.LinkInfo) (Detail, error) {
	first := sys.LinkInfoAs[sys.UprobeMultiInfo](raw)
	n := first.Count
	if n == 0 {
		return nil, nil // before 6.8
	}
	path := make([]byte, nameRoom)
	offsets, counters, cookies := make([]uint64, n), make([]uint64, n), make([]uint64, n)
	d := sys.UprobeMultiInfo{
		Path: sys.Slice(path), PathSize: nameRoom, Count: n,
		Offsets: sys.Slice(offsets), RefCtrOffsets: sys.Slice(counters),
		Cookies: sys.Slice(cookies),
	}
	if _, err := sys.LinkDetailByFD(fd, &d); err != nil {
		return nil, err
	}
	l := &UprobeMulti{
		Path: text(path), Return: d.Flags&sys.UprobeMultiReturn != 0, PID: d.PID,
		Sites: make([]UprobeMultiSite, n),
	}
	for i := range offsets {
		l.Sites[i] = UprobeMultiSite{offsets[i], counters[i], cookies[i]}
	}
	return l, nil
}
