package uapi

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// Oracle: linux/capability.h.
func TestCapabilitiesOfHeader(t *testing.T) {
	header := testkit.Header(t, "linux/capability.h")
	known := 0
	for _, m := range regexp.MustCompile(`(?m)^#define\s+(CAP_\w+)\s+(\d+)$`).FindAllSubmatch(header, -1) {
		number, err := strconv.Atoi(string(m[2]))
		if err != nil {
			t.Fatal(err)
		}
		if number >= len(capNames) || capNames[number] == "" {
			continue
		}
		known++
		if got := Capability(number).String(); got != string(m[1]) {
			t.Errorf("capability %d is %s, the header's is %s", number, got, m[1])
		}
	}
	named := 0
	for _, name := range capNames {
		if name != "" {
			named++
		}
	}
	if known != named {
		t.Errorf("the header has %d of our %d capabilities", known, named)
	}
}
