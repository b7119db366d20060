package uapi_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

// The oracle is linux/capability.h.
func TestCapabilitiesOfHeader(t *testing.T) {
	header := testkit.Header(t, "linux/capability.h")
	ours := func(c uapi.Capability) bool { return strings.HasPrefix(c.String(), "CAP_") }
	known := 0
	for _, m := range regexp.MustCompile(
		`(?m)^#define\s+(CAP_\w+)\s+(\d+)$`).FindAllSubmatch(header, -1) {
		number, err := strconv.Atoi(string(m[2]))
		if err != nil {
			t.Fatal(err)
		}
		c := uapi.Capability(number)
		if !ours(c) {
			continue
		}
		known++
		if got := c.String(); got != string(m[1]) {
			t.Errorf("capability %d is %s, the header's is %s", number, got, m[1])
		}
	}
	named := 0
	for c := range uapi.Capability(64) {
		if ours(c) {
			named++
		}
	}
	if known != named || known == 0 {
		t.Errorf("the header has %d of our %d capabilities", known, named)
	}
}
