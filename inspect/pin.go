package inspect

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Pin is a file of a BPF file system that keeps a program, a map or a link in the kernel.
type Pin struct {
	Path string
	Held
}

// mostPins limits how many files Pins looks at.
const mostPins = 100_000

// Pins lists the pins in the BPF file systems that this process sees, by path (bpftool -f). Pins
// that it may not open are left out: programs and links need read and write permission, and all
// need CAP_BPF. Of more than 100,000 files, the others are left out.
func Pins() ([]Pin, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, failed("list pins", "", err)
	}
	var list []Pin
	looked := 0
	seen := map[string]bool{} // mount points, each of which may be in several lines
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[2] != "bpf" || seen[f[1]] {
			continue
		}
		seen[f[1]] = true
		// Errors are those of directories that this process may not read.
		filepath.WalkDir(mountPoint(f[1]), func(path string, entry fs.DirEntry, err error) error {
			if looked++; looked > mostPins {
				return fs.SkipAll
			}
			if err == nil && entry.Type().IsRegular() {
				if what, ok := pinned(path); ok {
					list = append(list, Pin{path, what})
				}
			}
			return nil
		})
	}
	slices.SortFunc(list, func(a, b Pin) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

// mountPoint undoes how the kernel writes spaces, tabs, newlines and backslashes in paths.
func mountPoint(text string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '\\')
		if i < 0 || len(text) < i+4 {
			return b.String() + text
		}
		n, err := strconv.ParseUint(text[i+1:i+4], 8, 8)
		if err != nil {
			return b.String() + text
		}
		b.WriteString(text[:i])
		b.WriteByte(byte(n))
		text = text[i+4:]
	}
}

// pinned returns what is pinned at a path.
func pinned(path string) (Held, bool) {
	fd, err := sys.ObjGet(path, 0)
	if err != nil { // a map that may only be read
		if fd, err = sys.ObjGet(path, uapi.FOpenRdonly); err != nil {
			return Held{}, false
		}
	}
	defer fd.Close()
	return held("/proc/self", strconv.Itoa(fd.Int()))
}
