//go:build unix

package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
)

// Subscribe joins a channel as a viewer does. initial is what the viewer gets
// at once, nil when nothing is known yet.
func (h *Host) Subscribe(ctx context.Context, path string, question []byte) (initial []byte, err error) {
	response, err := h.stream.SubscribeStream(ctx, &pluginv2.SubscribeStreamRequest{
		PluginContext: backend.ToProto().PluginContext(h.pluginContext()), Path: path, Data: question,
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", path, err)
	}
	if response.Status != pluginv2.SubscribeStreamResponse_OK {
		return nil, fmt.Errorf("subscribe to %s: %s", path, response.Status)
	}
	return response.Data, nil
}

// RunStream feeds a channel, as Grafana does from its first viewer until after
// its last: it hands on each packet until ctx ends, which is no error, or the
// plugin ends it.
func (h *Host) RunStream(ctx context.Context, path string, question []byte, packet func([]byte) error) error {
	stream, err := h.stream.RunStream(ctx, &pluginv2.RunStreamRequest{
		PluginContext: backend.ToProto().PluginContext(h.pluginContext()), Path: path, Data: question,
	})
	if err != nil {
		return fmt.Errorf("run %s: %w", path, err)
	}
	for {
		p, err := stream.Recv()
		switch {
		case ctx.Err() != nil, errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("run %s: %w", path, err)
		}
		if err := packet(p.Data); err != nil {
			return err
		}
	}
}

// PID is the plugin's process, for measuring what it costs.
func (h *Host) PID() int { return h.client.ReattachConfig().Pid }
