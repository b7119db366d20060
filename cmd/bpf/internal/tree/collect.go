package tree

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/cmd/bpf/internal/holder"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/objinfo"
	"github.com/purebpf/bpf/uapi"
)

// collector finds what is attached where.
type collector struct {
	*forest
	holders   *holder.Holders
	programs  map[uint32]*program
	btf       map[uint32]*btf.Spec
	functions *kernel.Functions // nil until needed, or if the kernel hides them
	asked     bool              // functions were asked for
	links     []*linkinfo.Info
	placed    map[uint32]bool // links that are in the forest
}

// program is a program of the kernel.
type program struct {
	objinfo.Program
	name string // whole
}

// collect finds everything that is attached. What this process may not see is missing, and an
// error of the forest says so.
func collect(owners bool) (*forest, error) {
	c := &collector{forest: newForest(), programs: map[uint32]*program{},
		btf: map[uint32]*btf.Spec{}, placed: map[uint32]bool{}, holders: &holder.Holders{}}
	if owners {
		c.holders = holder.Read()
	}
	for p, err := range inspect.Programs() {
		if err != nil {
			return nil, err
		}
		if info, err := p.Info(); err == nil {
			c.programs[info.ID] = &program{*info, tool.ProgramName(p, info)}
		}
	}
	for l, err := range linkinfo.All(uapi.LinkUnspec) {
		if errors.Is(err, syscall.EINVAL) { // before 5.8
			break
		}
		if err != nil {
			c.errs = append(c.errs, err)
			continue
		}
		c.links = append(c.links, l)
	}
	for _, part := range []func() error{c.network, c.cgroups, c.linked, c.events, c.structOps,
		c.sockMaps, c.receivers} {
		if err := part(); err != nil {
			c.errs = append(c.errs, err)
		}
	}
	c.idle()
	c.sort()
	return c.forest, nil
}

// put adds a program that is attached to a place, by a link unless it is nil.
func (c *collector) put(to place, how, note string, id uint32, link *linkinfo.Info) {
	a := attachment{how: how, note: note, program: id}
	if p := c.programs[id]; p != nil {
		a.name = p.name
	}
	if link != nil {
		a.link = link.ID
		c.placed[link.ID] = true
	}
	a.holders = c.heldBy(a)
	c.add(to, a)
}

// heldBy returns who keeps an attachment: who has its link, or the program if it has no link.
func (c *collector) heldBy(a attachment) holder.List {
	if a.link != 0 {
		return c.holders.Of(inspect.KindLink, a.link)
	}
	return c.holders.Of(inspect.KindProgram, a.program)
}

// link returns the link of a program that fits, nil if there is none.
func (c *collector) link(program uint32, fits func(linkinfo.Detail) bool) *linkinfo.Info {
	for _, l := range c.links {
		if l.ProgramID == program && !c.placed[l.ID] && fits(l.Detail) {
			return l
		}
	}
	return nil
}

func (c *collector) network() error {
	n, err := inspect.ReadNetwork("")
	if err != nil {
		return err
	}
	for _, i := range n.Interfaces {
		at := place{networkInterface, i.Name, uint32(i.Index)}
		for _, x := range i.XDP {
			link := c.link(x.ProgramID, func(d linkinfo.Detail) bool {
				l, ok := d.(*linkinfo.XDP)
				return ok && l.IfIndex == at.index
			})
			c.put(at, "xdp", x.Mode.String(), x.ProgramID, link)
		}
		for _, h := range i.Hooks {
			for _, p := range h.Programs {
				link := c.link(p.ProgramID, func(d linkinfo.Detail) bool {
					switch l := d.(type) {
					case *linkinfo.TCX:
						return l.IfIndex == at.index && l.AttachType == h.Where
					case *linkinfo.Netkit:
						return l.IfIndex == at.index && l.AttachType == h.Where
					}
					return false
				})
				c.put(at, h.Where.String(), "", p.ProgramID, link)
			}
		}
		for _, f := range i.Filters {
			note := fmt.Sprintf("%s priority %d handle %#x", f.Name, f.Priority, f.Handle)
			c.put(at, "tc "+f.Place, strings.TrimSpace(note), f.ProgramID, nil)
			for _, a := range f.Actions {
				c.put(at, "tc "+f.Place+" action", a.Name, a.ProgramID, nil)
			}
		}
	}
	self, err := tool.Inode(kernel.ThreadNetns)
	if err != nil {
		return err
	}
	at := namespacePlace(self)
	for where, list := range map[uapi.AttachType][]inspect.HookedProgram{
		uapi.AttachFlowDissector: n.FlowDissector, uapi.AttachSKLookup: n.SKLookup} {
		for _, p := range list {
			link := c.link(p.ProgramID, func(d linkinfo.Detail) bool {
				l, ok := d.(*linkinfo.Netns)
				return ok && uint64(l.Inode) == self && l.AttachType == where
			})
			c.put(at, where.String(), "", p.ProgramID, link)
		}
	}
	return nil
}

func namespacePlace(inode uint64) place {
	return place{namespace, strconv.FormatUint(inode, 10), 0}
}

func (c *collector) cgroups() error {
	root, err := inspect.CgroupRoot()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for dir, err := range inspect.Cgroups(root) {
		if err != nil {
			return err
		}
		hooks, err := inspect.CgroupHooks(dir, false)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV) {
			continue // removed meanwhile
		}
		if err != nil {
			return err
		}
		if len(hooks) == 0 {
			continue
		}
		id, err := tool.Inode(dir)
		if err != nil {
			continue // removed meanwhile
		}
		at := place{cgroup, cmp.Or(strings.TrimPrefix(dir, root), "/"), 0}
		for _, h := range hooks {
			for _, p := range h.Programs {
				link := c.link(p.ProgramID, func(d linkinfo.Detail) bool {
					l, ok := d.(*linkinfo.Cgroup)
					return ok && l.CgroupID == id && l.AttachType == h.Where
				})
				c.put(at, h.Where.String(), mode(h.Flags), p.ProgramID, link)
			}
		}
	}
	return nil
}

// mode says how programs of a cgroup share a hook.
func mode(flags uapi.AttachFlags) string {
	switch {
	case flags&uapi.FAllowMulti != 0:
		return "multi"
	case flags&uapi.FAllowOverride != 0:
		return "override"
	}
	return ""
}

// linked adds the links that are not in the forest yet.
func (c *collector) linked() error {
	for _, l := range c.links {
		if c.placed[l.ID] {
			continue
		}
		if s, ok := l.Detail.(*linkinfo.StructOps); ok {
			c.registered(s.MapID, l)
			continue
		}
		at, how, note := c.target(l)
		c.put(at, how, note, l.ProgramID, l)
	}
	return nil
}

// target returns what a link attaches its program to.
func (c *collector) target(l *linkinfo.Info) (at place, how, note string) {
	how = l.Type.String()
	switch d := l.Detail.(type) {
	case *linkinfo.RawTracepoint:
		return place{tracepoint, d.Tracepoint, 0}, c.typeOf(l, "raw_tracepoint"), ""
	case *linkinfo.Tracing:
		return place{function, c.tracedFunction(l.ProgramID, d), 0}, d.AttachType.String(), ""
	case *linkinfo.Cgroup: // in a hierarchy that isn't mounted here
		return place{cgroup, fmt.Sprintf("with id %d", d.CgroupID), 0}, d.AttachType.String(), ""
	case *linkinfo.Iter:
		return place{iterator, d.Target, 0}, how, ""
	case *linkinfo.Netns:
		return namespacePlace(uint64(d.Inode)), d.AttachType.String(), ""
	case *linkinfo.XDP:
		return elsewhere(d.IfIndex), how, ""
	case *linkinfo.TCX:
		return elsewhere(d.IfIndex), d.AttachType.String(), ""
	case *linkinfo.Netkit:
		return elsewhere(d.IfIndex), d.AttachType.String(), ""
	case *linkinfo.Kprobe:
		name := cmp.Or(d.Function, c.function(d.Address))
		return place{function, name, 0}, probe("kprobe", "kretprobe", d.Return),
			notes(offset(uint64(d.Offset)), missed(d.Missed))
	case *linkinfo.Uprobe:
		return place{file, d.Path, 0}, probe("uprobe", "uretprobe", d.Return),
			offset(uint64(d.Offset))
	case *linkinfo.Tracepoint:
		return place{tracepoint, d.Tracepoint, 0}, "tracepoint", ""
	case *linkinfo.PerfEvent:
		return place{event, fmt.Sprintf("type %d config %#x", d.EventType, d.Config), 0},
			"perf_event", ""
	case *linkinfo.KprobeMulti:
		return place{function, c.several(d.Functions), 0},
			probe("kprobe", "kretprobe", d.Return) + " multi", missed(d.Missed)
	case *linkinfo.UprobeMulti:
		return place{file, d.Path, 0}, probe("uprobe", "uretprobe", d.Return) + " multi",
			notes(places(len(d.Sites)), process(d.PID))
	case *linkinfo.Netfilter:
		return place{netfilter, "", 0}, fmt.Sprintf("%s %s", family(d.Family), hook(d.Hook)),
			fmt.Sprintf("priority %d", d.Priority)
	case *linkinfo.SockMap:
		return place{socketMap, strconv.FormatUint(uint64(d.MapID), 10), 0},
			d.AttachType.String(), ""
	}
	return place{unknown, "to what the kernel doesn't tell", 0}, how, ""
}

// elsewhere is the place of an interface that this network namespace doesn't have.
func elsewhere(index uint32) place {
	if index == 0 {
		return place{networkInterface, removed, 1 << 31}
	}
	return place{networkInterface, "of another network namespace", index}
}

// typeOf returns the type of a link's program, or what else is known.
func (c *collector) typeOf(l *linkinfo.Info, other string) string {
	if p := c.programs[l.ProgramID]; p != nil {
		return p.Type.String()
	}
	return other
}

// tracedFunction returns the name of the function that a link traces, with its program if it is one
// of BPF.
func (c *collector) tracedFunction(id uint32, d *linkinfo.Tracing) string {
	object := uint32(0)
	p := c.programs[id]
	if p != nil {
		object = p.AttachBTFID
	}
	name := fmt.Sprintf("with type %d of BTF object %d", d.TargetBTFID, object)
	if object == 0 {
		return fmt.Sprintf("with type %d of %d", d.TargetBTFID, d.TargetID)
	}
	spec, ok := c.btf[object]
	if !ok {
		var base *btf.Spec
		if object != vmlinuxID {
			base, _ = kernel.Running().BTF()
		}
		spec, _ = kernel.BTFByID(object, base)
		if spec == nil { // not split
			spec, _ = kernel.BTFByID(object, nil)
		}
		c.btf[object] = spec
	}
	if spec != nil {
		if t, ok := spec.Type(btf.ID(d.TargetBTFID)); ok && t.Name() != "" {
			name = t.Name()
		}
	}
	if target := c.programs[d.TargetID]; target != nil && target.BTFID == object {
		return fmt.Sprintf("%s of program %d", name, d.TargetID)
	}
	return name
}

// vmlinuxID is the id of the kernel's own BTF, which is the first.
const vmlinuxID = 1

// function names the function at an address.
func (c *collector) function(address uint64) string {
	if !c.asked {
		c.asked = true
		c.functions, _ = kernel.ReadFunctions()
	}
	if name, off, ok := c.functions.At(address); ok && address != 0 {
		if off != 0 {
			return fmt.Sprintf("%s+%#x", name, off)
		}
		return name
	}
	if address == 0 {
		return "at an address that the kernel hides"
	}
	return fmt.Sprintf("%#x", address)
}

// events adds programs that are attached by descriptors of perf events and raw tracepoints without
// a link.
func (c *collector) events() error {
	list, err := inspect.PerfAttachments()
	if err != nil {
		return err
	}
	for _, e := range list {
		linked := slices.ContainsFunc(c.links, func(l *linkinfo.Info) bool {
			return l.ProgramID == e.ProgramID
		})
		if linked {
			continue
		}
		at, note := place{tracepoint, e.Name, 0}, ""
		switch e.Type {
		case uapi.FDTypeKprobe, uapi.FDTypeKretprobe:
			at = place{function, cmp.Or(e.Name, c.function(e.Address)), 0}
			note = offset(e.Offset)
		case uapi.FDTypeUprobe, uapi.FDTypeUretprobe:
			at, note = place{file, e.Name, 0}, offset(e.Offset)
		}
		a := attachment{how: e.Type.String(), note: note, program: e.ProgramID}
		if p := c.programs[e.ProgramID]; p != nil {
			a.name = p.name
		}
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", e.PID))
		a.holders = holder.List{{Owner: inspect.Owner{PID: e.PID,
			Name: strings.TrimSuffix(string(comm), "\n")}}}
		c.add(at, a)
	}
	return nil
}

// structOps adds the struct_ops maps that are registered without a link.
func (c *collector) structOps() error {
	list, err := inspect.StructOps()
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.LinkID == 0 {
			c.registered(s.MapID, nil)
		}
	}
	return nil
}

// registered adds a struct_ops map.
func (c *collector) registered(mapID uint32, link *linkinfo.Info) {
	a := attachment{how: "registered", mapID: mapID}
	at := place{kernelOps, "", 0}
	if m, err := bpf.MapFromID(mapID, 0); err == nil {
		a.name = m.Name()
		if info, err := m.Info(); err == nil {
			at.name = c.opsType(info)
		}
		m.Close()
	}
	kind, id := inspect.KindMap, mapID
	if link != nil {
		a.link = link.ID
		c.placed[link.ID] = true
		kind, id = inspect.KindLink, link.ID
	}
	a.holders = c.holders.Of(kind, id)
	c.add(at, a)
	for pid, p := range c.programs { // those of the struct are not idle
		if p.Type == uapi.ProgStructOps && slices.Contains(p.MapIDs, mapID) {
			c.seen[pid] = true
		}
	}
}

// opsType returns the kernel's struct of a struct_ops map.
func (c *collector) opsType(info *objinfo.Map) string {
	spec, err := kernel.Running().BTF()
	if err != nil || info.KernelBTFID > vmlinuxID {
		return ""
	}
	t, _ := spec.Type(btf.ID(info.KernelValueTypeID))
	return strings.TrimPrefix(t.Name(), "bpf_struct_ops_")
}

// sockMaps adds the programs of sockmaps that are attached without a link.
func (c *collector) sockMaps() error {
	for m, err := range inspect.Maps() {
		if err != nil {
			return err
		}
		if m.Type() != uapi.MapSockMap && m.Type() != uapi.MapSockHash {
			continue
		}
		info, err := m.Info()
		if err != nil {
			continue
		}
		at := place{socketMap, strconv.FormatUint(uint64(info.ID), 10), 0}
		for _, where := range []uapi.AttachType{uapi.AttachSKMsgVerdict,
			uapi.AttachSKSKBStreamParser, uapi.AttachSKSKBStreamVerdict, uapi.AttachSKSKBVerdict} {
			h, err := inspect.SockMap(m, where)
			if err != nil {
				continue // before 5.19
			}
			for _, p := range h.Programs {
				if b := c.at[at]; b == nil || !slices.ContainsFunc(b.attached,
					func(a attachment) bool {
						return a.program == p.ProgramID && a.how == where.String()
					}) {
					c.put(at, where.String(), "", p.ProgramID, nil)
				}
			}
		}
	}
	return nil
}

// receivers adds the programs of infrared receivers.
func (c *collector) receivers() error {
	paths, err := filepath.Glob("/dev/lirc*")
	if err != nil {
		return err
	}
	for _, path := range paths {
		h, err := inspect.LIRC(path)
		if err != nil {
			return err
		}
		for _, p := range h.Programs {
			c.put(place{device, path, 0}, "lirc_mode2", "", p.ProgramID, nil)
		}
	}
	return nil
}

// idle adds the programs that are not attached to anything that the kernel reports.
func (c *collector) idle() {
	var list []*program
	for id, p := range c.programs {
		if !c.seen[id] {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b *program) int { return cmp.Compare(a.ID, b.ID) })
	for _, p := range list {
		c.put(place{nowhere, "", 0}, p.Type.String(), "", p.ID, nil)
	}
}

func probe(entry, exit string, returns bool) string {
	if returns {
		return exit
	}
	return entry
}

func offset(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("+%#x", n)
}

func missed(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d missed", n)
}

func places(n int) string {
	if n == 1 {
		return "1 place"
	}
	return fmt.Sprintf("%d places", n)
}

func process(pid uint32) string {
	if pid == 0 {
		return ""
	}
	return fmt.Sprintf("process %d", pid)
}

// several names the first function, and says how many others there are.
func (c *collector) several(list []linkinfo.KprobeMultiFunction) string {
	switch len(list) {
	case 0:
		return "that the kernel doesn't tell"
	case 1:
		return c.function(list[0].Address)
	}
	return fmt.Sprintf("%s and %d others", c.function(list[0].Address), len(list)-1)
}

// notes joins what is not empty.
func notes(list ...string) string {
	return strings.Join(slices.DeleteFunc(list, func(s string) bool { return s == "" }), ", ")
}

func family(f uapi.NetfilterFamily) string {
	switch f {
	case uapi.NetfilterIPv4:
		return "ipv4"
	case uapi.NetfilterIPv6:
		return "ipv6"
	}
	return fmt.Sprintf("family %d", f)
}

func hook(h uapi.NetfilterHook) string {
	if names := tool.NetfilterHooks(); int(h) < len(names) {
		return names[h]
	}
	return fmt.Sprintf("hook %d", h)
}
