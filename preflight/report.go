package preflight

import (
	"strconv"

	"github.com/purebpf/bpf/facts"
)

// Report is the verdict on an object for a kernel, as far as possible without loading it.
type Report struct {
	Object string `json:"object"`
	// Loads is no if something that the object needs is missing, yes if all needs are met. A yes
	// does not mean that the verifier accepts the code: see NotChecked.
	Loads facts.Answer `json:"loads"`
	// Attaches is the same for the hooks that programs name in their SEC().
	Attaches facts.Answer `json:"attaches"`
	Reasons  []string     `json:"reasons,omitempty"` // for answers other than yes
	Error    string       `json:"error,omitempty"`   // why the object cannot be resolved at all
	Skipped  []string     `json:"skipped,omitempty"` // programs whose autoload is off
	Needs    []Need       `json:"needs"`
	// NotChecked lists what the answers do not cover.
	NotChecked  []string     `json:"not_checked"`
	Relocations []Relocation `json:"relocations"`
}

// NeedKind is the kind of a need.
type NeedKind uint8

const (
	NeedOrder     NeedKind = iota // byte order of the machine
	NeedBTF                       // BTF of the kernel
	NeedObjectBTF                 // type information of the object
	NeedProgType
	NeedAttachType
	NeedTarget // function, tracepoint, hook or iterator that a program attaches to
	NeedMapType
	NeedShape   // sizes and entries that maps of a type may have
	NeedSetting // size of a map that the object leaves to the application
	NeedFlag    // flag or field that a program or map is loaded with
	NeedStructOps
	NeedInstruction // instruction that not every kernel has
	NeedHelper
	NeedKfunc
	NeedKsym
	NeedKconfig
	NeedLicense // only if the object's license is not sufficient
	NeedFeature
	NeedCapability
	needKinds
)

var needNames = [needKinds]string{
	NeedOrder:       "byte order",
	NeedBTF:         "kernel BTF",
	NeedObjectBTF:   "object BTF",
	NeedProgType:    "program type",
	NeedAttachType:  "attach type",
	NeedTarget:      "attach target",
	NeedMapType:     "map type",
	NeedShape:       "map shape",
	NeedSetting:     "map setting",
	NeedFlag:        "flag",
	NeedStructOps:   "struct_ops",
	NeedInstruction: "instruction",
	NeedHelper:      "helper",
	NeedKfunc:       "kfunc",
	NeedKsym:        "ksym",
	NeedKconfig:     "kconfig",
	NeedLicense:     "license",
	NeedFeature:     "feature",
	NeedCapability:  "capability",
}

// String returns the kind in words: "map type".
func (k NeedKind) String() string {
	if k < needKinds {
		return needNames[k]
	}
	return "need " + strconv.Itoa(int(k))
}

// MarshalText returns the text of String.
func (k NeedKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Need is one thing that an object needs from a kernel.
type Need struct {
	Kind   NeedKind `json:"kind"`
	Name   string   `json:"name"`
	Users  []string `json:"users,omitempty"`  // programs and maps, in the object's order
	Attach bool     `json:"attach,omitempty"` // needed to attach, not to load
	// Optional: the object or the loader works without it; Reason says how.
	Optional bool `json:"optional,omitempty"`
	// Guarded: on this kernel only unreachable code uses it.
	Guarded bool         `json:"guarded,omitempty"`
	Answer  facts.Answer `json:"answer"`
	Reason  string       `json:"reason,omitempty"`
}

// blocks reports whether a "no" prevents loading or attaching.
func (n *Need) blocks() bool { return !n.Optional && !n.Guarded }

// State is the outcome of a CO-RE relocation.
type State uint8

const (
	Found   State = iota // the target has it, as compiled
	Moved                // the target has it with another value: offset, size, id, ...
	Absent               // the relocation asks whether it exists, and it does not
	Guarded              // the target lacks it, and the code that needs it is not reachable
	Missing              // the target lacks it, and the code that needs it is reachable
	Failed               // malformed, ambiguous, or the instruction does not fit
	Unused               // its code is in no program that would be loaded
	states
)

var stateNames = [states]string{"found", "moved", "absent", "guarded", "missing", "failed",
	"unused"}

// String returns the state in one word.
func (s State) String() string {
	if s < states {
		return stateNames[s]
	}
	return "state " + strconv.Itoa(int(s))
}

// MarshalText returns the text of String.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Relocation is the outcome of a CO-RE relocation on a kernel.
type Relocation struct {
	Function string   `json:"function"`
	Insn     int      `json:"instruction"` // within the function
	Users    []string `json:"users,omitempty"`
	Spec     string   `json:"spec"` // in libbpf's notation
	Source   string   `json:"source,omitempty"`
	State    State    `json:"state"`
	Local    uint64   `json:"local_value"`
	Value    uint64   `json:"value"`
	Reason   string   `json:"reason,omitempty"`
}

// verdict sets the answers of the report from the needs and relocations.
func (r *Report) verdict() {
	r.Loads, r.Attaches = facts.Yes, facts.Yes
	lower := func(a *facts.Answer, to facts.Answer, reason string) {
		if to == facts.Yes {
			return
		}
		if *a != facts.No {
			*a = to
		}
		r.Reasons = append(r.Reasons, reason)
	}
	for i := range r.Needs {
		n := &r.Needs[i]
		if n.Answer == facts.Yes || !n.blocks() {
			continue
		}
		answer := &r.Loads
		if n.Attach {
			answer = &r.Attaches
		}
		word := "no "
		if n.Answer == facts.Unknown {
			word = "not known: "
		}
		lower(answer, n.Answer, word+n.Kind.String()+" "+n.Name+": "+n.Reason)
	}
	for i := range r.Relocations {
		x := &r.Relocations[i]
		if x.State == Missing || x.State == Failed {
			lower(&r.Loads, facts.No, "CO-RE relocation "+x.Spec+" in "+x.Function+": "+x.Reason)
		}
	}
	if r.Error != "" {
		lower(&r.Loads, facts.No, r.Error)
	}
	if r.Loads != facts.Yes && r.Attaches == facts.Yes {
		r.Attaches = r.Loads // an object that does not load does not attach
	}
}

// Count returns the number of relocations in a state.
func (r *Report) Count(s State) int {
	n := 0
	for i := range r.Relocations {
		if r.Relocations[i].State == s {
			n++
		}
	}
	return n
}

// notChecked is what no report covers.
var notChecked = [...]string{
	"what the code does, which the verifier decides",
	"memory and other limits of the machine",
	"maps that are pinned already",
}
