package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: what the kernel was configured with and lets anybody load, and the process that the test
// creates.
func TestAlternatives(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	if runtime.GOARCH != "amd64" {
		testkit.Skip(t, "the committed object reads registers of x86-64")
	}
	p := testkit.Start(t)
	want := working(t)[0]
	p.Line(t, want, func(line string) bool {
		if strings.HasPrefix(line, want+" doesn't work here: ") {
			t.Error(line)
		}
		chosen, ok := strings.CutPrefix(line, "chosen: ")
		if ok && chosen != want {
			t.Errorf("chosen: %s, want %s", chosen, want)
		}
		return ok
	})
	p.Line(t, "the start", func(line string) bool {
		return line == "created processes, until Ctrl-C:"
	})
	cmd := exec.Command(testkit.Tool(t, "true"))
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	want = fmt.Sprintf(" pid %d creates pid %d", os.Getpid(), cmd.ProcessState.Pid())
	p.Line(t, want, func(line string) bool { return strings.HasSuffix(line, want) })
}

// Each alternative that works on this kernel reports the same. Oracle: as above.
func TestEach(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	if runtime.GOARCH != "amd64" {
		testkit.Skip(t, "the committed object reads registers of x86-64")
	}
	for _, name := range working(t) {
		t.Run(name, func(t *testing.T) {
			spec, err := OpenAlternatives()
			if err != nil {
				t.Fatal(err)
			}
			defer spec.Close()
			spec.Object.Program(name).Autoload = true
			a, err := spec.Load(nil)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if links, err := a.Attach(); err != nil || len(links) != 1 {
				t.Fatalf("attached %v, %v", links, err)
			}
			cmd := exec.Command(testkit.Tool(t, "true"))
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience(20*time.Second))
			defer cancel()
			for c, err := range a.Maps.Creations.Records(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				if int(c.Parent) == os.Getpid() && int(c.Child) == cmd.ProcessState.Pid() {
					return
				}
			}
			t.Error("the process was not reported")
		})
	}
}

// working returns the programs that work on this kernel, the best one first.
func working(t *testing.T) (names []string) {
	text, err := kernel.Running().Kconfig()
	if err != nil {
		t.Fatal(err)
	}
	configured := func(option string) bool {
		return strings.Contains(string(text), "\n"+option+"=y\n")
	}
	// Some kernels refuse LSM programs, and fentry with them, even to root.
	_, err = kernel.Running().HasProgType(uapi.ProgLSM)
	if configured("CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS") && !errors.Is(err, syscall.EPERM) {
		names = append(names, "created___fentry")
	}
	if configured("CONFIG_KPROBE_EVENTS") {
		names = append(names, "created___kprobe")
	}
	return append(names, "created___raw_tp")
}
