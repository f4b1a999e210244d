package child

import "syscall"

// EndsWhenParentIsKilled tells whether children end even when we are killed outright.
const EndsWhenParentIsKilled = true

// Attributes tie a command to us; for callers that must fork by themselves.
// They must keep the forking OS thread for as long as the child is to live.
func Attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
