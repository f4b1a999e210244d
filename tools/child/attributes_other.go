//go:build unix && !linux

package child

import "syscall"

// EndsWhenParentIsKilled tells whether children end even when we are killed outright.
const EndsWhenParentIsKilled = false

// Attributes tie a command to us; for callers that must fork by themselves.
func Attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
