//go:build !linux

package localdb

import "syscall"

// attachedToParent can only keep the terminal's signals away here: the system
// has no signal at the parent's death. A server left over is ended by the next
// [Start] on its folder.
func attachedToParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
