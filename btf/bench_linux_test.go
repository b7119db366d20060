package btf

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
)

// The target figures for the kernel's BTF (5.5 MB, 127 thousand types), on the machine in the
// project's performance notes: parse 0.9 ms, 20 names in one pass 0.55 ms, 1,000 prefetched names 2
// ms. Enumerating all types, members and names does not allocate; it takes 1.2 ms to reach every
// name, as in C, and as much again to find the ends of the 240 thousand names.

// mapped maps the kernel's BTF as a loader does, or reads it where the kernel cannot map it (before
// 6.16).
func mapped(b *testing.B) []byte {
	b.Helper()
	testkit.VmlinuxBTF(b)
	f, err := os.Open(vmlinuxPath)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	raw, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		if raw, err = os.ReadFile(vmlinuxPath); err != nil {
			b.Fatal(err)
		}
		return raw
	}
	b.Cleanup(func() { unix.Munmap(raw) })
	return raw
}

func benchSpec(b *testing.B) *Spec {
	b.Helper()
	s, err := Parse(mapped(b), nil)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkParseVmlinux(b *testing.B) {
	raw := mapped(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(raw, nil); err != nil {
			b.Fatal(err)
		}
	}
}

var twentyNames = []string{
	"task_struct", "sock", "file", "sk_buff", "net", "inode", "dentry", "path", "request", "bio",
	"pt_regs", "mm_struct", "cgroup", "css_set", "nsproxy", "pid", "cred", "tcp_sock", "inet_sock",
	"no_such_type",
}

func BenchmarkFind20(b *testing.B) {
	s := benchSpec(b)
	b.ReportAllocs()
	for b.Loop() {
		s.named, s.funcs = names{}, names{}
		s.Prefetch(twentyNames...)
	}
}

// thousandTypes returns types from all over the BTF that have names, most of them functions, as in
// all kernel BTF.
func thousandTypes(s *Spec) (list []Type) {
	for t := range s.Types() {
		if t.Name() != "" && t.ID()%113 == 0 {
			list = append(list, t)
		}
	}
	return list[:min(len(list), 1000)]
}

func BenchmarkFind1000Prefetched(b *testing.B) {
	s := benchSpec(b)
	list := thousandTypes(s)
	var types, funcs []string
	for _, t := range list {
		if t.Kind() == KindFunc {
			funcs = append(funcs, t.Name())
		} else {
			types = append(types, t.Name())
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		s.named, s.funcs = names{}, names{}
		s.Prefetch(types...)
		s.PrefetchFuncs(funcs...)
		findAll(b, s, list)
	}
}

func BenchmarkFind1000OneByOne(b *testing.B) {
	s := benchSpec(b)
	list := thousandTypes(s)
	b.ReportAllocs()
	for b.Loop() {
		s.named, s.funcs = names{}, names{}
		findAll(b, s, list)
	}
}

func findAll(b *testing.B, s *Spec, list []Type) {
	for _, t := range list {
		if _, ok := s.FindByName(t.Name(), t.Kind()); !ok {
			b.Fatal(t.Name())
		}
	}
}

func BenchmarkIndex(b *testing.B) {
	s := benchSpec(b)
	b.ReportAllocs()
	for b.Loop() {
		newNameIndex(s, false)
	}
}

func BenchmarkFindKnown(b *testing.B) {
	s := benchSpec(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := s.FindByName("task_struct", KindStruct); !ok {
			b.Fatal("no task_struct")
		}
	}
}

func BenchmarkEnumerate(b *testing.B) {
	s := benchSpec(b)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for t := range s.Types() {
			n += len(t.Name())
			switch t.Kind() {
			case KindStruct, KindUnion:
				for i := range t.Vlen() {
					m := t.Member(i)
					n += len(m.Name) + int(m.Type)
				}
			case KindEnum, KindEnum64:
				for i := range t.Vlen() {
					e := t.Enumerator(i)
					n += len(e.Name) + int(e.Value)
				}
			case KindFuncProto:
				for i := range t.Vlen() {
					p := t.Param(i)
					n += len(p.Name) + int(p.Type)
				}
			}
		}
	}
	if n == 0 {
		b.Fatal("nothing")
	}
}

// The value is a record of 24 members as a ring buffer delivers it.
func BenchmarkAppendValue(b *testing.B) {
	path := testkit.Compile(b, valueSource)
	s := objectSpec(b, path)
	id, data := sectionType(b, path, s, ".data.event")
	var dst []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		dst, _ = AppendValue(dst[:0], s, id, data, nil)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	path := testkit.Compile(b, valueSource)
	s := objectSpec(b, path)
	id, data := sectionType(b, path, s, ".data.event")
	var dst []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		dst, _ = AppendJSON(dst[:0], s, id, data, nil)
	}
}

// BenchmarkParseObject opens an object of moderate size.
func BenchmarkParseObject(b *testing.B) {
	path := testkit.CorpusObject(b, "tools/opensnoop.bpf.o")
	raw, ext := section(b, path, ".BTF"), section(b, path, ".BTF.ext")
	b.ReportAllocs()
	for b.Loop() {
		s, err := Parse(raw, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := ParseExt(ext, s); err != nil {
			b.Fatal(err)
		}
	}
}
