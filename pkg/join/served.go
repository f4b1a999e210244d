package join

import "github.com/llmserving/grafana-vllm-datasource/pkg/evidence"

// served is the names under which clients can ask our engines for a model: served names and adapters.
type served map[string]bool

// servedNames collects them from metrics, resources and lines, from the settings, and from calls that an engine answered:
// clients may know a model by an alias, of the server's or of a router's.
func (j *joiner) servedNames() served {
	names := served{}
	for i := range j.in.Targets {
		names[j.in.Targets[i].Origin.Model] = true
	}
	for i := range j.in.Series {
		if o := j.in.Series[i].Origin; o != nil {
			names[o.Model] = true
		}
	}
	for i := range j.rows {
		if o := j.rows[i].Origin; o != nil {
			names[o.Model] = true
		}
		names[j.events[i].lora.word] = true
	}
	delete(names, "")
	if len(names) == 0 {
		return names // nothing tells ours apart from others
	}
	for i := range j.rows {
		r := &j.rows[i]
		names[r.LoRA] = true
		if r.Span == nil && r.Signals&SignalLogs == 0 {
			continue
		}
		for _, c := range []*evidence.CallerSpan{r.Call, r.Caller, r.Root} {
			if c != nil && c.Inference {
				names[c.Model] = true
			}
		}
	}
	for _, alias := range j.in.ModelAliases {
		names[alias] = true
	}
	delete(names, "")
	return names
}

// providerPrefixes are what LiteLLM puts before the name of a model on a server that speaks OpenAI's API.
var providerPrefixes = []string{"hosted_vllm/", "vllm/", "openai/", "litellm_proxy/", "text-completion-openai/", "openai_like/"}

// calls reports whether a call without an engine span was meant for our engines. Applications call other providers' models
// too; what those refuse is no request of ours. Where no name is known, nothing tells them apart and the call stays.
func (s served) calls(c *evidence.CallerSpan) bool {
	if c.VLLM || c.Model == "" || s[c.Model] || len(s) == 0 {
		return true
	}
	_, ok := servedAs(c.Model, s)
	return ok
}
