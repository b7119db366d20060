package kernel

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// maxKconfig bounds the configuration: real ones have 300 KB.
const maxKconfig = 16 << 20

// Kconfig is the text of the kernel's configuration: /boot/config-RELEASE, else /proc/config.gz (CONFIG_IKCONFIG_PROC), either of
// them packed with gzip or not. It is kept for the life of the process and must not be changed. The error wraps fs.ErrNotExist
// if there is neither.
func (f *Facts) Kconfig() ([]byte, error) {
	return f.shared.kconfig.get(func() ([]byte, error) {
		if runtime.GOOS != "linux" && f.shared.root == "" {
			return nil, ErrNotLinux
		}
		boot := f.shared.root + "/boot/config-" + f.Release()
		proc := f.shared.root + "/proc/config.gz"
		text, err := readConfig(boot)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			bootErr := err
			text, err = readConfig(proc)
			if err != nil {
				return nil, fmt.Errorf("no kernel configuration: %w; %w", bootErr, err)
			}
		}
		return text, err
	})
}

func readConfig(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	packed, err := io.ReadAll(io.LimitReader(file, maxKconfig))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !bytes.HasPrefix(packed, []byte{0x1f, 0x8b}) {
		return packed, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	text, err := io.ReadAll(io.LimitReader(z, maxKconfig+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(text) > maxKconfig {
		return nil, fmt.Errorf("%s unpacks to more than %d bytes", path, maxKconfig)
	}
	return text, nil
}
