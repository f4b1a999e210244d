package health

import (
	"errors"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
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
			require.Contains(t, result.Message, "Prometheus, Loki and Jaeger answer, with 1 gap. "+c.found)
			require.Contains(t, reportOf(t, result).Verbose, "✗ "+got.Found+"\n    → ")
			require.Contains(t, string(result.JSONDetails), `"check":"`+c.check+`","ok":false`)
		})
	}
}

func TestHealthIsAnErrorWhenNothingOfVLLMIsThere(t *testing.T) {
	s := fullStores()
	s.metrics.targets, s.logs.sample, s.traces.services, s.traces.spans = nil, loki.Sample{}, nil, nil
	result := s.checkup(t).run(t.Context()).result()
	require.Equal(t, backend.HealthStatusError, result.Status)
	require.Equal(t, "Nothing of vLLM was found in Prometheus, Loki and Jaeger.", result.Message)
}

// Who sees that a store fails is told what to look at.
func TestAStoreThatFailsComesWithARemedy(t *testing.T) {
	failure := func(kind upstream.Kind, message string) error {
		return &upstream.Error{Store: evidence.Loki, Kind: kind, Message: message}
	}
	for name, c := range map[string]struct {
		store settings.Store
		err   error
		want  string
	}{
		"nobody there":                  {settings.Store{}, failure(upstream.ErrUnreachable, "connection refused"), "check the URL. It is called from Grafana's server"},
		"a host that says nothing":      {settings.Store{}, upstream.ErrTimeout, "firewall"},
		"no user where one is asked":    {settings.Store{Auth: settings.AuthNone}, failure(upstream.ErrUnauthorized, ""), "basic or a bearer token"},
		"a wrong password":              {settings.Store{Auth: settings.AuthBasic}, failure(upstream.ErrUnauthorized, ""), "check user and password"},
		"a token of yesterday":          {settings.Store{Auth: settings.AuthBearer}, failure(upstream.ErrUnauthorized, ""), "expired"},
		"a user that it does not know":  {settings.Store{ForwardIdentity: true}, failure(upstream.ErrUnauthorized, ""), "forwarded identity"},
		"no tenant":                     {settings.Store{Auth: settings.AuthNone}, failure(upstream.ErrUnauthorized, "no org id"), "set the tenant"},
		"another tenant's":              {settings.Store{}, failure(upstream.ErrForbidden, ""), "the right to read"},
		"plain text for TLS":            {settings.Store{Name: evidence.Loki}, failure(upstream.ErrTLS, ""), "begin the URL with http:// if"},
		"plain text for gRPC's TLS":     {settings.Store{Name: evidence.Jaeger}, failure(upstream.ErrTLS, ""), "begin the URL with grpc:// if"},
		"a path that is not there":      {settings.Store{Name: evidence.Loki}, failure(upstream.ErrNotFound, ""), "path prefix"},
		"a web page for gRPC":           {settings.Store{Name: evidence.Jaeger}, failure(upstream.ErrBadAnswer, ""), "16685"},
		"too many calls":                {settings.Store{}, failure(upstream.ErrRateLimited, ""), "later"},
		"a store that is ill":           {settings.Store{}, failure(upstream.ErrServer, ""), "own log"},
		"what nobody knows a remedy of": {settings.Store{}, errors.New("odd"), ""},
	} {
		require.Contains(t, storeFix(c.store, c.err), c.want, name)
		require.Equal(t, c.want == "", storeFix(c.store, c.err) == "", name)
	}
}

func TestLimitsThatAreNoModelsAreNamed(t *testing.T) {
	llama := slo.Objective{Model: "llama*", TTFT: 1e9}
	for name, c := range map[string]struct {
		limits slo.Objectives
		unused string
	}{
		"all used":                      {slo.Objectives{{Model: "qwen", E2E: 1e9}}, ""},
		"none set":                      {nil, ""},
		"one for all":                   {slo.Objectives{{Model: "*", E2E: 1e9}}, ""},
		"a model that is not there":     {slo.Objectives{llama, {Model: "*", E2E: 1e9}}, "No model has the SLO limits of llama*"},
		"one that another takes it all": {slo.Objectives{{Model: "*", E2E: 1e9}, {Model: "qwen", E2E: 1e9}, llama}, "No model has the SLO limits of qwen and llama*"},
	} {
		t.Run(name, func(t *testing.T) {
			checkup := fullStores().checkup(t)
			checkup.settings.VLLM.SLO = c.limits
			d := checkup.run(t.Context())
			check, warned := d.unusedLimits()
			require.Equal(t, c.unused != "", warned)
			if warned {
				require.Equal(t, c.unused, check.Found)
				require.Equal(t, "compare with the models of the last hour, qwen; a model has the limits of the first entry that names it.", check.Fix)
				require.Equal(t, backend.HealthStatusOk, d.result().Status)
			}
		})
	}
	_, warned := diagnosis{settings: settings.Settings{VLLM: settings.VLLM{SLO: slo.Objectives{llama}}}}.unusedLimits()
	require.False(t, warned, "without metrics no model is known")
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
	require.Contains(t, c.run(t.Context()).stores()[1].Found, "Loki answers: alert rules have no user whose identity could be forwarded")
	c.settings.Loki.Auth = settings.AuthBearer // which alert rules then use
	require.Equal(t, "Loki answers", c.run(t.Context()).stores()[1].Found)
}

func TestManagedStoresThatWantSignedRequestsNameTheirProxy(t *testing.T) {
	for address, want := range map[string]string{
		"https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1":             "aws-sigv4-proxy",
		"https://llm-abcd.westeurope.prometheus.monitor.azure.com":                   "aad-auth-proxy",
		"https://monitoring.googleapis.com/v1/projects/p/location/global/prometheus": "the frontend of Managed Prometheus",
		"https://prometheus.example":                                                 "basic or a bearer token",
	} {
		store := settings.Store{Name: evidence.Prometheus, URL: address, Auth: settings.AuthNone}
		for _, kind := range []upstream.Kind{upstream.ErrUnauthorized, upstream.ErrForbidden} {
			fix := storeFix(store, &upstream.Error{Store: evidence.Prometheus, Kind: kind})
			if kind == upstream.ErrForbidden && want == "basic or a bearer token" {
				want = "the right to read"
			}
			require.Contains(t, fix, want, address)
		}
		require.NotContains(t, storeFix(store, &upstream.Error{Store: evidence.Prometheus, Kind: upstream.ErrServer}), "proxy")
	}
}
