package inspect

import (
	"os"
	"strconv"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/uapi"
)

// MapState is what the kernel tells about a map only in /proc.
type MapState struct {
	Memory uint64 // bytes that the map occupies; before 6.4 an estimate of some types
	Frozen bool   // processes can't change the map (5.2)
	// OwnerType is the type of the programs that a map of programs accepts, uapi.ProgUnspec while
	// it has none and for other maps; OwnerJITed says whether they are compiled.
	OwnerType  uapi.ProgType
	OwnerJITed bool
}

// MapStateOf reads what /proc tells about a map (bpftool map show). No privileges besides the map.
func MapStateOf(m *bpf.Map) (MapState, error) {
	var s MapState
	err := m.UseFD(func(fd int) error {
		var err error
		s, err = mapState(fd)
		return err
	})
	if err != nil {
		return s, failed("read state of map", m.Name(), err)
	}
	return s, nil
}

// mapState reads the lines that the kernel has in /proc for a descriptor of a map, or of a program,
// of which it tells the memory alone.
func mapState(fd int) (s MapState, err error) {
	text, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(fd))
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		n, err := strconv.ParseUint(strings.TrimSpace(value), 0, 64)
		if err != nil {
			continue
		}
		switch name {
		case "memlock":
			s.Memory = n
		case "frozen":
			s.Frozen = n != 0
		case "owner_prog_type":
			s.OwnerType = uapi.ProgType(n)
		case "owner_jited":
			s.OwnerJITed = n != 0
		}
	}
	return s, err
}
