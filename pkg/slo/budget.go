package slo

import "time"

// DefaultTarget is the share of requests that shall keep their limits where nobody says another: MLPerf's 99th percentile.
const DefaultTarget = 0.99

// Shipped is what rules hold a model against until its users set limits of their own: MLPerf's server limits for 70B models,
// and a time after which people give up waiting.
var Shipped = Objective{Model: "*", TTFT: 2 * time.Second, TPOT: 200 * time.Millisecond, E2E: time.Minute}

// Burn rates at which somebody is told: at 14.4 a month's error budget loses 2 % an hour, at 6 it loses 5 % in six hours.
// Source: Google's SRE workbook, “Alerting on SLOs”, table 5-8.
const (
	FastBurn = 14.4
	SlowBurn = 6
)

// BurnRate is how many times faster than planned the error budget goes when a share of the requests misses: at 1 it lasts
// exactly as long as the period it is for.
func BurnRate(missed, target float64) float64 { return missed / (1 - target) }
