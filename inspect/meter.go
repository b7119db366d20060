package inspect

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/purebpf/bpf/internal/mapcount"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/objinfo"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Meter measures what the programs and maps of the machine use, and how that changes. It doesn't
// keep them in the kernel, and leaves out the program by which it counts elements itself. It isn't
// for concurrent use.
type Meter struct {
	stats    io.Closer
	counter  *mapcount.Iterator // nil if the kernel can't count
	last     time.Time
	programs map[uint32]ProgramUsage
	maps     map[uint32]*metered
	counts   map[uint32]uint64
	reads    int
}

// Usage is what a Meter read.
type Usage struct {
	Time     time.Time
	Interval time.Duration  // since the Read before; 0 at the first
	Programs []ProgramUsage // by id
	Maps     []MapUsage     // by id
	Links    int
}

// ProgramUsage is what a program used. Kernels before 5.8 don't count runs, or only with the sysctl
// kernel.bpf_stats_enabled.
type ProgramUsage struct {
	objinfo.Program
	// Runs, Time and Misses are those of the interval; of a program that is new, those since it was
	// loaded. Misses are runs that were left out because the program ran already on that CPU
	// (5.12).
	Runs, Misses uint64
	Time         time.Duration
}

// MapUsage is what a map holds.
type MapUsage struct {
	objinfo.Map
	Memory int64 // bytes as the kernel accounts them, some seconds old; -1 if it doesn't tell
	// Entries is the number of elements of a hash, of whatever kind; -1 for other maps, and where
	// the kernel doesn't count (before 6.6, or it refuses iterators) if the map is large.
	Entries int64
	// Backlog is the number of bytes in a ring buffer that its reader has not consumed; -1 for
	// other maps, and for a ring whose memory may not be mapped.
	Backlog int64
}

// metered is a map that was seen.
type metered struct {
	info   objinfo.Map
	memory int64
	seen   int // the read in which it was listed last
}

// memoryReads is the number of reads after which the memory of a map is asked for again.
const memoryReads = 16

// NewMeter enables statistics of run time (EnableStats), and returns a Meter that has not read
// anything. Needs CAP_SYS_ADMIN. The caller closes it.
func NewMeter() (*Meter, error) {
	stats, err := EnableStats(sys.StatsRunTime)
	if errors.Is(err, syscall.EINVAL) { // before 5.8: the sysctl decides
		stats, err = io.NopCloser(nil), nil
	}
	if err != nil {
		return nil, err
	}
	m := &Meter{
		stats: stats, programs: map[uint32]ProgramUsage{}, maps: map[uint32]*metered{},
		counts: map[uint32]uint64{},
	}
	m.counter, _ = mapcount.New() // without it small maps are counted by their keys
	return m, nil
}

// Close turns the statistics off, unless others have enabled them.
func (m *Meter) Close() error {
	var err error
	if m.counter != nil {
		err = m.counter.Close()
	}
	return errors.Join(m.stats.Close(), err)
}

// Read measures. Objects that end meanwhile are left out. It never walks through a large map. It
// stops when ctx ends; after an error, the next Read has what was used since the last good one.
func (m *Meter) Read(ctx context.Context) (*Usage, error) {
	u := &Usage{Time: time.Now()}
	if !m.last.IsZero() {
		u.Interval = u.Time.Sub(m.last)
	}
	m.reads++
	if err := m.readPrograms(ctx, u); err != nil {
		return nil, failed("list", "programs", err, kernel.CapSysAdmin)
	}
	if err := m.readMaps(ctx, u); err != nil {
		return nil, failed("list", "maps", err, kernel.CapSysAdmin)
	}
	for id, err := range sys.IDs(sys.LinkNextID) {
		if errors.Is(err, syscall.EINVAL) { // before 5.8
			break
		}
		if err != nil {
			return nil, failed("list", "links", err, kernel.CapSysAdmin)
		}
		if m.counter == nil || id != m.counter.LinkID {
			u.Links++
		}
	}
	if err := ctx.Err(); err != nil { // there was nothing to list
		return nil, failed("list", "links", err)
	}
	m.last = u.Time
	clear(m.programs)
	for _, p := range u.Programs {
		m.programs[p.ID] = p
	}
	return u, nil
}

func (m *Meter) readPrograms(ctx context.Context, u *Usage) error {
	u.Programs = make([]ProgramUsage, 0, len(m.programs)+1)
	for id, err := range sys.IDs(sys.ProgNextID) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if m.counter != nil && id == m.counter.ProgramID {
			continue
		}
		before, known := m.programs[id]
		p, err := readProgram(id, before, known)
		if gone(err) {
			continue
		}
		if err != nil {
			return err
		}
		u.Programs = append(u.Programs, p)
	}
	return nil
}

// readProgram reads the counters of a program, and all information about one that is not known.
func readProgram(id uint32, before ProgramUsage, known bool) (ProgramUsage, error) {
	fd, err := sys.ProgFDByID(id)
	if err != nil {
		return ProgramUsage{}, err
	}
	defer fd.Close()
	p := ProgramUsage{Program: before.Program}
	if known {
		info, err := sys.ProgInfoByFD(fd.Int())
		if err != nil {
			return ProgramUsage{}, err
		}
		p.RunTime, p.RunCount = time.Duration(info.RunTimeNs), info.RunCnt
		p.RecursionMisses = info.RecursionMisses
	} else {
		info, err := objinfo.ReadProgram(fd.Int())
		if err != nil {
			return ProgramUsage{}, err
		}
		p.Program = *info
	}
	// Sums over CPUs that are counting may be a little less than before.
	p.Time = max(p.RunTime-before.RunTime, 0)
	p.Runs = p.RunCount - min(before.RunCount, p.RunCount)
	p.Misses = p.RecursionMisses - min(before.RecursionMisses, p.RecursionMisses)
	return p, nil
}

// gone reports whether an error says that an object ended after it was listed, or isn't ready.
func gone(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.EAGAIN)
}

func (m *Meter) readMaps(ctx context.Context, u *Usage) error {
	u.Maps = make([]MapUsage, 0, len(m.maps)+1)
	for id, err := range sys.IDs(sys.MapNextID) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		use, err := m.readMap(id)
		if gone(err) {
			continue
		}
		if err != nil {
			return err
		}
		u.Maps = append(u.Maps, use)
	}
	for id, known := range m.maps {
		if known.seen != m.reads {
			delete(m.maps, id)
		}
	}
	m.count(u.Maps)
	return nil
}

// readMap reads what can be known of a map by its descriptor, if it isn't known.
func (m *Meter) readMap(id uint32) (MapUsage, error) {
	known := m.maps[id]
	fresh := known == nil
	if !fresh && !isRing(known.info.Type) && (m.reads+int(id))%memoryReads != 0 {
		known.seen = m.reads
		return MapUsage{known.info, known.memory, -1, -1}, nil
	}
	fd, err := sys.MapFDByID(id) // a read-only descriptor of a ring can't be mapped
	if err != nil {
		return MapUsage{}, err
	}
	defer fd.Close()
	if fresh {
		info, err := objinfo.ReadMap(fd)
		if err != nil {
			return MapUsage{}, err
		}
		known = &metered{info: *info}
		m.maps[id] = known
	}
	if fresh || (m.reads+int(id))%memoryReads == 0 {
		known.memory = memory(fd)
	}
	known.seen = m.reads
	use := MapUsage{known.info, known.memory, -1, -1}
	if isRing(known.info.Type) {
		use.Backlog = backlog(fd, known.info.MaxEntries)
	}
	return use, nil
}

func isRing(t uapi.MapType) bool { return t == uapi.MapRingBuf || t == uapi.MapUserRingBuf }

func isHash(t uapi.MapType) bool {
	switch t {
	case uapi.MapHash, uapi.MapPerCPUHash, uapi.MapLRUHash, uapi.MapLRUPerCPUHash,
		uapi.MapHashOfMaps:
		return true
	}
	return false
}

// memory returns the bytes of memory of a map, -1 if the kernel doesn't tell.
func memory(fd *sys.FD) int64 {
	if s, err := mapState(fd.Int()); err == nil && s.Memory > 0 {
		return int64(s.Memory)
	}
	return -1
}

// backlog returns how many bytes are between the positions of a ring buffer's producer and
// consumer, which are at the beginning of its first two pages.
func backlog(fd *sys.FD, size uint32) int64 {
	page := os.Getpagesize()
	mem, err := sys.Mmap(fd.Int(), 0, 2*page, sys.ProtRead, sys.MapShared)
	if err != nil {
		return -1
	}
	defer sys.Munmap(mem)
	consumed := atomic.LoadUintptr((*uintptr)(unsafe.Pointer(&mem[0])))
	n := atomic.LoadUintptr((*uintptr)(unsafe.Pointer(&mem[page]))) - consumed
	if n > uintptr(size) {
		return -1 // a process wrote nonsense
	}
	return int64(n)
}

// smallMap is the largest number of elements that are counted by walking through the keys.
const smallMap = 4096

// count sets the number of elements of hashes.
func (m *Meter) count(list []MapUsage) {
	if m.counter == nil {
		countSmall(list)
		return
	}
	clear(m.counts)
	for _, u := range list {
		if isHash(u.Type) {
			m.counts[u.ID] = ^uint64(0)
		}
	}
	if len(m.counts) == 0 {
		return
	}
	if err := m.counter.Read(m.counts); err != nil { // refused from now on
		m.counter.Close()
		m.counter = nil
		countSmall(list)
		return
	}
	for i := range list {
		if n, ok := m.counts[list[i].ID]; ok {
			list[i].Entries = int64(n) // -1 if it ended meanwhile
		}
	}
}

// countSmall counts what small hashes hold by their keys.
func countSmall(list []MapUsage) {
	for i := range list {
		if isHash(list[i].Type) && list[i].MaxEntries <= smallMap {
			list[i].Entries = countKeys(list[i])
		}
	}
}

// countKeys walks through the keys of a small map; -1 if that is not possible. The elements of a
// map that changes may be counted twice.
func countKeys(u MapUsage) int64 {
	fd, err := sys.MapFDByIDFlags(u.ID, uapi.FOpenRdonly)
	if err != nil {
		return -1
	}
	defer fd.Close()
	key, next := make([]byte, u.KeySize), make([]byte, u.KeySize)
	from := unsafe.Pointer(nil)
	for n := int64(0); ; n++ {
		err := sys.MapNextKey(fd.Int(), from, unsafe.Pointer(&next[0]))
		if errors.Is(err, syscall.ENOENT) || err == nil && n == int64(u.MaxEntries) {
			return n
		}
		if err != nil {
			return -1
		}
		key, next = next, key
		from = unsafe.Pointer(&key[0])
	}
}
