package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
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

// maxPartial bounds the words about missing parts, in bytes: a store of a hundred shards has a hundred of them.
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

// maxNames is how many names or values are read of one list: more than a menu shows, and than a fleet's metrics have.
const maxNames = 50_000

// decodeNames reads the answer of the API's lists, of label values and of label names. One of more than maxNames, or larger than ctx's
// account may hold, is read up to there, and is partial.
func decodeNames(ctx context.Context, from io.Reader) (names, partial []string, err error) {
	c := newCursor(ctx, from)
	status, message := "", ""
	var warnings []string
	missing := false
	err = c.object(func(key []byte) error {
		switch string(key) {
		case "status":
			return c.text(&status)
		case "error":
			return c.text(&message)
		case "isPartial":
			raw, err := c.raw()
			missing = string(raw) == "true"
			return err
		case "warnings":
			raw, err := c.raw()
			if err != nil || json.Unmarshal(raw, &warnings) != nil {
				return err
			}
			return nil
		case "data":
			return c.nullOr(func() error { return c.names(&names) })
		default:
			return c.skip()
		}
	})
	if err == nil {
		err = c.end()
	}
	if err == nil {
		err = c.settle()
	}
	var of *upstream.Error
	switch {
	case errors.Is(err, errEnough), errors.Is(err, memory.ErrShare):
		return names, []string{fmt.Sprintf("its list was cut after %d names, since no more are read of one", len(names))}, nil
	case errors.As(err, &of), errors.Is(err, memory.ErrBusy):
		return nil, nil, err
	case err != nil:
		return nil, nil, fmt.Errorf("%w: %w", ErrNotAnswer, err)
	case status == "error" && message != "":
		return nil, nil, errors.New(message)
	case status != "success":
		return nil, nil, ErrNotAnswer
	}
	_, partial = sortWarnings(warnings, missing)
	return names, partial, nil
}

// names reads a list of texts.
func (c *cursor) names(into *[]string) error {
	if !c.take('[') {
		return c.fail("list")
	}
	if c.take(']') {
		return nil
	}
	for {
		if len(*into) == maxNames {
			return errEnough
		}
		name, err := c.quoted()
		if err != nil {
			return err
		}
		*into = append(*into, string(name))
		if err := c.charge(nameCost + len(name)); err != nil {
			return err
		}
		if more, err := c.next(']'); !more {
			return err
		}
	}
}

const nameCost = 32
