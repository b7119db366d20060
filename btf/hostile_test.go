package btf

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// exercise calls everything that a Spec offers, whatever its origin. Calls must return without a
// panic, in time proportional to the input. It also checks that JSON is valid, that an edited copy
// reads the same, that both byte orders contain the same, and that a Spec accepted by Validate has
// no dangling references.
func exercise(t testing.TB, s *Spec) {
	t.Helper()
	valid := s.Validate() == nil
	names := []string{"task_struct", "event", "a", ""}
	data := make([]byte, 64)
	for i := range data {
		data[i] = byte(i * 37)
	}
	var raw []byte
	n := 0
	for typ := range s.Types() {
		n++
		if n > 300 {
			break
		}
		raw = typ.AppendRaw(raw[:0])
		if out := typ.AppendRawJSON(nil); !json.Valid(out) && isKnown(typ.Kind()) {
			t.Fatalf("[%d]: %s", typ.ID(), out)
		}
		if valid {
			if _, ok := s.Type(typ.Ref()); !ok {
				t.Fatalf("[%d] refers to [%d]", typ.ID(), typ.Ref())
			}
		}
		s.SizeOf(typ.ID())
		s.AlignOf(typ.ID())
		s.Resolve(typ.ID())
		s.Skip(typ.ID())
		s.CString(typ.ID())
		typ.Member(-1)
		typ.Member(typ.Vlen())
		typ.Record()
		if n <= 40 {
			AppendValue(nil, s, typ.ID(), data, nil)
			if out, _ := AppendJSON(nil, s, typ.ID(), data,
				&ValueOptions{OmitZero: n%2 == 0}); !json.Valid(out) {
				t.Fatalf("[%d]: %s", typ.ID(), out)
			}
			names = append(names, typ.Name())
		}
	}
	for _, name := range names {
		s.Named(name)
		s.FindByName(name, KindStruct)
	}
	s.Prefetch(names...)
	if b := s.Edit(); b.Err() == nil {
		b.AddString("new string")
		b.AddPtr(1)
		if _, err := b.Spec(); err != nil {
			t.Fatalf("an edited copy: %v", err)
		}
	}
	exerciseDedup(t, s, nil)
	if s.base != nil {
		exerciseDistill(t, s)
		s.Relocate(s.base.base)
	}
	if s.strs == "" {
		return // split, without own types
	}
	twice := swapSpec(swapSpec(s.HostBytes()))
	if again, err := Parse(swapSpec(s.HostBytes()), s.base); err != nil {
		t.Fatalf("swapped: %v", err)
	} else if again.Len() != s.Len() || !bytes.Equal(twice, s.HostBytes()) {
		t.Fatal("swapping changes it")
	}
}

// exerciseDedup deduplicates a copy, within the limit of memory: what comes out is valid.
func exerciseDedup(t testing.TB, s *Spec, x *Ext) {
	t.Helper()
	b := s.Edit()
	input := len(s.types) + len(s.strs)
	if x != nil {
		input += len(x.raw)
	}
	for base := s.base; base != nil; base = base.base {
		input += len(base.types) + len(base.strs)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := b.Dedup(x)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 16*uint64(input)+1<<20 {
		t.Fatalf("%d bytes of BTF made Dedup allocate %d", input, n)
	}
	if err != nil {
		return
	}
	d, err := b.Spec()
	if err == nil {
		err = d.Validate()
	}
	if err != nil || d.Len() > s.Len() {
		t.Fatalf("%d types of %d: %v", d.Len(), s.Len(), err)
	}
	if again, err := Parse(b.Bytes(), s.base); err != nil || again.Len() != d.Len() {
		t.Fatalf("%d types: %v", d.Len(), err)
	}
}

// exerciseDistill distills split BTF and puts it over its base again, within the limit of memory.
func exerciseDistill(t testing.TB, s *Spec) {
	t.Helper()
	input := len(s.types) + len(s.strs) + len(s.base.types) + len(s.base.strs)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	base, split, err := s.Distill()
	var moved *Spec
	if err == nil {
		moved, err = split.Relocate(s.base)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 32*uint64(input)+2<<20 {
		t.Fatalf("%d bytes of BTF made Distill and Relocate allocate %d", input, n)
	}
	if err != nil {
		return
	}
	for _, b := range []*Spec{base, split, moved} {
		if err := b.Validate(); err != nil {
			t.Fatal(err)
		}
	}
}

func isKnown(k Kind) bool { return k != KindVoid && kinds[min(k, kindMax)].size != 0 }

func exerciseExt(t testing.TB, raw []byte, s *Spec) {
	x, err := ParseExt(raw, s)
	if err != nil {
		return
	}
	for _, secs := range [][]ExtSection{x.Func, x.Line, x.Core} {
		for _, sec := range secs {
			if sec.Count <= 0 {
				t.Fatal("a section without records")
			}
			sec.First(8)
			sec.Records(0, sec.Count)
			sec.Raw(sec.Count - 1)
		}
	}
	for _, sec := range x.Func {
		sec.FuncInfo(sec.Count - 1)
	}
	for _, sec := range x.Line {
		sec.LineInfo(sec.Count - 1)
	}
	for _, sec := range x.Core {
		sec.CoreRelo(sec.Count - 1)
	}
}

// parseBounded parses and fails if that allocates more than 16 times the input plus 1 MiB.
func parseBounded(t testing.TB, raw, ext []byte, base *Spec) *Spec {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := Parse(raw, base)
	if ext != nil {
		ParseExt(ext, s)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 16*uint64(len(raw)+len(ext))+1<<20 {
		t.Fatalf("%d bytes of input made it allocate %d", len(raw)+len(ext), n)
	}
	if err != nil {
		return nil
	}
	return s
}

var mutations = flag.Int("mutations", 20000, "how many mutated inputs TestMutations tries")

// mutate changes raw in a few places, mostly whole words, mostly to values that are meaningful
// there.
func mutate(r *rand.Rand, raw []byte) []byte {
	out := bytes.Clone(raw)
	for range 1 + r.IntN(6) {
		if len(out) < 4 {
			break
		}
		at := r.IntN(len(out)-3) &^ 3
		switch r.IntN(8) {
		case 0:
			out[r.IntN(len(out))] ^= 1 << r.IntN(8)
		case 1:
			host.PutUint32(out[at:],
				[]uint32{0, 1, 0x7fffffff, 0xffffffff, 0x80000000, uint32(len(out)),
					uint32(len(out) - 4)}[r.IntN(7)])
		case 2:
			host.PutUint32(out[at:], infoWord(Kind(r.IntN(24)), r.Uint32N(6), r.IntN(2) == 0))
		case 3:
			host.PutUint32(out[at:], host.Uint32(out[at:])+r.Uint32N(9)-4)
		case 4:
			host.PutUint32(out[at:], r.Uint32N(300))
		case 5:
			at = 4 * r.IntN(min(8, len(out)/4)) // header
			host.PutUint32(out[at:], r.Uint32N(uint32(len(out)+8)))
		case 6:
			copy(out[at:], out[r.IntN(len(out)):])
		case 7:
			out = out[:r.IntN(len(out))+1]
		}
	}
	return out
}

// runMutations checks that nothing panics, hangs or makes large allocations, and what exercise
// checks.
func runMutations(t *testing.T, seeds, exts [][]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	parsed := 0
	n := *mutations
	if testing.Short() {
		n /= 8
	}
	for i := range n {
		k := i % len(seeds)
		raw, ext := seeds[k], exts[k]
		if i%3 != 0 {
			raw = mutate(r, raw)
		}
		if ext != nil && i%2 == 0 {
			ext = mutate(r, ext)
		}
		start := time.Now()
		s := parseBounded(t, raw, ext, nil)
		if s != nil {
			parsed++
			exercise(t, s)
			if ext != nil {
				exerciseExt(t, ext, s)
				if x, err := ParseExt(ext, s); err == nil {
					exerciseDedup(t, s, x)
				}
			}
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Fatalf("input %d of %d bytes took %v", i, len(raw), d)
		}
	}
	if parsed < n/10 {
		t.Errorf("only %d of %d inputs were accepted: the mutations are too coarse", parsed, n)
	}
}

// TestBombs uses types that grow when they are visited: each of these would take ages or gigabytes
// without a limit. The time limit is generous.
func TestBombs(t *testing.T) {
	bombs := map[string]func(b *Builder){
		"structs that hold the next twice": func(b *Builder) {
			b.AddInt("int", 4, 0)
			for i := range 60 {
				b.AddStruct(fmt.Sprint("s", i), 4)
				b.AddMember("a", b.Len(), 0, 0)
				b.AddMember("b", b.Len(), 0, 0)
			}
			b.AddTypedef("t", 1)
		},
		"unions that hold the next twice, empty": func(b *Builder) {
			for i := range 60 {
				b.AddUnion(fmt.Sprint("u", i), 0)
				b.AddMember("a", b.Len(), 0, 0)
				b.AddMember("", b.Len(), 0, 0)
			}
			b.AddStruct("end", 0)
		},
		"a struct that holds itself": func(b *Builder) {
			b.AddStruct("s", 4)
			b.AddMember("s", 1, 0, 0)
			b.AddMember("", 1, 0, 0)
		},
		"arrays of arrays": func(b *Builder) {
			b.AddInt("int", 4, 0)
			for range 100 {
				b.AddArray(1, b.Len()-1, 0xffffffff)
			}
		},
		"an array of nothing": func(b *Builder) {
			b.AddStruct("s", 0)
			b.AddArray(1, 1, 0xffffffff)
			b.AddArray(1, 2, 0xffffffff)
		},
		"signatures of signatures": func(b *Builder) {
			for range 100 {
				b.AddFuncProto(b.Len() + 1)
				for range 20 {
					b.AddParam("p", b.Len())
				}
			}
			b.AddPtr(0)
		},
		"typedefs in a circle": func(b *Builder) {
			b.AddTypedef("a", 2)
			b.AddConst(3)
			b.AddVolatile(1)
			b.AddPtr(4)
			b.AddArray(5, 5, 1)
		},
		"one long name for everything": func(b *Builder) {
			long := b.AddString(string(bytes.Repeat([]byte("n___m"), 1<<17)))
			b.AddInt("x", 1, 0)
			for range 20000 {
				b.AddStruct("", 1)
				host.PutUint32(b.Record(b.Len()-1), long)
				b.AddMember("", 1, 0, 0)
				host.PutUint32(b.Record(b.Len() - 1)[headSize:], long)
			}
			b.AddStruct("", 4000)
			for i := range 4000 {
				b.AddMember("", 1, uint32(8*i), 0)
				host.PutUint32(b.Record(b.Len() - 1)[headSize+12*i:], long)
			}
		},
		"one name for everything": func(b *Builder) {
			for range 100000 {
				b.AddStruct("name", 1)
			}
		},
		"arrays of themselves": func(b *Builder) {
			b.AddArray(1, 2, 4)
			b.AddArray(2, 1, 4)
		},
		"a long chain of pointers": func(b *Builder) {
			b.AddInt("int", 4, 0)
			for range 100000 {
				b.AddPtr(b.Len() + 1)
			}
			b.AddStruct("end", 4)
		},
		"structs that differ at the end": func(b *Builder) {
			for i := range 3000 {
				b.AddStruct("s", 8)
				b.AddMember("next", b.Len()+1, 0, 0)
				for range 20 {
					b.AddPtr(b.Len() + 1)
				}
				b.AddInt(fmt.Sprint("int", i), 4, 0)
			}
		},
		"structs in structs that are nearly identical": func(b *Builder) {
			b.AddInt("int", 4, 0)
			for range 2 {
				for i := range 30 {
					b.AddStruct(fmt.Sprint("s", i), 4)
					for k := range 40 {
						b.AddMember(fmt.Sprint("m", k), b.Len()+ID(k%2), 0, 0)
					}
				}
				b.AddStruct("end", 4)
			}
		},
		"names that overlap": func(b *Builder) {
			long := b.AddString(string(bytes.Repeat([]byte("n"), 1<<16)))
			for i := range uint32(20000) {
				b.AddStruct("", 1)
				host.PutUint32(b.Record(b.Len()-1), long+i)
			}
		},
		"a huge enum": func(b *Builder) {
			b.AddEnum("e", 4, false)
			for range 200000 {
				b.AddEnumerator("E", 1)
			}
			b.AddArray(1, 1, 1<<20)
		},
	}
	for name, build := range bombs {
		t.Run(name, func(t *testing.T) {
			b := NewBuilder(nil)
			build(b)
			raw := b.Bytes()
			if raw == nil {
				t.Fatal(b.Err())
			}
			start := time.Now()
			s := parseBounded(t, raw, nil, nil)
			if s == nil {
				t.Fatal("refused")
			}
			exercise(t, s)
			last := s.Len() - 1
			big := pattern(1 << 16)
			for _, id := range []ID{1, last} {
				out, _ := AppendJSON(nil, s, id, big, nil)
				if len(out) > 200<<20 || !json.Valid(out) {
					t.Errorf("[%d]: %d bytes of JSON", id, len(out))
				}
				AppendValue(nil, s, id, big, &ValueOptions{Types: true, Indent: "\t"})
			}
			for range 20 {
				s.FindByName("name", KindUnion)
				s.Named("name")
			}
			// the machine may be busy; without limits it would take hours
			if d := time.Since(start); d > 3*time.Minute {
				t.Errorf("took %v", d)
			}
		})
	}
}

func pattern(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i>>3) + 1
	}
	return data
}

// seedSpec returns small BTF with every kind.
func seedSpec() []byte {
	b := NewBuilder(nil)
	addAllKinds(b)
	return b.Bytes()
}

// FuzzParse parses BTF, alone and split over a base with every kind. Seeds: every kind in both byte
// orders, and on Linux objects of the corpus. Run: go test -fuzz FuzzParse -fuzzminimizetime=1x
// ./btf
func FuzzParse(f *testing.F) {
	seed := seedSpec()
	f.Add(seed)
	f.Add(swapSpec(seed))
	f.Add(seed[:24])
	for _, raw := range fuzzSeeds(f) {
		f.Add(raw)
	}
	base, err := Parse(seed, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, base := range []*Spec{nil, base} {
			if s, err := Parse(raw, base); err == nil {
				exercise(t, s)
			}
		}
	})
}

// FuzzDedup deduplicates BTF with .BTF.ext, alone and split over a base with every kind.
func FuzzDedup(f *testing.F) {
	seed := seedSpec()
	f.Add(seed, []byte{})
	exts := fuzzExtSeeds(f)
	for i, raw := range fuzzSeeds(f) {
		f.Add(raw, exts[i])
	}
	base, err := Parse(seed, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw, ext []byte) {
		for _, base := range []*Spec{nil, base} {
			if s, err := Parse(raw, base); err == nil {
				x, _ := ParseExt(ext, s)
				exerciseDedup(t, s, x)
			}
		}
	})
}

// FuzzRelocate puts BTF that is split over any other over a third.
func FuzzRelocate(f *testing.F) {
	seed := seedSpec()
	to, err := Parse(seed, nil)
	if err != nil {
		f.Fatal(err)
	}
	b := NewBuilder(to)
	b.AddStruct("own", 24)
	b.AddMember("event", 7, 0, 0)
	split := mustSpec(f, b)
	base, distilled, err := split.Distill()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(base.Raw(), distilled.Raw(), seed)
	f.Add(base.Raw(), distilled.Raw(), base.Raw())
	f.Fuzz(func(t *testing.T, base, split, to []byte) {
		b, err := Parse(base, nil)
		if err != nil {
			return
		}
		s, err := Parse(split, b)
		if err != nil {
			return
		}
		exerciseDistill(t, s)
		if to, err := Parse(to, nil); err == nil {
			if moved, err := s.Relocate(to); err == nil {
				if err := moved.Validate(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// FuzzExt parses .BTF.ext.
func FuzzExt(f *testing.F) {
	for _, raw := range fuzzExtSeeds(f) {
		f.Add(raw)
	}
	base, err := Parse(seedSpec(), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) { exerciseExt(t, raw, base) })
}

// FuzzBuilder makes calls chosen by the input: whatever the Builder accepts must parse, and keep
// its ids.
func FuzzBuilder(f *testing.F) {
	f.Add([]byte("\x01\x04\x02\x01\x05\x08\x0c\x01\x00\x0c\x01\x00\x09\x01\x02\x03\x04\x05\x06\x07"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		b := NewBuilder(nil)
		next := func() uint32 {
			if len(ops) == 0 {
				return 0
			}
			v := ops[0]
			ops = ops[1:]
			return uint32(v)
		}
		for len(ops) > 0 && b.Err() == nil {
			op, x, y := next(), next(), next()
			name := fmt.Sprint("n", x%9)
			switch op % 20 {
			case 0:
				b.AddInt(name, 1<<(x%5), IntEncoding(y%8))
			case 1:
				b.AddPtr(ID(x))
			case 2:
				b.AddArray(ID(x), ID(y), x*y)
			case 3:
				b.AddStruct(name, y)
			case 4:
				b.AddUnion("", y)
			case 5:
				b.AddMember(name, ID(x), y, x%40)
			case 6:
				b.AddEnum(name, 4, x%2 == 0)
			case 7:
				b.AddEnumerator(name, int64(x)-int64(y))
			case 8:
				b.AddFuncProto(ID(x))
			case 9:
				b.AddParam(name, ID(y))
			case 10:
				b.AddFunc(name, Linkage(x%3), ID(y))
			case 11:
				b.AddVar(name, Linkage(x%3), ID(y))
			case 12:
				b.AddDatasec(name, y)
			case 13:
				b.AddSecVar(ID(x), y, x)
			case 14:
				b.AddTypedef(name, ID(y))
			case 15:
				b.AddEnum64(name, 8, x%2 == 0)
			case 16:
				b.SetInfo(ID(x), Kind(y%20), int(x%5), y%2 == 0)
			case 17:
				b.SetRef(ID(x), ID(y))
			case 18:
				b.AddDeclTag(name, ID(x), int32(y)-1)
			case 19:
				b.SetName(ID(x), name)
			}
		}
		if b.Err() != nil {
			return
		}
		s, err := b.Spec()
		if err != nil {
			t.Fatal(err)
		}
		if s.Len() != b.Len() {
			t.Fatalf("%d types, the Builder made %d", s.Len(), b.Len())
		}
		exercise(t, s)
	})
}
