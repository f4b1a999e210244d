package vllm

// Scope narrows a question to some deployments. Every field lists exact values, any of which may match; an empty field
// matches all. Values are what users see (a row's columns); each store's builder translates them into its own labels.
type Scope struct {
	Models       []string `json:"models,omitempty"`
	Environments []string `json:"environments,omitempty"`
	Namespaces   []string `json:"namespaces,omitempty"`
	Pods         []string `json:"pods,omitempty"`
	Instances    []string `json:"instances,omitempty"`
	Engines      []string `json:"engines,omitempty"`
	Services     []string `json:"services,omitempty"`
}

// LabelNames says what one store calls the places of a row. An empty name means that the store does not have it.
type LabelNames struct {
	Model       string `json:"model,omitempty"`
	Environment string `json:"environment,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	Pod         string `json:"pod,omitempty"`
	Instance    string `json:"instance,omitempty"`
	Engine      string `json:"engine,omitempty"`
	Service     string `json:"service,omitempty"`
}

// DefaultPrometheusLabels are vLLM's own labels (model_name, engine) and the usual target labels of a scrape.
func DefaultPrometheusLabels() LabelNames {
	return LabelNames{
		Model: "model_name", Environment: "environment", Namespace: "namespace", Pod: "pod", Instance: "instance",
		Engine: "engine", Service: "service",
	}
}

// DefaultLokiLabels are the labels that Kubernetes log shippers and the OpenTelemetry collector agree on. Through Loki's
// OTLP endpoint they arrive as k8s_pod_name and so on: set them in the data source then.
func DefaultLokiLabels() LabelNames {
	return LabelNames{
		Environment: "environment", Namespace: "namespace", Pod: "pod", Instance: "instance", Service: "service_name",
	}
}

// DefaultJaegerLabels are resource attributes by OpenTelemetry's semantic conventions; operators set them with
// OTEL_RESOURCE_ATTRIBUTES. vLLM itself sets only service.name.
func DefaultJaegerLabels() LabelNames {
	return LabelNames{
		Model: "gen_ai.request.model", Environment: "deployment.environment.name", Namespace: "k8s.namespace.name",
		Pod: "k8s.pod.name", Instance: "service.instance.id", Service: "service.name",
	}
}
