//go:build linux

package kernel

import (
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

// TestTrials tries things that every kernel with BPF has and things that none has. The oracle is
// the kernel's source, which has refused unknown flags since 3.18.
func TestTrials(t *testing.T) {
	testkit.Root(t)
	f := Running()
	for _, test := range []struct {
		trial facts.ProgramTrial
		want  bool
		says  string
	}{
		{facts.ProgramTrial{Type: uapi.ProgSocketFilter, License: "GPL"}, true, ""},
		{facts.ProgramTrial{Type: uapi.ProgSocketFilter}, true, ""},
		// must return 1
		{facts.ProgramTrial{Type: uapi.ProgCgroupSockAddr,
			Attach: uapi.AttachCgroupInet4GetPeerName}, true, ""},
		{facts.ProgramTrial{Type: uapi.ProgSocketFilter, Flags: 1 << 30}, false,
			"invalid argument"},
		{facts.ProgramTrial{Type: uapi.ProgXDP, Flags: uapi.FSleepable}, false, "can be sleepable"},
		{facts.ProgramTrial{Type: 1000}, false, "invalid argument"},
	} {
		ok, says, err := f.TryProgram(test.trial)
		if ok != test.want || !strings.Contains(says, test.says) || err != nil {
			t.Errorf("%+v: %v %q %v", test.trial, ok, says, err)
		}
	}
	for _, test := range []struct {
		trial facts.MapTrial
		want  bool
		err   error
	}{
		{facts.MapTrial{Type: uapi.MapArray, KeySize: 4, ValueSize: 8}, true, nil},
		{facts.MapTrial{Type: uapi.MapHash, KeySize: 4, ValueSize: 8, Flags: uapi.FNoPrealloc},
			true, nil},
		{facts.MapTrial{Type: uapi.MapHash, KeySize: 4, ValueSize: 8, Flags: 1 << 30}, false, nil},
		{facts.MapTrial{Type: uapi.MapRingBuf}, true, nil},
		{facts.MapTrial{Type: uapi.MapHashOfMaps, KeySize: 4, ValueSize: 4}, false,
			syscall.EOPNOTSUPP},
	} {
		if ok, says, err := f.TryMap(test.trial); ok != test.want || err != test.err {
			t.Errorf("%+v: %v %q %v", test.trial, ok, says, err)
		}
	}
}
