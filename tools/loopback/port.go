//go:build unix

// Package loopback gives servers of this machine a port of their own and
// tells when they answer on it.
package loopback

import (
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
)

// Port is a loopback TCP port that is ours from the start, though the server
// that will listen on it may be built for another quarter of an hour. The
// socket is bound but does not listen: nobody else gets the port, and whoever
// connects early is refused, as with any server that is down.
type Port struct {
	Number int
	socket *os.File // nil once released
}

// Any free port is taken from below the range in which systems choose by themselves, for each outgoing connection and for
// everybody who asks for any port: one from there could be gone between Release and the server's own bind.
const (
	lowest  = 10_000
	highest = 32_000
	tries   = 100
)

// Reserve takes the port of that number, or any free one for 0.
func Reserve(number int) (*Port, error) {
	if number != 0 {
		return bind(number)
	}
	for range tries {
		number := lowest + rand.IntN(highest-lowest) // #nosec G404 -- any will do
		if p, err := bind(number); err == nil {
			return p, nil
		}
	}
	return bind(0)
}

func bind(number int) (*Port, error) {
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
	p := &Port{socket: os.NewFile(uintptr(fd), "reserved port")}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: number}); err != nil {
		p.Release()
		return nil, fmt.Errorf("port %d: %w", number, os.NewSyscallError("bind", err))
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		p.Release()
		return nil, os.NewSyscallError("getsockname", err)
	}
	address, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		p.Release()
		return nil, fmt.Errorf("bound to %T instead of IPv4", name)
	}
	p.Number = address.Port
	return p, nil
}

// Release gives the port to the server that is about to start. A second call
// does nothing.
func (p *Port) Release() {
	if p.socket != nil {
		_ = p.socket.Close() // nothing was written
		p.socket = nil
	}
}

// Address is host:port.
func (p *Port) Address() string { return fmt.Sprintf("127.0.0.1:%d", p.Number) }

// URL is the port's base URL over HTTP.
func (p *Port) URL() string { return "http://" + p.Address() }
