package promql

import (
	"strconv"
	"time"
)

// bornLabel keeps the births of series apart from the rates that they are added to.
const bornLabel = "born"

// RateWithBirths writes the rate of a counter over a window with what its new series were born with. A series of a label
// that has not been seen before, such as the first answer with status 5xx, begins with its first event: at 50 after a burst of
// 50, and rate() sees no increase. The answer must be added up, since a new series is in it twice.
//
// Born within the window is what was not there when the window began and has fewer samples since than its scrape target's
// gauge: the target was scraped before without it. So what a target brings to its very first scrape (of a Prometheus that has
// just begun, after a gap, of a new pod) does not count as an increase, and a counter that starts again at zero is rate()'s own
// to see.
//
// Selector is of the counter and running of a gauge of the same targets, which have the labels target. Fresh is the age at
// which a sample is stale.
func RateWithBirths(selector, running string, target []string, window, fresh time.Duration) string {
	return "rate(" + Over(selector, window) + ") or " + RateOfBirths(selector, running, target, window, fresh)
}

// RateOfBirths is what RateWithBirths adds to the rate.
func RateOfBirths(selector, running string, target []string, window, fresh time.Duration) string {
	return "label_replace((" + births(selector, running, target, window, fresh) + ") / " +
		strconv.FormatFloat(window.Seconds(), 'f', -1, 64) + ", " + Quote(bornLabel) + `, "1", "", "")`
}

// IncreaseWithBirths is RateWithBirths for increase().
func IncreaseWithBirths(selector, running string, target []string, window, fresh time.Duration) string {
	return "increase(" + Over(selector, window) + ") or label_replace(" + births(selector, running, target, window, fresh) + ", " +
		Quote(bornLabel) + `, "1", "", "")`
}

// births are the first values of the series that were born within a window.
func births(selector, running string, target []string, window, fresh time.Duration) string {
	return "(min_over_time(" + Over(selector, window) + ") and (count_over_time(" + Over(selector, window) + ") < " +
		LabelList("on", target) + " group_left () " + Aggregate("max", target, "count_over_time("+Over(running, window+fresh)+")") + "))" +
		" unless last_over_time(" + Over(selector, fresh) + " offset " + Duration(window) + ")"
}
