//go:build linux

package sys_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
)

// layouts pairs each attribute with its C counterpart: a struct, or the member of union bpf_attr or
// struct bpf_link_info that leads to it (for anonymous ones, the member that contains a field of
// that name), and the C names of its fields in order.
var layouts = []struct {
	goType any
	c      string // "struct x", "attr.member", "attr{field}" or "link.member"
	fields string
}{
	{sys.MapCreateAttr{}, "attr{map_type}",
		"map_type key_size value_size max_entries map_flags inner_map_fd numa_node map_name map_ifindex btf_fd btf_key_type_id btf_value_type_id btf_vmlinux_value_type_id map_extra value_type_btf_obj_fd map_token_fd excl_prog_hash excl_prog_hash_size"},
	{sys.MapBatchAttr{}, "attr.batch",
		"in_batch out_batch keys values count map_fd elem_flags flags"},
	{sys.ProgLoadAttr{}, "attr{prog_type}",
		"prog_type insn_cnt insns license log_level log_size log_buf kern_version prog_flags prog_name prog_ifindex expected_attach_type prog_btf_fd func_info_rec_size func_info func_info_cnt line_info_rec_size line_info line_info_cnt attach_btf_id attach_prog_fd core_relo_cnt fd_array core_relos core_relo_rec_size log_true_size prog_token_fd fd_array_cnt signature signature_size keyring_id"},
	{sys.ProgAttachAttr{}, "attr{attach_bpf_fd}",
		"target_fd attach_bpf_fd attach_type attach_flags replace_bpf_fd relative_fd expected_revision"},
	{sys.ProgQueryAttr{}, "attr.query",
		"target_fd attach_type query_flags attach_flags prog_ids prog_cnt prog_attach_flags link_ids link_attach_flags revision"},
	{sys.ProgTestRunAttr{}, "attr.test",
		"prog_fd retval data_size_in data_size_out data_in data_out repeat duration ctx_size_in ctx_size_out ctx_in ctx_out flags cpu batch_size"},
	{sys.BTFLoadAttr{}, "attr{btf_log_level}",
		"btf btf_log_buf btf_size btf_log_size btf_log_level btf_log_true_size btf_flags btf_token_fd"},
	{sys.TaskFDQueryAttr{}, "attr.task_fd_query",
		"pid fd flags buf_len buf prog_id fd_type probe_offset probe_addr"},
	{sys.LinkUpdateAttr{}, "attr.link_update", "link_fd new_prog_fd flags old_prog_fd"},
	{sys.LinkPerfEvent{}, "attr.link_create.perf_event", "bpf_cookie"},
	{sys.LinkKprobeMulti{}, "attr.link_create.kprobe_multi", "flags cnt syms addrs cookies"},
	{sys.LinkTracing{}, "attr.link_create.tracing", "target_btf_id cookie"},
	{sys.LinkNetfilter{}, "attr.link_create.netfilter", "pf hooknum priority flags"},
	{sys.LinkAnchor{}, "attr.link_create.tcx", "relative_fd expected_revision"},
	{sys.LinkAnchor{}, "attr.link_create.netkit", "relative_fd expected_revision"},
	{sys.LinkAnchor{}, "attr.link_create.cgroup", "relative_fd expected_revision"},
	{sys.LinkUprobeMulti{}, "attr.link_create.uprobe_multi",
		"path offsets ref_ctr_offsets cookies cnt flags pid path_fd"},
	{sys.LinkTracingMulti{}, "attr.link_create.tracing_multi", "ids cookies cnt"},
	{sys.LinkIter{}, "attr.link_create{iter_info}", "iter_info iter_info_len"},
	{sys.ProgInfo{}, "struct bpf_prog_info",
		"type id tag jited_prog_len xlated_prog_len jited_prog_insns xlated_prog_insns load_time created_by_uid nr_map_ids map_ids name ifindex gpl_compatible netns_dev netns_ino nr_jited_ksyms nr_jited_func_lens jited_ksyms jited_func_lens btf_id func_info_rec_size func_info nr_func_info nr_line_info line_info jited_line_info nr_jited_line_info line_info_rec_size jited_line_info_rec_size nr_prog_tags prog_tags run_time_ns run_cnt recursion_misses verified_insns attach_btf_obj_id attach_btf_id"},
	{sys.MapInfo{}, "struct bpf_map_info",
		"type id key_size value_size max_entries map_flags name ifindex btf_vmlinux_value_type_id netns_dev netns_ino btf_id btf_key_type_id btf_value_type_id btf_vmlinux_id map_extra hash hash_size"},
	{sys.BTFInfo{}, "struct bpf_btf_info", "btf btf_size id name name_len kernel_btf"},
	{sys.RawTracepointInfo{}, "link.raw_tracepoint", "tp_name tp_name_len cookie"},
	{sys.TracingInfo{}, "link.tracing", "attach_type target_obj_id target_btf_id cookie"},
	{sys.CgroupInfo{}, "link.cgroup", "cgroup_id attach_type"},
	{sys.NetnsInfo{}, "link.netns", "netns_ino attach_type"},
	{sys.IfaceInfo{}, "link.tcx", "ifindex attach_type"},
	{sys.IfaceInfo{}, "link.netkit", "ifindex attach_type"},
	{sys.MapLinkInfo{}, "link.sockmap", "map_id attach_type"},
	{sys.NetfilterInfo{}, "link.netfilter", "pf hooknum priority flags"},
	{sys.KprobeMultiInfo{}, "link.kprobe_multi", "addrs count flags missed cookies"},
	{sys.UprobeMultiInfo{}, "link.uprobe_multi",
		"path offsets ref_ctr_offsets cookies path_size count flags pid"},
	{sys.IterInfo{}, "link.iter", "target_name target_name_len map cgroup"},
	{sys.PerfEventAttr{}, "struct perf_event_attr",
		"type size config sample_period sample_type read_format disabled wakeup_events bp_type bp_addr bp_len branch_sample_type sample_regs_user sample_stack_user clockid sample_regs_intr aux_watermark sample_max_stack"},
}

// TestLayout compares the offset of every attribute field with the running kernel's own BTF. Fields
// that this kernel doesn't know yet must lie behind all that it knows.
func TestLayout(t *testing.T) {
	raw, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	if err != nil {
		testkit.Skip(t, "no kernel BTF: %v", err)
	}
	spec, err := btf.Parse(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layouts {
		name := reflect.TypeOf(l.goType).Name()
		t.Run(name+"="+l.c, func(t *testing.T) {
			ctype, ok := find(spec, l.c)
			if !ok {
				testkit.Skip(t, "this kernel has no %s", l.c)
			}
			compareLayout(t, spec, ctype, reflect.TypeOf(l.goType), strings.Fields(l.fields))
		})
	}
}

func compareLayout(t *testing.T, spec *btf.Spec, ctype btf.Type, g reflect.Type, names []string) {
	var fields []reflect.StructField
	for i := range g.NumField() {
		if f := g.Field(i); f.Name != "_" && !(g.Name() == "PerfEventInfo" && len(f.Name) == 1) {
			fields = append(fields, f)
		}
	}
	if len(fields) < len(names) {
		t.Fatalf("%d Go fields, %d C fields", len(fields), len(names))
	}
	known := 0
	for i, c := range names {
		offset, ok := memberOffset(spec, ctype, c)
		if !ok {
			if uint32(fields[i].Offset) < ctype.Size() && known < i {
				t.Errorf("%s: the kernel has no %s but knows the bytes at %d",
					fields[i].Name, c, fields[i].Offset)
			}
			t.Logf("%s is unknown to this kernel", c)
			continue
		}
		known = i + 1
		if offset != uint32(fields[i].Offset) {
			t.Errorf("%s is at %d, %s at %d", fields[i].Name, fields[i].Offset, c, offset)
		}
	}
	if known == 0 {
		t.Error("no field was compared")
	}
}

// find resolves the C side of layouts.
func find(spec *btf.Spec, path string) (btf.Type, bool) {
	root, rest := "bpf_attr", strings.TrimPrefix(path, "attr")
	kind := btf.KindUnion
	switch {
	case strings.HasPrefix(path, "struct "):
		root, rest, kind = strings.TrimPrefix(path, "struct "), "", btf.KindStruct
	case strings.HasPrefix(path, "link"):
		root, rest, kind = "bpf_link_info", strings.TrimPrefix(path, "link"), btf.KindStruct
	}
	id, ok := spec.FindByName(root, kind)
	if !ok {
		return btf.Type{}, false
	}
	t, _ := spec.Type(id)
	for rest != "" && ok {
		if rest[0] == '{' {
			return holder(spec, t, strings.Trim(rest, "{}"))
		}
		name := rest[1:]
		if i := strings.IndexAny(name, ".{"); i >= 0 {
			name, rest = name[:i], name[i:]
		} else {
			rest = ""
		}
		t, ok = memberType(spec, t, name)
	}
	return t, ok
}

// holder returns the anonymous struct in t that has a field of that name (itself or in an anonymous
// union of its own).
func holder(spec *btf.Spec, t btf.Type, field string) (btf.Type, bool) {
	for i := range t.Vlen() {
		m := t.Member(i)
		mt := spec.Skip(m.Type)
		if m.Name != "" {
			continue
		}
		if mt.Kind() == btf.KindUnion {
			if found, ok := holder(spec, mt, field); ok {
				return found, true
			}
			continue
		}
		if _, ok := memberOffset(spec, mt, field); ok {
			return mt, true
		}
	}
	return btf.Type{}, false
}

func memberType(spec *btf.Spec, t btf.Type, name string) (btf.Type, bool) {
	for i := range t.Vlen() {
		m := t.Member(i)
		mt := spec.Skip(m.Type)
		if m.Name == name {
			return mt, true
		}
		if m.Name == "" {
			if found, ok := memberType(spec, mt, name); ok {
				return found, true
			}
		}
	}
	return btf.Type{}, false
}

// memberOffset returns the offset in bytes of a member, looking into anonymous structs and unions,
// and into named ones for iterators (map, cgroup).
func memberOffset(spec *btf.Spec, t btf.Type, name string) (uint32, bool) {
	for i := range t.Vlen() {
		m := t.Member(i)
		if m.Name == name {
			return m.BitOffset / 8, true
		}
		if mt := spec.Skip(m.Type); m.Name == "" &&
			(mt.Kind() == btf.KindStruct || mt.Kind() == btf.KindUnion) {
			if off, ok := memberOffset(spec, mt, name); ok {
				return m.BitOffset/8 + off, true
			}
		}
	}
	return 0, false
}
