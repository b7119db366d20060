package load

import (
	"fmt"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// uploadBTF loads the object's type information into the kernel. Without it maps and programs have
// no types; only struct_ops needs it (libbpf bpf_object__sanitize_and_load_btf).
func (x *execution) uploadBTF() error {
	if len(x.Plan.BTF) == 0 {
		return nil
	}
	attr := sys.BTFLoadAttr{BTF: sys.Slice(x.Plan.BTF), Size: uint32(len(x.Plan.BTF))}
	if attr.TokenFD = x.tokenFD(); attr.TokenFD != 0 {
		attr.Flags = uapi.FBTFTokenFD
	}
	fd, err := sys.BTFLoad(&attr)
	refusal := err
	if err == nil {
		x.keepBTF(fd)
		return nil
	}
	x.log.Info("the kernel did not take the object's BTF, asking once more with a log",
		"object", x.name, "err", err)
	var buf []byte
	truncated := false
	for size := x.firstLog(); size != 0; {
		buf = x.logBuffer(size)
		attr.LogBuf, attr.LogSize, attr.LogLevel, attr.LogTrueSize = sys.Slice(buf),
			uint32(len(buf)), 1, 0
		if fd, err = sys.BTFLoad(&attr); err == nil {
			x.keepBTF(fd)
			return nil
		}
		if truncated = err == syscall.ENOSPC; !truncated {
			break
		}
		if size = x.nextLog(attr.LogSize, attr.LogTrueSize); size != 0 {
			x.log.Info("the log did not fit, asking once more with a larger buffer",
				"object", x.name, "bytes", attr.LogSize, "next", size)
		}
	}
	if truncated {
		err = refusal // ENOSPC is about the log
	}
	failure := &Failure{Object: x.name, Op: "load BTF", Err: err, Limit: x.limit}
	if text := logText(buf); len(text) > 0 {
		failure.Verifier = &VerifierLog{
			Text: x.scratch.keepLog(text), Truncated: truncated, Size: attr.LogTrueSize,
		}
	}
	err = x.report(failure)
	if x.Plan.BTFNeeded {
		return err
	}
	x.log.Warn("the kernel refused the object's BTF; maps and programs go without types",
		"object", x.name, "err", err)
	return nil
}

func (x *execution) keepBTF(fd *sys.FD) {
	x.BTF = fd
	x.log.Debug("uploaded BTF", "object", x.name, "bytes", len(x.Plan.BTF))
}

// moduleBTF is the BTF of a kernel module, open until the load ends.
type moduleBTF struct {
	module *facts.Module
	fd     *sys.FD
}

// moduleFD returns a descriptor of a module's BTF, open until the load ends.
func (x *execution) moduleFD(m *facts.Module) (*sys.FD, error) {
	for _, have := range x.modules {
		if have.module == m {
			return have.fd, nil
		}
	}
	id := m.ID
	if id == 0 { // a recorded kernel
		here, err := x.runningModule(m)
		if err != nil {
			return nil, x.fail("open BTF of module", m.Name, err)
		}
		id = here.ID
	}
	fd, err := x.openBTF(id)
	if err != nil {
		return nil, x.report(&Failure{
			Object: x.name, Op: "open BTF of module", Subject: m.Name, Err: err,
			Need: []kernel.Capability{kernel.CapSysAdmin},
		})
	}
	x.modules = append(x.modules, moduleBTF{m, fd})
	return fd, nil
}

// openBTF opens a BTF object by its id. Kernels before 6.17 have no tokens for that.
func (s *session) openBTF(id uint32) (*sys.FD, error) {
	if s.token != nil {
		if fd, err := sys.BTFFDByIDToken(id, s.token.Int()); err != syscall.EINVAL {
			return fd, err
		}
	}
	return sys.BTFFDByID(id)
}

// programBTF reads the BTF that a loaded program carries.
func (s *session) programBTF(fd int) (*btf.Spec, error) {
	info, err := sys.ProgInfoByFD(fd)
	if err != nil {
		return nil, err
	}
	if info.BTFID == 0 {
		return nil, fmt.Errorf("the program has no BTF: %w", syscall.EINVAL)
	}
	obj, err := s.openBTF(info.BTFID)
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	raw, err := btfBytes(obj)
	if err != nil {
		return nil, err
	}
	return btf.Parse(raw, nil)
}

// btfBytes copies a BTF object out of the kernel.
func btfBytes(fd *sys.FD) ([]byte, error) {
	info, err := sys.BTFInfoByFD(fd.Int())
	if err != nil {
		return nil, err
	}
	raw := make([]byte, info.Size)
	again := sys.BTFInfo{BTF: sys.Slice(raw), Size: info.Size}
	if _, err := sys.ObjInfo(fd.Int(), unsafe.Pointer(&again),
		uint32(unsafe.Sizeof(again))); err != nil {
		return nil, err
	}
	return raw, nil
}
