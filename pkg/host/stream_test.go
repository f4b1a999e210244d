package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/live"
)

const liveRequests = `{"queryType": "requests", "requests": {"live": true}}`

// streamClient speaks with the plugin's stream service as Grafana does.
func streamClient(t *testing.T) pluginv2.StreamClient {
	t.Helper()
	conn, err := grpc.NewClient(managed.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return pluginv2.NewStreamClient(conn)
}

// channel is where a live answer says that it goes on.
func (s *trio) channel(t *testing.T, query string) frames.Follow {
	t.Helper()
	answer := s.askOne(t, false, query)
	require.NoError(t, answer.Error)
	custom, _ := json.Marshal(answer.Frames[0].Meta.Custom)
	var meta struct{ Follow frames.Follow }
	require.NoError(t, json.Unmarshal(custom, &meta))
	require.NotEmpty(t, meta.Follow.Path, "%s", written(answer))
	return meta.Follow
}

// at sets the clock of the data source's streams, and lets them look more often than once a second.
func (s *trio) at(t *testing.T, now time.Time) *Datasource {
	t.Helper()
	instance, ok := managed.instances.Load(s.plugin.DataSourceInstanceSettings.ID)
	require.True(t, ok, "it was asked before")
	d := instance.(*Datasource)
	d.streams.Now = func() time.Time { return now }
	d.streams.Every = map[live.Horizon]time.Duration{live.Near: 10 * time.Millisecond, live.Far: 20 * time.Millisecond}
	return d
}

func (s *trio) subscribe(t *testing.T, path string, question []byte) *pluginv2.SubscribeStreamResponse {
	t.Helper()
	response, err := streamClient(t).SubscribeStream(t.Context(), &pluginv2.SubscribeStreamRequest{
		PluginContext: backend.ToProto().PluginContext(s.plugin), Path: path, Data: question,
	})
	require.NoError(t, err)
	return response
}

// running is a stream that is read.
type running struct {
	t      *testing.T
	client pluginv2.Stream_RunStreamClient
	leave  context.CancelFunc
	rows   map[string]bool // by key
	whole  *data.Frame     // the last that came with its schema
}

func (s *trio) run(t *testing.T, path string, question []byte) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	client, err := streamClient(t).RunStream(ctx, &pluginv2.RunStreamRequest{
		PluginContext: backend.ToProto().PluginContext(s.plugin), Path: path, Data: question,
	})
	require.NoError(t, err)
	return &running{t: t, client: client, leave: cancel, rows: map[string]bool{}}
}

// until reads frames until something holds.
func (r *running) until(holds func() bool) {
	r.t.Helper()
	for !holds() {
		packet, err := r.client.Recv()
		require.NoError(r.t, err)
		r.take(packet.Data)
	}
}

func (r *running) take(packet []byte) {
	var message struct{ Schema json.RawMessage }
	require.NoError(r.t, json.Unmarshal(packet, &message))
	require.NotNil(r.t, message.Schema, "no row changes here")
	r.whole = new(data.Frame)
	require.NoError(r.t, json.Unmarshal(packet, r.whole))
	key, _ := r.whole.FieldByName(frames.LiveKey)
	clear(r.rows)
	for i := range key.Len() {
		r.rows[key.At(i).(string)] = true
	}
}

func (r *running) notices() (texts []string) {
	for _, n := range r.whole.Meta.Notices {
		texts = append(texts, n.Text)
	}
	return texts
}

func TestAStreamShowsTheRowsOfTheAnswerAndGivesThemToWhoJoins(t *testing.T) {
	stores := newTrio(t)
	to := stores.channel(t, liveRequests)
	d := stores.at(t, telemetryFrom.Add(4*time.Minute))

	first := stores.subscribe(t, to.Path, to.Query)
	require.Equal(t, pluginv2.SubscribeStreamResponse_OK, first.Status)
	require.Empty(t, first.Data, "nobody has looked yet")

	stream := stores.run(t, to.Path, to.Query)
	stream.until(func() bool { return len(stream.rows) == telemetryRequests })
	require.Equal(t, "requests", stream.whole.Name)
	require.Empty(t, stream.notices())

	second := stores.subscribe(t, to.Path, to.Query)
	joined := &running{t: t, rows: map[string]bool{}}
	joined.take(second.Data)
	require.Equal(t, stream.rows, joined.rows)

	answer := stores.askOne(t, false, liveRequests)
	key, _ := answer.Frames[0].FieldByName(frames.LiveKey)
	require.Equal(t, telemetryRequests, key.Len())
	for i := range key.Len() {
		require.Contains(t, stream.rows, key.At(i), "an answer and its stream name a row alike")
	}

	stream.leave()
	require.Eventually(t, func() bool { return d.streams.Join(to.Path) == nil }, longTimeout, time.Millisecond)
}

func TestAChannelTakesOnlyItsOwnQuestion(t *testing.T) {
	stores := newTrio(t)
	mine, other := stores.channel(t, liveRequests), stores.channel(t, `{"queryType": "logs", "logs": {"live": true}}`)
	asked := stores.asked()
	for _, test := range []struct {
		name, path string
		question   []byte
		want       pluginv2.SubscribeStreamResponse_Status
	}{
		{"its own", mine.Path, mine.Query, pluginv2.SubscribeStreamResponse_OK},
		{"another's", mine.Path, other.Query, pluginv2.SubscribeStreamResponse_NOT_FOUND},
		{"none, which asks for all requests", other.Path, nil, pluginv2.SubscribeStreamResponse_NOT_FOUND},
		{"rubbish", "requests/x", []byte(`{"queryType": 3}`), pluginv2.SubscribeStreamResponse_NOT_FOUND},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, stores.subscribe(t, test.path, test.question).Status)
			if test.want == pluginv2.SubscribeStreamResponse_OK {
				return
			}
			_, err := stores.run(t, test.path, test.question).client.Recv()
			require.Error(t, err)
			require.False(t, errors.Is(err, io.EOF))
		})
	}
	require.Equal(t, asked, stores.asked(), "no store was asked")

	published, err := streamClient(t).PublishStream(t.Context(), &pluginv2.PublishStreamRequest{
		PluginContext: backend.ToProto().PluginContext(stores.plugin), Path: mine.Path, Data: []byte(`{}`),
	})
	require.NoError(t, err)
	require.Equal(t, pluginv2.PublishStreamResponse_PERMISSION_DENIED, published.Status)
}

func TestAStoreThatIsAskedInEachUsersNameIsNotFollowed(t *testing.T) {
	stores := newTrio(t)
	var saved map[string]map[string]any
	require.NoError(t, json.Unmarshal(stores.plugin.DataSourceInstanceSettings.JSONData, &saved))
	channel := stores.channel(t, liveRequests)
	saved["loki"]["forwardIdentity"] = true
	jsonData, err := json.Marshal(saved)
	require.NoError(t, err)
	stores.plugin = savedDatasource(t, string(jsonData), stores.plugin.DataSourceInstanceSettings.DecryptedSecureJSONData)

	answer := stores.askOne(t, false, liveRequests)
	require.NoError(t, answer.Error)
	require.Contains(t, written(answer), "Not live: Loki is asked with the identity of each user, and a live stream has no user.")
	require.NotContains(t, written(answer), `"follow"`)
	require.Equal(t, pluginv2.SubscribeStreamResponse_PERMISSION_DENIED, stores.subscribe(t, channel.Path, channel.Query).Status)
	_, err = stores.run(t, channel.Path, channel.Query).client.Recv()
	require.ErrorContains(t, err, "identity")
}

func TestRowsStayWhileAStoreFails(t *testing.T) {
	for _, name := range allStores {
		t.Run(string(name), func(t *testing.T) {
			stores := newTrio(t)
			to := stores.channel(t, liveRequests)
			stores.at(t, telemetryFrom.Add(4*time.Minute))
			stream := stores.run(t, to.Path, to.Query)
			stream.until(func() bool { return len(stream.rows) == telemetryRequests })
			stores.stores[name].fail(fault{instead: refusing(503)})
			stream.until(func() bool { return len(stream.notices()) > 0 })
			require.Contains(t, stream.notices()[0], name.Title())
			require.Len(t, stream.rows, telemetryRequests)
			stores.stores[name].fault.Store(nil)
			stream.until(func() bool { return len(stream.notices()) == 0 })
			require.Len(t, stream.rows, telemetryRequests)
		})
	}
}

func TestLogLinesAreFollowed(t *testing.T) {
	stores := newTrio(t)
	to := stores.channel(t, `{"queryType": "logs", "logs": {"live": true, "oldest": true, "limit": 7}}`)
	require.Equal(t, frames.LogTime, to.Sort)
	older := stores.askOne(t, false, `{"queryType": "logs", "logs": {"live": true, "limit": 1}}`)
	require.Empty(t, older.Frames[0].Meta.Notices, "that there are older lines is no news")
	older = stores.askOne(t, false, `{"queryType": "logs", "logs": {"limit": 1}}`)
	require.NotEmpty(t, older.Frames[0].Meta.Notices)
	require.False(t, to.Desc)
	require.Equal(t, 7, to.Limit)
	stores.at(t, requestStart(0).Add(2*time.Second))
	stream := stores.run(t, to.Path, to.Query)
	stream.until(func() bool { return len(stream.rows) > 0 })
	require.Equal(t, data.FrameTypeLogLines, stream.whole.Meta.Type)
	require.Zero(t, stores.stores[evidence.Jaeger].asked.Load(), "lines are Loki's alone")
}

func TestAViewerWhoFollowsTooMuchIsTold(t *testing.T) {
	stores := newTrio(t)
	first := stores.channel(t, liveRequests)
	d := stores.at(t, telemetryFrom.Add(4*time.Minute))
	for i := range live.MaxStreamsOfUser {
		require.NoError(t, d.streams.Subscribe(fmt.Sprint("requests/", i), live.Login(stores.plugin.User)))
	}
	answer := stores.askOne(t, false, liveRequests)
	require.NoError(t, answer.Error)
	require.Contains(t, written(answer), "Not live: you follow 5 different live queries of this data source already")
	require.NotContains(t, written(answer), `"follow"`)
	require.Equal(t, pluginv2.SubscribeStreamResponse_PERMISSION_DENIED, stores.subscribe(t, first.Path, first.Query).Status)

	stores.plugin.User = &backend.User{Login: "bob"}
	require.Equal(t, first.Path, stores.channel(t, liveRequests).Path)
	require.Equal(t, pluginv2.SubscribeStreamResponse_OK, stores.subscribe(t, first.Path, first.Query).Status)
}

func TestStreamsEndWhenTheDataSourceIsDisposedOf(t *testing.T) {
	stores := newTrio(t)
	to := stores.channel(t, liveRequests)
	d := stores.at(t, telemetryFrom.Add(4*time.Minute))
	stream := stores.run(t, to.Path, to.Query)
	stream.until(func() bool { return len(stream.rows) == telemetryRequests })
	d.Dispose() // as the SDK does after a change of settings
	for {
		if _, err := stream.client.Recv(); err != nil {
			require.ErrorContains(t, err, "the settings of the data source changed")
			break
		}
	}
	err := d.RunStream(t.Context(), &backend.RunStreamRequest{Path: to.Path, Data: to.Query}, nil)
	require.ErrorContains(t, err, "the settings of the data source changed", "none begins on an instance that is gone")
}
