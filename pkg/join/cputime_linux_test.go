package join_test

import (
	"runtime"
	"syscall"
	"time"
)

// rusageThread asks for the calling thread alone (getrusage(2)).
const rusageThread = 1

// cpuTime is how long the CPU worked on a function, without what other work of the machine took.
func cpuTime(f func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(rusageThread, &u); err != nil {
			panic(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	f()
	return used() - before
}
