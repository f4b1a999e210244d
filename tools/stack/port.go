//go:build unix

package stack

import (
	"fmt"
	"os"
	"syscall"
)

// port is a loopback TCP port that is ours from the start, though the server
// that will listen on it may be built for another quarter of an hour. The
// socket is bound but does not listen: nobody else gets the port, and whoever
// connects early is refused, as with any server that is down.
type port struct {
	number int
	held   int // file descriptor, -1 once released
}

func reservePort() (*port, error) {
	// Forked children must not inherit the socket, else it would stay bound.
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	p := &port{held: fd}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		p.release()
		return nil, os.NewSyscallError("bind", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		p.release()
		return nil, os.NewSyscallError("getsockname", err)
	}
	address, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		p.release()
		return nil, fmt.Errorf("bound to %T instead of IPv4", name)
	}
	p.number = address.Port
	return p, nil
}

// release gives the port to the server that is about to start.
func (p *port) release() {
	if p.held >= 0 {
		_ = syscall.Close(p.held)
		p.held = -1
	}
}

func (p *port) address() string { return fmt.Sprintf("127.0.0.1:%d", p.number) }
