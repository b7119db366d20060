// Package verdict describes the result of loading a BPF object. The line that bpf verify -j prints
// and the line that the C libbpf oracle prints (scripts/testdata/oracle.c) both have this form, so
// that they can be compared field by field.
package verdict

// Stages at which an object fails.
const (
	StageOpen = "open" // reading the object
	StageLoad = "load" // resolving it, or the kernel refused something
	StageOK   = "ok"
)

// Object is the verdict on one object. Programs and Maps are in the object's order, and empty if it
// did not open.
type Object struct {
	Object   string    `json:"object"` // its path
	OK       bool      `json:"ok"`
	Stage    string    `json:"stage"`
	Errno    int       `json:"errno"`   // positive; 0 if it loaded
	Program  string    `json:"program"` // the first program that the kernel refused, if that is why
	Error    string    `json:"error"`   // the loader's own words, not to be compared
	Programs []Program `json:"programs"`
	Maps     []Map     `json:"maps"`
}

// Program is one program of an [Object]. From Tag on the fields are the kernel's answers about it,
// zero unless it was loaded.
type Program struct {
	Name     string `json:"name"`
	Section  string `json:"section"`
	Type     uint32 `json:"type"`
	Autoload bool   `json:"autoload"`
	Loaded   bool   `json:"loaded"`
	Tag      string `json:"tag"`       // hash of the instructions, with map references left out
	Xlated   uint32 `json:"xlated"`    // bytes of translated instructions
	Maps     uint32 `json:"maps"`      // how many maps it uses
	FuncInfo uint32 `json:"func_info"` // records
	LineInfo uint32 `json:"line_info"` // records
}

// Map is one map of an [Object]. From KernelName on the fields are the kernel's answers about it,
// zero unless the object was loaded and the map created.
type Map struct {
	Name       string `json:"name"`
	KernelName string `json:"kernel_name"`
	Type       uint32 `json:"type"`
	Key        uint32 `json:"key"`
	Value      uint32 `json:"value"`
	Max        uint32 `json:"max"`
	Flags      uint32 `json:"flags"`
	BTF        bool   `json:"btf"`
}
