package frames

import (
	"math"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

// A table panel takes all of this over without a setting of the user's. Explore's own table takes units, descriptions and
// links only: it forgets widths and kinds of cells.

// look is how a column is drawn beyond what its unit says.
type look struct {
	width    int // pixels; columns whose values are all about as long
	minWidth int // pixels; columns that may grow where there is room
	cell     map[string]any
	steps    []data.Threshold // they win over a panel's own defaults, so only limits that are known
	mappings data.ValueMappings
	share    bool // between 0 and 1
	hidden   bool // in a table panel, until the reader shows it
}

// looks of the columns of the request row. Limits are drawn only where they mean the same in every deployment: how slow is
// too slow, a reader knows.
var looks = map[string]look{
	join.TimeColumn: {width: 148}, "request_id": {minWidth: 184}, "client_request_id": {minWidth: 184}, "trace_id": {minWidth: 120},
	"span_id": {minWidth: 120}, "model": {minWidth: 184}, "lora": {minWidth: 100}, "environment": {width: 104},
	"cluster": {minWidth: 104}, "namespace": {minWidth: 120}, "pod": {minWidth: 160}, "instance": {minWidth: 160}, "engine": {width: 68},

	"status":        {width: 92, cell: pillCell, mappings: data.ValueMappings{statusColours}},
	"finish_reason": {width: 104},
	"http_status":   {width: 92, cell: colouredText, steps: steps(at(400, "orange"), at(500, "red"))},
	"error":         {minWidth: 160},

	"prompt_tokens": {width: 112}, "completion_tokens": {width: 140}, "cached_tokens": {width: 112}, "max_tokens": {width: 96},
	"temperature": {width: 100}, "top_p": {width: 64},

	"e2e": {width: 80}, "ttft": {width: 80}, "queue": {width: 80}, "prefill": {width: 80}, "decode": {width: 80},
	"tpot": {width: 80}, "pre_queue": {width: 88}, "unaccounted": {width: 104}, "tokens_per_second": {width: 136},

	"caller_service": {minWidth: 110}, "caller_operation": {minWidth: 160}, "caller_duration": {width: 124}, "outside_engine": {width: 120},

	"running": {width: 76}, "waiting": {width: 76},
	"kv_cache_usage":  {width: 124, cell: gaugeCell, steps: kvCacheSteps},
	"preemptions":     {width: 100, cell: colouredText, steps: steps(at(1, "orange"))},
	"gpu_utilization": {width: 108}, "gpu_memory_used": {width: 132},

	"log_lines":     {width: 80},
	"warning_lines": {width: 108, cell: colouredText, steps: steps(at(1, "orange"))},
	"error_lines":   {width: 92, cell: colouredText, steps: steps(at(1, "red"))},
	"slo_met":       {width: 84, cell: colouredText, mappings: data.ValueMappings{verdictColours}},
	"signals":       {minWidth: 140},
}

// Kinds of cells of a table panel. Colour never stands alone: the text stays.
var (
	pillCell     = map[string]any{"type": "pill"}
	colouredText = map[string]any{"type": "color-text"}
	gaugeCell    = map[string]any{"type": "gauge", "mode": "basic"}
)

// kvCacheSteps: from 95 % on the next tokens may need a preemption, and from 80 % on a burst gets there within seconds.
var kvCacheSteps = steps(at(0.8, "orange"), at(0.95, "red"))

// statusColours: green only for what is known to be well. White text is readable on each of them.
var statusColours = data.ValueMapper{
	string(join.StatusOK):       {Color: "dark-green", Index: 0},
	string(join.StatusError):    {Color: "dark-red", Index: 1},
	string(join.StatusAborted):  {Color: "#B84A00", Index: 2},
	string(join.StatusRejected): {Color: "dark-purple", Index: 3},
	string(join.StatusUnknown):  {Color: "#5F6673", Index: 4},
}

// verdictColours mark what missed its limits.
var verdictColours = data.ValueMapper{
	"true":  {Color: "green", Index: 0},
	"false": {Color: "red", Index: 1},
}

func at(value float64, colour string) data.Threshold {
	return data.Threshold{Value: data.ConfFloat64(value), Color: colour}
}

// steps begin with the colour of plain text: what is below the first limit is not praised either.
func steps(limits ...data.Threshold) []data.Threshold {
	return append([]data.Threshold{at(math.Inf(-1), "text")}, limits...)
}

// apply adds the look to a field's configuration.
func (l look) apply(config *data.FieldConfig) {
	custom := map[string]any{}
	if l.width > 0 {
		custom["width"] = l.width
	}
	if l.minWidth > 0 {
		custom["minWidth"] = l.minWidth
	}
	if l.cell != nil {
		custom["cellOptions"] = l.cell
	}
	if l.hidden {
		custom["hideFrom"] = map[string]any{"viz": true}
	}
	if l.share {
		config.SetMin(0).SetMax(1)
	}
	if len(custom) > 0 {
		config.Custom = custom
	}
	if l.steps != nil {
		config.Thresholds = &data.ThresholdsConfig{Mode: data.ThresholdsModeAbsolute, Steps: l.steps}
	}
	config.Mappings = l.mappings
}

// requestConfig is how one column of the request row looks: unit, colour, where a click leads.
func requestConfig(c *join.Column, source Source) *data.FieldConfig {
	config := &data.FieldConfig{Unit: c.Unit, Description: c.Description}
	filterable := c.Name != join.TimeColumn // a click on a cell filters; no two requests came at one time
	config.Filterable = &filterable
	switch {
	case c.Name == join.TimeColumn:
		config.Unit = "time:MM-DD HH:mm:ss.SSS" // a second has many requests
	case c.Unit == "percentunit":
		config.SetMin(0)
		config.SetMax(1)
	}
	looks[c.Name].apply(config)
	config.Links = requestLinks(c.Name, source)
	return config
}
