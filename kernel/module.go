package kernel

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/sys"
)

// ModuleError says why the BTF of a module is not among Modules.
type ModuleError struct {
	Name string // "" if the name is not known
	ID   uint32 // BTF object id, 0 if the ids could not be listed
	Err  error
}

// Error names the module and the cause.
func (e *ModuleError) Error() string {
	switch {
	case e.ID == 0:
		return "list of module BTF: " + e.Err.Error()
	case e.Name == "":
		return fmt.Sprintf("BTF object %d: %v", e.ID, e.Err)
	}
	return printable.Text(fmt.Sprintf("BTF of module %s (id %d): ", e.Name, e.ID)) +
		printable.Error(e.Err)
}

// Unwrap returns the cause.
func (e *ModuleError) Unwrap() error { return e.Err }

// Modules returns the BTF of the loaded modules, in id order, each split over BTF (libbpf
// load_module_btfs). A view makes the list on first use; parsed BTF is kept for the life of the
// process. The list is empty on kernels without module BTF (before 5.11). BTF that cannot be read
// is left out, and SkippedModules lists it: a module with broken BTF does not matter to most
// callers, and listing needs CAP_SYS_ADMIN.
func (f *Facts) Modules() ([]*facts.Module, error) {
	return f.modulesOnce.get(f.loadModules)
}

// SkippedModules returns the errors, each a *ModuleError, for the modules that Modules left out.
func (f *Facts) SkippedModules() []error {
	f.skippedMu.Lock()
	defer f.skippedMu.Unlock()
	return append([]error(nil), f.skipped...)
}

func (f *Facts) loadModules() ([]*facts.Module, error) {
	if runtime.GOOS != "linux" && !funnel.Replaced() {
		return nil, ErrNotLinux
	}
	if has, err := f.Has(facts.ModuleBTF); err != nil {
		if !errors.Is(err, syscall.EPERM) {
			return nil, err
		}
	} else if !has {
		return nil, nil
	}
	var list []*facts.Module
	var skipped []error
	seen := map[uint32]bool{}
	for id, err := range sys.IDs(sys.BTFNextID) {
		if errors.Is(err, syscall.EPERM) {
			if f.token == 0 {
				err = f.Explain(err, "listing the BTF of modules", CapSysAdmin)
			}
			skipped = append(skipped, &ModuleError{Err: err})
			break
		}
		if err != nil {
			return nil, fmt.Errorf("list BTF objects after id %d: %w", id, err)
		}
		seen[id] = true
		m, err := f.module(id)
		switch {
		case err == nil && m != nil:
			list = append(list, m)
		case err == nil: // of a program, of vmlinux, or gone by now
		case transient(err):
			return nil, err
		default:
			skipped = append(skipped, err)
		}
	}
	f.shared.forgetModules(seen)
	slices.SortStableFunc(list, func(a, b *facts.Module) int { return cmp.Compare(a.ID, b.ID) })
	f.skippedMu.Lock()
	f.skipped = skipped
	f.skippedMu.Unlock()
	return list, nil
}

// forgetModules drops what is kept about BTF objects that are gone.
func (s *shared) forgetModules(seen map[uint32]bool) {
	s.modulesMu.Lock()
	defer s.modulesMu.Unlock()
	for id := range s.modules {
		if !seen[id] {
			delete(s.modules, id)
		}
	}
}

// module returns the module whose BTF has that id, nil if the id is not a module's or is gone.
func (f *Facts) module(id uint32) (*facts.Module, error) {
	s := f.shared
	s.modulesMu.Lock()
	defer s.modulesMu.Unlock()
	if m, ok := s.modules[id]; ok && !funnel.Replaced() {
		return m, nil
	}
	fd, err := sys.BTFFDByID(id)
	if errors.Is(err, syscall.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, &ModuleError{ID: id, Err: err}
	}
	defer fd.Close()
	info, called, err := sys.NamedBTFInfoByFD(fd.Int())
	if err != nil {
		return nil, &ModuleError{ID: id, Err: err}
	}
	var m *facts.Module
	if info.KernelBTF != 0 && called != "vmlinux" {
		spec, err := f.readModule(fd.Int(), info.Size)
		if err != nil {
			return nil, &ModuleError{Name: called, ID: id, Err: err}
		}
		m = &facts.Module{Name: called, ID: id, BTF: spec}
	}
	if !funnel.Replaced() {
		if s.modules == nil {
			s.modules = map[uint32]*facts.Module{}
		}
		s.modules[id] = m
	}
	return m, nil
}

// readModule reads size bytes of split BTF from a descriptor.
func (f *Facts) readModule(fd int, size uint32) (*btf.Spec, error) {
	if size == 0 {
		return nil, errors.New("it is empty")
	}
	if size > 1<<28 {
		return nil, fmt.Errorf("its size is %d bytes", size)
	}
	base, err := f.BTF()
	if err != nil {
		return nil, err
	}
	raw := make([]byte, size)
	info := sys.BTFInfo{BTF: sys.Slice(raw), Size: size}
	if _, err := sys.ObjInfo(fd, unsafe.Pointer(&info), uint32(unsafe.Sizeof(info))); err != nil {
		return nil, err
	}
	return btf.Parse(raw[:min(info.Size, size)], base)
}

// BTFByID returns the BTF object with that id, read from the kernel (libbpf
// btf__load_from_kernel_by_id_split). base is nil except for split BTF. It needs CAP_SYS_ADMIN.
func BTFByID(id uint32, base *btf.Spec) (*btf.Spec, error) {
	fd, err := sys.BTFFDByID(id)
	if err != nil {
		return nil, fmt.Errorf("BTF object %d: %w", id, err)
	}
	defer fd.Close()
	info, err := sys.BTFInfoByFD(fd.Int())
	if err != nil {
		return nil, fmt.Errorf("BTF object %d: %w", id, err)
	}
	if info.Size == 0 || info.Size > 1<<28 {
		return nil, fmt.Errorf("BTF object %d: its size is %d bytes", id, info.Size)
	}
	raw := make([]byte, info.Size)
	info = &sys.BTFInfo{BTF: sys.Slice(raw), Size: info.Size}
	if _, err := sys.ObjInfo(fd.Int(), unsafe.Pointer(info),
		uint32(unsafe.Sizeof(*info))); err != nil {
		return nil, fmt.Errorf("BTF object %d: %w", id, err)
	}
	spec, err := btf.Parse(raw, base)
	if err != nil {
		return nil, fmt.Errorf("BTF object %d: %w", id, err)
	}
	return spec, nil
}
