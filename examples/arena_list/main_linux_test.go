package main

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: the processes that the test starts, more than fit into a page.
func TestArenaList(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.9") // arenas
	cat := testkit.Tool(t, "cat")
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{} // lines
	var cats []*exec.Cmd
	defer func() {
		out.Close() // ends them
		in.Close()
		for _, cmd := range cats {
			cmd.Wait()
		}
	}()
	for range 4096/unsafe.Sizeof(ArenaListProcess{}) + 1 {
		cmd := exec.Command(cat)
		cmd.Stdin = in
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cats = append(cats, cmd)
		wanted[fmt.Sprintf("%7d %7d cat", cmd.Process.Pid, os.Getpid())] = true
	}
	p := testkit.Start(t)
	p.Line(t, "the title", func(line string) bool { return line == "    PID    PPID COMMAND" })
	p.Line(t, "all processes", func(line string) bool {
		delete(wanted, line)
		return len(wanted) == 0
	})
}
