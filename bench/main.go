// Bench measures C libbpf, cilium/ebpf and purebpf side by side on the same objects and the same
// kernel.
//
// Everything is interleaved: each round runs every subject once and starts with a different one,
// and the reported figure is the median of the ratios of all rounds, so that a slow period of the
// machine affects all subjects alike. Run it with make, which builds the subjects; it prints a
// table and writes RESULTS.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// subject is one of the loaders that are compared. The first is what ratios are to.
type subject struct {
	name, program string
}

type bench struct {
	build    string // folder of the built programs
	cache    string // the project's cache folder, with the corpus
	rounds   int
	subjects []subject
	goals    []goal
	out      strings.Builder
}

func main() {
	b := bench{goals: append(goals(), operationGoals()...)}
	flag.StringVar(&b.build, "build", "build", "folder of the built loaders")
	flag.StringVar(&b.cache, "cache", defaultCache(),
		"cache folder, with the corpus of real objects")
	flag.IntVar(&b.rounds, "rounds", 41, "rounds of the whole-process measurements")
	parts := flag.String("parts", "process,hot,all,ops", "what to measure: process, hot, all, ops")
	results := flag.String("o", "", "write the tables to this file, too")
	flag.Parse()
	for _, name := range []string{"C", "C-static", "C-mapped", "cilium", "purebpf"} {
		b.subjects = append(b.subjects, subject{name, filepath.Join(b.build, name)})
	}
	if err := b.run(strings.Split(*parts, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if *results != "" {
		if err := os.WriteFile(*results, []byte(b.out.String()), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
	}
}

func defaultCache() string {
	if dir := os.Getenv("PUREBPF_CACHE"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "cache"
	}
	return filepath.Join(dir, "purebpf")
}

// printf writes to the screen and to the results.
func (b *bench) printf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Print(text)
	b.out.WriteString(text)
}

func (b *bench) run(parts []string) error {
	b.head()
	for _, part := range parts {
		var err error
		switch part {
		case "process":
			err = b.process()
		case "hot":
			err = b.hot()
		case "all":
			err = b.all()
		case "ops":
			err = b.ops()
		default:
			err = fmt.Errorf("no part %q", part)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	b.conclude()
	return nil
}

// ours is the subject that the goals are for: the last.
func (b *bench) ours() int { return len(b.subjects) - 1 }

// mapped is the subject that does as the newest libbpf.
func (b *bench) mapped() int {
	return slices.IndexFunc(b.subjects, func(s subject) bool { return s.name == "C-mapped" })
}

func (b *bench) corpus(name string) string { return filepath.Join(b.cache, "corpus", name) }
