package clang

// machine is what an architecture is called elsewhere.
type machine struct {
	goarch  string
	big     bool
	target  string   // in bpf_tracing.h
	triples []string // Debian's folders for headers
}

var machines = [...]machine{
	{"386", false, "x86", []string{"i386-linux-gnu"}},
	{"amd64", false, "x86", []string{"x86_64-linux-gnu"}},
	{"arm", false, "arm", []string{"arm-linux-gnueabihf", "arm-linux-gnueabi"}},
	{"arm64", false, "arm64", []string{"aarch64-linux-gnu"}},
	{"loong64", false, "loongarch", []string{"loongarch64-linux-gnu"}},
	{"mips", true, "mips", []string{"mips-linux-gnu"}},
	{"mipsle", false, "mips", []string{"mipsel-linux-gnu"}},
	{"mips64", true, "mips", []string{"mips64-linux-gnuabi64"}},
	{"mips64le", false, "mips", []string{"mips64el-linux-gnuabi64"}},
	{"ppc64", true, "powerpc", []string{"powerpc64-linux-gnu"}},
	{"ppc64le", false, "powerpc", []string{"powerpc64le-linux-gnu"}},
	{"riscv64", false, "riscv", []string{"riscv64-linux-gnu"}},
	{"s390x", true, "s390", []string{"s390x-linux-gnu"}},
	{"sparc64", true, "sparc", []string{"sparc64-linux-gnu"}},
}

func machineOf(goarch string) machine {
	for _, m := range machines {
		if m.goarch == goarch {
			return m
		}
	}
	return machine{}
}

func bigEndian(goarch string) bool { return machineOf(goarch).big }
