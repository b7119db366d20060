package bpf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"syscall"

	"github.com/purebpf/bpf/internal/hotplug"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// perfAttach is a program and the perf events to attach it to.
type perfAttach struct {
	program *Program
	to      string
	attr    sys.PerfEventAttr
	opts    PerfEventOptions
}

// open opens the event on one CPU, or on all if cpu is -1. Errors are Errnos.
func (a *perfAttach) open(cpu int) (*sys.FD, error) {
	attr, pid := a.attr, a.opts.PID
	if pid == 0 {
		pid = -1
	}
	return sys.PerfEventOpen(&attr, pid, cpu, -1, 0)
}

// link attaches the program to an event and takes ownership of it.
func (a *perfAttach) link(to string, event *sys.FD) (*Link, error) {
	return a.program.attachPerf(to, event, perfWay{cookie: a.opts.Cookie, ioctl: a.opts.Ioctl})
}

// once attaches the program to a single event.
func (a *perfAttach) once(open func() (*sys.FD, error)) (Links, error) {
	event, err := open()
	if err != nil {
		return nil, a.program.perfFail(a.to, &attempt{pid: a.opts.PID}, err)
	}
	link, err := a.link(a.to, event)
	if err != nil {
		return nil, err
	}
	return Links{link}, nil
}

// onCPU attaches the program to the event of one CPU.
func (a *perfAttach) onCPU(cpu int) (*Link, error) {
	to := a.to + " on CPU " + strconv.Itoa(cpu)
	event, err := a.open(cpu)
	if err != nil {
		return nil, a.program.perfFail(to, &attempt{pid: a.opts.PID, oneCPU: true, cpu: cpu}, err)
	}
	return a.link(to, event)
}

// on attaches the program to the events of the CPUs and calls each with every Link.
func (a *perfAttach) on(cpus []int, each func(cpu int, l *Link)) (Links, error) {
	var links Links
	for _, cpu := range cpus {
		link, err := a.onCPU(cpu)
		if a.opts.CPUs == nil && errors.Is(err, syscall.ENODEV) {
			a.tell("the CPU went offline", cpu)
			continue
		}
		if err != nil {
			return nil, joinErrors(err, links.Close())
		}
		links = append(links, link)
		each(cpu, link)
	}
	if len(links) == 0 {
		return nil, a.program.attachFail(a.to,
			fmt.Errorf("no CPU to attach on: %w", syscall.ENODEV))
	}
	return links, nil
}

func (a *perfAttach) tell(what string, cpu int) {
	p := a.program
	p.events().Info(what, "object", p.ObjectName(), "program", p.name, "to", a.to, "cpu", cpu)
}

// perfCPUs are the Links of a program to the perf events of CPUs. It renews them when CPUs go
// offline and online.
type perfCPUs struct {
	perfAttach // its program has a descriptor of its own
	watch      *hotplug.Watch

	mu    sync.Mutex
	links []cpuLink
	late  Links // of CPUs that came online later; the others belong to the caller
	open  int   // how many of the caller's are open
}

type cpuLink struct {
	cpu  int
	link *Link
}

func (c *perfCPUs) keep(cpu int, l *Link) { c.links = append(c.links, cpuLink{cpu, l}) }

// everywhere attaches the program to the events of the CPUs of the options, and watches the CPUs.
func (a *perfAttach) everywhere() (Links, error) {
	own, err := a.program.fd.Dup()
	if err != nil {
		return nil, a.program.attachFail(a.to, err)
	}
	program := *a.program
	program.fd = own
	c := &perfCPUs{perfAttach: *a}
	c.program, c.attr.ReadFormat = &program, sys.PerfFormatEnabled
	c.mu.Lock()
	defer c.mu.Unlock()
	// Start to watch first, so that no CPU is missed that comes online meanwhile.
	if c.watch, err = hotplug.New(c.refresh); err != nil {
		own.Close()
		return nil, a.program.attachFail(a.to,
			fmt.Errorf("watch for CPUs that go or come: %w", err))
	}
	links, err := c.start()
	if err != nil {
		c.mu.Unlock() // the watch may wait for it
		err = joinErrors(err, c.watch.Close(), own.Close())
		c.mu.Lock()
		return nil, err
	}
	return links, nil
}

func (c *perfCPUs) start() (Links, error) {
	cpus := c.opts.CPUs
	if cpus == nil {
		var err error
		if cpus, err = kernel.Running().OnlineCPUs(); err != nil {
			return nil, c.program.attachFail(c.to, err)
		}
	}
	links, err := c.on(cpus, c.keep)
	for _, l := range links {
		l.cpus = c
	}
	c.open = len(links)
	return links, err
}

// refresh attaches the program to the events of CPUs that came online, or went offline and online
// again.
func (c *perfCPUs) refresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	online, err := kernel.Running().OnlineCPUs()
	if err != nil {
		c.warn(err)
	}
	for _, cpu := range online {
		if c.opts.CPUs != nil && !slices.Contains(c.opts.CPUs, cpu) {
			continue
		}
		if err := c.serve(cpu); err != nil && !errors.Is(err, syscall.ENODEV) {
			c.warn(err)
		}
	}
}

func (c *perfCPUs) warn(err error) {
	p := c.program
	p.events().Warn("CPUs went or came, but the program could not be attached to all",
		"object", p.ObjectName(),
		"program", p.name, "to", c.to, "err", err)
}

func (c *perfCPUs) serve(cpu int) error {
	attach := func() (*Link, error) { return c.onCPU(cpu) }
	known := false
	var errs []error
	for _, l := range c.links {
		if l.cpu != cpu {
			continue
		}
		known = true
		renewed, err := l.link.renew(attach)
		if renewed {
			c.tell("the CPU came online again, the program is attached there again", cpu)
		}
		errs = append(errs, err)
	}
	if known {
		return joinErrors(errs...)
	}
	l, err := attach()
	if err != nil {
		return err
	}
	c.keep(cpu, l)
	c.late = append(c.late, l)
	c.tell("the CPU came online, the program is attached there too", cpu)
	return nil
}

// leave closes the other Links and the watch when the last of the caller's Links is closed.
func (c *perfCPUs) leave() error {
	c.mu.Lock()
	c.open--
	last := c.open == 0
	c.mu.Unlock()
	if !last {
		return nil
	}
	return joinErrors(c.watch.Close(), c.late.Close(), c.program.fd.Close())
}

// renew replaces the attachment by the one that attach makes, if it has died with its CPU.
func (l *Link) renew(attach func() (*Link, error)) (renewed bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed && !l.disconnected {
		return false, nil
	}
	if alive, err := hotplug.Alive(l.events[0]); alive || err != nil {
		return false, err
	}
	fresh, err := attach()
	if err != nil {
		return false, err
	}
	if l.fd != nil {
		err = l.fd.Replace(fresh.fd)
	}
	if err == nil {
		err = l.events[0].Replace(fresh.events[0])
	}
	return err == nil, joinErrors(err, fresh.Close())
}
