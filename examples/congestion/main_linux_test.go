package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: the kernel, which calls the programs for connections with this congestion control only:
// one a second.
func TestCongestion(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.4")
	testkit.Netns(t)
	p := testkit.Start(t)
	for n := 1; n <= 2; n++ {
		line := p.Line(t, fmt.Sprint(n, " connections"), func(line string) bool {
			return strings.HasPrefix(line, fmt.Sprint(n, " connections, "))
		})
		var connections, acks, losses, window int
		_, err := fmt.Sscanf(line, "%d connections, %d acknowledgements, %d losses, "+
			"window of %d packets", &connections, &acks, &losses, &window)
		if err != nil || acks == 0 || window == 0 {
			t.Errorf("%s: %v", line, err)
		}
	}
}
