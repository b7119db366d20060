package kernel

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/sys"
)

// PossibleCPUs returns the number of possible CPUs, which is the number of values of a per-CPU
// element (libbpf libbpf_num_possible_cpus).
func (f *Facts) PossibleCPUs() (int, error) {
	return f.shared.cpus.get(func() (int, error) { return f.countCPUs("possible") })
}

// OnlineCPUs returns the numbers of the CPUs that are online now, in ascending order. Perf events
// can be opened on these.
func (f *Facts) OnlineCPUs() ([]int, error) {
	ranges, err := f.numbers("cpu/online")
	if err != nil {
		return nil, err
	}
	return each(ranges), nil
}

// OnlineNodes returns the numbers of the NUMA nodes that are online, in ascending order. Maps can
// be created on these. Kernels without NUMA have node 0.
func (f *Facts) OnlineNodes() ([]int, error) {
	ranges, err := f.numbers("node/online")
	if errors.Is(err, fs.ErrNotExist) {
		if _, cpuErr := f.numbers("cpu/online"); cpuErr == nil {
			return []int{0}, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return each(ranges), nil
}

func each(ranges [][2]int) (list []int) {
	for _, r := range ranges {
		for n := r[0]; n <= r[1]; n++ {
			list = append(list, n)
		}
	}
	return list
}

func (f *Facts) countCPUs(which string) (int, error) {
	ranges, err := f.numbers("cpu/" + which)
	n := 0
	for _, r := range ranges {
		n += r[1] - r[0] + 1
	}
	return n, err
}

// numbers reads a list of CPUs or nodes.
func (f *Facts) numbers(which string) ([][2]int, error) {
	if runtime.GOOS != "linux" && f.shared.root == "" {
		return nil, ErrNotLinux
	}
	path := f.shared.root + "/sys/devices/system/" + which
	text, err := readAttribute(path)
	if err != nil {
		return nil, err
	}
	ranges, err := parseCPUs(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ranges, nil
}

// readAttribute reads a file of sysfs, without the newline at its end. Package os would start the
// poller for it, which takes longer than the file.
func readAttribute(path string) (string, error) {
	file, err := sys.OpenFile(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text := make([]byte, 128) // enough for nearly all: the size of such a file is always a page
	n, err := file.ReadAt(text, 0)
	if err == nil {
		text = make([]byte, file.Size())
		n, err = file.ReadAt(text, 0)
	}
	if err != nil && err != io.EOF {
		return "", err
	}
	return strings.TrimSpace(string(text[:n])), nil
}

// maxCPU is larger than any CPU number that a kernel can be built for.
const maxCPU = 1 << 16

// parseCPUs reads a list such as "0-3,8,10-11": ascending ranges, first and last included.
func parseCPUs(s string) ([][2]int, error) {
	var ranges [][2]int
	next := 0
	for _, part := range strings.Split(s, ",") {
		from, to, isRange := strings.Cut(part, "-")
		a, err := strconv.Atoi(from)
		b := a
		if err == nil && isRange {
			b, err = strconv.Atoi(to)
		}
		if err != nil || a < next || b < a || b >= maxCPU {
			return nil, fmt.Errorf("%q is not a list of numbers: %w", s, syscall.EINVAL)
		}
		ranges = append(ranges, [2]int{a, b})
		next = b + 1
	}
	return ranges, nil
}
