package vllm

import "slices"

// Scope narrows a question to some deployments. Every list has exact values, any of which may match; an empty one matches
// all. Where says what lists cannot; all of it must hold, too. Values are what users see (a row's columns); each store's
// builder translates them into its own labels. Code reads Conditions, which has both.
type Scope struct {
	Models       []string    `json:"models,omitempty"`
	Environments []string    `json:"environments,omitempty"`
	Clusters     []string    `json:"clusters,omitempty"`
	Namespaces   []string    `json:"namespaces,omitempty"`
	Pods         []string    `json:"pods,omitempty"`
	Instances    []string    `json:"instances,omitempty"`
	Engines      []string    `json:"engines,omitempty"`
	Services     []string    `json:"services,omitempty"`
	Where        []Condition `json:"where,omitempty"` // keys are places
}

// Place is one of the names by which a deployment is told from another. The words are those of the row's columns.
type Place string

// The places.
const (
	Model       Place = "model"
	Environment Place = "environment"
	Cluster     Place = "cluster"
	Namespace   Place = "namespace"
	Pod         Place = "pod"
	Instance    Place = "instance"
	Engine      Place = "engine"
	Service     Place = "service"
)

// Places lists them.
var Places = []Place{Model, Environment, Cluster, Namespace, Pod, Instance, Engine, Service}

func (s Scope) list(place Place) []string {
	switch place {
	case Model:
		return s.Models
	case Environment:
		return s.Environments
	case Cluster:
		return s.Clusters
	case Namespace:
		return s.Namespaces
	case Pod:
		return s.Pods
	case Instance:
		return s.Instances
	case Engine:
		return s.Engines
	default:
		return s.Services
	}
}

// Of gives the conditions on one place. Empty values of a list are left out: an empty text matches what lacks the label.
func (s Scope) Of(place Place) []Condition {
	var out []Condition
	if list := slices.DeleteFunc(slices.Clone(s.list(place)), func(v string) bool { return v == "" }); len(list) > 0 {
		out = append(out, Condition{Key: string(place), Op: Is, Values: list})
	}
	for _, c := range s.Where {
		if c.Key == string(place) {
			out = append(out, c)
		}
	}
	return out
}

// Narrows reports whether the scope says anything about one of these places.
func (s Scope) Narrows(places ...Place) bool {
	return slices.ContainsFunc(places, func(p Place) bool { return len(s.Of(p)) > 0 })
}

// Test gives the conditions on one place as a function; nil when there is none.
func (s Scope) Test(place Place) func(value string) bool {
	conditions := s.Of(place)
	if len(conditions) == 0 {
		return nil
	}
	tests := make([]func(string) bool, len(conditions))
	for i, c := range conditions {
		tests[i] = c.Test()
	}
	return func(value string) bool {
		for _, test := range tests {
			if !test(value) {
				return false
			}
		}
		return true
	}
}

// InWordsOf leaves out what a store cannot be asked because it has other words for those places: where it knows none of the values
// that are asked for, or not all of a list. words are what the store calls a place.
func (s Scope) InWordsOf(words func(Place) []string, places ...Place) Scope {
	for _, place := range places {
		conditions := s.Of(place)
		if len(conditions) == 0 {
			continue
		}
		known := words(place)
		for _, c := range conditions {
			spoken := slices.ContainsFunc(known, c.Test())
			if c.Op == Is {
				spoken = !slices.ContainsFunc(c.Values, func(v string) bool { return !slices.Contains(known, v) })
			}
			if !spoken {
				s = s.Without(place)
				break
			}
		}
	}
	return s
}

// Without leaves places out of a scope.
func (s Scope) Without(places ...Place) Scope {
	for _, place := range places {
		switch place {
		case Model:
			s.Models = nil
		case Environment:
			s.Environments = nil
		case Cluster:
			s.Clusters = nil
		case Namespace:
			s.Namespaces = nil
		case Pod:
			s.Pods = nil
		case Instance:
			s.Instances = nil
		case Engine:
			s.Engines = nil
		case Service:
			s.Services = nil
		}
	}
	s.Where = slices.DeleteFunc(slices.Clone(s.Where), func(c Condition) bool { return slices.Contains(places, Place(c.Key)) })
	return s
}

// LabelNames says what one store calls the places of a row. An empty name means that the store does not have it.
type LabelNames struct {
	Model       string `json:"model,omitempty"`
	Environment string `json:"environment,omitempty"`
	Cluster     string `json:"cluster,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	Pod         string `json:"pod,omitempty"`
	Instance    string `json:"instance,omitempty"`
	Engine      string `json:"engine,omitempty"`
	Service     string `json:"service,omitempty"`
}

// Of gives the label of a place.
func (l LabelNames) Of(place Place) string {
	switch place {
	case Model:
		return l.Model
	case Environment:
		return l.Environment
	case Cluster:
		return l.Cluster
	case Namespace:
		return l.Namespace
	case Pod:
		return l.Pod
	case Instance:
		return l.Instance
	case Engine:
		return l.Engine
	case Service:
		return l.Service
	default:
		return ""
	}
}

// DefaultPrometheusLabels are vLLM's own labels (model_name, engine) and the usual target labels of a scrape.
func DefaultPrometheusLabels() LabelNames {
	return LabelNames{
		Model: "model_name", Environment: "environment", Cluster: "cluster", Namespace: "namespace", Pod: "pod",
		Instance: "instance", Engine: "engine", Service: "service",
	}
}

// DefaultLokiLabels are the labels that Kubernetes log shippers and the OpenTelemetry collector agree on. Through Loki's
// OTLP endpoint they arrive as k8s_pod_name and so on: set them in the data source then.
func DefaultLokiLabels() LabelNames {
	return LabelNames{
		Environment: "environment", Cluster: "cluster", Namespace: "namespace", Pod: "pod", Instance: "instance",
		Service: "service_name",
	}
}

// DefaultJaegerLabels are resource attributes by OpenTelemetry's semantic conventions; operators set them with
// OTEL_RESOURCE_ATTRIBUTES. vLLM itself sets only service.name.
func DefaultJaegerLabels() LabelNames {
	return LabelNames{
		Model: "gen_ai.request.model", Environment: "deployment.environment.name", Cluster: "k8s.cluster.name",
		Namespace: "k8s.namespace.name", Pod: "k8s.pod.name", Instance: "service.instance.id", Service: "service.name",
	}
}

// Parts cuts a scope into scopes that together mean the same and have no deployment in common, each with at most so many bytes of values
// in its longest list. It is for stores that take queries of a limited length. A scope that is short enough, and one whose length is in
// conditions that cannot be cut, is its own part.
func (s Scope) Parts(bytes int) []Scope {
	longest, length := -1, bytes
	lists := []*[]string{&s.Models, &s.Environments, &s.Clusters, &s.Namespaces, &s.Pods, &s.Instances, &s.Engines, &s.Services}
	for i := range s.Where {
		if s.Where[i].Op == Is {
			lists = append(lists, &s.Where[i].Values)
		}
	}
	for i, list := range lists {
		if n := lengthOf(*list); n > length {
			longest, length = i, n
		}
	}
	if longest < 0 {
		return []Scope{s}
	}
	values := slices.Clone(*lists[longest])
	slices.Sort(values)
	values = slices.Compact(values)
	var parts []Scope
	for from := 0; from < len(values); {
		to := from + 1
		for size := len(values[from]); to < len(values) && size+len(values[to]) < bytes; to++ {
			size += len(values[to]) + 1
		}
		part := s
		part.Where = slices.Clone(s.Where)
		if longest < len(Places) {
			*[]*[]string{&part.Models, &part.Environments, &part.Clusters, &part.Namespaces, &part.Pods, &part.Instances, &part.Engines, &part.Services}[longest] = values[from:to]
		} else {
			for i, is := 0, len(Places); i < len(part.Where); i++ {
				if part.Where[i].Op != Is {
					continue
				}
				if is == longest {
					part.Where[i].Values = values[from:to]
				}
				is++
			}
		}
		parts = append(parts, part)
		from = to
	}
	return parts
}

func lengthOf(list []string) (bytes int) {
	for _, value := range list {
		bytes += len(value) + 1
	}
	return bytes
}
