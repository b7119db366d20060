//go:build !linux

package sys

// The ioctls of perf events, as x86 numbers them: a Funnel on another OS sees these.
const (
	perfEnable    = 0x2400
	perfDisable   = 0x2401
	perfSetBPF    = 0x40042408
	perfSetOutput = 0x2405
	perfPause     = 0x40042409
	perfQueryBPF  = 0xc008240a
)
