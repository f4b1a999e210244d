package pluginhost

import (
	"slices"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// HasValue reports whether any frame has a value that is known, in one of the fields if some are named; a time alone is none.
func HasValue(frames data.Frames, names []string) bool {
	for _, frame := range frames {
		for _, field := range frame.Fields {
			if field.Type().Time() || len(names) > 0 && !slices.Contains(names, field.Name) {
				continue
			}
			for i := range field.Len() {
				if _, ok := field.ConcreteAt(i); ok {
					return true
				}
			}
		}
	}
	return false
}
