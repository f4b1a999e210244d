package loki_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestAScopeIsAskedInTheWordsOfTheStreams(t *testing.T) {
	words := map[string][]string{"instance": {"gpu-7", "gpu-8"}, "namespace": {"llm", "test"}, "pod": {}}
	for name, c := range map[string]struct {
		scope vllm.Scope
		want  string
	}{
		"a namespace that the streams have":            {vllm.Scope{Namespaces: []string{"llm"}}, `{container="vllm", namespace="llm"}`},
		"an instance in the words of spans":            {vllm.Scope{Instances: []string{"gpu-7:8000"}}, `{container="vllm"}`},
		"a list of which the streams know one":         {vllm.Scope{Instances: []string{"gpu-7", "gpu-9:8000"}}, `{container="vllm"}`},
		"a pod where streams name none":                {vllm.Scope{Namespaces: []string{"llm"}, Pods: []string{"llama-0"}}, `{container="vllm", namespace="llm"}`},
		"an expression that some of them match":        {vllm.Scope{Where: []vllm.Condition{{Key: "instance", Op: vllm.Matches, Values: []string{"gpu-.*"}}}}, `{container="vllm", instance=~"gpu-.*"}`},
		"an expression that none of them matches":      {vllm.Scope{Where: []vllm.Condition{{Key: "instance", Op: vllm.Matches, Values: []string{"10\\..*"}}}}, `{container="vllm"}`},
		"what others than these are, the streams tell": {vllm.Scope{Where: []vllm.Condition{{Key: "namespace", Op: vllm.IsNot, Values: []string{"test"}}}}, `{container="vllm", namespace!="test", namespace!=""}`},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFakeLoki(t)
			fake.words = words
			_, report := client(t, fake.URL, nil, `{container="vllm"}`).RequestEvents(t.Context(),
				[]evidence.Window{window(0, time.Minute)}, c.scope, loki.RequestFilter{})
			require.NoError(t, report.Err)
			selector, _, _ := strings.Cut(fake.queries()[0], "}")
			require.Equal(t, c.want, selector+"}")
		})
	}
}
