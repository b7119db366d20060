package bpf

import (
	"time"

	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// RunOptions is the input of a run and room for its output. Run keeps no slice.
type RunOptions struct {
	Data       []byte // packet; XDP programs and packet filters need at least 14 bytes
	DataOut    []byte // room for the packet after the run, nil if it isn't wanted
	Context    []byte // struct xdp_md, __sk_buff, arguments of a raw tracepoint or syscall program
	ContextOut []byte // room for the context after the run; syscall programs change Context itself
	Repeat     uint32 // how often; 0 means once
	Flags      uapi.RunFlags
	CPU        uint32 // with uapi.FRunOnCPU
	BatchSize  uint32 // of live frames
}

// RunResult is the result of Run.
type RunResult struct {
	Return   uint32        // the program's return value in the last run
	Duration time.Duration // of one run on average
	Data     []byte        // the part of RunOptions.DataOut that was filled
	Context  []byte        // the part of RunOptions.ContextOut that was filled
}

// Run runs the program in the kernel on given data and context, without attaching it
// (BPF_PROG_TEST_RUN, libbpf bpf_prog_test_run_opts): packet programs since 4.12, raw tracepoints
// 5.10, syscall programs 5.14, fentry and others with fixed arguments. ErrNotSupported for program
// types that can't be run this way; ENOSPC if an output doesn't fit, with the part that does; EINTR
// if a signal ended a repeated run.
func (p *Program) Run(opts *RunOptions) (RunResult, error) {
	var none RunOptions
	if opts == nil {
		opts = &none
	}
	if err := p.use(); err != nil {
		return RunResult{}, p.fail("run program", err)
	}
	defer p.release()
	a := sys.ProgTestRunAttr{
		ProgFD: p.fd.Uint32(), Repeat: opts.Repeat, Flags: opts.Flags, CPU: opts.CPU,
		BatchSize: opts.BatchSize,
		DataIn:    sys.Slice(opts.Data), DataSizeIn: uint32(len(opts.Data)),
		DataOut: sys.Slice(opts.DataOut), DataSizeOut: uint32(len(opts.DataOut)),
		CtxIn: sys.Slice(opts.Context), CtxSizeIn: uint32(len(opts.Context)),
		CtxOut: sys.Slice(opts.ContextOut), CtxSizeOut: uint32(len(opts.ContextOut)),
	}
	err := sys.ProgTestRun(&a)
	r := RunResult{Return: a.Retval, Duration: time.Duration(a.Duration)}
	if len(opts.DataOut) > 0 {
		r.Data = opts.DataOut[:min(int(a.DataSizeOut), len(opts.DataOut))]
	}
	if len(opts.ContextOut) > 0 {
		r.Context = opts.ContextOut[:min(int(a.CtxSizeOut), len(opts.ContextOut))]
	}
	if err != nil {
		return r, p.runError(err, &a)
	}
	return r, nil
}

func (p *Program) runError(err error, a *sys.ProgTestRunAttr) error {
	attempt := explain.Attempt{
		Op: explain.Run, Program: p.forExplanation(), Size: a.DataSizeOut,
	}
	return p.fail("run program", attempt.Of(err))
}
