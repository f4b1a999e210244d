package servers_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
)

type origin = evidence.Origin

func TestANameIsReadWhateverItsSpelling(t *testing.T) {
	for text, want := range map[string]servers.Name{
		"10.0.0.1:8000":                        {Host: "10.0.0.1", Port: "8000", IP: true},
		"10.0.0.1":                             {Host: "10.0.0.1", IP: true},
		"[2001:DB8:0:0::1]:8000":               {Host: "2001:db8::1", Port: "8000", IP: true},
		"2001:db8::1":                          {Host: "2001:db8::1", IP: true},
		"[2001:db8::1]":                        {Host: "2001:db8::1", IP: true},
		"[fe80::a%eth0]:8000":                  {Host: "fe80::a", Port: "8000", IP: true},
		"fe80::a%3":                            {Host: "fe80::a", IP: true},
		"[::ffff:10.0.0.1]:8000":               {Host: "10.0.0.1", Port: "8000", IP: true},
		"GPU-7.Example.com.:8000":              {Host: "gpu-7.example.com", Port: "8000"},
		"http://gpu-7:8000/metrics":            {Host: "gpu-7", Port: "8000"},
		"https://[2001:db8::1]:8000/":          {Host: "2001:db8::1", Port: "8000", IP: true},
		"llm/llama-0:vllm":                     {Namespace: "llm", Pod: "llama-0"},
		"llm/llama-0":                          {Namespace: "llm", Pod: "llama-0"},
		"pod/llama-0/vllm":                     {Pod: "llama-0"},
		"llama-0":                              {Host: "llama-0"},
		"vllm:prod:3":                          {Host: "vllm:prod:3"},
		"docker://" + id64:                     {Container: "3f2a9c1b4d5e"},
		id64:                                   {Container: "3f2a9c1b4d5e"},
		"3f2a9c1b4d5e":                         {Container: "3f2a9c1b4d5e"},
		"202612010834":                         {Host: "202612010834"},
		"7cec2a12-e748-458b-820a-3f1d5c0b9e77": {Host: "7cec2a12-e748-458b-820a-3f1d5c0b9e77", Random: true},
		"":                                     {},
	} {
		require.Equal(t, want, servers.NameOf(&origin{Instance: text}), text)
	}
	require.Equal(t, servers.Name{Namespace: "llm", Pod: "llama-0"}, servers.NameOf(&origin{Pod: "llm/llama-0"}))
	require.Equal(t, servers.Name{Namespace: "a", Pod: "llama-0"}, servers.NameOf(&origin{Namespace: "a", Pod: "llm/llama-0"}))
	require.Equal(t, servers.Name{Container: "3f2a9c1b4d5e"}, servers.NameOf(&origin{Pod: "containerd://" + id64}))
}

const id64 = "3f2a9c1b4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8"

func TestTwoNamesOfServersAreCompared(t *testing.T) {
	for name, c := range map[string]struct {
		a, b origin
		want servers.Verdict
	}{
		"one pod":                                  {origin{Pod: "llama-0"}, origin{Pod: "llama-0"}, servers.Same},
		"two pods":                                 {origin{Pod: "llama-0"}, origin{Pod: "llama-1"}, servers.Other},
		"a pod in two clusters":                    {origin{Cluster: "east", Pod: "llama-0"}, origin{Cluster: "west", Pod: "llama-0"}, servers.Other},
		"a pod in two environments":                {origin{Environment: "prod", Pod: "llama-0"}, origin{Environment: "test", Pod: "llama-0"}, servers.Other},
		"a pod in two namespaces":                  {origin{Namespace: "a", Pod: "llama-0"}, origin{Namespace: "b", Pod: "llama-0"}, servers.Other},
		"a cluster that only one of them mentions": {origin{Cluster: "east", Pod: "llama-0"}, origin{Pod: "llama-0"}, servers.Same},
		"a pod and its namespace in one word":      {origin{Namespace: "llm", Pod: "llama-0"}, origin{Pod: "llm/llama-0"}, servers.Same},
		"that word of another namespace":           {origin{Namespace: "llm", Pod: "llama-0"}, origin{Pod: "test/llama-0"}, servers.Other},
		"a pod under two addresses":                {origin{Pod: "llama-0", Instance: "10.0.0.1:8000"}, origin{Pod: "llama-0", Instance: "10.0.0.2:8000"}, servers.Same},
		"two ports of a pod":                       {origin{Pod: "llama-0", Instance: "10.0.0.1:8000"}, origin{Pod: "llama-0", Instance: "10.0.0.1:8001"}, servers.Other},
		"an instance that is the pod":              {origin{Instance: "llama-0"}, origin{Pod: "llama-0", Instance: "llm/llama-0:vllm"}, servers.Same},
		"an address in two spellings":              {origin{Instance: "[2001:db8::1]:8000"}, origin{Instance: "http://[2001:DB8:0::1]:8000/metrics"}, servers.Same},
		"two IPv6 machines":                        {origin{Instance: "[2001:db8::1]:8000"}, origin{Instance: "[2001:db8::2]:8000"}, servers.Other},
		"two ports of an IPv6 machine":             {origin{Instance: "[2001:db8::1]:8000"}, origin{Instance: "[2001:db8::1]:8001"}, servers.Other},
		"a host alone":                             {origin{Instance: "gpu-7"}, origin{Instance: "gpu-7:8000"}, servers.Unsure},
		"a host and its domain":                    {origin{Instance: "gpu-7:8000"}, origin{Instance: "gpu-7.example.com:8000"}, servers.Same},
		"hosts of two domains":                     {origin{Instance: "gpu-7.a.com"}, origin{Instance: "gpu-7.b.com"}, servers.Other},
		"a host's name and an address":             {origin{Instance: "gpu-7:8000"}, origin{Instance: "10.0.0.1:8000"}, servers.Unsure},
		"a random id and an address":               {origin{Instance: "7cec2a12-e748-458b-820a-3f1d5c0b9e77"}, origin{Instance: "10.0.0.1:8000"}, servers.Unsure},
		"two random ids":                           {origin{Instance: "7cec2a12-e748-458b-820a-3f1d5c0b9e77"}, origin{Instance: "0cec2a12-e748-458b-820a-3f1d5c0b9e77"}, servers.Other},
		"a container's id, whole and as host name": {origin{Instance: id64}, origin{Instance: "3f2a9c1b4d5e"}, servers.Same},
		"two containers":                           {origin{Instance: id64}, origin{Instance: "aa2a9c1b4d5e"}, servers.Other},
		"a container and a pod":                    {origin{Pod: id64}, origin{Pod: "llama-0"}, servers.Unsure},
		"nothing is said":                          {origin{}, origin{Pod: "llama-0"}, servers.Unsure},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, servers.Compare(&c.a, &c.b))
			require.Equal(t, c.want, servers.Compare(&c.b, &c.a))
		})
	}
}

// fleet is a table of these servers, each named by its place in the list; shared ones are "?".
func find(t *testing.T, metrics []origin, asked origin) (which string) {
	t.Helper()
	pointers := make([]*origin, len(metrics))
	for i := range metrics {
		pointers[i] = &metrics[i]
	}
	table := servers.NewTable(pointers)
	switch f := table.Find(&asked); {
	case f.At != servers.None:
		for i := range metrics {
			if table.Of(&metrics[i]) == f.At {
				return string(rune('A' + i))
			}
		}
		return "none of them"
	case len(f.Shared) > 0:
		return "?"
	}
	return ""
}

func TestAServerIsFoundByTheWordsOfAnotherStore(t *testing.T) {
	clusters := []origin{
		{Cluster: "east", Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000"},
		{Cluster: "west", Namespace: "llm", Pod: "llama-0", Instance: "10.9.0.1:8000"},
	}
	sameAddress := []origin{
		{Cluster: "east", Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000"},
		{Cluster: "west", Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000"},
	}
	environments := []origin{{Environment: "prod", Pod: "llama-0"}, {Environment: "test", Pod: "llama-0"}}
	hashed := []origin{{Environment: "prod", Pod: "llama-7d9f8b6c5d-x2x4z"}}
	ports := []origin{{Instance: "gpu-7:8000"}, {Instance: "gpu-7:8001"}}
	six := []origin{{Instance: "[2001:db8::1]:8000"}, {Instance: "[2001:db8::2]:8000"}}
	for name, c := range map[string]struct {
		metrics []origin
		asked   origin
		want    string
	}{
		"the cluster tells":                          {clusters, origin{Cluster: "west", Namespace: "llm", Pod: "llama-0"}, "B"},
		"no cluster is said, and the address tells":  {clusters, origin{Namespace: "llm", Pod: "llama-0", Instance: "10.9.0.1:8000"}, "B"},
		"no cluster is said":                         {clusters, origin{Namespace: "llm", Pod: "llama-0"}, "?"},
		"no cluster, and the addresses are the same": {sameAddress, origin{Pod: "llama-0", Instance: "10.0.0.1:8000"}, "?"},
		"a third cluster":                            {clusters, origin{Cluster: "north", Namespace: "llm", Pod: "llama-0"}, ""},
		"the environment tells":                      {environments, origin{Environment: "test", Pod: "llama-0"}, "B"},
		"no environment is said":                     {environments, origin{Pod: "llama-0"}, "?"},
		"an environment nobody scrapes":              {environments[:1], origin{Environment: "staging", Pod: "llama-0"}, ""},
		"another word for it, and a pod's own name":  {hashed, origin{Environment: "production", Pod: "llama-7d9f8b6c5d-x2x4z"}, "A"},
		"metrics without a cluster":                  {[]origin{{Pod: "llama-0"}}, origin{Cluster: "east", Pod: "llama-0"}, "A"},
		"a host with two servers":                    {ports, origin{Instance: "gpu-7"}, "?"},
		"one of them":                                {ports, origin{Instance: "gpu-7:8001"}, "B"},
		"a host with one":                            {ports[:1], origin{Instance: "gpu-7"}, "A"},
		"its whole name":                             {ports[:1], origin{Instance: "gpu-7.example.com"}, "A"},
		"another port of it":                         {ports[:1], origin{Instance: "gpu-7:9000"}, ""},
		"an IPv6 machine":                            {six, origin{Instance: "2001:db8::2"}, "B"},
		"its address in full":                        {six, origin{Instance: "[2001:0db8:0:0:0:0:0:1]:8000"}, "A"},
		"its link's zone":                            {[]origin{{Instance: "[fe80::1]:8000"}}, origin{Instance: "[fe80::1%eth0]:8000"}, "A"},
		"a pod with its namespace in one word":       {[]origin{{Namespace: "a", Pod: "llama-0"}, {Namespace: "b", Pod: "llama-0"}}, origin{Pod: "b/llama-0"}, "B"},
		"a container's id": {
			[]origin{{Instance: id64}}, origin{Instance: "3f2a9c1b4d5e"}, "A",
		},
		"a pod that came back": {
			[]origin{{Pod: "llama-0", Instance: "10.0.0.1:8000"}, {Pod: "llama-0", Instance: "10.0.0.2:8000"}}, origin{Pod: "llama-0"}, "A",
		},
		"a label that came in the middle": {
			[]origin{{Pod: "llama-0", Instance: "10.0.0.1:8000"}, {Cluster: "east", Pod: "llama-0", Instance: "10.0.0.1:8000"}},
			origin{Cluster: "east", Pod: "llama-0"}, "A",
		},
		"two jobs that scrape one address": {
			[]origin{{Pod: "llama-0", Instance: "10.0.0.1:8000"}, {Instance: "10.0.0.1:8000"}}, origin{Instance: "10.0.0.1:8000"}, "A",
		},
		"a job that names the pod as the instance": {
			[]origin{{Pod: "llama-0", Instance: "10.0.0.1:8000"}, {Instance: "llama-0"}}, origin{Pod: "llama-0"}, "A",
		},
		"nothing is said": {clusters, origin{Service: "vllm"}, ""},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, find(t, c.metrics, c.asked)) })
	}
}

func TestAPlaceIsCompletedByWhatTheMetricsKnow(t *testing.T) {
	metrics := []*origin{
		{Model: "llama", Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000", Engine: "0"},
		{Model: "llama", Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000", Engine: "1"},
		{Model: "qwen", Instance: "gpu-7:8000"},
		{Model: "qwen", Instance: "gpu-7:8001"},
	}
	table := servers.NewTable(metrics)
	require.Len(t, table.Servers, 3)
	for name, c := range map[string]struct{ asked, want origin }{
		"a pod":                        {origin{Pod: "llama-0"}, origin{Model: "llama", Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000"}},
		"its rank stays":               {origin{Pod: "llama-0", Engine: "1"}, origin{Model: "llama", Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000", Engine: "1"}},
		"Promtail's word for it":       {origin{Instance: "llm/llama-0:vllm"}, origin{Model: "llama", Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000"}},
		"a host of two alike":          {origin{Instance: "gpu-7"}, origin{Model: "qwen", Instance: "gpu-7"}},
		"a host that is not scraped":   {origin{Instance: "gpu-8"}, origin{Instance: "gpu-8"}},
		"a namespace that contradicts": {origin{Namespace: "test", Pod: "llama-0"}, origin{Namespace: "test", Pod: "llama-0"}},
	} {
		t.Run(name, func(t *testing.T) {
			table.Complete(&c.asked)
			require.Equal(t, c.want, c.asked)
		})
	}
}
