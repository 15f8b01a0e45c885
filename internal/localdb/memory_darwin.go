package localdb

import "golang.org/x/sys/unix"

// memory returns how many bytes this process may use, or 0 if it cannot tell.
func memory() int64 {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0
	}
	return int64(n)
}
