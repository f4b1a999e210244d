package evidence

import "slices"

// Finding is something odd that was measured in the telemetry of a deployment: what other people's shippers, scrapers or
// tracers do otherwise. Notices of joined frames and Save & test show the same findings.
type Finding struct {
	// Check is the stable id of what was measured, in snake_case, such as "duplicate_lines". An answer shows one finding per Check.
	Check string
	// Found is one sentence with the measured figure. It holds no secret and no URL.
	Found string
	// Fix is one imperative sentence that says how to mend it; empty when there is nothing that a user can do.
	Fix string
	// Value is the figure of Found: a share between 0 and 1, seconds, or a count. NaN when the finding has none.
	Value float64
}

// MergeFindings joins lists of findings in their order and keeps the first finding of each Check.
func MergeFindings(lists ...[]Finding) []Finding {
	var out []Finding
	for _, list := range lists {
		for _, f := range list {
			if !slices.ContainsFunc(out, func(known Finding) bool { return known.Check == f.Check }) {
				out = append(out, f)
			}
		}
	}
	return out
}
