package kernel

import (
	"os"
	"strings"
)

// VersionCode returns KERNEL_VERSION(a, b, c): 6.1.119 is 6<<16 | 1<<8 | 119. A patch level above
// 255 counts as 255.
func VersionCode(major, minor, patch uint32) uint32 {
	return major<<16 | minor<<8 | min(patch, 255)
}

// Version returns the version code of the running kernel as libbpf computes it
// (get_kernel_version), for programs that must carry it and for LINUX_KERNEL_VERSION: Ubuntu's and
// Debian's kernels have their upstream version elsewhere than in the release. It returns 0 if the
// version is not known.
func (f *Facts) Version() uint32 {
	v, _ := f.shared.version.get(func() (uint32, error) {
		signature, _ := os.ReadFile(f.shared.root + "/proc/version_signature")
		release, version := uname()
		return versionOf(string(signature), release, version), nil
	})
	return v
}

// Release returns the release of the running kernel as uname -r prints it.
func (f *Facts) Release() string {
	release, _ := uname()
	return release
}

// versionOf applies the rules of Version to the text of /proc/version_signature ("" if absent) and
// to uname's release and version.
func versionOf(signature, release, version string) uint32 {
	// Ubuntu: "Ubuntu 6.8.0-31.31-generic 6.8.1"
	if words := strings.Fields(signature); len(words) >= 3 {
		if v := dotted(words[2]); v != 0 {
			return v
		}
	}
	// Debian: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)"
	if _, after, ok := strings.Cut(version, "Debian "); ok {
		if v := dotted(after); v != 0 {
			return v
		}
	}
	return dotted(release)
}

// dotted reads the three numbers at the start of s, and returns 0 if there are none.
func dotted(s string) uint32 {
	var part [3]uint32
	for i := range part {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' && n < 9 {
			part[i] = part[i]*10 + uint32(s[n]-'0')
			n++
		}
		if n == 0 {
			return 0
		}
		s = s[n:]
		if i < 2 {
			if s == "" || s[0] != '.' {
				return 0
			}
			s = s[1:]
		}
	}
	return VersionCode(part[0], part[1], part[2])
}
