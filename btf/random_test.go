package btf

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// world is a set of C types that refer to each other in circles. Each unit of source sees only a
// part of them: it has forward declarations of the others, and sometimes types of the same name in
// another shape.
type world struct {
	seed    uint64
	structs int
}

// unit makes the BTF of a unit of source. Types have ids in the order in which they are found.
type unit struct {
	world
	r       *rand.Rand
	b       *Builder
	ids     map[string]ID
	queue   []string
	whole   map[int]bool
	variant map[int]uint64
}

func (w world) unit(r *rand.Rand) *Spec {
	u := unit{w, r, NewBuilder(nil), map[string]ID{}, nil, map[int]bool{}, map[int]uint64{}}
	for range 1 + r.IntN(4) {
		root := r.IntN(w.structs)
		u.whole[root] = true
		u.id("var " + strconv.Itoa(root))
	}
	for i := 0; i < len(u.queue); i++ {
		u.emit(u.queue[i])
	}
	s, err := u.b.Spec()
	if err != nil {
		panic(err)
	}
	return s
}

// id returns the id of a type; sometimes the same type gets another one, as compilers do it.
func (u *unit) id(key string) ID {
	if id, ok := u.ids[key]; ok && (u.r.IntN(50) != 0 || len(u.queue) > 400) {
		return id
	}
	u.queue = append(u.queue, key)
	u.ids[key] = ID(len(u.queue))
	return u.ids[key]
}

// name returns a name that several structs have in common, or none.
func (u *unit) name(n int) string {
	if n%7 == 6 {
		return ""
	}
	return fmt.Sprint("s", n%(u.structs*4/5+1))
}

// composite returns the key of a struct, or of its forward declaration.
func (u *unit) composite(n int) string {
	if _, ok := u.whole[n]; !ok {
		u.whole[n] = u.name(n) == "" || u.r.IntN(3) != 0
	}
	if !u.whole[n] {
		return "fwd " + strconv.Itoa(n)
	}
	return "struct " + strconv.Itoa(n)
}

// member draws the type of a member of struct n; shape has the same draws in all units.
func (u *unit) member(shape *rand.Rand, n int) string {
	to := shape.IntN(u.structs)
	target := u.composite(to)
	switch shape.IntN(12) {
	case 0:
		return "int"
	case 1:
		return "array " + []string{"int", "ptr " + target}[shape.IntN(2)]
	case 2:
		return "ptr const " + target
	case 3:
		return "typedef ptr " + target
	case 4:
		return []string{"enum ", "efwd "}[u.r.IntN(2)] + strconv.Itoa(to%5)
	case 5:
		return "ptr proto " + strconv.Itoa(to)
	case 6:
		if n+1 < u.structs { // by value: of higher number, so that none contains itself
			inner := n + 1 + shape.IntN(u.structs-n-1)
			return "struct " + strconv.Itoa(inner)
		}
	case 7:
		return "ptr tag " + target
	}
	return "ptr " + target
}

func (u *unit) emit(key string) {
	kind, rest, _ := strings.Cut(key, " ")
	n, _ := strconv.Atoi(rest)
	switch kind {
	case "int":
		u.b.AddInt("int", 4, Signed)
	case "var":
		u.b.AddVar("v"+rest, LinkageGlobal, u.id("struct "+rest))
	case "ptr":
		u.b.AddPtr(u.id(rest))
	case "const":
		u.b.AddConst(u.id(rest))
	case "tag":
		u.b.AddTypeTag("tag", u.id(rest))
	case "typedef":
		u.b.AddTypedef("t", u.id(rest))
	case "array":
		u.b.AddArray(u.id("int"), u.id(rest), uint32(len(rest)))
	case "enum":
		u.b.AddEnum("e"+rest, 4, false)
		for i := range 1 + n + int(u.variantOf(1000+n)) {
			u.b.AddEnumerator(fmt.Sprint("E", n, i), int64(i))
		}
	case "efwd":
		u.b.AddFwd("e"+rest, KindEnum)
	case "fwd":
		u.b.AddFwd(u.name(n), u.kind(n))
	case "proto":
		u.b.AddFuncProto(u.id("ptr " + u.composite(n)))
		u.b.AddParam("a", u.id("int"))
		u.b.AddParam("b", u.id("ptr "+u.composite((n+1)%u.structs)))
	case "struct":
		u.emitStruct(n)
	}
}

func (u *unit) kind(n int) Kind {
	if n%5 == 0 {
		return KindUnion
	}
	return KindStruct
}

// variantOf returns 0 in most units.
func (u *unit) variantOf(n int) uint64 {
	if _, ok := u.variant[n]; !ok {
		u.variant[n] = 0
		if u.r.IntN(12) == 0 {
			u.variant[n] = 1 + u.r.Uint64N(2)
		}
	}
	return u.variant[n]
}

func (u *unit) emitStruct(n int) {
	shape := rand.New(rand.NewPCG(u.seed+u.variantOf(n), uint64(n)))
	members := shape.IntN(5)
	union := u.kind(n) == KindUnion
	type member struct {
		name string
		id   ID
	}
	var list []member
	for i := range members {
		list = append(list, member{fmt.Sprint("m", i), u.id(u.member(shape, n))})
	}
	if union {
		u.b.AddUnion(u.name(n), 8)
	} else {
		u.b.AddStruct(u.name(n), uint32(8*members))
	}
	for i, m := range list {
		at := uint32(64 * i)
		if union {
			at = 0
		}
		u.b.AddMember(m.name, m.id, at, 0)
	}
}
