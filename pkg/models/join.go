package models

import (
	"slices"
	"strconv"

	"github.com/llmserving/grafana-vllm-datasource/pkg/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Web servers and GPUs know no model. An owner is a place (scrape target, pod, host) that serves exactly one model, by
// the engines' own metrics: what happens at a place with several cannot be told apart, and is given to none.

// owner writes a vector of 1 per place, labelled with place and group, for multiplying by. Only owners in scope are in
// it, but all models of a place count as its models. At turns the engines' metric into one that has the place's labels.
func (p plan) owner(place []string, at func(expr string) string, which ...prometheus.Matcher) string {
	running := []string{p.names.Full(vllm.Exposed{Name: vllm.NumRequestsRunning})}
	by := withLabels(withLabels(place, p.group...), p.labels.Model)
	engines := func(scope vllm.Scope) string {
		selector := prometheus.Selector(running, append(prometheus.ScopeMatchers(p.labels, scope), which...)...)
		return prometheus.Aggregate("group", by, at("last_over_time("+prometheus.Over(selector, p.window)+")"))
	}
	return engines(p.scope) + " and " + prometheus.LabelList("on", place) + " (" +
		prometheus.Aggregate("count", place, engines(vllm.Scope{})) + " == 1)"
}

// owned multiplies by the owner of each place, which adds the group's labels.
func (p plan) owned(values string, place []string, owner string) string {
	added := slices.DeleteFunc(withLabels(p.group), func(l string) bool { return slices.Contains(place, l) })
	return values + " * " + prometheus.LabelList("on", place) + " " + prometheus.LabelList("group_left", added) +
		" (" + owner + ")"
}

// web is the rate of answered generation requests. The web server shares its scrape target with its engines, so every
// target label is equal on both sides. Polls of /v1/models and the like are GET.
func (p plan) web(by []string, exposed vllm.Exposed) string {
	target := withLabels(nil, p.labels.Environment, p.labels.Cluster, p.labels.Namespace, p.labels.Pod, p.labels.Instance)
	selector := prometheus.Selector([]string{p.names.Full(exposed)}, append([]prometheus.Matcher{
		{Label: vllm.LabelHandler, Op: "=~", Value: "/v1/.+"}, {Label: vllm.LabelMethod, Op: "=", Value: "POST"},
	}, p.names.Copies().Leave...)...)
	rate := p.names.Once("rate(" + prometheus.Over(selector, p.window) + ")")
	return prometheus.Aggregate("sum", by, p.owned(rate, target, p.owner(target, asItIs)))
}

// hostLabel carries the host of a scrape address within an expression.
const hostLabel = "vllm_host"

// device tells one GPU from another: by its exporter, and by how either exporter numbers them.
var device = []string{"instance", "gpu", "UUID", "uuid"}

// gpu aggregates a device's gauge.
func (p plan) gpu(agg string, exposed vllm.Exposed) string {
	return prometheus.Aggregate(agg, p.group, p.ownedGPU(exposed))
}

// devices counts GPUs. Each counts once, also when its pod or its exporter was replaced meanwhile; the exporter's name for
// the machine tells apart those that have no UUID.
func (p plan) devices(exposed vllm.Exposed) string {
	each := withLabels(p.group, "UUID", "uuid", "gpu", "Hostname")
	return prometheus.Aggregate("count", p.group, prometheus.Aggregate("group", each, p.ownedGPU(exposed)))
}

// ownedGPU is a device's gauge by the pod that uses it, else by the host it sits in.
func (p plan) ownedGPU(exposed vllm.Exposed) string {
	value := "avg_over_time(" + prometheus.Over(prometheus.Selector([]string{p.names.Full(exposed)}), p.window) + ")"
	if f := exposed.Factor(); f != 1 {
		value += " * " + strconv.FormatFloat(f, 'f', -1, 64)
	}
	host := []string{hostLabel}
	owned := p.owned(p.host(value), host, p.owner(host, p.host))
	if p.labels.Pod != "" {
		pod := withLabels(nil, p.labels.Namespace, p.labels.Pod)
		// Without this, engines and GPUs outside Kubernetes would meet in having no pod.
		inPod := prometheus.Matcher{Label: p.labels.Pod, Op: "!=", Value: ""}
		owned = p.owned(p.consumer(value), pod, p.owner(pod, asItIs, inPod)) +
			" or " + prometheus.LabelList("on", device) + " " + owned
	}
	return owned
}

func asItIs(expr string) string { return expr }

// consumer names pod and namespace of the device's user where the scrape kept the exporter's own in their place.
func (p plan) consumer(expr string) string {
	expr = labelReplace(expr, p.labels.Pod, "$1", "exported_pod", "(.+)")
	if p.labels.Namespace == "" {
		return expr
	}
	return labelReplace(expr, p.labels.Namespace, "$1", "exported_namespace", "(.+)")
}

// host takes the host out of the scrape address, as servers.Host does; an IPv6 address without brackets has no port.
func (p plan) host(expr string) string {
	return labelReplace(expr, hostLabel, "$1$2$3", p.labels.Instance, `\[([^]]*)\](?::[0-9]+)?|([^:]*)(?::[0-9]+)?|([^[]*:[^[]*:[^[]*)`)
}

func labelReplace(expr, target, replacement, source, pattern string) string {
	return "label_replace(" + expr + ", " + prometheus.Quote(target) + ", " + prometheus.Quote(replacement) + ", " + prometheus.Quote(source) + ", " +
		prometheus.Quote(pattern) + ")"
}
