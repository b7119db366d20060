package link

import (
	"fmt"
	"iter"
	"net"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

func show(r *tool.Run) error {
	r.Owners(inspect.KindLink, 0) // read before this process opens links itself
	list, single := linkinfo.All(uapi.LinkUnspec), false
	if r.More() {
		l, err := open(r)
		if err != nil {
			return err
		}
		defer l.Close()
		info, err := linkinfo.Read(l.FD())
		if err != nil {
			return err
		}
		list, single = one(info), true
	}
	if err := r.End(); err != nil {
		return err
	}
	show := text
	if r.JSON != nil {
		show = asJSON
	}
	return tool.List(r, list, single, show)
}

func one(l *linkinfo.Info) iter.Seq2[*linkinfo.Info, error] {
	return func(yield func(*linkinfo.Info, error) bool) { yield(l, nil) }
}

func text(r *tool.Run, l *linkinfo.Info) error {
	r.Printf("%d: %s  ", l.ID, tool.TypeWord(l.Type))
	if ops, ok := l.Detail.(*linkinfo.StructOps); ok {
		r.Printf("map %d  ", ops.MapID)
	} else {
		r.Printf("prog %d  ", l.ProgramID)
	}
	detailText(r, l)
	if err := r.ShowPins(inspect.KindLink, l.ID); err != nil {
		return err
	}
	r.ShowOwners(inspect.KindLink, l.ID)
	r.Printf("\n")
	return nil
}

func asJSON(r *tool.Run, l *linkinfo.Info) error {
	j := r.JSON
	j.Object()
	j.UintKey("id", uint64(l.ID))
	j.Key("type")
	tool.Type(j, l.Type)
	j.UintKey("prog_id", uint64(l.ProgramID))
	detailJSON(j, l)
	if err := r.ShowPins(inspect.KindLink, l.ID); err != nil {
		return err
	}
	r.ShowOwners(inspect.KindLink, l.ID)
	j.EndObject()
	return nil
}

// progType returns the type of a program, for links that do not imply it.
func progType(id uint32) (uapi.ProgType, bool) {
	fd, err := sys.ProgFDByID(id)
	if err != nil {
		return 0, false
	}
	defer fd.Close()
	info, err := sys.ProgInfoByFD(fd.Int())
	if err != nil {
		return 0, false
	}
	return info.Type, true
}

// device returns the name of an interface: "(detached)" if it is gone, "(unknown)" if it is in
// another network namespace.
func device(index uint32) string {
	if index == 0 {
		return "(detached)"
	}
	dev, err := net.InterfaceByIndex(int(index))
	if err != nil {
		return "(unknown)"
	}
	return dev.Name
}

// isMap, isCgroup and isTask report what an iterator with that target is over.
func isMap(target string) bool { return target == "bpf_map_elem" || target == "bpf_sk_storage_map" }

func isCgroup(target string) bool { return target == "cgroup" }

func isTask(target string) bool {
	return target == "task" || target == "task_file" || target == "task_vma"
}

// orders are the names of the orders in which an iterator walks cgroups.
var orders = [...]string{"order_unspec", "self_only", "descendants_pre", "descendants_post",
	"ancestors_up"}

func orderName(o uapi.CgroupIterOrder) string {
	if int(o) < len(orders) {
		return orders[o]
	}
	return fmt.Sprint(uint32(o))
}
