package testkit

import (
	"fmt"
	"syscall"
	"testing"
)

// skipper is a test that notes whether it is skipped.
type skipper struct {
	testing.TB
	skipped string
}

func (s *skipper) Skipf(format string, args ...any) { s.skipped = fmt.Sprintf(format, args...) }

// TestSkipRefused checks that a refusal is a reason to skip only if C libbpf meets the same one.
// The oracle is C libbpf's own errno for a section that every kernel has and for one that none has.
func TestSkipRefused(t *testing.T) {
	Root(t)
	VmlinuxBTF(t)
	if errno, err := MinimalErrno(t, "xdp"); err != nil {
		missing(t, "PUREBPF_CORPUS_REQUIRED", "%v", err)
	} else if errno != 0 {
		t.Fatal(errno)
	}
	for _, test := range []struct {
		section string
		err     error
		skips   bool
	}{
		// our load fails although libbpf's would not
		{"xdp", syscall.EPERM, false},
		{"iter/no_such", syscall.EPERM, false},      // refused, but for another reason
		{"iter/no_such", fmt.Errorf("text"), false}, // not an errno
		{"iter/no_such", fmt.Errorf("load: %w", syscall.ENOENT), true},
	} {
		s := &skipper{TB: t}
		SkipRefused(s, test.err, test.section)
		if skips := s.skipped != ""; skips != test.skips {
			t.Errorf("%s, %v: skips %v: %s", test.section, test.err, skips, s.skipped)
		}
	}
}
