package query

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

// RequestsSpec asks for joined requests: those that pass every filter, in order, at most Limit rows.
type RequestsSpec struct {
	Filters []join.Filter `json:"filters,omitempty"`
	Sort    join.Order    `json:"sort"`            // without a column: DefaultSort
	Limit   int           `json:"limit,omitempty"` // 0 = DefaultRows
	Live    bool          `json:"live,omitempty"`  // the answer goes on as a stream
	// Form other than a table asks for the share of requests that pass the filters, per group: what an alert rule compares.
	Form    figures.Form `json:"form,omitempty"`
	GroupBy []string     `json:"groupBy,omitempty"` // of a share; empty = model
	// Metric is which figure a form other than a table gives: one of attainment.ShareFigures. Empty = the share.
	Metric string `json:"metric,omitempty"`
}

// DefaultSort puts the slowest request first: why something is slow is what people ask. A request whose duration is not
// known, because it still runs or its span was lost, comes last, the newest of these first.
var DefaultSort = join.Order{Column: "e2e", Desc: true}

func (s *RequestsSpec) check(maxRows int, fromAlert bool) error {
	if err := cmp.Or(s.Form.Check(), figures.CheckGroups(s.GroupBy)); err != nil {
		return &FieldError{"requests", err}
	}
	if fromAlert && s.Form != figures.TimeSeries {
		s.Form = figures.Numeric
	}
	s.Form, s.GroupBy = cmp.Or(s.Form, figures.Table), figures.InOrder(s.GroupBy)
	if s.Form != figures.Table && len(s.Filters) == 0 {
		return wrong("requests.filters", "the share of requests that pass is compared: give a filter, such as unaccounted > 1s")
	}

	if s.Metric != "" && !slices.Contains(attainment.ShareFigures, s.Metric) {
		return wrong("requests.metric", "%q is none of %s", clip(s.Metric), strings.Join(attainment.ShareFigures, ", "))
	}
	if s.Limit < 0 {
		return wrong("requests.limit", "%d is negative", s.Limit)
	}
	if s.Limit > maxRows {
		return wrong("requests.limit", "%d is more than this data source's limit of %d requests", s.Limit, maxRows)
	}
	if s.Limit == 0 {
		s.Limit = min(DefaultRows, maxRows)
	}
	if _, ok := join.ColumnNamed(s.Sort.Column); !ok && s.Sort.Column != "" {
		return wrong("requests.sort.column", "the request row has no column %q", clip(s.Sort.Column))
	}
	if s.Sort.Column == "" {
		s.Sort = DefaultSort
	}
	if len(s.Filters) > MaxFilters {
		return wrong("requests.filters", "%d filters are more than %d", len(s.Filters), MaxFilters)
	}
	for i, f := range s.Filters {
		if err := checkValues(f.Values); err != nil {
			return &FieldError{fmt.Sprintf("requests.filters[%d]", i), err}
		}
		for _, text := range []string{f.Column, f.Value, string(f.Op)} {
			if err := checkText(text); err != nil {
				return &FieldError{fmt.Sprintf("requests.filters[%d]", i), err}
			}
		}
	}
	if _, err := join.CompileFilters(s.Filters); err != nil {
		return &FieldError{"requests", err}
	}
	return nil
}
