package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// TestProfile: the function in which a process spends its time has most samples, one of its own and
// one of the kernel. Oracle: what the test does meanwhile.
func TestProfile(t *testing.T) {
	testkit.Root(t)
	for _, c := range []struct {
		name  string
		work  func(stop *atomic.Bool)
		frame string // how a frame of the stacks ends
	}{
		{"program", spin, "/profile.spin"},
		{"kernel", readZeros, "vfs_read_[k]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stop atomic.Bool
			defer stop.Store(true)
			done := make(chan struct{})
			go func() {
				defer close(done)
				c.work(&stop)
			}()
			svg := filepath.Join(t.TempDir(), "flame.svg")
			p := testkit.Start(t, "-p", fmt.Sprint(os.Getpid()), "-F", "499", "-d", "2s",
				"-svg", svg)
			lines := []string{p.Line(t, "a stack", func(string) bool { return true })}
			lines = append(lines, p.Rest()...)
			stop.Store(true)
			<-done

			all, within := 0, 0
			for _, line := range lines {
				frames, n := parse(t, line)
				all += n
				for _, frame := range frames {
					if strings.HasSuffix(frame, c.frame) {
						within += n
						break
					}
				}
			}
			if within <= all/2 {
				t.Errorf("%d of %d samples are in %s\n%s", within, all, c.frame,
					strings.Join(lines, "\n"))
			}
			t.Logf("%d of %d samples are in %s", within, all, c.frame)
			graph, err := os.ReadFile(svg)
			if err != nil {
				t.Fatal(err)
			}
			titles := text(t, graph)
			if !strings.Contains(titles, c.frame+": ") ||
				!strings.Contains(titles, fmt.Sprintf("all: %d samples", all)) {
				t.Errorf("the flame graph lacks %s or %d samples\n%s", c.frame, all, titles)
			}
		})
	}
}

// spin and readZeros stay out of the race detector, whose functions keep no frame pointers.
//
//go:noinline
//go:norace
func spin(stop *atomic.Bool) {
	for n := 0; n%(1<<20) != 0 || !stop.Load(); n++ {
	}
}

func readZeros(stop *atomic.Bool) {
	zero, err := syscall.Open("/dev/zero", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	defer syscall.Close(zero)
	for b := make([]byte, 1<<20); !stop.Load(); {
		syscall.Syscall(syscall.SYS_READ, uintptr(zero), uintptr(unsafe.Pointer(&b[0])),
			uintptr(len(b)))
	}
}

// parse reads a line of folded stacks.
func parse(t *testing.T, line string) (frames []string, count int) {
	t.Helper()
	i := strings.LastIndexByte(line, ' ')
	count, err := strconv.Atoi(line[i+1:])
	if i < 0 || err != nil || count < 1 {
		t.Fatalf("%q is no folded stack", line)
	}
	return strings.Split(line[:i], ";"), count
}

// text checks that a graph is well-formed XML, and returns its text.
func text(t *testing.T, graph []byte) string {
	t.Helper()
	var text strings.Builder
	for d := xml.NewDecoder(bytes.NewReader(graph)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, graph)
		}
		if data, ok := token.(xml.CharData); ok {
			text.Write(data)
		}
	}
}

// Names of functions and processes get no power over the output. Oracle: encoding/xml.
func TestHostileNames(t *testing.T) {
	const name = `</title><script>&"'` + "\x00\xff\x1b]0;"
	titles := text(t, flameGraph([]stack{{[]string{name, name}, 1}}))
	if !strings.Contains(titles, `</title><script>&"'`) {
		t.Errorf("the name is not in the text: %q", titles)
	}
	if got := strings.Map(clean, "a;b\n\x1b[2J c"); got != "a:b??[2J c" {
		t.Errorf("%q", got)
	}
}
