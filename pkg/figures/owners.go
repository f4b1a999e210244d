package figures

import (
	"slices"
	"strconv"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Web servers and GPUs know no model. An owner is a place (scrape target, pod, host) that serves exactly one model, by
// the engines' own metrics: what happens at a place with several cannot be told apart, and is given to none.

// owner writes a vector of 1 per place, labelled with place and group, for multiplying by; of the share of the window in
// which the owner lived where that is asked for. Only owners in scope are in it, but all models of a place in the window count
// as its models. At turns the engines' metric into one that has the place's labels.
func (p plan) owner(place []string, window time.Duration, lives bool, at func(expr string) string, which ...promql.Matcher) string {
	by := promql.WithLabels(promql.WithLabels(place, p.group...), p.labels.Model)
	engines := func(scope vllm.Scope, window time.Duration) string {
		return promql.Aggregate("group", by, at("last_over_time("+promql.Over(p.running(scope, which...), window)+")"))
	}
	alone := " and " + promql.LabelList("on", place) + " (" +
		promql.Aggregate("count", place, engines(vllm.Scope{}, window)) + " == 1)"
	if lives {
		return "clamp_max(" + p.slots.share("count_over_time("+p.slots.over(engines(p.scope, p.fresh))+")") + ", 1)" + alone
	}
	return engines(p.scope, window) + alone
}

// owned multiplies by the owner of each place, which adds the group's labels.
func (p plan) owned(values string, place []string, owner string) string {
	added := slices.DeleteFunc(promql.WithLabels(p.group), func(l string) bool { return slices.Contains(place, l) })
	return values + " * " + promql.LabelList("on", place) + " " + promql.LabelList("group_left", added) +
		" (" + owner + ")"
}

// web is the rate of answered generation requests. The web server shares its scrape target with its engines, so every
// target label is equal on both sides. Polls of /v1/models and the like are GET.
func (p plan) web(by []string, exposed vllm.Exposed) string {
	target, name := p.target(), []string{p.names.Full(exposed)}
	matchers := append([]promql.Matcher{
		{Label: vllm.LabelHandler, Op: "=~", Value: "/v1/.+"}, {Label: vllm.LabelMethod, Op: "=", Value: "POST"},
	}, p.names.Copies().Leave...)
	rate := "rate(" + promql.Over(promql.Selector(name, matchers...), p.window) + ")"
	rare := promql.Selector(name, append(slices.Clone(matchers), promql.Matcher{Label: vllm.LabelStatus, Op: "!=", Value: "2xx"})...)
	rate = inBrackets(p.names.Once(rate + " or " + promql.RateOfBirths(rare, p.running(vllm.Scope{}), target, p.window, p.fresh)))
	return promql.Aggregate("sum", by, p.owned(rate, target, p.owner(target, p.window, false, asItIs)))
}

// hostLabel carries the host of a scrape address within an expression.
const hostLabel = "vllm_host"

// device tells one GPU from another: by its exporter, and by how either exporter numbers them.
var device = []string{"instance", "gpu", "UUID", "uuid"}

// gpu aggregates a device's gauge. Over a whole range it is taken slot by slot, since pods and their models move between
// devices; in a step of a series a device counts for the share in which its owner lived.
func (p plan) gpu(agg string, exposed vllm.Exposed) string {
	switch {
	case !p.whole:
		return promql.Aggregate(agg, p.group, p.ownedGPU(exposed, p.window, agg == "sum"))
	case agg == "sum":
		return p.inSlots(promql.Aggregate(agg, p.group, p.ownedGPU(exposed, p.deviceWindow(), false)))
	default:
		return "avg_over_time(" + p.slots.over(promql.Aggregate(agg, p.group, p.ownedGPU(exposed, p.deviceWindow(), false))) + ")"
	}
}

// devices counts GPUs, on average over the window. Each counts once, also when its pod or its exporter was replaced meanwhile;
// the exporter's name for the machine tells apart those that have no UUID.
func (p plan) devices(exposed vllm.Exposed) string {
	each := promql.WithLabels(p.group, "UUID", "uuid", "gpu", "Hostname")
	if p.whole {
		return p.inSlots(promql.Aggregate("count", p.group, promql.Aggregate("group", each, p.ownedGPU(exposed, p.deviceWindow(), false))))
	}
	// A device counts for the share of the step in which it had an owner, and once, however many owned it.
	one := promql.Aggregate("sum", each, p.ownedBy(inBrackets(p.device(exposed, p.window)+" * 0 + 1"), p.window, true))
	return promql.Aggregate("sum", p.group, "clamp_max("+one+", 1)")
}

// inSlots is the mean of an expression over the slots; in one without a value it is zero.
func (p plan) inSlots(expr string) string {
	return p.slots.share("sum_over_time(" + p.slots.over(expr) + ")")
}

// deviceWindow is over which time a device is looked at in a slot: all of the slot, and never less than four scrapes, since its
// exporter can have a scrape job of its own.
func (p plan) deviceWindow() time.Duration { return max(p.slots.apart, 2*p.fresh) }

// ownedGPU is a device's gauge by the pod that uses it, else by the host it sits in.
func (p plan) ownedGPU(exposed vllm.Exposed, window time.Duration, lives bool) string {
	value := p.device(exposed, window)
	if f := exposed.Factor(); f != 1 {
		value += " * " + strconv.FormatFloat(f, 'f', -1, 64)
	}
	return p.ownedBy(value, window, lives)
}

// device is a device's gauge over time, once however many scrape jobs see it.
func (p plan) device(exposed vllm.Exposed, window time.Duration) string {
	return promql.OncePerDevice("avg_over_time(" + promql.Over(promql.Selector([]string{p.names.Full(exposed)}), window) + ")")
}

// ownedBy gives what is told of devices to the models of their owners.
func (p plan) ownedBy(value string, window time.Duration, lives bool) string {
	owners := window
	if p.whole {
		owners = p.fresh // in a slot, those that are there
	}
	host := []string{hostLabel}
	owned := p.owned(p.host(value), host, p.owner(host, owners, lives, p.host))
	if p.labels.Pod != "" {
		pod := promql.WithLabels(nil, p.labels.Namespace, p.labels.Pod)
		// Without this, engines and GPUs outside Kubernetes would meet in having no pod.
		inPod := promql.Matcher{Label: p.labels.Pod, Op: "!=", Value: ""}
		owned = p.owned(p.consumer(value), pod, p.owner(pod, owners, lives, asItIs, inPod)) +
			" or " + promql.LabelList("on", device) + " " + owned
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
	return "label_replace(" + expr + ", " + promql.Quote(target) + ", " + promql.Quote(replacement) + ", " + promql.Quote(source) + ", " +
		promql.Quote(pattern) + ")"
}
