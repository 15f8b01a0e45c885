//go:build !linux

package redistest

import "syscall"

// attachedToParent can only keep the terminal's signals away here: the system
// has no signal at the parent's death.
func attachedToParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
