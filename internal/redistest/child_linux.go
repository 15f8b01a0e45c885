package redistest

import "syscall"

// attachedToParent makes a process end with this one, and keeps the terminal's
// signals from it.
func attachedToParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
