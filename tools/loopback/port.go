//go:build unix

// Package loopback gives servers of this machine a port of their own and
// tells when they answer on it.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// Port is a loopback TCP port that is ours from the start, though the server
// that will listen on it may be built for another quarter of an hour. The
// socket is bound but does not listen: nobody else gets the port, and whoever
// connects early is refused, as with any server that is down.
//
// Between Release and the bind of the server, the socket protects nothing. A
// lock on a file does, against every other process that uses this package: two
// servers on one port would answer each other's callers.
type Port struct {
	Number int
	socket *os.File // nil once released
	lock   *os.File // nil once given back
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
	if p.lock, err = lock(p.Number); err != nil {
		p.Release()
		return nil, fmt.Errorf("port %d: %w: another process starts a server on it: %w", p.Number, syscall.EADDRINUSE, err)
	}
	return p, nil
}

// lock takes the file of that port. The system gives it back when the process ends.
func lock(number int) (*os.File, error) {
	dir, err := os.UserCacheDir() // where built servers are, too: the folder for temporary files is to be left as it was
	if err != nil {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "llmserving-vllm", "ports")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(number)), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	locks.Store(number, f) // else the collector of garbage would close it with a Port that nobody holds
	return f, nil
}

var locks sync.Map // port number → *os.File

// Release gives the port to the server that is about to start. A second call
// does nothing.
func (p *Port) Release() {
	if p.socket != nil {
		_ = p.socket.Close() // nothing was written
		p.socket = nil
	}
}

// GiveBack lets others have the port: its server has ended. A second call does
// nothing.
func (p *Port) GiveBack() {
	p.Release()
	if p.lock != nil {
		locks.Delete(p.Number)
		_ = p.lock.Close() // nothing was written
		p.lock = nil
	}
}

// Address is host:port.
func (p *Port) Address() string { return fmt.Sprintf("127.0.0.1:%d", p.Number) }

// URL is the port's base URL over HTTP.
func (p *Port) URL() string { return "http://" + p.Address() }
