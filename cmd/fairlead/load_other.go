//go:build !linux

package main

import "syscall"

// attachedToParent makes a child that hears nothing of the terminal's Ctrl-C.
// The system has no signal at the parent's death.
func attachedToParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
