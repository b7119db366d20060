package inspect

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/internal/bpffs"
)

// Kind is a kind of what BPF holds in the kernel by id.
type Kind uint8

// The kinds.
const (
	KindProgram Kind = iota + 1
	KindMap
	KindLink
	KindBTF
)

// kinds has, for each kind, how /proc names it, and the line of /proc/PID/fdinfo with the id.
var kinds = [...]struct {
	name string
	proc bpffs.Kind
	line string
}{
	KindProgram: {"program", bpffs.ProgramKind, "prog_id:"},
	KindMap:     {"map", bpffs.MapKind, "map_id:"},
	KindLink:    {"link", bpffs.LinkKind, "link_id:"},
	KindBTF:     {"BTF", bpffs.BTFKind, "btf_id:"},
}

// String returns the kind's name: "program", "map", "link" or "BTF".
func (k Kind) String() string {
	if k < KindProgram || int(k) >= len(kinds) {
		return "Kind(" + strconv.Itoa(int(k)) + ")"
	}
	return kinds[k].name
}

// Held names a program, a map, a link or BTF of the kernel. Ids are unique in each kind.
type Held struct {
	Kind Kind
	ID   uint32
}

// Owner is a process that has a descriptor of something.
type Owner struct {
	PID  int
	Name string // as the kernel has it: at most 15 bytes
}

// Owners are the processes that had descriptors of programs, maps, links and BTF when they were
// read.
type Owners struct {
	by map[Held][]Owner
	// Hidden is the number of processes whose descriptors this process may not see.
	Hidden int
}

// Of returns the processes that had a descriptor, by ascending process id; none may mean that a
// pin, a link, an attachment or another object keeps it.
func (o *Owners) Of(kind Kind, id uint32) []Owner {
	if o == nil {
		return nil
	}
	return o.by[Held{kind, id}]
}

// ReadOwners finds the processes that have descriptors of programs, maps, links (5.8) and BTF, in
// /proc as it is mounted here: processes of other PID namespaces may be missing. bpftool finds them
// with a BPF program of its own. Processes of other users need CAP_SYS_PTRACE: without it, Hidden
// counts them. Processes that start or end meanwhile may be missing. Threads that share no
// descriptors with their process are not looked at.
func ReadOwners() (*Owners, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, failed("read owners", "", err)
	}
	defer proc.Close()
	entries, err := proc.Readdirnames(-1)
	if err != nil {
		return nil, failed("read owners", "", err)
	}
	o := &Owners{by: map[Held][]Owner{}}
	var pids []int
	for _, name := range entries {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	for _, pid := range pids {
		o.add(pid)
	}
	return o, nil
}

// add adds what a process has.
func (o *Owners) add(pid int) {
	dir := "/proc/" + strconv.Itoa(pid)
	open, err := os.Open(dir + "/fd")
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			o.Hidden++
		}
		return
	}
	defer open.Close()
	fds, err := open.Readdirnames(-1)
	if errors.Is(err, fs.ErrPermission) {
		o.Hidden++
	}
	var owner Owner
	for _, fd := range fds {
		id, ok := held(dir, fd)
		if !ok {
			continue
		}
		if owner.PID == 0 {
			comm, err := os.ReadFile(dir + "/comm")
			if err != nil {
				return
			}
			owner = Owner{pid, strings.TrimSuffix(string(comm), "\n")}
		}
		if list := o.by[id]; len(list) == 0 || list[len(list)-1] != owner {
			o.by[id] = append(list, owner)
		}
	}
}

// held returns what a descriptor of a process, which is a directory of /proc, is of.
func held(process, fd string) (Held, bool) {
	target, err := os.Readlink(process + "/fd/" + fd)
	if err != nil {
		return Held{}, false
	}
	is := bpffs.KindOf(target)
	for k := KindProgram; int(k) < len(kinds); k++ {
		if kinds[k].proc != is {
			continue
		}
		text, err := os.ReadFile(process + "/fdinfo/" + fd)
		if err != nil {
			return Held{}, false
		}
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(line, kinds[k].line); ok {
				n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32)
				return Held{k, uint32(n)}, err == nil
			}
		}
	}
	return Held{}, false
}
