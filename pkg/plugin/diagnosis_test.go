package plugin

import (
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// What is missing is said with the flag, variable or label that brings it.
func TestHealthNamesTheRemedy(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*stores)
		check  string
		found  string
		fix    string
	}{
		"no metrics of vLLM": {
			func(s *stores) { s.metrics.targets = nil },
			"vllm_metrics", "No metrics vllm:* in the last hour", "--disable-log-stats",
		},
		"no scrape job": {
			func(s *stores) { s.metrics.targets = nil },
			"vllm_metrics", "No metrics", "add a scrape job for /metrics on the API port",
		},
		"no log lines at all": {
			func(s *stores) { s.logs.sample = loki.Sample{} },
			"request_ids_in_logs", "No log lines in the last hour", "log selector",
		},
		"log lines of something else": {
			func(s *stores) { s.logs.sample = loki.Sample{Lines: 1} },
			"request_ids_in_logs", "None of 1 log line is vLLM's", `{container="vllm"}`,
		},
		"log lines without request ids": {
			func(s *stores) { s.logs.sample = loki.Sample{Lines: 500, VLLMLines: 500} },
			"request_ids_in_logs", "No log line names a request", "--enable-log-requests",
		},
		"no request spans": {
			func(s *stores) { s.traces.services, s.traces.spans = nil, nil },
			"request_spans", "No service has spans named llm_request", "--otlp-traces-endpoint",
		},
		"a service without spans of late": {
			func(s *stores) { s.traces.spans = nil },
			"request_spans", "No llm_request spans of vllm-chat in the last hour", "OTEL_TRACES_SAMPLER",
		},
		"engines without a name": {
			func(s *stores) { s.traces.services = []string{"unknown_service"} },
			"service_name", "Engines without a name of their own trace as unknown_service", "OTEL_SERVICE_NAME",
		},
		"spans that name no instance": {
			func(s *stores) { s.traces.spans[0].Origin = &evidence.Origin{Service: "vllm-chat"} },
			"instance_naming", "Instances do not match: Jaeger names neither pod nor instance",
			"set OTEL_RESOURCE_ATTRIBUTES=service.instance.id=$(POD_NAME),k8s.pod.name=$(POD_NAME) in the environment of vLLM.",
		},
		"logs that name no instance": {
			func(s *stores) { s.logs.sample.Origins = []evidence.Origin{{Service: "vllm"}} },
			"instance_naming", "Instances do not match: Loki names neither pod nor instance",
			"let the log shipper set a pod label with the pod's name.",
		},
		"metrics that name the address where spans name the pod": {
			func(s *stores) {
				s.metrics.targets = []evidence.Target{{Origin: evidence.Origin{Instance: "10.0.0.1:8000"}}}
				s.logs.sample.Origins = nil
			},
			"instance_naming", "Instances do not match: Prometheus says 10.0.0.1:8000 where Jaeger says vllm-0",
			"give the scrape job a pod label with the pod's name; set OTEL_RESOURCE_ATTRIBUTES=",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := fullStores()
			c.change(s)
			d := s.checkup(t).run(t.Context())
			var got contentCheck
			for _, check := range d.content() {
				if check.Check == c.check {
					got = check
				}
			}
			require.False(t, got.OK)
			require.Contains(t, got.Found, c.found)
			require.Contains(t, got.Fix, c.fix)
			result := d.result()
			require.Equal(t, backend.HealthStatusOk, result.Status, "the rest is there to work with")
			require.Contains(t, result.Message, c.found)
			require.Contains(t, result.Message, c.fix)
			require.Contains(t, string(result.JSONDetails), `"check":"`+c.check+`","ok":false`)
		})
	}
}

func TestHealthIsAnErrorWhenNothingOfVLLMIsThere(t *testing.T) {
	s := fullStores()
	s.metrics.targets, s.logs.sample, s.traces.services, s.traces.spans = nil, loki.Sample{}, nil, nil
	require.Equal(t, backend.HealthStatusError, s.checkup(t).run(t.Context()).result().Status)
}

func TestInstancesMatchByAnyWordThatTheJoinKnows(t *testing.T) {
	for name, c := range map[string]struct {
		metrics, spans evidence.Origin
		match          bool
	}{
		"the same pod":                   {evidence.Origin{Pod: "a"}, evidence.Origin{Pod: "a", Instance: "x"}, true},
		"the same instance":              {evidence.Origin{Instance: "a:8000"}, evidence.Origin{Instance: "a:8000"}, true},
		"the host of a scrape address":   {evidence.Origin{Instance: "vllm-0:8000"}, evidence.Origin{Instance: "vllm-0"}, true},
		"a pod that is called instance":  {evidence.Origin{Pod: "vllm-0"}, evidence.Origin{Instance: "vllm-0"}, true},
		"not another pod":                {evidence.Origin{Pod: "a"}, evidence.Origin{Pod: "b"}, false},
		"not for want of any name":       {evidence.Origin{Model: "m"}, evidence.Origin{Pod: "b"}, false},
		"not a service of the same name": {evidence.Origin{Service: "a", Pod: "x"}, evidence.Origin{Service: "a", Pod: "y"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := diagnosis{
				metrics: storeState{configured: true}, traces: storeState{configured: true},
				targets: []evidence.Target{{Origin: c.metrics}}, spans: []evidence.RequestSpan{{Origin: &c.spans}},
			}
			check, ok := d.instanceNaming()
			require.True(t, ok)
			require.Equal(t, c.match, check.OK, check.Found)
		})
	}
}

func TestOneStoreAloneHasNothingToCompare(t *testing.T) {
	d := diagnosis{metrics: storeState{configured: true}, targets: []evidence.Target{{Origin: evidence.Origin{Pod: "a"}}}}
	_, ok := d.instanceNaming()
	require.False(t, ok)
}

func TestHealthWarnsWhereAlertRulesWillComeWithoutIdentity(t *testing.T) {
	c := fullStores().checkup(t)
	c.settings.Loki.ForwardIdentity = true
	require.Contains(t, c.run(t.Context()).result().Message, "Loki: ok (alert rules have no user whose identity could be forwarded")
	c.settings.Loki.Auth = settings.AuthBearer // which alert rules then use
	require.NotContains(t, c.run(t.Context()).result().Message, "alert rules")
}
