package query

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// CheckScope refuses what no scope can mean.
func CheckScope(s vllm.Scope) error {
	for _, list := range []struct {
		field  string
		values []string
	}{
		{"models", s.Models}, {"environments", s.Environments}, {"clusters", s.Clusters}, {"namespaces", s.Namespaces}, {"pods", s.Pods},
		{"instances", s.Instances}, {"engines", s.Engines}, {"services", s.Services},
	} {
		if err := checkValues(list.values); err != nil {
			return &FieldError{"scope." + list.field, err}
		}
	}
	return checkConditions("scope.where", s.Where, func(c vllm.Condition) error {
		if !slices.Contains(vllm.Places, vllm.Place(c.Key)) {
			return fmt.Errorf("%q is none of %s", clip(c.Key), listed(vllm.Places))
		}
		return nil
	})
}

// checkConditions checks all but the keys, which the caller knows.
func checkConditions(field string, conditions []vllm.Condition, check func(vllm.Condition) error) error {
	if len(conditions) > MaxFilters {
		return wrong(field, "%d conditions are more than %d", len(conditions), MaxFilters)
	}
	for i, c := range conditions {
		if err := cmp.Or(check(c), checkText(string(c.Op)), checkValues(c.Values), c.Check()); err != nil {
			return &FieldError{fmt.Sprintf("%s[%d]", field, i), err}
		}
	}
	return nil
}

func checkValues(values []string) error {
	if len(values) > MaxScopeValues {
		return fmt.Errorf("%d values are more than %d", len(values), MaxScopeValues)
	}
	for _, v := range values {
		if err := checkText(v); err != nil {
			return err
		}
	}
	return nil
}

// checkText refuses what no name, value or expression holds: control characters and texts without end.
func checkText(s string) error {
	if len(s) > MaxValueLength {
		return fmt.Errorf("longer than %d characters", MaxValueLength)
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return fmt.Errorf("%q holds a control character or is not UTF-8", clip(s))
		}
	}
	return nil
}
