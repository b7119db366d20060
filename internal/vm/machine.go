//go:build linux

package vm

import "fmt"

// machine describes the emulation of one architecture. The first serial port is the console.
// Reports use another channel: a second UART if the kernel has its driver built in, else a virtio
// serial port, whose driver is a module.
type machine struct {
	arch    string
	qemu    string
	args    []string // the board, and a device for the chardev "reports"
	cmdline string
	port    string   // the reports' device in the guest
	modules []string // required for it
}

var machines = [...]machine{
	{
		arch: "amd64",
		qemu: "qemu-system-x86_64",
		args: []string{"-M", "pc", "-cpu", "max,la57=off", "-serial", "chardev:reports"},
		// The clock needs no calibration under emulation.
		cmdline: "console=ttyS0 tsc=reliable no_timer_check",
		port:    "/dev/ttyS1",
		modules: []string{"rtc_cmos"}, // the clock that wakes a suspended machine
	},
	{
		arch: "arm64",
		qemu: "qemu-system-aarch64",
		args: []string{"-M", "virt", "-cpu", "max,pauth-impdef=on", "-device",
			"pci-serial,chardev=reports"},
		cmdline: "console=ttyAMA0",
		port:    "/dev/ttyS0",
	},
	{
		arch: "s390x",
		qemu: "qemu-system-s390x",
		args: []string{"-M", "s390-ccw-virtio", "-cpu", "max", "-device", "virtio-serial-ccw",
			"-device", "virtserialport,chardev=reports"},
		cmdline: "console=ttysclp0",
		port:    "/dev/vport0p1",
		// the latter is for nf_conntrack through libcrc32c, which declares no dependency
		modules: []string{"virtio_console", "crc32c_generic"},
	},
}

// machine returns the emulation for the kernel's machine.
func (k Kernel) machine() (machine, error) {
	for _, m := range machines {
		if m.arch == k.Arch {
			return m, nil
		}
	}
	return machine{}, fmt.Errorf("kernel %s: no emulation of %s", k.Release, k.Arch)
}
