package load

import (
	"syscall"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// mostLog bounds the log of a program that the kernel refuses, where it keeps the end of a log that
// is too long (6.4), which says why. The whole may take gigabytes.
const mostLog = 64 << 20

// verify loads the program. At level 0 there is no log buffer; on any failure it tries again at
// level 1 with a buffer, and again with larger ones while the kernel answers ENOSPC (libbpf
// bpf_object_load_prog).
func (x *execution) verify(attr *sys.ProgLoadAttr, pp *plan.Program, level uapi.LogLevel) (
	fd *sys.FD, log string, err error,
) {
	name := pp.Spec.Name
	var refusal error
	if level == 0 {
		if fd, err = x.progLoad(attr, pp); err == nil {
			return fd, "", nil
		}
		level, refusal = 1, err
		x.log.Info("the kernel did not take the program, asking once more with a verifier log",
			"object", x.name, "program", name, "err", err)
	}
	for size := x.firstLog(); ; {
		buf := x.logBuffer(size)
		buf[0] = 0
		attr.LogLevel, attr.LogBuf, attr.LogSize, attr.LogTrueSize = level, sys.Slice(buf),
			uint32(len(buf)), 0
		fd, err = x.progLoad(attr, pp)
		truncated := err == syscall.ENOSPC
		if truncated {
			size = x.nextLog(attr.LogSize, attr.LogTrueSize)
			if refusal != nil && attr.LogTrueSize > mostLog { // the kernel keeps the end
				if size = mostLog; attr.LogSize >= mostLog {
					size = 0
				}
			}
			if size != 0 {
				x.log.Info("the verifier log did not fit, asking once more with a larger buffer",
					"object", x.name, "program", name,
					"bytes", attr.LogSize, "next", size)
				continue
			}
			if refusal != nil {
				err = refusal // ENOSPC is about the log
			}
		}
		text := logText(buf)
		if err == nil {
			log = string(text)
			x.log.Debug("verifier log", "object", x.name, "program", name, "log", log)
			return fd, log, nil
		}
		need := kernel.ProgCaps(pp.Type)
		if len(text) == 0 {
			return nil, "", x.fail("load program", name+" (SEC "+pp.Spec.Sec+")", err, need...)
		}
		return nil, "", x.report(&Failure{
			Object: x.name, Op: "load program", Subject: name, Err: err, Need: need, Limit: x.limit,
			Verifier: &VerifierLog{
				Program: pp, Types: x.Plan.Object.BTF, Text: x.scratch.keepLog(text),
				Truncated: truncated, Size: attr.LogTrueSize,
			},
		})
	}
}

// progLoad makes one attempt. A kernel whose func or line info records are shorter than the
// object's answers E2BIG if the bytes that it doesn't know are not zero, and reports the length of
// its records: progLoad tries again with those bytes zeroed.
func (x *execution) progLoad(attr *sys.ProgLoadAttr, pp *plan.Program) (*sys.FD, error) {
	funcs, lines := attr.FuncInfoRecSize, attr.LineInfoRecSize
	fd, err := x.attempt(attr, pp)
	for range 2 { // functions, lines
		if err != syscall.E2BIG {
			break
		}
		what := attr.FitRecords(funcs, lines)
		if what == "" {
			break
		}
		x.log.Info("the kernel knows shorter "+what+" info records", "program", pp.Name)
		fd, err = x.attempt(attr, pp)
	}
	return fd, err
}

// attempt is one PROG_LOAD, repeated while the kernel answers EAGAIN.
func (x *execution) attempt(attr *sys.ProgLoadAttr, pp *plan.Program) (*sys.FD, error) {
	fd, attempts, err := sys.ProgLoadCounted(attr)
	if attempts > 1 {
		x.log.Info("a signal stopped the verifier (EAGAIN), asked again", "object", x.name,
			"program", pp.Spec.Name, "attempts", attempts, "err", err)
	}
	return fd, err
}
