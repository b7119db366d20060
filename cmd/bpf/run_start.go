package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
)

var errNothing = errors.New("nothing is attached: nothing would run")

// start loads the object, opens its streams and attaches its programs. With --keep-going it starts
// again without each program that fails. The caller stops what was started, also with an error.
func (r *runner) start(o *object.Object, hooks []ordered) (*streams, []hooked, error) {
	var first error // of what was left out
	for {
		streams, attached, err := r.begin(o, hooks)
		if err == nil {
			return streams, attached, nil
		}
		p := failed(o, err)
		if p == nil || !p.Autoload {
			if err == errNothing && first != nil {
				err = fmt.Errorf("%w: %w", err, first)
			}
			return streams, attached, err
		}
		err = r.advise(o, p, hooks, err)
		if !r.going {
			return streams, attached, err
		}
		if err := r.stop(streams, attached); err != nil {
			return nil, nil, err
		}
		r.say("left out: %v", err)
		first = cmp.Or(first, err)
		p.Autoload = false
		r.decided = append(r.decided, p.Name)
		hooks = slices.DeleteFunc(slices.Clone(hooks),
			func(x ordered) bool { return x.name == p.Name })
	}
}

// begin is one attempt of start.
func (r *runner) begin(o *object.Object, hooks []ordered) (s *streams, list []hooked, err error) {
	if r.obj, err = r.options.loadObject(o); err != nil {
		r.obj = nil
		return nil, nil, err
	}
	if s, err = r.openStreams(); err != nil {
		return s, nil, err
	}
	list, err = r.attachAll(hooks)
	return s, list, err
}

// stop detaches and closes what begin started.
func (r *runner) stop(s *streams, list []hooked) (err error) {
	for _, at := range slices.Backward(list) {
		err = errors.Join(err, at.Close())
	}
	if s != nil {
		err = errors.Join(err, s.Close())
	}
	if r.obj != nil {
		err = errors.Join(err, r.obj.Close())
		r.obj = nil
	}
	return err
}

// failed returns the program that an error of loading or attaching is about, nil if it is about
// none.
func failed(o *object.Object, err error) *object.Program {
	var refused *bpf.VerifierError
	if errors.As(err, &refused) {
		return o.Program(refused.Program)
	}
	var e *bpf.Error
	if !errors.As(err, &e) {
		return nil
	}
	for _, p := range o.Programs {
		// "NAME (SEC ...)" of a load, "NAME to kprobe FUNC" of an attempt to attach
		if rest, ok := strings.CutPrefix(e.Subject, p.Name); ok &&
			(rest == "" || strings.HasPrefix(rest, " (SEC ") || strings.HasPrefix(rest, " to ")) {
			return p
		}
	}
	return nil
}

// advise adds what helps to an error about a program: the hook for a target that the kernel doesn't
// have or that the section leaves open, and how to run the others.
func (r *runner) advise(o *object.Object, p *object.Program, hooks []ordered, err error) error {
	var advice []string
	named := slices.ContainsFunc(hooks, func(x ordered) bool { return x.name == p.Name })
	hook, _ := byHand(p.Def)
	kind, target, _ := strings.Cut(strings.Trim(strings.Replace(hook, "[", "", 1), "]"), ":")
	_, function, _ := strings.Cut(p.Sec, "/")
	var unresolved *plan.Error
	switch {
	case hook == "" || named:
	case incomplete(p):
		if function != "" {
			target = "FILE:" + function
		}
		advice = append(advice,
			fmt.Sprintf("--exe FILE, or --attach %s=%s:%s, completes it", p.Name, kind, target))
	case errors.Is(err, bpf.ErrNotExist),
		errors.As(err, &unresolved) && unresolved.Code == plan.CodeNotFound:
		advice = append(advice,
			fmt.Sprintf("--attach %s=%s:%s names another target", p.Name, kind, target))
	}
	loads := 0
	for _, q := range o.Programs {
		if q.Autoload {
			loads++
		}
	}
	if loads > 1 && !r.going && !named {
		advice = append(advice, fmt.Sprintf("--skip %s leaves the program out", p.Name))
	}
	if len(advice) == 0 {
		return err
	}
	return fmt.Errorf("%w; %s", err, strings.Join(advice, ", "))
}

// incomplete reports whether the section of a uprobe or USDT program lacks the file.
func incomplete(p *object.Program) bool {
	if p.Def == nil {
		return false
	}
	_, target, _ := strings.Cut(p.Sec, "/")
	switch p.Def.Auto {
	case object.AutoUprobe, object.AutoUprobeMulti:
		return strings.Count(target, ":") < 1
	case object.AutoUSDT:
		return strings.Count(target, ":") < 2
	}
	return false
}
