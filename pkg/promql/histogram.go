package promql

import "slices"

// BoundLabel is the label of a classic histogram's upper bounds; the sum, read along with the buckets, has none.
const BoundLabel = "le"

// NativeBuckets stands in BoundLabel for a native histogram, which has all of its buckets in one series.
const NativeBuckets = "native"

// MarkNative gives a native histogram, or what was taken from one, a label that no classic series has, so that "or" keeps both.
func MarkNative(expr string) string {
	return "label_replace(" + expr + ", " + Quote(BoundLabel) + ", " + Quote(NativeBuckets) + `, "", "")`
}

// WithLabels adds labels that are not there yet. A label that the store does not have is empty, and is left out.
func WithLabels(labels []string, more ...string) []string {
	out := slices.Clone(labels)
	for _, l := range more {
		if l != "" && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}
