package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: the file descriptor and the error that the test gets from the kernel for files of the
// prefix. What doesn't begin so is not printed but counted.
func TestRingbuf(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	t.Chdir(t.TempDir())
	for _, name := range []string{"wanted", "other"} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := testkit.Start(t, "-p", fmt.Sprint(os.Getpid()), "-prefix", "wanted")
	p.Line(t, "the start", func(line string) bool {
		return line == "opened files, until Ctrl-C:"
	})

	const others = 3
	for range others {
		open(t, "other")
	}
	fd := open(t, "wanted")
	about := fmt.Sprintf(" pid %d: ", os.Getpid())
	next := func(want string) {
		t.Helper()
		line := p.Line(t, "an opened file", func(string) bool { return true })
		if !strings.Contains(line, about+want) {
			t.Errorf("%s\nwant %s", line, want)
		}
		var n, lost int
		_, counts, _ := strings.Cut(line, " (")
		if _, err := fmt.Sscanf(counts, "%d filtered, %d lost)", &n, &lost); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if n < others || lost != 0 {
			t.Errorf("%s\nwant at least %d filtered", line, others)
		}
	}
	next(fmt.Sprintf("wanted: file descriptor %d ", fd))
	if _, err := syscall.Open("wanted-too", syscall.O_RDONLY, 0); err != syscall.ENOENT {
		t.Fatalf("wanted-too: %v", err)
	}
	next("wanted-too: no such file or directory ")
}

// open opens a file, closes it, and returns what its file descriptor was.
func open(t *testing.T, path string) int {
	t.Helper()
	fd, err := syscall.Open(path, syscall.O_RDONLY, 0)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	syscall.Close(fd)
	return fd
}
