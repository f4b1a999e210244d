//go:build unix

package editors

import (
	"context"
	"errors"
	"io"
	"maps"
	"sync"

	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
)

// dataSources are saved settings by uid, each with a plugin process of its own. One that nobody has asked for before
// begins empty, as a new one in Grafana does.
type dataSources struct {
	root string
	log  io.Writer

	mu    sync.Mutex
	byUID map[string]*dataSource
}

// dataSource is one of them.
type dataSource struct {
	plugin   *pluginhost.Host
	settings pluginhost.Settings
}

// maxDataSources bounds the processes that a page can start.
const maxDataSources = 16

var errTooMany = errors.New("too many data sources")

// get finds the data source, or makes it with these settings.
func (d *dataSources) get(ctx context.Context, uid string, otherwise pluginhost.Settings) (*dataSource, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if found, ok := d.byUID[uid]; ok {
		return found, nil
	}
	if len(d.byUID) >= maxDataSources {
		return nil, errTooMany
	}
	otherwise.UID, otherwise.Name = uid, uid
	plugin, err := startPlugin(ctx, d.root, otherwise, d.log)
	if err != nil {
		return nil, err
	}
	made := &dataSource{plugin: plugin, settings: otherwise}
	d.byUID[uid] = made
	return made, nil
}

// save changes settings as Grafana does: a secret that is not sent stays.
func (d *dataSources) save(source *dataSource, jsonData map[string]any, secrets map[string]string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	changed := source.settings
	changed.JSON, changed.Secure = jsonData, maps.Clone(changed.Secure)
	if changed.Secure == nil {
		changed.Secure = map[string]string{}
	}
	maps.Copy(changed.Secure, secrets)
	if err := source.plugin.Configure(changed); err != nil {
		return err
	}
	source.settings = changed
	return nil
}

// read is what a page may see of the settings: which secrets there are, not what they say.
func (d *dataSources) read(source *dataSource) map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	fields := map[string]bool{}
	for name, secret := range source.settings.Secure {
		if secret != "" {
			fields[name] = true
		}
	}
	jsonData := source.settings.JSON
	if jsonData == nil {
		jsonData = map[string]any{}
	}
	return map[string]any{
		"id": 1, "uid": source.settings.UID, "name": source.settings.Name, "type": pluginhost.PluginID,
		"jsonData": jsonData, "secureJsonFields": fields,
	}
}

func (d *dataSources) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, source := range d.byUID {
		_ = source.plugin.Close() // never fails: it kills
	}
}
