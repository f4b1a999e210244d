package prometheus

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// warnPartial are our words where VictoriaMetrics sets the flag isPartial, which has no text of its own.
const warnPartial = "a part of the storage did not answer (isPartial)"

// harmless are the beginnings of warnings that leave an answer whole. Everything else counts as a part that is missing:
// Thanos, Cortex and Prometheus' own remote read pass on whatever text their storage failed with ("receive series from
// Addr: … connection refused", "query result may contain partial data", "remote_read: … returned HTTP status 500"), so no
// list of those is ever complete, and a rule must not decide on a text that nobody has read.
//
// Prometheus 3 sends its remarks on the expression itself as "infos", which are not read at all; Prometheus 2.48 to 2.55, and
// stores built on them, send the same remarks as warnings.
var harmless = []string{
	"PromQL info:",
	"PromQL warning: quantile value should be between 0 and 1",
	"PromQL warning: ratio value should be between -1 and 1",
	"results truncated due to limit", // of a list of names, where we set the limit
}

// sortWarnings tells remarks apart from missing parts. Missing is VictoriaMetrics' flag.
func sortWarnings(warnings []string, missing bool) (remarks, partial []string) {
	if missing {
		partial = append(partial, warnPartial)
	}
	for _, text := range warnings {
		is := func(beginning string) bool { return strings.HasPrefix(text, beginning) }
		if slices.ContainsFunc(harmless, is) {
			remarks = append(remarks, text)
		} else {
			partial = append(partial, text)
		}
	}
	return remarks, partial
}

// maxPartial bounds the words about missing parts: a store of a hundred shards has a hundred of them.
const maxPartial = 300

// partialText is one sentence part out of all that a store said about missing parts.
func partialText(texts []string) string {
	var distinct []string
	for _, text := range texts {
		if text = strings.Join(strings.Fields(text), " "); text != "" && !slices.Contains(distinct, text) {
			distinct = append(distinct, text)
		}
	}
	all := strings.Join(distinct, "; ")
	if len(all) > maxPartial {
		all = strings.ToValidUTF8(all[:maxPartial], "") + "…"
	}
	return all
}

// decodeNames reads the answer of the API's lists, of label values and of label names.
func decodeNames(body []byte) (names, partial []string, err error) {
	var answer struct {
		Status    string   `json:"status"`
		Error     string   `json:"error"`
		Data      []string `json:"data"`
		Warnings  []string `json:"warnings"`
		IsPartial bool     `json:"isPartial"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrNotAnswer, err)
	}
	switch {
	case answer.Status == "error" && answer.Error != "":
		return nil, nil, errors.New(answer.Error)
	case answer.Status != "success":
		return nil, nil, ErrNotAnswer
	}
	_, partial = sortWarnings(answer.Warnings, answer.IsPartial)
	return answer.Data, partial, nil
}
