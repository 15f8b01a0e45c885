package main

import "syscall"

// attachedToParent makes a child that hears nothing of the terminal's Ctrl-C,
// and ends when this process does.
func attachedToParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
