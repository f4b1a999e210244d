package vllm

import (
	"bufio"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetricTable(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range Metrics() {
		t.Run(m.Name, func(t *testing.T) {
			require.False(t, seen[m.Name], "one row per canonical name")
			seen[m.Name] = true
			require.NotEmpty(t, m.Names)
			require.NotZero(t, m.Type)
			require.NotEmpty(t, m.Unit)
			require.True(t, slices.IsSorted(m.Buckets))
			if m.Names[0].By == ByVLLM {
				require.Equal(t, m.Name, m.Names[0].Name, "the canonical name is the newest exposed one")
				require.Empty(t, m.Names[0].Until, "the newest name is still there")
			}
			for _, old := range m.Names[1:] {
				if old.By == ByVLLM {
					require.NotEmpty(t, old.Until, "an older name has a last release")
				}
			}
			require.Equal(t, m.Type == Counter, m.Names[0].By != ByDCGM && strings.HasSuffix(m.Name, "_total") && m.Name != IterationTokens)
		})
	}
}

func TestLookupMetric(t *testing.T) {
	kv, ok := LookupMetric(KVCacheUsage)
	require.True(t, ok)
	require.Equal(t, "vllm:kv_cache_usage_perc", kv.Names[0].Full(DefaultMetricPrefix))
	require.Equal(t, "vllm_gpu_cache_usage_perc", kv.Names[1].Full("vllm_"))

	iteration, _ := LookupMetric(IterationTokens)
	require.Equal(t, Histogram, iteration.Type, "despite its name")

	memory, _ := LookupMetric(GPUMemoryUsed)
	require.True(t, memory.GPU())
	require.Equal(t, "DCGM_FI_DEV_FB_USED", memory.Names[0].Full(DefaultMetricPrefix), "other exporters have no prefix")
	require.EqualValues(t, 1<<20, memory.Names[0].Factor())
	require.EqualValues(t, 1, memory.Names[1].Factor())

	_, ok = LookupMetric("num_requests_swapped")
	require.False(t, ok)
}

// TestTableFitsRecordings holds the table to what real engines expose: every name in the releases it is said to be in and
// in no other, with its type, labels and bucket bounds.
func TestTableFitsRecordings(t *testing.T) {
	conditional := []string{SpecDecodeDrafts, SpecDecodeDraftTokens, SpecDecodeAcceptedTokens} // not run with a draft model
	typeNames := map[MetricType]string{Gauge: "gauge", Counter: "counter", Histogram: "histogram", Info: "gauge"}
	for version, recording := range map[string]string{
		"0.13.0": "vllm-0.13.0/variants/fastapi-0.165",
		"0.32.0": "vllm-0.32.0",
	} {
		recorded := readExposition(t, "../../tools/recordings/"+recording+"/metrics-last.prom")
		for _, m := range Metrics() {
			if m.GPU() || slices.Contains(conditional, m.Name) {
				continue
			}
			for _, e := range m.Names {
				t.Run(version+"/"+e.Name, func(t *testing.T) {
					full := e.Full(DefaultMetricPrefix)
					if e.Since != "" && release(e.Since) > release(version) || e.Until != "" && release(e.Until) < release(version) {
						require.NotContains(t, recorded.types, full)
						return
					}
					require.Equal(t, typeNames[m.Type], recorded.types[full])
					if m.Buckets != nil {
						require.Equal(t, m.Buckets, recorded.bounds[full])
					}
					for _, label := range m.Labels {
						require.Contains(t, recorded.labels[full], label)
					}
				})
			}
		}
	}
}

// release orders versions of up to three parts below 1,000.
func release(version string) int {
	parts := append(strings.Split(version, "."), "0", "0")
	order := 0
	for _, part := range parts[:3] {
		n, _ := strconv.Atoi(part)
		order = order*1000 + n
	}
	return order
}

type exposition struct {
	types  map[string]string
	bounds map[string][]float64
	labels map[string]string // the label text of some series
}

func readExposition(t *testing.T, path string) exposition {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	e := exposition{types: map[string]string{}, bounds: map[string][]float64{}, labels: map[string]string{}}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 4 && fields[1] == "TYPE" {
			e.types[fields[2]] = fields[3]
			continue
		}
		name, labels, ok := strings.Cut(lines.Text(), "{")
		if !ok {
			continue
		}
		e.labels[name] = labels
		family := strings.TrimSuffix(name, "_bucket")
		_, le, isBucket := strings.Cut(labels, `le="`)
		if bound, err := strconv.ParseFloat(strings.SplitN(le, `"`, 2)[0], 64); isBucket && err == nil && bound < 1e300 {
			if !slices.Contains(e.bounds[family], bound) { // one set per child of the family
				e.bounds[family] = append(e.bounds[family], bound)
			}
		}
	}
	require.NoError(t, lines.Err())
	return e
}
