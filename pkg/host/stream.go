package host

import (
	"cmp"
	"context"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/live"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

var _ backend.StreamHandler = (*Datasource)(nil)

// SubscribeStream lets a viewer into a channel. What the viewer sends as its question must be the one that the channel is
// named by. Who joins a stream that runs gets its rows at once.
func (d *Datasource) SubscribeStream(ctx context.Context, req *backend.SubscribeStreamRequest) (*backend.SubscribeStreamResponse, error) {
	q, err := query.ParseChannel(req.Path, req.Data, d.Settings.Limits.Requests)
	if err != nil {
		backend.Logger.FromContext(ctx).Debug("Subscription refused", "path", req.Path, "error", err)
		return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusNotFound}, nil
	}
	if err := cmp.Or(live.CannotFollow(d.Settings, q), d.streams.Subscribe(req.Path, live.Login(req.PluginContext.User))); err != nil {
		backend.Logger.FromContext(ctx).Info("Subscription refused", "path", req.Path, "error", err)
		return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusPermissionDenied}, nil
	}
	response := &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusOK}
	if frame := d.streams.Join(req.Path); frame != nil {
		if response.InitialData, err = backend.NewInitialFrame(frame, data.IncludeAll); err != nil {
			return nil, err
		}
	}
	return response, nil
}

// PublishStream refuses: nobody but the stores says what there is.
func (d *Datasource) PublishStream(context.Context, *backend.PublishStreamRequest) (*backend.PublishStreamResponse, error) {
	return &backend.PublishStreamResponse{Status: backend.PublishStreamStatusPermissionDenied}, nil
}

// RunStream feeds one channel for all its viewers, from the first that comes until after the last has left. There is no
// user here, so the stores are asked with the data source's own credentials.
func (d *Datasource) RunStream(ctx context.Context, req *backend.RunStreamRequest, sender *backend.StreamSender) error {
	q, err := query.ParseChannel(req.Path, req.Data, d.Settings.Limits.Requests)
	if err != nil {
		return backend.DownstreamError(err)
	}
	return d.streams.Run(ctx, req.Path, q, d.Sources, d.openLive, sender.SendFrame)
}

// openLive opens the account of one look of a stream.
func (d *Datasource) openLive(ctx context.Context) (context.Context, *memory.Account, error) {
	return d.openAccount(ctx, backend.PluginContext{}, false)
}
