// Package figures holds the figures of kinds models and slo against what is known of small deployments that are described here and
// not simulated: pods that follow one another, counters that are born in the middle of a range, histograms of both types, other
// scrape intervals. The store is a real Prometheus; some tests put a proxy before it that refuses what Google's does.
//
//	go test -tags integration -count=1 -v ./integration/figures
package figures
