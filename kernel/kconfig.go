package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"

	"github.com/purebpf/bpf/internal/input"
)

// Kconfig returns the text of the kernel's configuration: /boot/config-RELEASE, else
// /proc/config.gz (CONFIG_IKCONFIG_PROC), either of them compressed with gzip or not. It is kept
// for the life of the process and must not be changed. The error wraps fs.ErrNotExist if there is
// neither.
func (f *Facts) Kconfig() ([]byte, error) {
	return f.shared.kconfig.get(func() ([]byte, error) {
		if runtime.GOOS != "linux" && f.shared.root == "" {
			return nil, ErrNotLinux
		}
		boot := f.shared.root + "/boot/config-" + f.Release()
		proc := f.shared.root + "/proc/config.gz"
		text, err := input.ReadUnpacked(boot, input.MaxKconfig)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			bootErr := err
			text, err = input.ReadUnpacked(proc, input.MaxKconfig)
			if err != nil {
				return nil, fmt.Errorf("no kernel configuration: %w; %w", bootErr, err)
			}
		}
		return text, err
	})
}
