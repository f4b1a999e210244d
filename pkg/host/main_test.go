package host

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/instancemgmt"
	"github.com/grafana/grafana-plugin-sdk-go/experimental/datasourcetest"
	"go.uber.org/goleak"
)

// managed is the plugin as Grafana sees it: gRPC, the SDK's instance manager and its whole middleware stack. There can be
// one in a process, since the SDK registers metrics when it is made.
var managed struct {
	datasourcetest.TestPlugin
	instances sync.Map // by the data source's id: Grafana disposes of one only when it is saved anew
	lastID    atomic.Int64
	address   string // for the services that the SDK's test client has no methods for
}

func TestMain(m *testing.M) {
	if err := manage(); err != nil {
		fmt.Fprintln(os.Stderr, "the plugin cannot be served:", err)
		os.Exit(1)
	}
	code := m.Run()
	err := managed.Shutdown()
	if err == nil {
		err = goleak.Find()
	}
	if err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func manage() error {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil { // the SDK takes an address only, not a listener
		return err
	}
	managed.address = address
	managed.TestPlugin, err = datasourcetest.Manage(func(ctx context.Context, s backend.DataSourceInstanceSettings) (instancemgmt.Instance, error) {
		instance, err := New(ctx, s)
		managed.instances.Store(s.ID, instance)
		return instance, err
	}, datasourcetest.ManageOpts{Address: address})
	return err
}

// savedDatasource is a data source in Grafana. It is let go of when the test ends.
func savedDatasource(t testing.TB, jsonData string, secrets map[string]string) backend.PluginContext {
	t.Helper()
	id := managed.lastID.Add(1)
	t.Cleanup(func() {
		if d, ok := managed.instances.Load(id); ok && d != nil {
			d.(*Datasource).Dispose()
		}
	})
	return backend.PluginContext{Namespace: "default", PluginID: "llmserving-vllm-datasource", DataSourceInstanceSettings: &backend.DataSourceInstanceSettings{
		ID: id, UID: "abc", Name: "vLLM", Type: "llmserving-vllm-datasource", Updated: time.Unix(1, 0),
		JSONData: []byte(jsonData), DecryptedSecureJSONData: secrets,
	}}
}
