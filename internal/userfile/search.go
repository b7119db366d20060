package userfile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/purebpf/bpf/internal/nearest"
)

// # Where a name is searched
//
// A name without '/' is searched as the shell and the dynamic linker do: a library (".so" at the
// end, or ".so." inside) in $LD_LIBRARY_PATH, /usr/lib64, /usr/lib and the distribution's directory
// for this processor; a program in $PATH, /usr/bin and /usr/sbin. In the root of another process
// the settings are others: there all directories that are common are searched.

// search finds a program or library of this process by its name. A name with '/' is a path already.
func search(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	dirs := places(name, false)
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		if mayUse(path, !isLibrary(name)) {
			return path, nil
		}
	}
	kind, list := "program", "$PATH, /usr/bin, /usr/sbin"
	if isLibrary(name) {
		kind, list = "library", "$LD_LIBRARY_PATH, /usr/lib64, /usr/lib, "+multiarch()
	}
	near := nearest.To(name)
	for _, dir := range dirs {
		files, _ := os.ReadDir(dir) // a directory that cannot be read has no near names
		for _, f := range files {
			near.Offer([]byte(f.Name()))
		}
	}
	return "", near.AddTo(fmt.Errorf("there is no %s %s in %s: %w", kind, name, list,
		fs.ErrNotExist))
}

// places returns the directories in which a name is searched, here or in the root of another
// process.
func places(name string, elsewhere bool) []string {
	variable, dirs := "PATH", []string{"/usr/bin", "/usr/sbin"}
	more := []string{"/usr/local/bin", "/bin", "/sbin"}
	if isLibrary(name) {
		variable, dirs = "LD_LIBRARY_PATH", []string{"/usr/lib64", "/usr/lib", multiarch()}
		more = []string{"/lib64", "/lib"}
	}
	if elsewhere { // where /bin may be no link to /usr/bin
		return append(dirs, more...)
	}
	var set []string
	for _, dir := range filepath.SplitList(os.Getenv(variable)) {
		if dir != "" {
			set = append(set, dir)
		}
	}
	return append(set, dirs...)
}

// isLibrary reports whether a name is that of a library rather than a program.
func isLibrary(name string) bool {
	return strings.HasSuffix(name, ".so") || strings.Contains(name, ".so.")
}

// multiarch returns the directory of this processor's libraries in Debian and its derivatives.
func multiarch() string {
	for _, m := range [...]struct{ arch, triple string }{
		{"amd64", "x86_64-linux-gnu"}, {"386", "i386-linux-gnu"},
		{"arm64", "aarch64-linux-gnu"}, {"arm", "arm-linux-gnueabihf"},
		{"s390x", "s390x-linux-gnu"}, {"riscv64", "riscv64-linux-gnu"},
		{"ppc64le", "powerpc64le-linux-gnu"}, {"ppc64", "powerpc64-linux-gnu"},
		{"loong64", "loongarch64-linux-gnu"}, {"mips64le", "mips64el-linux-gnuabi64"},
	} {
		if m.arch == runtime.GOARCH {
			return "/lib/" + m.triple
		}
	}
	return "/lib"
}
