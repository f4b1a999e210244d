package frames

import (
	"cmp"
	"fmt"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// advice is what to check when a store that should know a request does not.
var advice = map[evidence.Store]string{
	evidence.Jaeger: "Widen the time range. A span is there only if the request was sampled and has ended; vLLM exports every 5 s. A trace id is found in any range.",
	evidence.Loki:   "Widen the time range. vLLM writes an id only with --enable-log-requests; check the stream selector of the data source.",
}

// RequestNotFound says, store by store, where a request was looked for and what to try: an empty panel would leave open
// whether the id is wrong, the range, or a store.
func RequestNotFound(window evidence.Window, stores []evidence.StoreReport) *data.Frame {
	var names, searched, answers, next []string
	for _, s := range stores {
		if advice[s.Store] == "" {
			continue // knows no ids
		}
		names = append(names, s.Store.Title())
		answer, try := "no such id", advice[s.Store]
		switch {
		case !s.Configured:
			answer, try = "not configured", "Set its URL in the data source's settings."
		case s.Trouble() != "":
			answer, try = s.Trouble(), "Save & test in the data source's settings says what is wrong with it."
		case s.Truncated:
			answer = cmp.Or(s.Reason, "answered only in part")
		}
		when := "not asked"
		if len(s.Calls) > 0 {
			when = spell(window)
		}
		searched, answers, next = append(searched, when), append(answers, answer), append(next, try)
	}
	frame := data.NewFrame("request not found",
		configured("store", names, &data.FieldConfig{Custom: map[string]any{"width": 104}}),
		configured("searched", searched, &data.FieldConfig{Description: "The time range, in UTC", Custom: map[string]any{"width": 300}}),
		configured("answer", answers, &data.FieldConfig{Custom: map[string]any{"minWidth": 160}}),
		configured("what to try", next, &data.FieldConfig{Custom: map[string]any{"minWidth": 320, "wrapText": true}}),
	)
	frame.Meta = &data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable}
	return frame
}

// spell writes a window in words; the date of its end only where it is another day's.
func spell(w evidence.Window) string {
	from, to := w.From.UTC(), w.To.UTC()
	end := to.Format("15:04:05")
	if from.YearDay() != to.YearDay() || from.Year() != to.Year() {
		end = to.Format("2 Jan 15:04:05")
	}
	return fmt.Sprintf("%s – %s UTC", from.Format("2 Jan 15:04:05"), end)
}
