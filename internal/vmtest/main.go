//go:build linux

// Vmtest runs the tests that need a kernel in virtual machines with other kernels (package vm).
//
//	vmtest [flags] VERSION...            the tests of every package that uses package sys,
//	                                     on each kernel ("6.1", "6.12", "6.1-arm64", "6.1-s390x")
//	vmtest [flags] -shell CMD VERSION    one shell command instead (busybox) and its output
//
// It prints go test -json events in which the package's name includes its kernel ("…/sys@6.1"), so
// that testsum counts them. With -table it writes a table of test × kernel, with the host's results
// if -host names the events of a run on the host.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/purebpf/bpf/internal/vm"
)

// modules provide what tests attach to: network devices, a disk, classifiers, BTF of modules.
const modules = "dummy,veth,nf_conntrack,sch_ingress,cls_bpf,tun,tcp_bbr,loop,md_mod"

type options struct {
	packages, run, modules, appended, table, host, shell, cache string
	corpus, goarch                                              string
	verbose, short                                              bool
	timeout                                                     time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.packages, "packages", "./...", "packages to test, comma separated patterns")
	flag.StringVar(&o.run, "run", "", "run only tests that match, as go test -run")
	flag.StringVar(&o.modules, "modules", modules, "kernel modules to load, comma separated")
	flag.StringVar(&o.appended, "append", "lsm=bpf", "added to the kernel command line")
	flag.StringVar(&o.table, "table", "", "file for the table of test × kernel")
	flag.StringVar(&o.host, "host", "", "go test -json events of a run on the host, for the table")
	flag.StringVar(&o.shell, "shell", "", "run this shell command in the machine instead of tests")
	flag.StringVar(&o.corpus, "corpus", "tools,xdp",
		"folders of the corpus to copy into the machine")
	flag.StringVar(&o.goarch, "goarch", "",
		"build the tests for this architecture if the kernel runs its programs too: 386 on amd64")
	flag.BoolVar(&o.short, "short", false, "run short tests, as go test -short")
	flag.DurationVar(&o.timeout, "timeout", time.Hour, "time limit of one machine")
	guide := flag.String("guide", "",
		"write the table of features into this guide, and do nothing else")
	flag.BoolVar(&o.verbose, "v", false, "print the duration of each part to standard error")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *guide != "" {
		err = writeGuide(*guide)
	} else {
		err = run(ctx, &o, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vmtest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o *options, versions []string) error {
	if len(versions) == 0 {
		return errors.New("which kernel? 6.1, 6.12, 6.1-arm64 or 6.1-s390x")
	}
	o.cache = os.Getenv("PUREBPF_CACHE")
	if o.cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		o.cache = filepath.Join(dir, "purebpf")
	}
	dir, err := os.MkdirTemp("", "vmtest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.shell != "" {
		return runShell(ctx, o, dir, versions)
	}
	packages, err := listPackages(ctx, o)
	if err != nil {
		return err
	}
	features, err := readFeatures()
	if err != nil {
		return err
	}
	results := newMatrix(packages)
	columns := map[string]string{} // "host" has none: the host may lack anything
	for _, version := range versions {
		columns[version] = version
		if err := runKernel(ctx, o, dir, version, packages, results); err != nil {
			return err
		}
	}
	if o.host != "" {
		if err := results.addHost(o.host); err != nil {
			return err
		}
	}
	if o.run == "" && o.packages == "./..." { // else not all tests of features ran
		for _, column := range results.columns {
			if err := results.reportFeatures(os.Stdout, features, column,
				columns[column]); err != nil {
				return err
			}
		}
	}
	if o.table == "" {
		return nil
	}
	f, err := os.Create(o.table)
	if err != nil {
		return err
	}
	defer f.Close()
	results.printFeatures(f, features, columns)
	results.print(f)
	return f.Close()
}

func (o *options) say(format string, args ...any) {
	if o.verbose {
		fmt.Fprintf(os.Stderr, "vmtest: "+format+"\n", args...)
	}
}

func (o *options) moduleNames() []string {
	return strings.FieldsFunc(o.modules, func(r rune) bool { return r == ',' })
}

func runShell(ctx context.Context, o *options, dir string, versions []string) error {
	for _, version := range versions {
		k, err := vm.FindKernel(filepath.Join(o.cache, "kernels"), version)
		if err != nil {
			return err
		}
		guest, err := buildGuest(ctx, dir, k)
		if err != nil {
			return err
		}
		root := vm.NewInitramfs(k, guest)
		job := vm.Job{Commands: []vm.Command{{Path: "/bin/sh", Args: []string{"-c", o.shell},
			Dir: "/root", Env: environment(), Timeout: o.timeout}}}
		status := 0
		if err := boot(ctx, o, dir, k, root, job, func(r vm.Report) error {
			if r.Ended {
				status = r.Status
			}
			_, err := os.Stdout.Write(r.Output)
			return err
		}); err != nil {
			return err
		}
		if status != 0 {
			return fmt.Errorf("kernel %s: exit status %d", k.Release, status)
		}
	}
	return nil
}

func boot(ctx context.Context, o *options, dir string, k vm.Kernel, root *vm.Initramfs, job vm.Job,
	each func(vm.Report) error) error {
	start := time.Now()
	if err := root.Job(k, job, o.moduleNames()...); err != nil {
		return err
	}
	image := filepath.Join(dir, "initramfs")
	if err := root.WriteFile(image); err != nil {
		return err
	}
	o.say("%s: initramfs %.1f s", k.Release, time.Since(start).Seconds())
	// QEMU 7.2's s390x occasionally panics while modules load: it runs code that was in their place
	// before. A machine that dies before its first report has tested nothing, and is booted again.
	const boots = 3
	for boot := 1; ; boot++ {
		up := false
		err := vm.Run(ctx, vm.Machine{Kernel: k, Initramfs: image, Append: o.appended,
			Timeout: o.timeout}, func(r vm.Report) error {
			if !up {
				o.say("%s: first report after %.1f s", k.Release, time.Since(start).Seconds())
				up = true
			}
			if r.Warning != "" {
				fmt.Fprintf(os.Stderr, "vmtest: %s: %s\n", k.Release, r.Warning)
				return nil
			}
			return each(r)
		})
		if err == nil || up || boot == boots || ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "vmtest: boot %d of %d: %v\n", boot, boots, err)
	}
}
