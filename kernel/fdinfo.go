package kernel

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// MapInfo returns the kernel's information about the map behind a descriptor. Kernels before 4.13
// lack BPF_OBJ_GET_INFO_BY_FD; there the type, sizes, entries and flags come from /proc.
func MapInfo(fd *sys.FD) (*sys.MapInfo, error) {
	info, err := sys.MapInfoByFD(fd.Int())
	if err != syscall.EINVAL {
		return info, err
	}
	f, openErr := os.Open("/proc/self/fdinfo/" + strconv.Itoa(fd.Int()))
	if openErr != nil {
		return nil, err
	}
	defer f.Close()
	info = new(sys.MapInfo)
	seen := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		n, err := strconv.ParseUint(strings.TrimSpace(value), 0, 32)
		if err != nil {
			continue
		}
		switch name {
		case "map_type":
			info.Type, seen = uapi.MapType(n), true
		case "key_size":
			info.KeySize = uint32(n)
		case "value_size":
			info.ValueSize = uint32(n)
		case "max_entries":
			info.MaxEntries = uint32(n)
		case "map_flags":
			info.Flags = uapi.MapFlags(n)
		}
	}
	if !seen {
		return nil, fmt.Errorf("not a BPF map: %w", syscall.EINVAL)
	}
	return info, nil
}
