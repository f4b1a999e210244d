//go:build integration && unix

package worlds_test

// known are the worlds that the data source does not yet get right, with the part of the work that mends them. Their faults are
// printed and do not fail the test. Whoever mends a world takes its line out.
var known = map[string]string{
	"lines_twice":          "lines",
	"lines_twice_metadata": "lines",
	"lines_twice_soon":     "lines",
	"lines_half_twice":     "lines",
	"lines_read_again":     "lines",
	"wrapped_body":         "lines",
	"wrapped_logfmt":       "lines",

	"lines_late_30s":              "clock",
	"lines_late_60s":              "clock",
	"lines_late_5m":               "clock",
	"log_clock_early_1500ms":      "clock",
	"log_clock_early_3s":          "clock",
	"log_clock_early_120s":        "clock",
	"log_clock_late_1500ms":       "clock",
	"log_clock_late_3s":           "clock",
	"log_clock_late_7s":           "clock",
	"log_clock_late_120s":         "clock",
	"logs_name_namespace_and_pod": "clock",
	"logs_name_containers":        "clock",
	"logs_name_hosts":             "clock",

	"ids_joined":               "ids",
	"ids_underscore":           "ids",
	"ids_colons":               "ids",
	"ids_commas":               "ids",
	"ids_reused":               "ids",
	"ids_reused_after_refusal": "ids",
	"end_not_logged":           "ids",

	"no_logs": "callers",

	"two_clusters":     "servers",
	"two_environments": "servers",

	"scrape_every_minute": "figures",

	"traces_head_10":     "slo",
	"traces_tail_slow":   "slo",
	"traces_keep_errors": "slo",
}

// knownRules are the worlds in which some rule still decides on a wrong number, likewise.
var knownRules = map[string]string{
	"lines late":              "clock",
	"lines early":             "clock",
	"lines two minutes early": "clock",
	"lines double":            "lines",

	"lines none":                "slo",
	"traces head-sampled":       "slo",
	"traces sampled by latency": "slo",
	"traces sampled by error":   "slo",
	"traces none":               "slo",
	"Prometheus partial":        "slo",
	"engine hangs":              "slo",
	"requests of four minutes":  "slo",
}
