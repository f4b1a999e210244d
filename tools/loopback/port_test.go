//go:build unix

package loopback_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/loopback"
)

func TestAReservedPortRefusesCallersAndOtherServers(t *testing.T) {
	p, err := loopback.Reserve(0)
	require.NoError(t, err)
	_, err = net.Dial("tcp", p.Address())
	require.ErrorContains(t, err, "connection refused")
	_, err = net.Listen("tcp", p.Address())
	require.ErrorContains(t, err, "address already in use")
	_, err = loopback.Reserve(p.Number)
	require.ErrorContains(t, err, "address already in use")
	p.Release()
	p.Release() // twice is harmless
	_, err = loopback.Reserve(p.Number)
	require.ErrorContains(t, err, "another process starts a server on it", "its own server has not bound it yet")
	listener, err := net.Listen("tcp", p.Address())
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	p.GiveBack()
	p.GiveBack()
	again, err := loopback.Reserve(p.Number)
	require.NoError(t, err)
	again.GiveBack()
}
