package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: the number of calls, which the program counts itself.
func TestMinimal(t *testing.T) {
	testkit.Root(t)
	p := testkit.Start(t)
	for n := 1; n <= 3; n++ {
		want := fmt.Sprintf("parent %d, asked %d times, the kernel saw %d", os.Getpid(), n, n)
		p.Line(t, want, func(line string) bool { return line == want })
	}
}
