package inspect

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// Programs yields every program in the kernel, whoever loaded it, in the order of their ids (libbpf
// bpf_prog_get_next_id; 4.13). Each is closed when the loop's body returns. Programs that are gone
// by the time that they are opened are left out. An error about one program names its id and
// doesn't end the walk; any other error does. Needs CAP_SYS_ADMIN.
func Programs() iter.Seq2[*bpf.Program, error] {
	return objects("program", sys.ProgNextID, bpf.ProgramFromID)
}

// Maps yields every map in the kernel in the same way (libbpf bpf_map_get_next_id; 4.13).
func Maps() iter.Seq2[*bpf.Map, error] {
	open := func(id uint32) (*bpf.Map, error) { return bpf.MapFromID(id, 0) }
	return objects("map", sys.MapNextID, open)
}

// BTFObjects yields every BTF object in the kernel in the same way: of the kernel, its modules and
// programs (libbpf bpf_btf_get_next_id; 5.4).
func BTFObjects() iter.Seq2[*BTFObject, error] {
	return objects("BTF object", sys.BTFNextID, openBTF)
}

// BTFObject is type information that the kernel holds.
type BTFObject struct {
	ID     uint32
	Name   string // of a module, or vmlinux; "" for that of programs, and before 5.11
	Size   int    // bytes
	Kernel bool   // of the kernel or a module
	fd     *sys.FD
}

// FD returns the descriptor, which is open in the loop's body.
func (b *BTFObject) FD() int { return b.fd.Int() }

// Close closes the descriptor. The walk does it.
func (b *BTFObject) Close() error { return b.fd.Close() }

func openBTF(id uint32) (*BTFObject, error) {
	fd, err := sys.BTFFDByID(id)
	if err != nil {
		return nil, err
	}
	info, name, err := sys.NamedBTFInfoByFD(fd.Int())
	if err != nil { // before 5.11
		info, err = sys.BTFInfoByFD(fd.Int())
	}
	if err != nil {
		fd.Close()
		return nil, err
	}
	return &BTFObject{
		ID: info.ID, Name: name, Size: int(info.Size), Kernel: info.KernelBTF != 0, fd: fd,
	}, nil
}

// objects yields the objects of a kind.
func objects[T io.Closer](kind string, next func(uint32) (uint32, error),
	open func(uint32) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for id, err := range sys.IDs(next) {
			if err != nil {
				yield(none, failed("list", kind+"s", err, kernel.CapSysAdmin))
				return
			}
			o, err := open(id)
			if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.EAGAIN) {
				continue // gone, or not ready
			}
			if err != nil {
				err = failed("open", fmt.Sprintf("%s %d", kind, id), err, kernel.CapSysAdmin)
				if !yield(none, err) || errors.Is(err, syscall.EPERM) {
					return
				}
				continue
			}
			if !yieldAndClose(o, yield) {
				return
			}
		}
	}
}

// yieldAndClose closes o also if the loop's body panics.
func yieldAndClose[T io.Closer](o T, yield func(T, error) bool) bool {
	defer o.Close()
	return yield(o, nil)
}
