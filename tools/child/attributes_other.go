//go:build unix && !linux

package child

import "syscall"

// Attributes tie a command to us; for callers that must fork by themselves. They
// must keep the forking OS thread for as long as the child is to live.
func Attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
