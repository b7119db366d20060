//go:build linux

package parity

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/internal/verify"
	"github.com/purebpf/bpf/sys"
)

// attachment is what a library made of attaching an object.
type attachment struct {
	Loaded   bool     `json:"loaded"`
	Errno    int      `json:"errno"`
	Attached []string `json:"attached"`
}

// Oracle: C libbpf 1.5, which loads and attaches each object of the tools (testdata/attach.c: as a
// skeleton does). What it attaches is attached here; what it fails at fails here with the same
// number; and afterwards nothing is left in the kernel.
func TestAttachEqualsLibbpf(t *testing.T) {
	testkit.Root(t)
	program := testkit.LibbpfProgram(t, "testdata/attach.c")
	before := idsOfKernel(t)
	loaded, links := 0, 0
	for _, path := range testkit.Corpus(t, "tools") {
		t.Run(strings.TrimSuffix(path[strings.LastIndexByte(path, '/')+1:], ".bpf.o"),
			func(t *testing.T) {
				out, err := exec.Command(program, path).Output()
				if err != nil {
					t.Fatalf("C libbpf: %v", err)
				}
				var want attachment
				if err := json.Unmarshal(out, &want); err != nil {
					t.Fatalf("%v in %q", err, out)
				}
				if !want.Loaded {
					return // TestVerdictsEqualLibbpf has the rest
				}
				loaded++
				got, ids, err := attach(t, path)
				links += len(got.Attached)
				if got.Errno != want.Errno || !slices.Equal(got.Attached, want.Attached) {
					t.Errorf("errno %d, %q; C libbpf: errno %d, %q (%v)", got.Errno, got.Attached,
						want.Errno, want.Attached, err)
				}
				var left []id
				gone := testkit.Await(testkit.Patience(5*time.Second), func() bool {
					left = slices.DeleteFunc(slices.Clone(ids),
						func(i id) bool { return !i.exists() })
					return len(left) == 0
				})
				if !gone {
					t.Errorf("still in the kernel after Close: %v", left)
				}
			})
	}
	mine := fmt.Sprintf("purebpf_%d_", os.Getpid())
	for _, name := range []string{"kprobe_events", "uprobe_events"} {
		text, err := os.ReadFile(testkit.Tracefs(t) + "/" + name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
		if strings.Contains(string(text), mine) {
			t.Errorf("left in %s:\n%s", name, text)
		}
	}
	if os.Getenv("PUREBPF_SLOW") == "1" { // a machine of its own, where nobody else makes any
		after := before
		same := testkit.Await(5*time.Second, func() bool {
			after = idsOfKernel(t)
			return slices.Equal(after, before)
		})
		if !same {
			t.Errorf("before %v, after %v", before, after)
		}
	}
	if loaded == 0 || links == 0 {
		t.Errorf("%d objects loaded, %d links: the corpus or C libbpf is broken", loaded, links)
	}
	t.Logf("%d objects, %d links", loaded, links)
}

// attach loads and attaches an object, and says what was attached and under which ids the kernel
// knew it.
func attach(t *testing.T, path string) (a attachment, ids []id, failure error) {
	t.Helper()
	o, err := bpf.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	obj, err := bpf.Load(o, &bpf.LoadOptions{SkipPins: true})
	if err != nil {
		t.Fatalf("C libbpf loads it: %v", err)
	}
	defer func() {
		if err := obj.Close(); err != nil {
			t.Error(err)
		}
	}()
	a.Loaded, a.Attached = true, []string{}
	for _, p := range obj.Programs() {
		if p.FD() >= 0 {
			info, err := sys.ProgInfoByFD(p.FD())
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id{"program", info.ID})
		}
	}
	for _, m := range obj.Maps() {
		if m.FD() >= 0 {
			info, err := sys.MapInfoByFD(m.FD())
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id{"map", info.ID})
		}
	}
	links, err := obj.Attach()
	if err != nil {
		a.Errno = verify.Errno(err)
		if _, statErr := os.Stat(testkit.Tracefs(t) + "/kprobe_events"); errors.Is(err,
			bpf.ErrNotSupported) && statErr != nil {
			a.Errno = int(syscall.ENOENT) // what libbpf says of a kernel without kprobes, where this library says that it has none
		}
		return a, ids, err
	}
	for _, l := range links {
		a.Attached = append(a.Attached, l.Name())
		if l.FD() < 0 {
			continue
		}
		info, err := sys.LinkInfoByFD(l.FD())
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id{"link", info.ID})
	}
	return a, ids, nil
}

// id is something that the kernel numbers.
type id struct {
	kind   string
	number uint32
}

// kinds of numbered things: the next number, and the thing of a number.
var kinds = []struct {
	kind string
	next func(uint32) (uint32, error)
	open func(uint32) (*sys.FD, error)
}{
	{"program", sys.ProgNextID, sys.ProgFDByID},
	{"map", sys.MapNextID, sys.MapFDByID},
	{"link", sys.LinkNextID, sys.LinkFDByID},
}

func (i id) exists() bool {
	for _, k := range kinds {
		if k.kind == i.kind {
			fd, err := k.open(i.number)
			fd.Close()
			return !errors.Is(err, syscall.ENOENT)
		}
	}
	return false
}

func idsOfKernel(t *testing.T) (ids []id) {
	t.Helper()
	for _, k := range kinds {
		number, err := k.next(0)
		for ; err == nil; number, err = k.next(number) {
			ids = append(ids, id{k.kind, number})
		}
		if !errors.Is(err, syscall.ENOENT) {
			t.Fatal(err)
		}
	}
	return ids
}
