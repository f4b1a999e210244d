package loki

import (
	"github.com/grafana/loki/pkg/push"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// places are the labels that name each part of an origin: the configured one, then those under which Loki's OTLP endpoint
// stores the attributes of OpenTelemetry's semantic conventions (a dot becomes "_").
type places struct {
	service, environment, cluster, namespace, pod, instance, model, engine []string
}

func placesOf(labels vllm.LabelNames) places {
	names := func(configured string, fallbacks ...string) []string {
		if configured == "" {
			return fallbacks
		}
		return append([]string{configured}, fallbacks...)
	}
	return places{
		service:     names(labels.Service, "service_name"),
		environment: names(labels.Environment, "deployment_environment_name", "deployment_environment"),
		cluster:     names(labels.Cluster, "k8s_cluster_name"),
		namespace:   names(labels.Namespace, "k8s_namespace_name"),
		pod:         names(labels.Pod, "k8s_pod_name"),
		instance:    names(labels.Instance, "service_instance_id"),
		model:       names(labels.Model),
		engine:      names(labels.Engine),
	}
}

// origin reads the place from a stream's labels and, for what they do not tell, from a line's structured metadata.
func (p places) origin(labels map[string]string, metadata push.LabelsAdapter) evidence.Origin {
	find := func(names []string) string {
		for _, name := range names {
			if v := labels[name]; v != "" {
				return v
			}
		}
		for _, name := range names {
			for _, m := range metadata {
				if m.Name == name && m.Value != "" {
					return m.Value
				}
			}
		}
		return ""
	}
	return evidence.Origin{
		Service: find(p.service), Environment: find(p.environment), Cluster: find(p.cluster), Namespace: find(p.namespace),
		Pod: find(p.pod), Instance: find(p.instance), Model: find(p.model), Engine: find(p.engine),
	}
}

// originCache shares origins between the lines of one answer whose metadata add to their stream's.
type originCache struct {
	places places
	known  map[evidence.Origin]*evidence.Origin
}

// of gives the origin of a line: its stream's own, unless its metadata tell more.
func (c *originCache) of(e entry) *evidence.Origin {
	if len(e.StructuredMetadata) == 0 {
		return e.stream.origin
	}
	origin := c.places.origin(e.stream.labels, e.StructuredMetadata)
	if origin == *e.stream.origin {
		return e.stream.origin
	}
	shared, ok := c.known[origin]
	if !ok {
		if c.known == nil {
			c.known = map[evidence.Origin]*evidence.Origin{}
		}
		shared = &origin
		c.known[origin] = shared
	}
	return shared
}
