package prog

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/objinfo"
)

func showVerb() tool.Verb {
	return tool.Verb{
		Name: "show", Alias: "list", Args: "[PROG]",
		Short: "Show programs: all, or those that PROG names",
		Long: `Show prints all programs in the kernel, or those that PROG names: id N, tag TAG, name NAME or
pinned PATH. A tag or a name may be that of several programs.

Each program is shown with the processes that have it open; programs that nobody has open are kept
by a pin, a link or an attachment. Run time and count need "sysctl kernel.bpf_stats_enabled=1".`,
		Example: `  bpf prog show
  bpf prog show name handle_exec
  bpf -j -f prog show`,
		Keywords: []string{"id", "tag", "name", "pinned"},
		Run:      show,
	}
}

func show(r *tool.Run) error {
	r.Owners(inspect.KindProgram, 0) // read before this process opens programs itself
	list, single, err := r.ListPrograms()
	if err != nil {
		return err
	}
	boot := bootTime()
	return tool.List(r, list, single, func(r *tool.Run, p *bpf.Program) error {
		return showOne(r, p, boot)
	})
}

func showOne(r *tool.Run, p *bpf.Program, boot time.Time) error {
	info, err := p.Info()
	if err != nil {
		return err
	}
	memory, err := inspect.ProgramMemory(p)
	if err != nil {
		return err
	}
	if r.JSON != nil {
		r.JSON.Object()
		headerJSON(r.JSON, p, info)
		return restJSON(r, info, memory, boot)
	}
	headerText(r, p, info)
	return restText(r, info, memory, boot)
}

// headerJSON writes the keys that dumps of several programs have as well.
func headerJSON(j *tool.JSON, p *bpf.Program, info *objinfo.Program) {
	j.UintKey("id", uint64(info.ID))
	j.Key("type")
	tool.Type(j, info.Type)
	if name := tool.ProgramName(p, info); name != "" {
		j.StringKey("name", name)
	}
	j.StringKey("tag", fmt.Sprintf("%x", info.Tag))
	j.BoolKey("gpl_compatible", info.GPL)
	if info.RunTime != 0 {
		j.UintKey("run_time_ns", uint64(info.RunTime))
		j.UintKey("run_cnt", info.RunCount)
	}
	if info.RecursionMisses != 0 {
		j.UintKey("recursion_misses", info.RecursionMisses)
	}
}

func restJSON(r *tool.Run, info *objinfo.Program, memory uint64, boot time.Time) error {
	j := r.JSON
	if info.IfIndex != 0 {
		j.Key("dev")
		j.Object()
		j.UintKey("ifindex", uint64(info.IfIndex))
		j.UintKey("ns_dev", info.NetnsDev)
		j.UintKey("ns_inode", info.NetnsIno)
		if name := deviceName(info); name != "" {
			j.StringKey("ifname", name)
		}
		j.EndObject()
	}
	if info.LoadTime != 0 {
		j.IntKey("loaded_at", boot.Add(info.LoadTime).Unix())
		j.UintKey("uid", uint64(info.UID))
	}
	j.BoolKey("orphaned", false)
	j.UintKey("bytes_xlated", uint64(info.XlatedLen))
	j.BoolKey("jited", info.JitedLen > 0)
	if info.JitedLen > 0 {
		j.UintKey("bytes_jited", uint64(info.JitedLen))
	}
	j.UintKey("bytes_memlock", memory)
	if len(info.MapIDs) > 0 {
		j.Key("map_ids")
		j.Array()
		for _, id := range info.MapIDs {
			j.Uint(uint64(id))
		}
		j.EndArray()
	}
	if info.BTFID != 0 {
		j.UintKey("btf_id", uint64(info.BTFID))
	}
	if err := r.ShowPins(inspect.KindProgram, info.ID); err != nil {
		return err
	}
	r.ShowOwners(inspect.KindProgram, info.ID)
	if list := metadata(info); len(list) > 0 {
		j.Key("metadata")
		j.Object()
		for _, m := range list {
			j.Key(m.key)
			j.Raw(m.json)
		}
		j.EndObject()
	}
	j.EndObject()
	return nil
}

func headerText(r *tool.Run, p *bpf.Program, info *objinfo.Program) {
	r.Printf("%d: %s  ", info.ID, tool.TypeWord(info.Type))
	if name := tool.ProgramName(p, info); name != "" {
		r.Printf("name %s  ", name)
	}
	r.Printf("tag %x", info.Tag[:])
	if info.IfIndex != 0 {
		name := deviceName(info)
		if name == "" {
			name = fmt.Sprintf("ifindex %d ns_dev %d ns_ino %d", info.IfIndex, info.NetnsDev,
				info.NetnsIno)
		}
		r.Printf("  offloaded_to %s", name)
	}
	if info.GPL {
		r.Printf("  gpl")
	}
	if info.RunTime != 0 {
		r.Printf(" run_time_ns %d run_cnt %d", uint64(info.RunTime), info.RunCount)
	}
	if info.RecursionMisses != 0 {
		r.Printf(" recursion_misses %d", info.RecursionMisses)
	}
	r.Printf("\n")
}

func restText(r *tool.Run, info *objinfo.Program, memory uint64, boot time.Time) error {
	if info.LoadTime != 0 {
		at := boot.Add(info.LoadTime).Format("2006-01-02T15:04:05-0700")
		r.Printf("\tloaded_at %s  uid %d\n", at, info.UID)
	}
	r.Printf("\txlated %dB", info.XlatedLen)
	if info.JitedLen > 0 {
		r.Printf("  jited %dB", info.JitedLen)
	} else {
		r.Printf("  not jited")
	}
	r.Printf("  memlock %dB", memory)
	if len(info.MapIDs) > 0 {
		var ids []string
		for _, id := range info.MapIDs {
			ids = append(ids, strconv.FormatUint(uint64(id), 10))
		}
		r.Printf("  map_ids %s", strings.Join(ids, ","))
	}
	if err := r.ShowPins(inspect.KindProgram, info.ID); err != nil {
		return err
	}
	if info.BTFID != 0 {
		r.Printf("\n\tbtf_id %d", info.BTFID)
	}
	r.ShowOwners(inspect.KindProgram, info.ID)
	r.Printf("\n")
	if list := metadata(info); len(list) > 0 {
		r.Printf("\tmetadata:\n")
		for _, m := range list {
			r.Printf("\t\t%s = %s\n", m.key, m.text)
		}
	}
	return nil
}

// deviceName returns the name of the interface that a program was loaded for, "" if that is in
// another network namespace.
func deviceName(info *objinfo.Program) string {
	if !isThisNetns(info.NetnsDev, info.NetnsIno) {
		return ""
	}
	dev, err := net.InterfaceByIndex(int(info.IfIndex))
	if err != nil {
		return ""
	}
	return dev.Name
}
